import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Logger } from "../logger.ts";
import { newCallId, paramValue, SipHeaders, SipRequest } from "../message/index.ts";
import { EventStateAgent } from "../publication/index.ts";
import { MemoryNetwork, seededRandom, VirtualClock } from "../testing/index.ts";
import { SipEndpoint } from "../user-agent/endpoint.ts";
import { RequestSender } from "../user-agent/request-sender.ts";
import { UasCore } from "../user-agent/uas.ts";
import { Notifier } from "./notifier.ts";
import { Subscribers } from "./subscribers.ts";
import { HANDSET, SERVER, transact } from "./testdata/rig.ts";

/** Pieces that look right, in places that may be wrong. */
const piece = fc.constantFrom(
  ...'presence oma-push ; , = id=7 id= ;id event-app-id="a,b" " < > * \\ tag= <sip:alice@192.0.2.1> sip:a@b;lr <sip:x.invalid;ob>'.split(
    " ",
  ),
  ..."<tel:+1> <sips:x@192.0.2.1> active pending terminated ;reason= ;expires=0 ;expires=4294967296 ;retry-after=1e9 99999999999999999999".split(
    " ",
  ),
  ..."0 1 60 3600 4294967295 -1 text/plain */*;q=0 application/pidf+xml identity t1 ( ) constructor __proto__".split(
    " ",
  ),
);
const octets = fc.uint8Array({ maxLength: 12 }).map((bytes) =>
  Buffer.from(bytes)
    .toString("latin1")
    .replace(/[\r\n]/g, " "),
);
const value = fc
  .array(fc.oneof({ weight: 5, arbitrary: piece }, octets), { maxLength: 5 })
  .map((parts) => parts.join(""));
const name = fc.constantFrom(
  ..."Event Subscription-State Expires Contact Accept SIP-If-Match Record-Route Route Content-Type Content-Encoding Min-Expires Allow-Events Retry-After Require".split(
    " ",
  ),
);
/** What a request of that method needs; then some of it is replaced, or more is added. */
const SOUND: Readonly<Record<string, ReadonlyArray<readonly [string, string]>>> = {
  SUBSCRIBE: [
    ["Event", "oma-push"],
    ["Contact", `<sip:alice@${HANDSET}>`],
    ["Expires", "600"],
  ],
  NOTIFY: [
    ["Event", "oma-push"],
    ["Contact", `<sip:alice@${HANDSET}>`],
    ["Subscription-State", "active;expires=60"],
  ],
  PUBLISH: [
    ["Event", "presence"],
    ["Content-Type", "text/plain"],
  ],
  REFER: [["Contact", `<sip:alice@${HANDSET}>`]],
};

const message = fc.record({
  method: fc.constantFrom("SUBSCRIBE", "NOTIFY", "PUBLISH", "REFER"),
  uri: fc.oneof({ weight: 9, arbitrary: fc.constant("sip:push@192.0.2.2") }, fc.constantFrom("tel:+1", "sips:a@b")),
  /** In a dialog that there is, in none, or in another. */
  place: fc.constantFrom("dialog", "dialog", "none", "none", "other"),
  fromTag: fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(";tag=f1", "") },
    value.map((text) => `;tag=${text}`),
  ),
  cseq: fc.constantFrom(0, 1, 2, 3, 4_294_967_295),
  changes: fc.array(fc.tuple(name, value, fc.boolean()), { maxLength: 2 }),
  body: fc.uint8Array({ maxLength: 20 }),
});

/** Call-ID and To tag of something that is there already. */
interface Place {
  readonly callId: string;
  readonly tag: string;
}

