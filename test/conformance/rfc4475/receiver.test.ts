import { PushReceiver } from "@sip-push/receiver";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { tortureOctets } from "./messages.ts";
import { onlyMessage, RawPeer } from "./wire.ts";

const target = { address: "192.0.2.200", port: 5060 };

/** The message with INVITE, which a receiver does not take, turned into MESSAGE, which it does; other edits after that. */
function asMessage(name: string, ...edits: ReadonlyArray<readonly [from: string | RegExp, to: string]>): Buffer {
  const text = tortureOctets(name).toString("latin1").replaceAll("INVITE", "MESSAGE");
  return Buffer.from(
    edits.reduce((edited, [from, to]) => edited.replace(from, to), text),
    "latin1",
  );
}

describe("RFC 4475: what a Push Receiver answers where an endpoint for INVITE would", () => {
  let peer: RawPeer;
  let receiver: PushReceiver;
  const bodies: Uint8Array[] = [];

  beforeEach(async () => {
    bodies.length = 0;
    peer = new RawPeer();
    receiver = await PushReceiver.open({
      aor: "sip:user@example.com",
      register: false,
      listen: [{ transport: "UDP", ...target }],
      clock: peer.clock,
      stack: { open: peer.network.open },
      onPush: ({ body }) => bodies.push(body),
    });
  });

  afterEach(() => receiver.close());

  it("§3.3.6 invut: a body of an unknown type is 415, with the types it takes in Accept", async () => {
    const response = onlyMessage(await peer.exchange(asMessage("invut"), target));
    expect(response).toMatchObject({ statusCode: 415 });
    expect(response.headers.list("Accept")).toContain("application/vnd.syncml.ds.notification");
    expect(bodies).toEqual([]);
  });

  it("§3.3.2 unkscm: an unknown scheme is 416", async () => {
    const response = onlyMessage(await peer.exchange(asMessage("unkscm", [/OPTIONS/g, "MESSAGE"]), target));
    expect(response).toMatchObject({ statusCode: 416 });
  });

  it("§3.3.11 zeromf: Max-Forwards of zero is nothing to an endpoint", async () => {
    expect(onlyMessage(await peer.exchange(tortureOctets("zeromf"), target))).toMatchObject({ statusCode: 200 });
  });

  it("§3.4.1 inv2543: a request of RFC 2543 is taken, its body the rest of the datagram", async () => {
    const octets = asMessage("inv2543", ["application/sdp", "text/plain"]);
    expect(onlyMessage(await peer.exchange(octets, target))).toMatchObject({ statusCode: 200 });
    expect(bodies.map(({ length }) => length)).toEqual([105]);
  });

  it("§3.1.1.1 wsinv: folds, odd blanks and compact forms change nothing", async () => {
    // Its To tag would make it part of a dialog, which a push is not.
    const octets = asMessage("wsinv", ["application/sdp", "text/plain"], [/;\s+tag\s+= 1918181833n/, ""]);
    const response = onlyMessage(await peer.exchange(octets, target));
    expect(response).toMatchObject({ statusCode: 200 });
    expect(response.headers.list("Via")).toHaveLength(3);
    expect(bodies.map((body) => body.length)).toEqual([150]);
  });

  it("§3.1.1.7 longreq: long fields and 34 Via values come back in the answer", async () => {
    const octets = asMessage("longreq", ["application/sdp", "text/plain"]);
    const response = onlyMessage(await peer.exchange(octets, target));
    expect(response).toMatchObject({ statusCode: 200 });
    expect(response.headers.list("Via")).toHaveLength(34);
  });

  it("§3.1.2.12 baddate: a Date that cannot be read does not keep a push from being taken", async () => {
    const octets = asMessage("baddate", ["application/sdp", "text/plain"]);
    expect(onlyMessage(await peer.exchange(octets, target))).toMatchObject({ statusCode: 200 });
  });
});
