import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { papCodes } from "@sip-push/pap";
import { type ConfigError, Gateway, readPpgConfig } from "@sip-push/ppg";
import type { SipProxy } from "@sip-push/proxy";
import { contentHeadersOf } from "@sip-push/receiver";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { useAgents } from "../support/agents.ts";
import { ended, environment, GatewayBed } from "../support/gateway-bed.ts";
import { ALICE, handsetBehind, uriOf } from "../support/push-core.ts";

const OTHER = "sip:other@example.test";

/** A second handset. */
function other(core: SipProxy): ReturnType<typeof handsetBehind> {
  const credentials = [{ username: "other", password: "secret of other" }];
  const instanceId = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf7";
  return { ...handsetBehind(core), aor: OTHER, instanceId, credentials };
}

describe("a gateway from PAP to the handset and back, with SQLite and our core", () => {
  const agents = useAgents();
  let bed: GatewayBed;

  beforeEach(async () => {
    bed = await GatewayBed.open({ trusted: ["127.0.0.2"] });
  });
  afterEach(() => bed.close());

  const configText = (): string => `
name: ppg-1
dataDirectory: ./data
domain: ppg.example.test
http: { listen: "http://127.0.0.1:0" }
operation: http://127.0.0.1:0
addresses: { USER: "sip:{value}@example.test" }
initiators: ${bed.initiators}
sip:
  from: sip:gateway@example.test
  proxy: ${uriOf(bed.core, "UDP")}
  listen: ["udp:127.0.0.2:0", "tcp:127.0.0.2:0"]
  trusted: [127.0.0.1]
console: { users: [{ name: calendar, password: { env: CALENDAR_PASSWORD } }] }
`;

  const openGateway = (change = (text: string): string => text): Promise<Gateway> =>
    bed.openGateway(change(configText()));

  it("accepts a push, delivers it to all its recipients, tells each result, and says so in its metrics", async () => {
    const handsets = await Promise.all([
      agents.openRegistered(handsetBehind(bed.core)),
      agents.openRegistered(other(bed.core)),
    ]);
    const gateway = await openGateway();
    const submission = bed.pushTo(ALICE, "WAPPUSH=other/TYPE=USER@ppg.example.test");
    const answer = await bed.initiatorOf(gateway).push(submission);
    expect(answer).toMatchObject({ kind: "answered", papCode: 1001, response: { senderName: "sip-push" } });
    const received = await Promise.all(handsets.map(({ pushes }) => pushes.next()));
    expect(received.map((each) => [...each.body])).toEqual([
      [0, 0x80, 0xff],
      [0, 0x80, 0xff],
    ]);
    const told = [await bed.results.next(), await bed.results.next()];
    expect(told.map(({ messageState, code, isRepetition }) => [messageState, code, isRepetition])).toEqual([
      ["delivered", 1000, false],
      ["delivered", 1000, false],
    ]);
    expect(told.map(({ address }) => address).sort()).toEqual([...submission.addresses].sort());
    expect(told.map(({ senderName }) => senderName)).toEqual(["sip-push", "sip-push"]);
    await bed.events.next(({ event }) => event === "notified");
    await bed.events.next(({ event }) => event === "notified");

    const metrics = await fetch(`${gateway.operation}/metrics`).then((response) => response.text());
    expect(metrics).toContain('ppg_pushes_accepted_total{initiator="calendar"} 1');
    expect(metrics).toContain("ppg_recipients_accepted_total 2");
    expect(metrics).toContain('ppg_deliveries_finished_total{state="delivered"} 2');
    expect(metrics).toContain('ppg_attempts_total{sip_status="200",via="message"} 2');
    expect(metrics).toContain('ppg_notifications_total{verdict="accepted"} 2');
    expect(metrics).toContain('ppg_deliveries{state="pending"} 0');
  });

  it("delivers a push once to several addresses of one handset, with what is said of its content", async () => {
    const { pushes } = await agents.openRegistered(handsetBehind(bed.core));
    const gateway = await openGateway();
    const submission = bed.pushTo(ALICE, `${ALICE};x=y`, `${ALICE};transport=udp`);
    const headers = [
      ["Content-Location", "http://pi.example.test/a"],
      ["X-Wap-Initiator-URI", "http://pi.example.test/ä"],
    ] as const;
    await bed.initiatorOf(gateway).push({ ...submission, content: { ...submission.content, headers } });
    expect(contentHeadersOf(await pushes.next())).toEqual(headers);
    const told = [await bed.results.next(), await bed.results.next(), await bed.results.next()];
    expect(told.map(({ messageState, code }) => `${messageState} ${code}`).sort()).toEqual([
      "delivered 1000",
      "rejected 2002",
      "rejected 2002",
    ]);
    expect(pushes.waiting).toEqual([]);
  });

  it("is ready when it is registered, and serves health and metrics to operators only", async () => {
    const asUser = "  register: true\n  credentials: { user: ppg, password: { env: SIP_PASSWORD } }\n";
    const gateway = await openGateway((text) =>
      text.replace("sip:gateway@", "sip:ppg@").replace("  trusted:", `${asUser}  trusted:`),
    );
    await bed.registered();
    const ready = await fetch(`${gateway.operation}/health/ready`);
    expect(ready.status).toBe(200);
    expect(await ready.json()).toEqual({ ok: true, parts: { gateway: "ok", store: "ok", sip: "ok" } });
    const origin = new URL(gateway.pap[0] ?? "").origin;
    expect(
      await Promise.all(["/metrics", "/health/ready"].map(async (path) => (await fetch(origin + path)).status)),
    ).toEqual([404, 404]);
    expect(gateway.console).toEqual([`${origin}/console/`]);
  });

  it("goes on after a restart with what waited: a handset that was off gets its push when it registers", async () => {
    const first = await openGateway();
    const submission = bed.pushTo(ALICE);
    expect(await bed.initiatorOf(first).push(submission)).toMatchObject({ papCode: 1001 });
    await bed.events.next(ended(submission.pushId, "retry-wait"));
    await first.close();
    expect(bed.results.waiting).toEqual([]);

    const second = await openGateway();
    const status = await bed.initiatorOf(second).status({ pushId: submission.pushId });
    expect(status).toMatchObject({ kind: "answered", response: { statusQueryResults: [{ messageState: "pending" }] } });
    const { pushes } = await agents.openRegistered(handsetBehind(bed.core));
    expect([...(await pushes.next()).body]).toEqual([0, 0x80, 0xff]);
    expect(await bed.results.next()).toMatchObject({ pushId: submission.pushId, messageState: "delivered" });
  });

  it("ends what is under way before it stops, and takes nothing more meanwhile", async () => {
    const came = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    await agents.openRegistered({
      ...handsetBehind(bed.core),
      handlers: {
        default: async () => {
          came.resolve();
          await answer.promise;
          return { statusCode: 200 };
        },
      },
    });
    const gateway = await openGateway();
    const initiator = bed.initiatorOf(gateway);
    const submission = bed.pushTo(ALICE);
    await initiator.push(submission);
    await came.promise;
    const closing = gateway.close();
    expect((await gateway.health.ready()).ok).toBe(false);
    expect((await initiator.push(bed.pushTo(OTHER))).kind).not.toBe("answered");
    answer.resolve();
    await closing;
    expect(bed.events.waiting.some(ended(submission.pushId, "delivered"))).toBe(true);
    // What was not told yet is by the next.
    await openGateway();
    expect(await bed.results.next()).toMatchObject({ pushId: submission.pushId, messageState: "delivered" });
  });

  it("refuses a push whose results would go inward by an address that only a star admits, and keeps to what is named", async () => {
    const anywhere = (text: string): string => text.replace(bed.notifyUrls, `*", "${bed.notifyUrls}`);
    const initiator = bed.initiatorOf(await openGateway(anywhere));
    const submission = bed.pushTo(OTHER);
    const refused = await initiator.push({ ...submission, notifyUrl: "http://127.0.0.1:9/" });
    expect(refused).toMatchObject({ kind: "refused", papCode: papCodes.forbidden });
    expect(await initiator.push(submission)).toMatchObject({ kind: "answered", papCode: 1001 });
  });

  it("leaves nothing open when one part cannot be opened, and says which", async () => {
    const gateway = await openGateway();
    const taken = `http: { listen: "${new URL(gateway.pap[0] ?? "").origin}" }`;
    const elsewhere = configText()
      .replace("./data", "./other")
      .replace(/^http: .*$/m, taken);
    const world = { env: environment, readFile, directory: bed.folder.path };
    await expect(Gateway.open(await readPpgConfig(elsewhere, world))).rejects.toMatchObject({
      code: "GATEWAY_HTTP",
      message: expect.stringMatching(/^http: http:\/\/127\.0\.0\.1:[0-9]+: the port is in use$/),
    });
    // Its store and its sockets are free again.
    const again = await readPpgConfig(configText().replace("./data", "./other"), world);
    await (await Gateway.open(again)).close();
  });

  it("does not share its data directory with another process", async () => {
    await openGateway();
    await expect(openGateway()).rejects.toMatchObject({ code: "GATEWAY_STORE" });
  });
});

describe("a configuration that cannot work", () => {
  it("is said whole, and nothing is opened", async () => {
    const world = { env: {}, readFile, directory: join("/", "nowhere") };
    const problems = await readPpgConfig("http: {}\nsip: {}\n", world).catch((error: ConfigError) => error.problems);
    expect(problems).toHaveLength(5);
  });
});
