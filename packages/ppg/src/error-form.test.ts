import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { readPpgConfig } from "./config/index.ts";
import { errorForm, errorFrom } from "./error-form.ts";
import { Gateway } from "./gateway.ts";
import { StoreError } from "./store/errors.ts";
import { SqliteStore } from "./store/sqlite-store.ts";

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "sip-push-errors-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

describe("an error that goes to another thread", () => {
  it("comes there with its name, message, stack, code and causes", () => {
    const system = Object.assign(new Error("disk I/O error"), { code: "ERR_SQLITE_ERROR", errcode: 10 });
    const error = new StoreError("STORE_UNAVAILABLE", "the database is away", { cause: system });
    const there = errorFrom(structuredClone(errorForm(error)));
    expect(there).toBeInstanceOf(Error);
    expect(there).toMatchObject({ name: "StoreError", message: error.message, code: error.code, stack: error.stack });
    expect(there.cause).toBeInstanceOf(Error);
    expect(there.cause).toMatchObject({ message: "disk I/O error", code: "ERR_SQLITE_ERROR", errcode: 10 });
  });

  it.each([
    ["text", "text"],
    [{ n: 1 }, "{ n: 1 }"],
    [undefined, "undefined"],
  ])("may be none: %j", (thrown, message) => {
    expect(errorFrom(errorForm(thrown))).toMatchObject({ name: "Error", message });
  });

  it("may be its own cause", () => {
    const error = new Error("round");
    error.cause = error;
    let depth = 0;
    for (let each: unknown = errorFrom(structuredClone(errorForm(error))); each instanceof Error; each = each.cause)
      depth++;
    expect(depth).toBe(8);
  });
});

describe("why", () => {
  it("a database cannot be opened comes from its thread", async () => {
    const folder = newFolder();
    writeFileSync(join(folder, "ppg.sqlite"), "no database".repeat(100));
    const cause = { code: "ERR_SQLITE_ERROR", errcode: 26, stack: expect.stringContaining("sqlite-database") };
    await expect(SqliteStore.open(folder)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", cause });
  });

  it("SIP cannot be listened on comes from the thread that delivers", async () => {
    // RFC 5737: no machine has this address.
    const settings = {
      ...{ domain: "ppg.test", http: { listen: "http://127.0.0.1:0" } },
      initiators: [{ name: "pi", password: { env: "PASSWORD" }, recipients: "*" }],
      sip: { from: "sip:ppg@example.test", listen: "udp:192.0.2.1:0" },
    };
    const readFile = (): Promise<never> => Promise.reject(new Error("no files"));
    const world = { env: { PASSWORD: "secret" }, readFile, directory: newFolder() };
    const config = await readPpgConfig(JSON.stringify(settings), world);
    const cause = { name: "SipTransportError", code: "SIP_LISTEN_FAILED", cause: { code: "EADDRNOTAVAIL" } };
    await expect(Gateway.open(config, { deliveryThread: true })).rejects.toMatchObject({
      code: "GATEWAY_SIP",
      cause,
    });
  });
});
