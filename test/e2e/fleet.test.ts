import { SipProxy, UserDirectory } from "@sip-push/proxy";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { useAgents } from "../support/agents.ts";
import { useFleets } from "../support/fleets.ts";
import { Inbox, named } from "../support/inbox.ts";
import { newDsNotification, toPush } from "../support/notifications.ts";
import { ownLoopback } from "../support/ppg-node.ts";
import { stopAllProcesses } from "../support/process.ts";
import { dsFlags, eventOf, linesOf, send, startCli, startUdpProxy } from "./command-line.ts";

const COUNT = 50;
/** Of proxies: one that comes back finds its port free. */
const PROXY_HOST = ownLoopback();
const handset = (n: number): string => `sip:handset${n}@example.test`;

describe("a fleet behind our proxy", () => {
  const agents = useAgents();
  const fleets = useFleets();
  const proxies: SipProxy[] = [];
  afterEach(async () => {
    await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
  });

  /** A proxy at `port`, and what left it unregistered. */
  const openProxy = async (port = 0, users?: UserDirectory) => {
    const listen = (["UDP", "TCP", "WS"] as const).map((transport) => ({
      transport,
      address: PROXY_HOST,
      port: transport === "TCP" ? port : 0,
    }));
    const proxy = await SipProxy.open({ listen, domains: ["example.test"], ...(users === undefined ? {} : { users }) });
    proxies.push(proxy);
    const gone = new Inbox<string>((aor) => aor);
    proxy.on("unregistered", ({ binding }) => gone.put(binding.aor));
    const portOf = (name: string): number => proxy.listening.find(({ transport }) => transport === name)?.port ?? 0;
    const uriOf = (name: string): string => `sip:${PROXY_HOST}:${portOf(name)};transport=${name.toLowerCase()}`;
    return { proxy, gone, portOf, uriOf };
  };

  it.each(["UDP", "TCP", "WS"] as const)(
    "registers over %s, takes each push at the handset that it is for, reports and leaves",
    async (transport) => {
      const { gone, uriOf } = await openProxy();
      const { fleet } = await fleets.openRegistered(transport, { count: COUNT, proxy: uriOf(transport) });
      const sender = await agents.openSender({ proxy: uriOf("UDP"), trusted: [PROXY_HOST] });
      const to = Array.from({ length: COUNT }, (_, n) => handset(n + 1));
      const sent = await Promise.all(to.map((uri) => sender.deliver(toPush(newDsNotification()), { to: uri })));
      expect(sent.flat().filter(({ messageState }) => messageState === "delivered").length).toBe(COUNT);
      expect(fleet.handsets.map(({ pushes }) => pushes)).toEqual(to.map(() => 1));
      expect(fleet.stats).toMatchObject({
        registered: COUNT,
        pushes: COUNT,
        byApplication: { "push.syncml": COUNT },
        duplicates: 0,
        wrongRecipient: 0,
        rejected: 0,
      });
      await fleet.close();
      for (const uri of to) await gone.next((aor) => aor === uri);
    },
  );

  it("registers with the password of all, when the proxy asks for it", async () => {
    const users = [1, 2, 3].map((n) => ({ username: `handset${n}`, realm: "example.test", secret: { password: "s" } }));
    const { uriOf } = await openProxy(0, new UserDirectory(users));
    const options = { count: 3, proxy: uriOf("UDP"), credentials: { password: "s" } };
    expect((await fleets.openRegistered("UDP", options)).fleet.stats.registered).toBe(3);
  });

  it("registers anew with a proxy that was restarted at the same address (RFC 5626 §4.5)", async () => {
    const first = await openProxy();
    const { fleet, events } = await fleets.openRegistered("TCP", { count: COUNT, proxy: first.uriOf("TCP") });
    const port = first.portOf("TCP");
    await first.proxy.close();
    await events.next(named("registration-failed"));
    const { uriOf } = await openProxy(port);
    await events.next(named("registered"));
    const sender = await agents.openSender({ proxy: uriOf("UDP") });
    expect(await sender.deliver(toPush(newDsNotification()), { to: handset(COUNT) })).toMatchObject([
      { messageState: "delivered" },
    ]);
    expect(fleet.stats).toMatchObject({ registered: COUNT, pushes: 1 });
  });

  it("takes pushes without a registrar, straight from the sender, and reports to it", async () => {
    const { fleet } = await fleets.open("UDP", { count: 9, register: false, trustedHops: ["127.0.0.1"] });
    const proxy = `sip:127.0.0.1:${fleet.listening[0]?.port}`;
    const sender = await agents.openSender({ proxy });
    expect(await sender.deliver(toPush(newDsNotification()), { to: handset(7) })).toMatchObject([
      { messageState: "delivered", sipStatus: 200 },
    ]);
    expect(await sender.deliver(toPush(newDsNotification()), { to: handset(10) })).toMatchObject([{ sipStatus: 404 }]);
    expect(fleet.stats).toMatchObject({ pushes: 1, wrongRecipient: 1 });
    expect(fleet.handsets[6]?.pushes).toBe(1);
  });
});

describe("sip-push fleet", () => {
  afterAll(stopAllProcesses);
  const flags = ["--count", "5", "--aor", "sip:handset{n}@example.test", "--json"];

  it("registers, says every push when asked, counts, and ends after so many", async () => {
    const { uri: proxy } = await startUdpProxy();
    const fleet = startCli("fleet", ...flags, "--proxy", proxy, "--pushes", "--end-after", "2");
    expect(await eventOf(fleet, "registered")).toEqual({ event: "registered", count: 5 });
    for (const n of [2, 4]) {
      expect(await send(proxy, [handset(n)], ...dsFlags, "--ds-session", String(n))).toMatchObject({ exitCode: 0 });
    }
    expect(await fleet.waitForExit()).toEqual({ code: 0, signal: null });
    expect(fleet.stderr).toBe("");
    const lines = linesOf(fleet.stdout);
    expect(lines.map(({ event }) => event)).toEqual([
      "listening",
      "registered",
      "push",
      "push",
      "unregistered",
      "stats",
    ]);
    expect(lines.filter(({ event }) => event === "push")).toMatchObject([
      { aor: handset(2), applicationId: "push.syncml", sipStatus: 200 },
      { aor: handset(4) },
    ]);
    expect(lines.at(-1)).toMatchObject({ count: 5, registered: 5, pushes: 2, duplicates: 0 });
  });

  it("without a registrar answers as it is told, and ends when it is told with its counters", async () => {
    const fleet = startCli("fleet", ...flags, "--no-register", "--listen", "udp:127.0.0.1:0", "--answer", "486");
    const { addresses } = await eventOf(fleet, "listening");
    const proxy = `sip:${(addresses as string[])[0]?.slice("udp:".length)}`;
    expect(await send(proxy, [handset(1)], ...dsFlags)).toMatchObject({ exitCode: 1, lines: [{ sipStatus: 486 }] });
    expect(await fleet.stop()).toEqual({ code: 0, signal: null });
    expect(linesOf(fleet.stdout).at(-1)).toMatchObject({ event: "stats", pushes: 0, rejected: 1 });
  });
});
