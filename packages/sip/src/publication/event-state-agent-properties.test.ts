import * as fc from "fast-check";
import { expect, it } from "vitest";
import { VirtualClock } from "../testing/index.ts";
import { EventStateAgent } from "./event-state-agent.ts";
import { ALICE, answerTo, PIDF, publish } from "./testdata/publish.ts";

const MAX_PER_RESOURCE = 4;
const MIN_SECONDS = 10;
const MAX_SECONDS = 100;

interface Step {
  readonly body: string | undefined;
  /** Which of the tags seen so far to name; undefined for none, past the last for one that never was. */
  readonly tag: number | undefined;
  readonly expires: number | undefined;
  readonly pauseSeconds: number;
}

interface Known {
  readonly body: string;
  readonly untilMs: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  body: fc.option(fc.constantFrom("A", "B", "C"), { nil: undefined }),
  tag: fc.option(fc.nat(6), { nil: undefined }),
  expires: fc.option(fc.constantFrom(0, 5, 10, 50, 100, 500), { nil: undefined }),
  pauseSeconds: fc.nat(40),
});

/** RFC 3903 §6 and Table 1, written down a second time over a plain map: the answer to a request, and what stands after. */
function expected(known: Map<string, Known>, tag: string | undefined, { body, expires }: Step): number {
  if (tag !== undefined && !known.has(tag)) return 412;
  if (expires !== undefined && expires > 0 && expires < MIN_SECONDS) return 423;
  if (body === undefined && tag === undefined) return 400;
  if (tag === undefined && expires !== 0 && known.size >= MAX_PER_RESOURCE) return 500;
  return 200;
}

it("answers any sequence of requests as RFC 3903 §6 says, and knows at each time what stands", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const clock = new VirtualClock();
      const agent = new EventStateAgent<string>({
        clock,
        packages: [
          {
            name: "presence",
            accept: [PIDF],
            decode: (body) => new TextDecoder().decode(body),
            defaultExpiresSeconds: 50,
            minExpiresSeconds: MIN_SECONDS,
            maxExpiresSeconds: MAX_SECONDS,
          },
        ],
        resourceOf: () => ALICE,
        limits: { maxPerResource: MAX_PER_RESOURCE },
      });
      const known = new Map<string, Known>();
      const seen: string[] = [];
      for (const each of steps) {
        await clock.advance(each.pauseSeconds * 1000);
        for (const [tag, { untilMs }] of known) if (untilMs <= clock.now()) known.delete(tag);
        const tag = each.tag === undefined ? undefined : (seen[each.tag] ?? "never");
        const response = answerTo(
          publish(
            [
              ...(tag === undefined ? [] : [["SIP-If-Match", tag] as const]),
              ...(each.expires === undefined ? [] : [["Expires", String(each.expires)] as const]),
            ],
            each.body,
          ),
          (transaction) => void agent.handle(transaction),
        );
        expect(response.statusCode).toBe(expected(known, tag, each));
        if (response.statusCode === 200) {
          const given = response.headers.get("SIP-ETag") ?? expect.fail("no SIP-ETag");
          expect(seen).not.toContain(given);
          seen.push(given);
          const seconds = Math.min(each.expires ?? 50, MAX_SECONDS);
          expect(response.headers.get("Expires")).toBe(String(seconds));
          const before = tag === undefined ? undefined : known.get(tag);
          if (tag !== undefined) known.delete(tag);
          const body = each.body ?? before?.body ?? expect.fail("a success without a state");
          if (seconds > 0) known.set(given, { body, untilMs: clock.now() + seconds * 1000 });
        }
        const stands = agent.publications(ALICE, "presence");
        expect(new Map(stands.map(({ entityTag, state }) => [entityTag, state]))).toEqual(
          new Map([...known].map(([entityTag, { body }]) => [entityTag, body])),
        );
      }
      await clock.advance(MAX_SECONDS * 1000 + 1000);
      expect(agent.stats).toMatchObject({ publications: 0, bytes: 0 });
      expect(clock.pendingTimers).toBe(0);
    }),
    { numRuns: 60 },
  );
});
