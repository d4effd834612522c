import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { VirtualClock } from "@sip-push/sip/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PostgresSockets } from "./postgres-sockets.ts";

describe("the goodbye of a pool that closes", () => {
  let server: Server;
  let accepted: Promise<unknown[]>;
  beforeEach(async () => {
    server = createServer({ allowHalfOpen: true });
    accepted = once(server, "connection");
    await once(server.listen(0, "127.0.0.1"), "listening");
  });
  afterEach(() => once(server.close(), "close"));

  async function connect(sockets: PostgresSockets): Promise<{ client: Socket; peer: Socket }> {
    const client = sockets.stream().connect((server.address() as AddressInfo).port, "127.0.0.1");
    const [peer] = (await accepted) as [Socket];
    peer.on("error", () => {});
    return { client, peer };
  }

  it("ends with the connections, and leaves no timer", async () => {
    const clock = new VirtualClock();
    const sockets = new PostgresSockets();
    const { client, peer } = await connect(sockets);
    peer.once("end", () => peer.end()).resume();
    const closed = once(client.resume(), "close");
    await sockets.goodbye(clock, async () => {
      client.end();
      await closed;
    });
    expect(clock.pendingTimers).toBe(0);
  });

  it("is waited for a second, and no longer, when the server takes none", async () => {
    const clock = new VirtualClock();
    const sockets = new PostgresSockets();
    const { client, peer } = await connect(sockets);
    const closed = once(client.resume(), "close");
    const gone = sockets.goodbye(clock, async () => {
      client.end();
      await closed;
    });
    await clock.advance(999);
    expect(client.destroyed).toBe(false);
    await clock.advance(1);
    await gone;
    expect([client.destroyed, clock.pendingTimers]).toEqual([true, 0]);
    peer.destroy();
  });
});
