import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { get } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { PpgEvent } from "../events.ts";
import type { ChangesMessage } from "./live-changes.ts";
import { ConsoleRig } from "./testdata/console-rig.ts";
import type { OverviewView } from "./views.ts";

let rig: ConsoleRig;
let cookie: string;
beforeEach(async () => {
  rig = await ConsoleRig.open();
  cookie = await rig.login();
});
afterEach(() => rig.close());

const of = { push: 1, pushId: "one", initiator: "pi", atMs: 1_000 };
const delivered = (delivery: number): PpgEvent => ({
  ...of,
  event: "state",
  delivery,
  recipient: "sip:alice@example.test",
  from: "sending",
  to: "delivered",
  papCode: 1000,
  sipStatus: 200,
  reason: "OK",
  acceptedAtMs: 0,
});
const attempt: PpgEvent = {
  ...of,
  event: "attempt",
  delivery: 5,
  recipient: "sip:alice@example.test",
  callId: "c",
  attempt: 2,
  sipStatus: 200,
  papCode: 1000,
  via: "message",
  startedAtMs: 900,
};
const accepted: PpgEvent = { ...of, event: "accepted", recipients: 3, elapsedMs: 1 };

/** Server-Sent Events off a real connection. */
class Listener {
  readonly response: IncomingMessage;
  readonly ended: Promise<void>;
  #text = "";

  constructor(response: IncomingMessage) {
    this.response = response;
    this.ended = new Promise((resolve) => response.once("close", resolve));
    response.on("error", () => {}); // cut off; `complete` tells
    response.setEncoding("utf8").on("data", (text: string) => {
      this.#text += text;
    });
  }

  static async open(): Promise<Listener> {
    if (rig.app.server.address() === null) await rig.app.listen({ host: "127.0.0.1", port: 0 });
    const { port } = rig.app.server.address() as AddressInfo;
    const request = get({ host: "127.0.0.1", port, path: "/console/api/changes", headers: { cookie }, agent: false });
    const [response] = (await once(request, "response")) as [IncomingMessage];
    const listener = new Listener(response);
    if (response.statusCode === 200) await listener.until(": listening\n\n");
    return listener;
  }

