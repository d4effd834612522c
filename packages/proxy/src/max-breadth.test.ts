import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sharesOf, slicesOf } from "./max-breadth.ts";
import { type Agent, ProxyBed } from "./testdata/proxy-bed.ts";

let bed: ProxyBed;
let sender: Agent;

beforeEach(async () => {
  bed = await ProxyBed.open();
  sender = await bed.agent();
});

afterEach(async () => {
  await bed.close();
  expect(bed.clock.pendingTimers).toBe(0);
});

const ALICE = "sip:alice@example.test";

async function handsets(count: number): Promise<Agent[]> {
  const agents: Agent[] = [];
  for (let i = 0; i < count; i++) agents.push(await bed.handset("alice"));
  return agents;
}

const breadths = (agents: Agent[]): Array<string | undefined> =>
  agents.map(({ received }) => received[0]?.headers.get("Max-Breadth"));

describe("RFC 5393 §5.3.3, Max-Breadth", () => {
  test.each([
    ["none", undefined, "60"],
    ["one", "7", "7"],
    ["one that is more than we allow", "4294967296", "60"],
  ])("a request with %s leaves with one", async (_, value, expected) => {
    const agents = await handsets(1);
    const headers = value === undefined ? [] : [["Max-Breadth", value] as const];
    expect((await sender.ask({ requestUri: ALICE, headers })).statusCode).toBe(200);
    expect(breadths(agents)).toEqual([expected]);
  });

  test("it is divided among the branches of a fork, and nothing is lost", async () => {
    const agents = await handsets(3);
    for (const agent of agents) agent.answer = (transaction) => transaction.reply(486);
    await sender.ask({ requestUri: ALICE, headers: [["Max-Breadth", "8"]] });
    expect(
      breadths(agents)
        .map(Number)
        .toSorted((a, b) => a - b),
    ).toEqual([2, 3, 3]);
  });

  test("what is too many for it is tried one after the other, each with all of it", async () => {
    const agents = await handsets(3);
    let underWay = 0;
    for (const agent of agents) {
      agent.answer = (transaction) => {
        expect(++underWay).toBe(1);
        bed.clock.schedule(100, () => {
          underWay--;
          transaction.reply(486);
        });
      };
    }
    expect((await sender.ask({ requestUri: ALICE, headers: [["Max-Breadth", "1"]] })).statusCode).toBe(486);
    expect(breadths(agents)).toEqual(["1", "1", "1"]);
  });

  test("one after the other ends with the first 2xx", async () => {
    const agents = await handsets(3);
    expect((await sender.ask({ requestUri: ALICE, headers: [["Max-Breadth", "1"]] })).statusCode).toBe(200);
    expect(breadths(agents).filter((each) => each !== undefined)).toEqual(["1"]);
  });

  test.each(["0", "-1", "many", "1;x", "1, 2"])("%s is 400", async (value) => {
    await handsets(1);
    expect((await sender.ask({ requestUri: ALICE, headers: [["Max-Breadth", value]] })).statusCode).toBe(400);
  });

  test("two of them are 400", async () => {
    await handsets(1);
    const headers = [["Max-Breadth", "1"] as const, ["Max-Breadth", "2"] as const];
    expect((await sender.ask({ requestUri: ALICE, headers })).statusCode).toBe(400);
  });

  test("a request to another element keeps it", async () => {
    await bed.close();
    bed = await ProxyBed.open({ relay: true });
    sender = await bed.agent();
    const other = await bed.agent();
    await sender.ask({ requestUri: other.contact("x"), headers: [["Max-Breadth", "5"]] });
    expect(breadths([other])).toEqual(["5"]);
  });

  test("shares add up to the whole, none is empty, and slices hold all in order", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.array(fc.integer(), { minLength: 1, maxLength: 100 }),
        (max, all) => {
          const slices = slicesOf(all, max);
          expect(slices.flat()).toEqual(all);
          for (const { length } of slices) {
            const shares = sharesOf(max, length);
            expect(shares).toHaveLength(length);
            expect(Math.min(...shares)).toBeGreaterThanOrEqual(1);
            expect(shares.reduce((sum, share) => sum + share, 0)).toBe(max);
          }
        },
      ),
    );
  });
});
