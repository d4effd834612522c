import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { PushInitiator } from "@sip-push/initiator";
import { SipProxy } from "@sip-push/proxy";
import { type IncomingPush, PushReceiver } from "@sip-push/receiver";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { Inbox } from "../support/inbox.ts";
import { stopAllProcesses } from "../support/process.ts";
import { makeTempFolder, type TempFolder } from "../support/temp-folder.ts";
import { eventOf, type Line, linesOf, runCli, startCli } from "./command-line.ts";

const listen = [{ transport: "UDP", address: "127.0.0.1", port: 0 }] as const;
const alice = "sip:alice@example.test";
const nobody = "sip:nobody@example.test";
const phone = "WAPPUSH=+155519990730/TYPE=PLMN@ppg.example.test";
const confirmed = ["--push-id", "1@pi", "--method", "confirmed"];
const file = ["--content-type", "text/plain", "--app", "push.syncml"];

describe("sip-push push, status and cancel against sip-push ppg", () => {
  const pushes = new Inbox<IncomingPush>(({ from }) => `one from ${from}`);
  let folder: TempFolder;
  let proxy: SipProxy;
  let handsets: readonly PushReceiver[] = [];
  let access: readonly string[] = [];
  /** The one place where the gateway may tell results. */
  let results = "";

  const openHandset = async (aor: string): Promise<PushReceiver> => {
    const registered = Promise.withResolvers<void>();
    const handset = await PushReceiver.open({
      ...{ aor, proxy: `sip:127.0.0.1:${proxy.listening[0]?.port}`, listen, applications: ["push.syncml"] },
      onPush: (each) => pushes.put(each),
      onEvent: ({ event }) => {
        if (event === "registered") registered.resolve();
      },
    });
    await registered.promise;
    return handset;
  };

  beforeAll(async () => {
    folder = makeTempFolder("cli-ppg");
    proxy = await SipProxy.open({ listen, domains: ["example.test"] });
    handsets = await Promise.all([openHandset(alice), openHandset("sip:+155519990730@example.test")]);
    results = `127.0.0.1:${await freePort()}`;
    const config = {
      dataDirectory: folder.path,
      domain: "ppg.example.test",
      http: { listen: "http://127.0.0.1:0" },
      initiators: [
        {
          ...{ name: "calendar", password: { file: "password" }, notifyUrls: [`http://${results}/*`] },
          ...{ recipients: ["sip:*@example.test"], applications: ["*"] },
        },
      ],
      addresses: { PLMN: "sip:{value}@example.test" },
      sip: {
        ...{ from: "sip:ppg@example.test", proxy: `sip:127.0.0.1:${proxy.listening[0]?.port}` },
        ...{ listen: ["udp:127.0.0.1:0"], register: true, trusted: ["127.0.0.1"] },
      },
    };
    writeFileSync(join(folder.path, "ppg.yaml"), JSON.stringify(config));
    writeFileSync(join(folder.path, "password"), "secret");
    writeFileSync(join(folder.path, "note.txt"), "hello");
    const ppg = startCli("ppg", "--config", join(folder.path, "ppg.yaml"), "--json");
    const { pap } = await eventOf(ppg, "listening");
    access = ["--ppg", String(pap), "--user", "calendar", "--password", "secret"];
  });

  afterAll(async () => {
    await stopAllProcesses();
    await Promise.all(handsets.map((each) => each.close()));
    await proxy?.close();
    folder?.remove();
  });

  async function run(...args: readonly string[]): Promise<{ code: number | null; lines: readonly Line[] }> {
    const { exitCode, stdout } = await runCli([...args, ...access, "--json"]);
    return { code: exitCode, lines: linesOf(stdout) };
  }

  function push(to: readonly string[], ...flags: readonly string[]): ReturnType<typeof run> {
    const content = ["--file", join(folder.path, "note.txt"), ...file];
    return run("push", ...to.flatMap((address) => ["--to", address]), ...content, ...flags);
  }

  it("a push reaches two handsets, and --watch gets their results from the gateway", async () => {
    const { code, lines } = await push([alice, phone], "--watch", "--notify-listen", results, ...confirmed);
    expect(lines[0]).toMatchObject({ event: "accepted", pushId: "1@pi", papCode: 1001 });
    const told = lines.slice(1).toSorted((a, b) => String(a["address"]).localeCompare(String(b["address"])));
    const delivered = { event: "result", pushId: "1@pi", messageState: "delivered", papCode: 1000 };
    expect(told).toMatchObject([
      { ...delivered, address: alice },
      { ...delivered, address: phone },
    ]);
    expect(code).toBe(0);
    const bodies = [await pushes.next(), await pushes.next()].map(({ body }) => Buffer.from(body).toString());
    expect(bodies).toEqual(["hello", "hello"]);
  });

  it("--watch exits 1 with the result of a handset that there is not", async () => {
    const { code, lines } = await push([nobody], "--watch", "--notify-listen", results);
    expect(lines[1]).toMatchObject({ event: "result", address: nobody, messageState: "undeliverable", papCode: 2003 });
    expect(code).toBe(1);
  });

  it("--watch of a replacement where the old one is pending has a result for each address, and waits no longer", async () => {
    await push([alice, phone], "--push-id", "3@pi", "--deliver-after", "+3600");
    await run("cancel", "3@pi", "--to", phone);
    const replace = ["--replace", "3@pi", "--replace-method", "pending-only", "--push-id", "4@pi"];
    const { code, lines } = await push([alice, phone, "bogus"], ...replace, "--watch", "--notify-listen", results);
    const told = lines.map(({ event, address, messageState, papCode }) => [event, address, messageState, papCode]);
    expect(told).toHaveLength(4);
    expect(new Set(told)).toEqual(
      new Set([
        ["accepted", undefined, undefined, 1001],
        ["result", phone, "rejected", 2008],
        ["result", "bogus", "rejected", 2002],
        ["result", alice, "delivered", 1000],
      ]),
    );
    expect(code).toBe(1);
    await pushes.next();
  });

  it("status knows a push, and cancel takes one back that is to wait", async () => {
    const [url = "", credentials] = [access[1], { user: "calendar", password: "secret" }];
    const initiator = new PushInitiator({ url, credentials });
    try {
      const content = { contentType: "text/plain", body: Buffer.from("later") };
      // The gateway, a process of its own, goes by the clock of the machine.
      const deliverAfter = new Date(Date.now() + 3_600_000);
      const accepted = await initiator.push({ pushId: "2@pi", addresses: [alice], content, deliverAfter });
      expect(accepted).toMatchObject({ kind: "answered", papCode: 1001 });
      const status = await run("status", "2@pi");
      expect(status).toMatchObject({ code: 0, lines: [{ event: "result", address: alice, messageState: "pending" }] });
      expect(await run("cancel", "2@pi")).toMatchObject({ code: 0, lines: [{ event: "cancel", papCode: 1000 }] });
      const cancelled = { response: { statusQueryResults: [{ messageState: "cancelled" }] } };
      expect(await initiator.status({ pushId: "2@pi" })).toMatchObject(cancelled);
    } finally {
      await initiator.close();
    }
  });
});