describe("whatever a peer sends (through UasCore)", () => {
  it("has one final answer, throws nothing, and leaves nothing running", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 12 }), async (messages) => {
        const clock = new VirtualClock();
        const network = new MemoryNetwork({ clock, random: seededRandom(3) });
        const errors: unknown[] = [];
        const note = (details: unknown): void => void errors.push(details);
        const logger: Logger = { error: note, warn: () => {}, info: () => {}, debug: () => {} } as unknown as Logger;
        const open = (address: string, core: () => UasCore) =>
          SipEndpoint.open({
            listen: [{ transport: "UDP", address, port: 5060 }],
            onRequest: (transaction) => core().handle(transaction),
            ...{ clock, logger, open: network.open },
          });
        const endpoint = await open(SERVER, () => core);
        const places: Partial<Record<string, Place>> = {};
        const peer = await open(
          HANDSET,
          () =>
            new UasCore({
              methods: {
                NOTIFY: (transaction) => transaction.reply(200),
                SUBSCRIBE: ({ request }) => {
                  // Waits for its NOTIFY.
                  places.NOTIFY = { callId: request.callId, tag: paramValue(request.from.params, "tag") ?? "" };
                },
              },
            }),
        );
        const sender = new RequestSender({ endpoint });
        const contact = `sip:push@${SERVER}`;
        const notifier = await Notifier.open({
          endpoint,
          sender,
          package: "oma-push",
          contact,
          contentTypes: ["text/plain"],
        });
        const refers = await Notifier.open({ endpoint, sender, package: "refer", contact });
        const subscribers = new Subscribers({ endpoint, sender, random: () => 1 });
        const target = `sip:alice@${HANDSET}`;
        subscribers.subscribe({ target, from: "sip:push@example.test", event: "oma-push", contact });
        await clock.advance(1);
        const agent = new EventStateAgent({
          clock,
          packages: [{ name: "presence", accept: ["text/plain"] }],
          resourceOf: ({ requestUri }) => requestUri,
        });
        const core = new UasCore({
          methods: {
            SUBSCRIBE: (transaction) => notifier.handle(transaction),
            NOTIFY: (transaction) => subscribers.handle(transaction),
            PUBLISH: (transaction) => void agent.handle(transaction),
            REFER: (transaction) => void refers.adopt(transaction, { expiresSeconds: 60 }),
          },
        });
        const flow = await peer.flowTo({ transport: "UDP", address: SERVER, port: 5060 });
        for (const { method, uri, place, fromTag, cseq, changes, body } of messages) {
          const there = place === "dialog" ? places[method] : undefined;
          const tag = there?.tag ?? (place === "other" ? "other" : "");
          const fields = new Map(SOUND[method]);
          for (const [field, text, add] of changes) {
            if (add) fields.set(field, text);
            else fields.delete(field);
          }
          const headers = SipHeaders.of([
            ["From", `<sip:alice@${HANDSET}>${fromTag}`],
            ["To", `<sip:push@${SERVER}>${tag === "" ? "" : `;tag=${tag}`}`],
            ["Call-ID", there?.callId ?? newCallId()],
            ["CSeq", `${cseq} ${method}`],
            ...fields,
          ]);
          const request = new SipRequest(method, uri, headers, body);
          const response = await clock.until(transact({ endpoint: peer }, request, flow));
          // What is malformed in From comes back in the answer, which our own peer drops then.
          const heard = ["", ";tag=f1"].includes(fromTag) || response !== undefined;
          if (heard) expect(response?.statusCode).toBeGreaterThanOrEqual(200);
          if (method === "SUBSCRIBE" && response?.statusCode === 200) {
            places.SUBSCRIBE = { callId: response.callId, tag: paramValue(response.to.params, "tag") ?? "" };
          }
        }
        await clock.advance(5000);
        expect(errors).toEqual([]);
        agent.close();
        for (const each of [subscribers, notifier, refers]) await clock.until(each.close());
        await clock.advance(40_000);
        await endpoint.close();
        await peer.close();
        expect(clock.pendingTimers).toBe(0);
      }),
      { numRuns: 150, seed: 20_261_121 },
    );
  });
});