  /** Takes all up to the text away, and gives it. */
  async until(end: string): Promise<string> {
    while (!this.#text.includes(end)) await once(this.response, "data");
    const at = this.#text.indexOf(end) + end.length;
    const taken = this.#text.slice(0, at);
    this.#text = this.#text.slice(at);
    return taken;
  }

  async next(): Promise<ChangesMessage> {
    let text = await this.until("\n\n");
    while (text.startsWith(":")) text = await this.until("\n\n"); // heartbeats
    expect(text).toMatch(/^event: changes\ndata: /);
    return JSON.parse(text.slice(text.indexOf("{"))) as ChangesMessage;
  }
}

describe("the live stream", () => {
  it("gathers changes for a moment, one entry for each delivery", async () => {
    const listener = await Listener.open();
    for (const event of [attempt, delivered(5), delivered(6)]) rig.bus.observe(event);
    await rig.clock.advance(250);
    const { changes, refetch } = await listener.next();
    expect(refetch).toBe(false);
    expect(changes).toEqual([
      {
        id: 5,
        push: 1,
        atMs: 1_000,
        attempts: 2,
        sipStatus: 200,
        state: "delivered",
        papCode: 1000,
        papText: "OK",
        reason: "OK",
      },
      expect.objectContaining({ id: 6, state: "delivered" }),
    ]);
    expect(listener.response.headers["content-type"]).toBe("text/event-stream");
  });

  it("says that the page must be asked for again when there is a new push, or more than it keeps", async () => {
    const listener = await Listener.open();
    rig.bus.observe(accepted);
    await rig.clock.advance(250);
    expect(await listener.next()).toEqual({ changes: [], refetch: true });
    for (let id = 1; id <= 1_000; id++) rig.bus.observe(delivered(id));
    await rig.clock.advance(250);
    const { changes, refetch } = await listener.next();
    expect([changes.length, refetch]).toEqual([200, true]);
  });

  /** Changes until the connection to a client that reads nothing is full. */
  async function fill(socket: Socket): Promise<void> {
    while (!socket.writableNeedDrain) {
      for (let id = 1; id <= 200; id++) rig.bus.observe(delivered(id));
      await rig.clock.advance(250);
    }
  }
  async function openSlow(): Promise<{ readonly listener: Listener; readonly socket: Socket }> {
    await rig.app.listen({ host: "127.0.0.1", port: 0 });
    const connection = once(rig.app.server, "connection") as Promise<[Socket]>;
    const listener = await Listener.open();
    listener.response.pause();
    const [socket] = await connection;
    return { listener, socket };
  }

  it("lets a client that was too slow ask again, and keeps nothing for it meanwhile", async () => {
    const { listener, socket } = await openSlow();
    await fill(socket);
    const held = socket.writableLength;
    for (let n = 0; n < 10; n++) {
      for (let id = 1; id <= 200; id++) rig.bus.observe(delivered(id));
      await rig.clock.advance(250);
    }
    expect(socket.writableLength).toBeLessThanOrEqual(held);
    listener.response.resume();
    let message = await listener.next();
    while (message.changes.length > 0) message = await listener.next();
    expect(message).toEqual({ changes: [], refetch: true });
  });

  it("cuts a client off that takes nothing for half a minute", async () => {
    const { listener, socket } = await openSlow();
    await fill(socket);
    const cut = once(socket, "close");
    await rig.clock.advance(45_000);
    await cut;
    listener.response.resume();
    await listener.ended;
    expect(listener.response.complete).toBe(false);
  });

  it("ends with the session, and with the server", async () => {
    const first = await Listener.open();
    await rig.ask(cookie, { method: "DELETE", url: "/console/api/session" });
    await first.ended;
    cookie = await rig.login();
    const second = await Listener.open();
    await rig.app.close();
    await second.ended;
    expect(rig.clock.pendingTimers).toBe(0);
  });

  it("ends when the session was idle too long", async () => {
    const listener = await Listener.open();
    await rig.clock.advance(31 * 60_000);
    await listener.ended;
    expect(listener.response.complete).toBe(true);
  });

  it("is for 64 pages at a time", async () => {
    for (let n = 0; n < 64; n++) await Listener.open();
    const { response } = await Listener.open();
    expect(response.statusCode).toBe(503);
  });
});

describe("the overview", () => {
  const overview = () => rig.get<OverviewView>(cookie, "overview");

  it("has rates of ten minutes, in slots of two seconds that are complete", async () => {
    for (const event of [accepted, attempt, delivered(1), delivered(2)]) rig.bus.observe(event);
    const undelivered = { ...delivered(3), to: "expired" } as PpgEvent;
    rig.bus.observe(undelivered);
    await rig.clock.advance(2_000);
    const { rates } = await overview();
    expect(rates.accepted).toHaveLength(299);
    expect(rates.startMs).toBe(rig.nowMs - 299 * 2_000);
    const last = (name: "accepted" | "delivered" | "failed" | "attempts") => rates[name].at(-1);
    expect([last("accepted"), last("delivered"), last("failed"), last("attempts")]).toEqual([1.5, 1, 0.5, 0.5]);
  });

  it("forgets what is older, also when nothing happened for long", async () => {
    rig.bus.observe(accepted);
    await rig.clock.advance(598_000);
    expect((await overview()).rates.accepted[0]).toBe(1.5);
    await rig.clock.advance(2_000);
    expect(Math.max(...(await overview()).rates.accepted)).toBe(0);
    rig.bus.observe(accepted);
    await rig.clock.advance(3_600_000);
    cookie = await rig.login();
    expect(Math.max(...(await overview()).rates.accepted)).toBe(0);
  });

  it("counts deliveries by state, and names breakers that are not closed", async () => {
    const destination = "sip.example.test";
    rig.bus.observe({ event: "breaker", destination, phase: "open", atMs: 10 });
    rig.bus.observe({ event: "breaker", destination, phase: "half-open", atMs: 20 });
    expect((await overview()).breakers).toEqual([{ destination, phase: "half-open", sinceMs: 10 }]);
    rig.bus.observe({ event: "breaker", destination, phase: "closed", atMs: 30 });
    const { breakers, states } = await overview();
    expect(breakers).toEqual([]);
    expect(states.delivered).toBe(0);
  });
});

it("answers in words when the database is gone", async () => {
  await rig.store.close();
  const response = await rig.ask(cookie, { url: "/console/api/deliveries" });
  expect([response.statusCode, response.json()]).toEqual([503, { message: "The database does not answer." }]);
});
