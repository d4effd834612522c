import * as fc from "fast-check";
import { expect, it } from "vitest";
import { parseUri, type SipUri } from "../message/index.ts";
import { MemoryNetwork, seededRandom, VirtualClock } from "../testing/index.ts";
import type { ServerTransaction } from "../transaction/index.ts";
import { SipEndpoint } from "../user-agent/endpoint.ts";
import { RequestSender } from "../user-agent/request-sender.ts";
import { EventStateAgent } from "./event-state-agent.ts";
import { Publication } from "./publication.ts";
import { ALICE, PIDF } from "./testdata/publish.ts";

/** What happens to the two ends, one after the other. */
type Step = "modify" | "restart" | "outage" | "back" | "lossy" | "overload" | "wait" | "waitLong";

const step: fc.Arbitrary<Step> = fc.constantFrom(
  "modify",
  "restart",
  "outage",
  "back",
  "lossy",
  "overload",
  "wait",
  "waitLong",
);

it("comes to the last state after any sequence of modifications, losses, outages and restarts; one PUBLISH at a time", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), fc.nat(), async (steps, seed) => {
      const clock = new VirtualClock();
      const network = new MemoryNetwork({ clock, random: seededRandom(seed) });
      const newAgent = (): EventStateAgent<string> =>
        new EventStateAgent<string>({
          clock,
          packages: [{ name: "presence", accept: [PIDF], decode: (body) => new TextDecoder().decode(body) }],
          resourceOf: ({ requestUri }) => requestUri,
        });
      let agent = newAgent();
      let overloaded = false;
      let underWay = 0;
      const onRequest = (transaction: ServerTransaction): void => {
        if (overloaded) transaction.reply(503);
        else agent.handle(transaction);
      };
      const at = (address: string) => [{ transport: "UDP" as const, address, port: 5060 }];
      const server = await SipEndpoint.open({ listen: at("192.0.2.2"), onRequest, clock, open: network.open });
      const handset = await SipEndpoint.open({
        listen: at("192.0.2.1"),
        onRequest: () => {},
        clock,
        open: network.open,
      });
      const sender = new RequestSender({ endpoint: handset });
      const send = sender.send.bind(sender);
      sender.send = async (request, options) => {
        underWay++;
        expect(underWay).toBe(1); // RFC 3903 §4
        try {
          return await send(request, options);
        } finally {
          underWay--;
        }
      };
      const publication = new Publication({
        ...{ endpoint: handset, sender, requestUri: ALICE, event: "presence", contentType: PIDF, expiresSeconds: 600 },
        body: new TextEncoder().encode("0"),
        nextHop: parseUri("sip:192.0.2.2:5060") as SipUri,
        retryMaxMs: 60_000,
        random: () => 1,
      });
      publication.start();
      let wanted = 0;
      const perform: Readonly<Record<Step, () => Promise<void> | void>> = {
        modify: () => publication.modify({ contentType: PIDF, body: new TextEncoder().encode(String(++wanted)) }),
        restart: () => {
          agent.close();
          agent = newAgent();
        },
        outage: () => void (network.filter = (packet) => packet.to.address !== "192.0.2.2"),
        back: () => {
          network.filter = () => true;
          network.conditions = { ...network.conditions, loss: 0 };
          overloaded = false;
        },
        lossy: () => void (network.conditions = { ...network.conditions, loss: 0.4 }),
        overload: () => void (overloaded = true),
        wait: () => clock.advance(200),
        waitLong: () => clock.advance(250_000),
      };
      for (const each of steps) {
        await perform[each]();
        await clock.advance(10);
      }
      await perform.back();
      // States whose 200 was lost have nobody who knows their tag: they end by themselves.
      await clock.advance(800_000);
      expect(agent.publications(ALICE, "presence").map(({ state }) => state)).toEqual([String(wanted)]);
      await clock.until(publication.stop());
      expect(agent.stats.publications).toBe(0);
      await clock.advance(40_000);
      agent.close();
      await handset.close();
      await server.close();
      expect(clock.pendingTimers).toBe(0);
    }),
    { numRuns: 25 },
  );
});
