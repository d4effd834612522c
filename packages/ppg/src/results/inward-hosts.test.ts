import type { Logger } from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { authority, certificate } from "../front/testdata/certificates.ts";
import type { InitiatorServer } from "./testdata/initiator-server.ts";
import { NotifierRig } from "./testdata/notifier-rig.ts";

let rig: NotifierRig;
let lines: [string, unknown][];
beforeEach(async () => {
  rig = new NotifierRig();
  lines = [];
  await rig.open();
});
afterEach(() => rig.close());

const quiet = (): void => {};
const logger: Logger = {
  ...{ trace: quiet, debug: quiet, error: quiet, fatal: quiet },
  info: (details, message) => lines.push([message, details]),
  warn: (details, message) => lines.push([message, details]),
};

/** The name of this machine instead of its address. */
const byName = (server: InitiatorServer): string => server.url().replace("127.0.0.1", "localhost");

describe("results for hosts of this machine or of its networks", () => {
  it("do not go to a name that resolves there, wait and try again, and say so", async () => {
    const server = await rig.server();
    rig.start({ mayGoInward: () => false, logger });
    await rig.finish(byName(server), "p");
    await rig.when(() => rig.events.length === 2);
    expect(rig.events.map(({ verdict, httpStatus }) => [verdict, httpStatus])).toEqual([
      ["retry", null],
      ["retry", null],
    ]);
    expect(server.told).toEqual([]);
    const why = expect.stringMatching(
      /^its host has no public address \(results\.privateAddresses\): localhost stands for (?:127\.0\.0\.1|::1)/,
    );
    expect(lines).toEqual(
      [1, 2].map((attempts) => ["a result was not accepted", { pushId: "p", sequence: 1, attempts, why }]),
    );
  });

  it("do not go to an address of them, whatever its form: that does not change, so they are given up", async () => {
    const server = await rig.server();
    rig.start({ mayGoInward: () => false, logger });
    const hosts = ["127.0.0.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "0"];
    for (const host of hosts) await rig.finish(`http://${host}:${server.port}/`, host);
    await rig.when(() => rig.events.length === hosts.length);
    expect(rig.events.map(({ verdict }) => verdict)).toEqual(hosts.map(() => "abandoned"));
    expect(server.told).toEqual([]);
    expect(lines).toContainEqual([
      "a result was given up",
      { pushId: "2130706433", sequence: 1, why: "127.0.0.1 is no public address" },
    ]);
  });

  it("go where the operator means it, and connections of one that may are not used by one that may not", async () => {
    const server = await rig.server();
    rig.start({ mayGoInward: (initiator, url) => initiator === "pi" && url.includes("localhost") });
    await rig.finish(byName(server), "p");
    await rig.until(server.count(1));
    await rig.finish(byName(server), "q", ["alice"], { push: { initiator: "other" } });
    await rig.when(() => rig.events.length === 2);
    expect(rig.events.map(({ pushId, verdict }) => [pushId, verdict])).toEqual([
      ["p", "accepted"],
      ["q", "retry"],
    ]);
    expect(server.told).toHaveLength(1);
  });

  it("do not go over TLS with a client certificate either", async () => {
    const server = await rig.server({ ...certificate("server"), ca: authority });
    const { cert, key } = certificate("calendar");
    const identity = { authorization: null, certificate: { certificate: cert, key } };
    rig.start({ ca: authority, identityOf: () => identity, mayGoInward: () => false, logger });
    await rig.finish(byName(server), "p");
    await rig.when(() => rig.events.length === 1);
    expect(rig.events[0]?.verdict).toBe("retry");
    expect(lines[0]?.[1]).toMatchObject({ pushId: "p", why: expect.stringContaining("localhost stands for") });
  });
});
