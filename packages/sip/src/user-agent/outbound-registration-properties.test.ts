import * as fc from "fast-check";
import { expect, it } from "vitest";
import type { Timer } from "../clock.ts";
import { staticResolver } from "../locate/index.ts";
import { parseUri, type SipUri } from "../message/index.ts";
import { MemoryNetwork, seededRandom, VirtualClock } from "../testing/index.ts";
import type { ServerTransaction } from "../transaction/index.ts";
import type { Flow } from "../transport/transport.ts";
import { SipEndpoint } from "./endpoint.ts";
import { OutboundRegistration } from "./outbound-registration.ts";
import { RequestSender } from "./request-sender.ts";

const ADDRESSES = ["192.0.2.2", "192.0.2.3"];
const resolver = staticResolver({ "edge.test": { addresses: ADDRESSES } });
const uri = (text: string): SipUri => parseUri(text) as SipUri;

const accept = (transaction: ServerTransaction, outbound: boolean): void => {
  const contact = transaction.request.headers.get("Contact") ?? "";
  transaction.reply(200, {
    headers: [["Contact", contact], ...(outbound ? [["Require", "outbound"] as const] : [])],
  });
};

/** What a proxy does with a REGISTER. No 439: who has dropped outbound for it comes back to it with a new connection only. */
const behaviours: Readonly<
  Record<string, (transaction: ServerTransaction, delayed: (act: () => void) => void) => void>
> = {
  outbound: (transaction) => accept(transaction, true),
  plain: (transaction) => accept(transaction, false),
  slow: (transaction, delayed) => delayed(() => transaction.open && accept(transaction, true)),
  refusing: (transaction) => transaction.reply(500),
  raising: (transaction) => transaction.reply(423, { headers: [["Min-Expires", "900"]] }),
  forgetful: (transaction) => transaction.reply(200),
  silent: () => {},
  hangingUp: (transaction) => transaction.flow.close(),
};

const who = fc.nat(1);
const event = fc.oneof(
  fc.record({ kind: fc.constant("turns" as const), who, into: fc.constantFrom(...Object.keys(behaviours)) }),
  fc.record({ kind: fc.constant("hangs up" as const), who }),
  fc.record({ kind: fc.constant("renew" as const), who }),
  fc.record({ kind: fc.constant("wait" as const), ms: fc.constantFrom(1, 50, 1900, 2100, 40_000, 130_000, 400_000) }),
);

it.each([
  ["two proxies", ADDRESSES.map((address) => `sip:${address}:5060;transport=tcp`)],
  ["two addresses of one name", ["sip:edge.test:5060;transport=tcp"]],
  ["two proxies over UDP", ADDRESSES.map((address) => `sip:${address}:5060`)],
])(
  "whatever %s did, both flows come back to proxies that are well, and stop ends everything at any time",
  async (_, proxies) => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 14 }), fc.boolean(), async (events, stopsAtOnce) => {
        const clock = new VirtualClock();
        const network = new MemoryNetwork({ clock, random: seededRandom(7) });
        const behaviour = ["outbound", "outbound"];
        const flows = [new Set<Flow>(), new Set<Flow>()];
        const delays: Timer[] = [];
        const open = (address: string, onRequest: (transaction: ServerTransaction) => void): Promise<SipEndpoint> => {
          const listen = (["TCP", "UDP"] as const).map((transport) => ({ transport, address, port: 5060 }));
          return SipEndpoint.open({ listen, onRequest, clock, open: network.open });
        };
        const servers = await Promise.all(
          ADDRESSES.map((address, index) =>
            open(address, (transaction) => {
              flows[index]?.add(transaction.flow);
              behaviours[behaviour[index] ?? ""]?.(transaction, (act) => delays.push(clock.schedule(3000, act)));
            }),
          ),
        );
        const endpoint = await open("192.0.2.1", () => {});
        const kinds: string[] = [];
        const registration = new OutboundRegistration({
          ...{ endpoint, sender: new RequestSender({ endpoint, resolver }), aor: "sip:alice@example.test", resolver },
          ...{ expiresSeconds: 600, instanceId: "urn:uuid:1", proxies: proxies.map(uri), flows: 2 },
          onEvent: ({ kind }) => kinds.push(kind),
        });
        registration.start();
        for (const each of events) {
          if (each.kind === "turns") behaviour[each.who] = each.into;
          else if (each.kind === "hangs up") for (const flow of flows[each.who] ?? []) flow.close();
          else if (each.kind === "renew") registration.flows[each.who]?.renew();
          else await clock.advance(each.ms);
        }
        if (!stopsAtOnce) {
          behaviour.fill("outbound");
          // Twice the longest wait.
          for (let i = 0; i < 4; i++) await clock.advance(1_800_000);
          expect(registration.flows.map(({ state, outbound }) => [state, outbound])).toEqual([
            ["registered", true],
            ["registered", true],
          ]);
          expect(new Set(registration.openFlows.map(({ remote }) => remote.address)).size).toBe(2);
        }
        await clock.until(registration.stop());
        expect(registration.flows.map(({ state }) => state)).toEqual(["ended", "ended"]);
        expect(kinds.filter((kind) => kind === "ended")).toHaveLength(1);
        for (const delay of delays) delay.cancel();
        for (const each of [endpoint, ...servers]) await each.close();
        expect(clock.pendingTimers).toBe(0);
      }),
      { numRuns: 50 },
    );
  },
);
