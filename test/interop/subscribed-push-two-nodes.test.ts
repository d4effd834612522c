import { newPushId, PushInitiator } from "@sip-push/initiator";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { type Handset, useAgents } from "../support/agents.ts";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { aorOf, useKamailioAgents } from "../support/kamailio-agents.ts";
import { useKamailio } from "../support/kamailio-bed.ts";
import { PostgresCluster } from "../support/postgres-cluster.ts";
import { PPG_PASSWORD, PpgNode, type PpgSettings } from "../support/ppg-node.ts";
import { openResultInbox, type ResultInbox } from "../support/result-inbox.ts";
import { UdpSwitch } from "../support/udp-switch.ts";

const GATEWAY = aorOf("gateway");
const CREDENTIALS = { user: "calendar", password: PPG_PASSWORD };

describeWithPeers("Subscribed push from two gateways on one PostgreSQL", ["kamailio", "postgresql"], () => {
  const bed = useKamailio({ ims: true });
  const agents = useAgents();
  const core = useKamailioAgents(bed, agents);
  const nodes: PpgNode[] = [];
  let cluster: PostgresCluster;
  let told: ResultInbox;
  let database: string;

  beforeAll(async () => {
    cluster = await PostgresCluster.start();
  });
  beforeEach(async () => {
    told = await openResultInbox();
    database = await cluster.makeDatabase();
  });
  afterEach(async () => {
    await Promise.all(nodes.splice(0).map((node) => node.close()));
    await told.close();
  });
  afterAll(() => cluster?.stop());

  /** Resolves when it takes pushes, and is registered if it is to be. */
  async function start(name: string, sip: PpgSettings = {}): Promise<PpgNode> {
    const notifyUrls = [told.pattern];
    const node = await PpgNode.start(name, "127.0.0.1", {
      domain: "ppg.example.test",
      initiators: [
        { name: "calendar", password: { env: "PPG_PASSWORD" }, recipients: ["sip:*@example.test"], notifyUrls },
      ],
      sip: { from: GATEWAY, proxy: core.proxyOver("udp"), register: true, trusted: ["127.0.0.1"], ...sip },
      database,
      log: "warn",
    });
    nodes.push(node);
    await expect.poll(async () => (await fetch(new URL("/health/ready", node.url))).ok).toBe(true);
    return node;
  }

  /** Pushes once by a node. Returns how it came to the application, which had it once. */
  async function push({ url }: PpgNode, { pushes }: Handset, aor: string): Promise<string> {
    const initiator = new PushInitiator({ url, credentials: CREDENTIALS });
    const pushId = newPushId("pi.example.test");
    const content = { contentType: "text/plain", body: Buffer.from(pushId), applicationId: "push.syncml" };
    try {
      const outcome = await initiator.push({ pushId, addresses: [aor], notifyUrl: told.url, content });
      expect(outcome).toMatchObject({ papCode: 1001 });
      expect(await told.results.next()).toMatchObject({ pushId, messageState: "delivered", code: 1000 });
      const { via, body } = await pushes.next();
      expect(Buffer.from(body).toString()).toBe(pushId);
      expect(pushes.waiting).toEqual([]);
      return via;
    } finally {
      await initiator.close();
    }
  }

  /** Resolves when a subscription to these is confirmed that was not yet. */
  async function subscribed({ events }: Handset, ...applications: readonly string[]): Promise<void> {
    for (const id of applications)
      await events.next((event) => event.event === "subscribed" && event.applicationId === id);
  }

  /** Attempts that one of the deliveries so far took, at most. */
  async function attempts(): Promise<number> {
    const [most] = await cluster.query(new URL(database).pathname.slice(1), "SELECT max(attempts) FROM deliveries");
    return Number(most);
  }

  it("comes in the dialog of the node that has it, and by MESSAGE from the other one", async () => {
    const one = await start("ppg-1");
    const { aor, ...settings } = core.handset("alice", "udp");
    const handset = await agents.openRegistered({ aor, ...settings });
    const subscription = handset.receiver.subscribe(GATEWAY);
    await subscribed(handset, "push.syncml");
    // It finds the subscription of the first one in the store.
    const two = await start("ppg-2");
    for (const [node, via] of [
      [two, "message"],
      [one, "notify"],
      [two, "message"],
      [one, "notify"],
    ] as const)
      expect(await push(node, handset, aor)).toBe(via);

    handset.receiver.setApplications(["push.syncml", "syncml.dm"]);
    await subscribed(handset, "syncml.dm");
    expect(await push(one, handset, aor)).toBe("notify");

    // A restart goes on with what is its own.
    await Promise.all([one.stop(), two.stop()]);
    await Promise.all([one.restart(), two.restart()]);
    expect(await push(two, handset, aor)).toBe("message");
    expect(await push(one, handset, aor)).toBe("notify");

    await subscription.stop();
    for (const node of [one, two]) expect(await push(node, handset, aor)).toBe("message");

    // Both are registered now, and Kamailio forks the SUBSCRIBE: one dialog comes of it (draft-mdolly-dispatch-oma-push §13).
    handset.receiver.subscribe(GATEWAY);
    await subscribed(handset, "push.syncml");
    const vias = [await push(one, handset, aor), await push(two, handset, aor)];
    expect(vias.toSorted()).toEqual(["message", "notify"]);
    expect(await attempts()).toBe(1);
  });

  it("goes on, and once, whichever of them a SUBSCRIBE comes to, and when the one with the dialog dies", async () => {
    const balancer = await UdpSwitch.open();
    try {
      const contact = `sip:gateway@127.0.0.1:${balancer.port}`;
      await bed.bind("gateway", contact);
      const settingsOf = { contact, register: false };
      const [one, two] = [await start("ppg-1", settingsOf), await start("ppg-2", settingsOf)];
      const { aor, ...settings } = core.handset("bob", "udp");
      balancer.leadTo(sipPortOf(one));
      const handset = await agents.openRegistered({ aor, ...settings });
      const subscription = handset.receiver.subscribe(GATEWAY);
      await subscribed(handset, "push.syncml");
      expect([await push(one, handset, aor), await push(two, handset, aor)]).toEqual(["notify", "message"]);

      // The refresh is answered 481 there, and the handset subscribes anew.
      balancer.leadTo(sipPortOf(two));
      handset.receiver.setApplications(["push.syncml", "syncml.dm"]);
      await subscribed(handset, "push.syncml", "syncml.dm");
      expect([await push(two, handset, aor), await push(one, handset, aor)]).toEqual(["notify", "message"]);

      await two.kill();
      expect(await push(one, handset, aor)).toBe("message");
      balancer.leadTo(sipPortOf(one));
      handset.receiver.setApplications(["push.syncml"]);
      await subscribed(handset, "push.syncml");
      expect(await push(one, handset, aor)).toBe("notify");

      // Back again, it learns that its dialog is gone, and that it is left at another one.
      await two.restart();
      expect(await push(two, handset, aor)).toBe("message");
      balancer.leadTo(sipPortOf(two));
      await subscription.stop();
      for (const node of [one, two]) expect(await push(node, handset, aor)).toBe("message");
      expect(await attempts()).toBe(1);
    } finally {
      balancer.close();
    }
  });
});

function sipPortOf({ said }: PpgNode): number {
  return Number(/"udp:127\.0\.0\.1:(\d+)"/.exec(said)?.[1]);
}
