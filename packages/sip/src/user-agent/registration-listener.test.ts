import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseUri, type SipUri } from "../message/index.ts";
import { MemoryNetwork, seededRandom, VirtualClock } from "../testing/index.ts";
import type { ServerTransaction } from "../transaction/index.ts";
import { SipEndpoint } from "./endpoint.ts";
import { Registration } from "./registration.ts";
import { RequestSender } from "./request-sender.ts";

let clock: VirtualClock;
let registrar: SipEndpoint;
let handset: SipEndpoint;
let registration: Registration;
let kinds: string[];
/** Expires of each REGISTER. */
let asked: string[];
let answer: (transaction: ServerTransaction) => void;
let heard: (kind: string) => void;

const accept = (transaction: ServerTransaction): void => {
  transaction.reply(200, { headers: [["Contact", transaction.request.headers.get("Contact") ?? ""]] });
};

beforeEach(async () => {
  clock = new VirtualClock();
  const network = new MemoryNetwork({ clock, random: seededRandom(7) });
  [kinds, asked, answer, heard] = [[], [], accept, () => {}];
  const open = async (address: string, onRequest: (transaction: ServerTransaction) => void): Promise<SipEndpoint> =>
    SipEndpoint.open({ listen: [{ transport: "TCP", address, port: 5060 }], onRequest, clock, open: network.open });
  registrar = await open("192.0.2.2", (transaction) => {
    asked.push(transaction.request.headers.get("Expires") ?? "");
    answer(transaction);
  });
  handset = await open("192.0.2.1", () => {});
  registration = new Registration({
    endpoint: handset,
    sender: new RequestSender({ endpoint: handset }),
    aor: "sip:alice@example.test",
    nextHop: parseUri("sip:192.0.2.2:5060;transport=tcp") as SipUri,
    expiresSeconds: 600,
    random: () => 1,
    onEvent: ({ kind }) => {
      kinds.push(kind);
      heard(kind);
    },
  });
});

afterEach(async () => {
  await clock.until(registration.stop());
  await handset.close();
  await registrar.close();
  expect(clock.pendingTimers).toBe(0);
});

describe("a listener that acts on what it hears, while the registration is in the middle of its step", () => {
  it("stops it at registered: the binding is removed, and no refresh is left", async () => {
    heard = (kind) => void (kind === "registered" && registration.stop());
    registration.start();
    await clock.advance(10);
    expect([kinds, asked, registration.state]).toEqual([["registered", "ended"], ["600", "0"], "ended"]);
  });

  it("stops it at failed: no retry is left", async () => {
    answer = (transaction) => transaction.reply(500);
    heard = (kind) => void (kind === "failed" && registration.stop());
    registration.start();
    await clock.advance(10);
    expect([kinds, asked]).toEqual([
      ["failed", "ended"],
      ["600", "0"],
    ]);
  });

  it("pauses it at failed, and starts it again later: one retry", async () => {
    answer = (transaction) => transaction.reply(500);
    heard = (kind) => void (kind === "failed" && registration.pause());
    registration.start();
    await clock.advance(10);
    await clock.advance(60_000);
    expect([registration.state, asked]).toEqual(["idle", ["600"]]);
    answer = accept;
    registration.start();
    await clock.advance(10);
    expect([kinds, asked]).toEqual([
      ["failed", "registered"],
      ["600", "600"],
    ]);
  });

  it("renews it at registered: one REGISTER more, and one refresh", async () => {
    heard = () => void (kinds.length === 1 && registration.renew({ newCallId: true }));
    registration.start();
    await clock.advance(10);
    expect(kinds).toEqual(["registered", "registered"]);
    await clock.advance(300_000);
    expect(asked).toEqual(["600", "600", "600"]);
  });

  it("stops it again at ended: it has ended", async () => {
    heard = (kind) => void (kind === "ended" && registration.stop());
    registration.start();
    await clock.advance(10);
    await clock.until(registration.stop());
    expect(kinds).toEqual(["registered", "ended"]);
  });
});
