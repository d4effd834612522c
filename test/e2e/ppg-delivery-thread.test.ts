import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { papCodes } from "@sip-push/pap";
import type { Gateway, PpgEvent } from "@sip-push/ppg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Handset, useAgents } from "../support/agents.ts";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { reservePort } from "../support/free-port.ts";
import { ended, GatewayBed } from "../support/gateway-bed.ts";
import { named } from "../support/inbox.ts";
import { PostgresCluster } from "../support/postgres-cluster.ts";
import { type RunningProcess, startProcess, stopAllProcesses } from "../support/process.ts";
import { ALICE, handsetBehind, PPG, uriOf } from "../support/push-core.ts";
import { makeTempFolder, type TempFolder } from "../support/temp-folder.ts";

/** A gateway that may deliver in a thread of its own, on such a database, behind our core. */
function suite(databaseOf: () => Promise<string>): void {
  const agents = useAgents();
  let bed: GatewayBed;
  let database: string;

  beforeEach(async () => {
    database = await databaseOf();
    bed = await GatewayBed.open();
  });
  afterEach(() => bed.close());

  const configText = (): string => `
name: ppg-1
dataDirectory: ./data
database: ${database}
domain: ppg.example.test
log: info
http: { listen: "http://127.0.0.1:0" }
operation: http://127.0.0.1:0
initiators: ${bed.initiators}
sip:
  from: ${PPG}
  register: true
  credentials: { user: ppg, password: { env: SIP_PASSWORD } }
  proxy: ${uriOf(bed.core)}
  listen: ["tcp:127.0.0.2:0"]
  trusted: [127.0.0.1]
delivery: { retry: { absent: { initialSeconds: 600 } } }
`;

  const openGateway = (change = (text: string): string => text): Promise<Gateway> =>
    bed.openGateway(change(configText()), { deliveryThread: true });

  async function openRegistered(change?: (text: string) => string): Promise<Gateway> {
    const gateway = await openGateway(change);
    await bed.registered();
    return gateway;
  }

  async function submit(gateway: Gateway, deliverAfter?: Date): Promise<string> {
    const push = { ...bed.pushTo(ALICE), deliverAfter };
    expect(await bed.initiatorOf(gateway).push(push)).toMatchObject({ kind: "answered", papCode: 1001 });
    return push.pushId;
  }

  const attempted = (pushId: string) => (event: PpgEvent) => event.event === "attempt" && event.pushId === pushId;

  /** A handset that keeps its answer to the first push until it is told, and what it told of. */
  async function slowHandset(): Promise<{ handset: Handset; came: Promise<void>; answer: () => void }> {
    const came = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    let first = true;
    const handset = await agents.openRegistered({
      ...handsetBehind(bed.core),
      handlers: {
        default: async () => {
          came.resolve();
          if (first) {
            first = false;
            await answer.promise;
          }
          return { statusCode: 200 };
        },
      },
    });
    return { handset, came: came.promise, answer: answer.resolve };
  }

  it("takes a push, delivers it, tells its result, and says so in its metrics", async () => {
    const gateway = await openRegistered();
    const { pushes, events: heard } = await agents.openReceiver({
      ...handsetBehind(bed.core),
      subscriptions: [{ to: PPG }],
    });
    await heard.next(named("subscribed"));
    const pushId = await submit(gateway);
    expect([...(await pushes.next()).body]).toEqual([0, 0x80, 0xff]);
    expect(await bed.results.next()).toMatchObject({
      pushId,
      messageState: "delivered",
      code: 1000,
      isRepetition: false,
    });
    await bed.events.next(ended(pushId, "delivered"));
    await bed.events.next(named("notified"));
    const metrics = await fetch(`${gateway.operation}/metrics`).then((response) => response.text());
    expect(metrics).toMatch(/^ppg_attempts_total\{sip_status="200",via="(?:message|notify)"\} 1$/m);
    expect(metrics).toMatch(/^ppg_deliveries_finished_total\{state="delivered"\} 1$/m);
    expect(metrics).toMatch(/^ppg_sip_subscriptions 1$/m);
    expect(metrics).toMatch(/^ppg_attempts_in_flight 0$/m);
    expect(metrics).toMatch(/^ppg_sip_registered 1$/m);
  });

  it("tells what is under way in its metrics; when it is closed, nothing, and nobody waits for that", async () => {
    const { came, answer } = await slowHandset();
    const gateway = await openRegistered();
    await submit(gateway);
    await came;
    expect((await gateway.metrics.text()).body).toMatch(/^ppg_attempts_in_flight 1$/m);
    await gateway.close(0);
    answer();
    const { body } = await gateway.metrics.text();
    expect(body).toMatch(/^ppg_ready 0$/m);
    expect(body).not.toMatch(/^ppg_attempts_in_flight 1$/m);
  });

  it("answers a query for capabilities by what the handset says", async () => {
    await agents.openRegistered({ ...handsetBehind(bed.core), applications: ["push.syncml"] });
    const initiator = bed.initiatorOf(await openRegistered());
    const known = await initiator.queryCapabilities({ address: ALICE, applicationId: "push.syncml" });
    expect(known).toMatchObject({ kind: "answered", papCode: 1000 });
    if (known.kind !== "answered") return;
    expect(Buffer.from(known.capabilities?.body ?? []).toString()).toContain("syncml");
    const other = await initiator.queryCapabilities({ address: ALICE, applicationId: "x.other" });
    expect(other).toMatchObject({ kind: "refused", papCode: papCodes.notPossible });
  });

  it("tells once that a push was cancelled, whether it waits for its time or for the handset", async () => {
    const gateway = await openRegistered();
    const initiator = bed.initiatorOf(gateway);
    const later = await submit(gateway, new Date(Date.now() + 3_600_000));
    const absent = await submit(gateway);
    await bed.events.next(ended(absent, "retry-wait"));
    for (const pushId of [later, absent]) {
      expect(await initiator.cancel({ pushId })).toMatchObject({ kind: "answered" });
      await bed.events.next(ended(pushId, "cancelled"));
      expect(await bed.results.next((result) => result.pushId === pushId)).toMatchObject({ messageState: "cancelled" });
    }
    await gateway.close();
    expect(bed.events.waiting.filter((event) => event.event === "state" && event.to === "cancelled")).toEqual([]);
    expect(bed.results.waiting).toEqual([]);
  });

  it("is ready once the core has registered it, and says why not when it refuses", async () => {
    const refused = await openGateway((text) => text.replace("user: ppg", "user: other"));
    await bed.lines.next(([level, message]) => level === "warn" && message === "the gateway is not registered");
    expect(await refused.health.ready()).toMatchObject({
      ok: false,
      parts: { sip: expect.stringMatching(/^not registered: 40[13] /) },
    });
    await refused.close(0);
    const registered = await openRegistered();
    expect(await registered.health.ready()).toEqual({ ok: true, parts: { gateway: "ok", store: "ok", sip: "ok" } });
  });

  it("says in one line that its SIP port is in use, and leaves nothing open", async () => {
    const taken = await reservePort("127.0.0.2");
    const there = (text: string): string => text.replace("tcp:127.0.0.2:0", `tcp:127.0.0.2:${taken.port}`);
    try {
      await expect(openGateway(there)).rejects.toMatchObject({
        ...{ name: "GatewayError", code: "GATEWAY_SIP" },
        message: expect.stringMatching(/^sip: .*: the port is in use$/),
      });
    } finally {
      await taken.release();
    }
    expect((await openGateway(there)).sip).toMatchObject([{ address: "127.0.0.2", port: taken.port }]);
  });

  it("says that its HTTP port is in use, and leaves nothing open: neither its SIP port nor its data", async () => {
    const [http, sip] = await Promise.all([reservePort("127.0.0.1"), reservePort("127.0.0.2")]);
    await sip.release();
    const there = (text: string): string =>
      text
        .replace('http: { listen: "http://127.0.0.1:0" }', `http: { listen: "http://127.0.0.1:${http.port}" }`)
        .replace("tcp:127.0.0.2:0", `tcp:127.0.0.2:${sip.port}`);
    try {
      await expect(openGateway(there)).rejects.toMatchObject({ name: "GatewayError", code: "GATEWAY_HTTP" });
    } finally {
      await http.release();
    }
    expect((await openGateway(there)).pap).toEqual([`http://127.0.0.1:${http.port}/pap`]);
  });

  it.each([
    ["debug", ["debug attempt ended", "warn circuit breaker"]],
    ["info", ["warn circuit breaker"]],
    ["error", []],
  ])("logs from %s on what the delivering thread says: %j", async (log, expected) => {
    const gateway = await openGateway((text) =>
      text.replace("log: info", `log: ${log}`).replace("delivery: {", "delivery: { breaker: { maxFailures: 1 },"),
    );
    await bed.core.close();
    await submit(gateway);
    await bed.events.next(named("breaker"));
    const said = bed.lines.waiting.map((line) => line.join(" "));
    expect(said.filter((line) => /attempt ended|circuit breaker/.test(line))).toEqual(expected);
  });

  it("ends what is under way before it closes", async () => {
    const { came, answer } = await slowHandset();
    const gateway = await openRegistered();
    const pushId = await submit(gateway);
    await came;
    const closing = gateway.close();
    expect((await gateway.health.ready()).ok).toBe(false);
    answer();
    await closing;
    expect(bed.events.waiting.some(ended(pushId, "delivered"))).toBe(true);
  });

  it("closes at once when it is told so a second time; opened again, it goes on with the same Call-ID", async () => {
    const { handset, came, answer } = await slowHandset();
    const gateway = await openRegistered();
    const pushId = await submit(gateway);
    await came;
    const closing = gateway.close(3_600_000);
    await gateway.close(0);
    await closing;
    const first = await bed.events.next(attempted(pushId));
    expect(first).toMatchObject({ sipStatus: null });
    expect(await bed.events.next(ended(pushId, "pending"))).toMatchObject({ from: "sending" });

    answer();
    await openRegistered();
    expect(await bed.events.next(ended(pushId, "delivered"))).toMatchObject({ sipStatus: 200 });
    const second = await bed.events.next(attempted(pushId));
    if (first.event !== "attempt" || second.event !== "attempt") throw new Error("two attempts");
    expect(second.callId).toBe(first.callId);
    expect(await handset.pushes.next()).toMatchObject({ callId: first.callId });
    expect(await bed.results.next()).toMatchObject({ pushId, messageState: "delivered" });
  });
}

