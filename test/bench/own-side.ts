/**
 * One side of the benchmark as a process of its own: our PushReceiver or our PushSender, as an application would use it.
 *
 *   own-side.ts receiver udp PORT COUNT
 *   own-side.ts sender   udp PORT COUNT IN_FLIGHT     prints {"ratePerSecond":…,"delivered":…}
 */
import { PushReceiver } from "@sip-push/receiver";
import { PushSender } from "@sip-push/sender";

const [role, transportText = "udp", portText = "0", countText = "0", inFlightText = "128"] = process.argv.slice(2);
const transport = transportText === "tcp" ? "TCP" : "UDP";
const [port, count, inFlight] = [Number(portText), Number(countText), Number(inFlightText)];
/** As long as a typical DS notification; every octet above 0x7F, so that nothing can pass it off as text. */
const body = new Uint8Array(60).fill(0x81);

if (role === "receiver") await receive();
else await send();

async function receive(): Promise<void> {
  let received = 0;
  const { promise: done, resolve } = Promise.withResolvers<void>();
  const receiver = await PushReceiver.open({
    aor: "sip:bob@127.0.0.1",
    listen: [{ transport, address: "127.0.0.1", port }],
    register: false,
    applications: [{ applicationId: "push.syncml", contentTypes: ["application/octet-stream"] }],
    onPush: () => {
      if (++received === count) resolve();
    },
  });
  console.log(JSON.stringify({ listening: receiver.listening[0]?.port }));
  await done;
  // The last answer has to leave before the process does.
  await new Promise((after) => setTimeout(after, 200));
  await receiver.close();
}

async function send(): Promise<void> {
  const sender = await PushSender.open({
    from: "sip:ppg@example.test",
    listen: [{ transport, address: "127.0.0.1", port: 0 }],
    proxy: `sip:127.0.0.1:${port};transport=${transportText}`,
    // One receiver stands for as many as there are requests under way.
    allowOverlap: true,
  });
  const push = { applicationId: "push.syncml", contentType: "application/octet-stream", body, expiresSeconds: 3600 };
  let [started, delivered] = [0, 0];
  const from = performance.now();
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (started < count) {
        started++;
        const [outcome] = await sender.deliver(push, { to: "sip:bob@127.0.0.1" });
        if (outcome?.messageState === "delivered") delivered++;
      }
    }),
  );
  const seconds = (performance.now() - from) / 1000;
  console.log(JSON.stringify({ ratePerSecond: Math.round(count / seconds), delivered }));
  await sender.close();
}
