import { createDsNotification, encodeNotification } from "@sip-push/notification";
import { type PushEvent, PushReceiver } from "@sip-push/receiver";
import { PushSender } from "@sip-push/sender";
import type { ListenAddress, TransportName } from "@sip-push/sip";
import { afterEach, describe, expect, it } from "vitest";

const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const each of opened.splice(0).toReversed()) await each.close();
});

async function pair(transport: TransportName, address: string) {
  const listen: ListenAddress[] = [{ transport, address, port: 0 }];
  const pushes: PushEvent[] = [];
  const receiver = await PushReceiver.open({
    aor: "sip:bob@home.test",
    listen,
    register: false,
    applications: ["push.syncml", "x.app"],
    onPush: (event) => void pushes.push(event),
  });
  opened.push(receiver);
  const port = receiver.listening[0]?.port ?? 0;
  const host = address.includes(":") ? `[${address}]` : address;
  const proxy = `sip:${host}:${port};transport=${transport.toLowerCase()}`;
  const sender = await PushSender.open({ from: "sip:psi@home.test", listen, proxy });
  opened.push(sender);
  return { sender, pushes };
}

const octets = Uint8Array.from({ length: 256 }, (_, i) => i);
const notification = createDsNotification({
  sessionId: 258,
  serverId: "sync.test",
  uiMode: "informative",
  vendor: octets,
});
const push = {
  applicationId: "push.syncml",
  contentType: "application/vnd.syncml.ds.notification",
  body: encodeNotification(notification),
};

describe("our sender and our receiver over sockets of this machine", () => {
  it.each<[TransportName, string]>([
    ["UDP", "127.0.0.1"],
    ["TCP", "127.0.0.1"],
    ["WS", "127.0.0.1"],
    ["UDP", "::1"],
    ["TCP", "::1"],
  ])("carry a notification with all 256 octet values over %s at %s", async (transport, address) => {
    const { sender, pushes } = await pair(transport, address);
    const [outcome] = await sender.deliver(push, { to: "sip:bob@home.test" });
    expect(outcome).toMatchObject({ messageState: "delivered", papCode: 1000, sipStatus: 200, attempts: 1 });
    expect(pushes.map(({ callId }) => callId)).toEqual([outcome?.callId]);
    expect(pushes[0]?.notification).toMatchObject({ sessionId: 258, uiMode: "informative" });
    expect(Buffer.from(pushes[0]?.body ?? []).equals(Buffer.from(push.body))).toBe(true);
  });

  it.each<TransportName>(["UDP", "TCP"])("carry many pushes at once over %s, each told once", async (transport) => {
    const { sender, pushes } = await pair(transport, "127.0.0.1");
    const count = 2000;
    const deliveries = Array.from({ length: count }, (_, n) => {
      const body = Uint8Array.of(n >> 8, n & 0xff);
      return sender.deliver(
        { applicationId: "x.app", contentType: "application/octet-stream", body },
        { to: `sip:user${n}@home.test` },
      );
    });
    const outcomes = (await Promise.all(deliveries)).flat();
    expect(outcomes.filter(({ messageState }) => messageState !== "delivered")).toEqual([]);
    expect(new Set(pushes.map(({ body }) => Buffer.from(body).readUInt16BE())).size).toBe(count);
    expect(pushes.length).toBe(count);
  });
});
