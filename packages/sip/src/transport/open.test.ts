import { afterEach, describe, expect, it } from "vitest";
import { MemoryNetwork } from "../testing/memory-network.ts";
import { VirtualClock } from "../testing/virtual-clock.ts";
import { openTransport } from "./open.ts";
import { authority, certificate } from "./testdata/certificates.ts";
import { messageOctets, Recorder } from "./testdata/recorder.ts";
import { type Transport, type TransportName, transports } from "./transport.ts";

const tls = { ...certificate("server"), ca: authority };
const open: Transport[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((transport) => transport.close()));
});

describe("openTransport", () => {
  it.each(Object.keys(transports) as TransportName[])("opens %s, and a message gets through", async (transport) => {
    const [ours, theirs] = [new Recorder(), new Recorder()];
    const listen = { transport, address: "127.0.0.1", port: 0 };
    const a = await openTransport(listen, ours, { tls });
    const b = await openTransport(listen, theirs, { tls });
    open.push(a, b);
    expect([a.name, b.name]).toEqual([transport, transport]);
    (await a.flowTo({ transport, ...b.local, serverName: "example.test" })).send(messageOctets());
    expect((await theirs.flowOf(0)).transport).toBe(transport);
  });

  it("opens on the network given instead of this machine's sockets", async () => {
    const network = new MemoryNetwork({ clock: new VirtualClock() });
    const transport = await openTransport({ transport: "TCP", address: "192.0.2.1", port: 5060 }, new Recorder(), {
      network,
    });
    open.push(transport);
    expect(network.nodeAt("TCP", transport.local)).toBe(transport);
  });
});
