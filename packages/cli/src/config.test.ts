import { describe, expect, it } from "vitest";
import { z } from "zod";
import { readConfig } from "./config.ts";
import { wholeNumber } from "./fields.ts";
import type { Io } from "./io.ts";

const shape = {
  aor: z.string(),
  app: z.array(z.string()).default(["push.syncml"]),
  dsServer: z.string().optional(),
  expires: wholeNumber(1, 100).default(60),
  json: z.boolean().default(false),
};

function ioWith(env: Record<string, string>, files: Record<string, string> = {}): Io {
  const silent = { write: () => true };
  return {
    stdout: silent,
    stderr: silent,
    env,
    stop: new AbortController().signal,
    readFile: async (path) => new TextEncoder().encode(files[path]),
    writeOctets: () => {},
  };
}

const file = { "settings.json": '{"aor": "file", "app": ["a", "b"], "expires": 3, "json": true}' };

describe("settings", () => {
  it("come from flags before environment before file before default", async () => {
    const io = ioWith({ SIP_PUSH_AOR: "environment", SIP_PUSH_EXPIRES: "2" }, file);
    const flags = { aor: "flag", config: "settings.json" };
    expect(await readConfig(io, shape, flags)).toEqual({ aor: "flag", app: ["a", "b"], expires: 2, json: true });
    expect(await readConfig(io, shape, { config: "settings.json" })).toMatchObject({ aor: "environment" });
    expect(await readConfig(ioWith({}, file), shape, { config: "settings.json" })).toMatchObject({ aor: "file" });
    expect(await readConfig(ioWith({}), shape, { aor: "flag" })).toEqual({
      aor: "flag",
      app: ["push.syncml"],
      expires: 60,
      json: false,
    });
  });

  it("may name the file in the environment", async () => {
    expect(await readConfig(ioWith({ SIP_PUSH_CONFIG: "settings.json" }, file), shape, {})).toMatchObject({
      aor: "file",
    });
  });

  it("that are lists are separated by blanks in the environment, and may be one text in the file", async () => {
    const io = ioWith({ SIP_PUSH_AOR: "x", SIP_PUSH_APP: "  one two " });
    expect(await readConfig(io, shape, {})).toMatchObject({ app: ["one", "two"] });
    const other = ioWith({}, { f: '{"aor": "x", "app": "one"}' });
    expect(await readConfig(other, shape, { config: "f" })).toMatchObject({ app: ["one"] });
  });

  it.each([
    ["1", true],
    ["true", true],
    ["0", false],
    ["false", false],
  ])("that are switches read %s in the environment as %s", async (text, json) => {
    expect(await readConfig(ioWith({ SIP_PUSH_AOR: "x", SIP_PUSH_JSON: text }), shape, {})).toMatchObject({ json });
  });

  it("with several words have underscores in the environment", async () => {
    const io = ioWith({ SIP_PUSH_AOR: "x", SIP_PUSH_DS_SERVER: "ds" });
    expect(await readConfig(io, shape, {})).toMatchObject({ dsServer: "ds" });
  });

  it("that are empty in the environment are not given", async () => {
    expect(await readConfig(ioWith({ SIP_PUSH_AOR: "x", SIP_PUSH_DS_SERVER: "" }), shape, {})).not.toHaveProperty(
      "dsServer",
    );
  });

  it("report all problems at once, those between settings last and only where there is no other", async () => {
    const io = ioWith({}, { f: '{"expires": 101, "shape": 1}' });
    const check = (): string[] => ["--expires: is odd", "--ds-server: goes with --app", "--ds-server: and with --json"];
    await expect(readConfig(io, shape, { config: "f" }, check)).rejects.toThrow(
      '--config: unknown setting "shape"; --aor: is required; --expires: must be a whole number from 1 to 100; ' +
        "--ds-server: goes with --app; --ds-server: and with --json",
    );
  });

  it("of the object prototype in a file are unknown settings", async () => {
    const io = ioWith({}, { f: '{"aor": "x", "constructor": 1}' });
    await expect(readConfig(io, shape, { config: "f" })).rejects.toThrow('--config: unknown setting "constructor"');
  });
});
