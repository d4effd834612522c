import { expect, it } from "vitest";
import { browserPeers } from "../support/browser-peers.ts";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { useKamailio } from "../support/kamailio-bed.ts";
import type { RawMessage } from "../support/raw-message.ts";

const isMessage = (message: RawMessage): boolean => message.method === "MESSAGE";

describeWithPeers("Libraries for browsers through Kamailio over WebSocket", ["kamailio"], () => {
  const bed = useKamailio();

  it.each(Object.entries(browserPeers))("%s registers, receives text and sends text", async (name, open) => {
    const peer = await open({ user: name, wsPort: bed.kamailio.wsPort });
    try {
      const handset = await bed.openRegistered("tcp", `for-${name}`);
      expect(await peer.send(`sip:${handset.user}@example.test`, "sync now", "text/plain")).toBe(200);
      expect((await handset.next(isMessage)).body).toEqual(Buffer.from("sync now"));
      const headers = ["Content-Type: text/plain"];
      const uri = `sip:${name}@example.test`;
      expect((await handset.request({ method: "MESSAGE", uri, headers, body: Buffer.from("done") })).status).toBe(200);
      expect(await peer.nextPush()).toEqual({ contentType: "text/plain", body: "done" });
    } finally {
      await peer.stop();
    }
  });

  it.each(Object.entries(browserPeers))(
    "%s answers 200 to a binary body and shows U+FFFD for 0x80..0xFF",
    async (name, open) => {
      const peer = await open({ user: `binary-${name}`, wsPort: bed.kamailio.wsPort });
      try {
        const sender = await bed.open("udp", "sender");
        const headers = ["Content-Type: application/octet-stream"];
        const uri = `sip:binary-${name}@example.test`;
        const body = Uint8Array.of(0x41, 0x80, 0xff, 0x42);
        expect((await sender.request({ method: "MESSAGE", uri, headers, body })).status).toBe(200);
        expect((await peer.nextPush()).body).toBe("A\ufffd\ufffdB");
      } finally {
        await peer.stop();
      }
    },
  );
});