describe("a gateway that delivers in a thread of its own, on SQLite", () => {
  suite(() => Promise.resolve("sqlite"));
});

describeWithPeers(
  "a gateway that may deliver in a thread of its own and does not, on PostgreSQL",
  ["postgresql"],
  () => {
    let cluster: PostgresCluster;
    beforeAll(async () => {
      cluster = await PostgresCluster.start();
    });
    afterAll(() => cluster.stop());
    suite(() => cluster.makeDatabase());
  },
);

const binary = fileURLToPath(new URL("../../packages/cli/bin/sip-push.mjs", import.meta.url));
const preload = new URL("../support/delivery-mishap.ts", import.meta.url).href;
const LISTENING = /\{"event":"listening".*\}\n/;

describe("the process of a gateway that delivers in a thread of its own", () => {
  let folder: TempFolder;
  beforeEach(() => {
    folder = makeTempFolder("delivery-mishap");
  });
  afterEach(async () => {
    await stopAllProcesses();
    folder.remove();
  });

  async function start(listen = "udp:127.0.0.1:0", mishap = ""): Promise<RunningProcess> {
    const settings = {
      ...{ name: "ppg-1", dataDirectory: "./data", domain: "ppg.example.test" },
      http: { listen: "http://127.0.0.1:0" },
      initiators: [{ name: "calendar", password: { env: "PPG_PASSWORD" }, recipients: "*" }],
      sip: { from: "sip:ppg@example.test", listen },
    };
    const file = join(folder.path, "ppg.json");
    await writeFile(file, JSON.stringify(settings));
    const hooked = mishap === "" ? {} : { MISHAP: mishap, NODE_OPTIONS: `--import=${preload}` };
    return startProcess({
      command: process.execPath,
      args: [binary, "ppg", "--config", file, "--json"],
      env: { PPG_PASSWORD: "secret", ...hooked },
    });
  }

  it.each([
    ["throws", "Error: a mistake of the delivering thread"],
    ["ends", "Error: the delivering thread has ended"],
  ])("ends with a failure when that thread %s, and says why; the next has its data", async (mishap, expected) => {
    const gateway = await start(undefined, mishap);
    await gateway.waitForOutput(LISTENING);
    process.kill(gateway.pid ?? 0, "SIGUSR2");
    expect(await gateway.waitForExit()).toEqual({ code: 1, signal: null });
    expect(gateway.stderr.split("\n").filter((line) => line.startsWith("Error:"))).toEqual([expected]);
    await (await start()).waitForOutput(LISTENING);
  });

  it("that takes the failure of that thread as nothing hears of it once, and still stops when it is told to", async () => {
    const gateway = await start(undefined, "survived");
    await gateway.waitForOutput(LISTENING);
    process.kill(gateway.pid ?? 0, "SIGUSR2");
    await gateway.waitForOutput(/survived: a mistake/);
    expect(await gateway.stop()).toEqual({ code: 0, signal: null });
    expect(gateway.stderr).toContain('"msg":"gateway closed"');
  });

  it("ends by itself when the SIP port is in use, with one line", async () => {
    const taken = await reservePort("127.0.0.1");
    const gateway = await start(`udp:127.0.0.1:${taken.port}`);
    const exit = await gateway.waitForExit();
    await taken.release();
    expect(exit).toEqual({ code: 2, signal: null });
    const said = gateway.output.split("\n").filter((line) => line !== "" && !line.startsWith("{"));
    expect(said).toEqual([expect.stringMatching(/^sip-push: sip: .*: the port is in use$/)]);
  });
});
