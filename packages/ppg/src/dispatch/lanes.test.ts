import type { Priority } from "@sip-push/pap";
import { describe, expect, it } from "vitest";
import type { Flight } from "./flight.ts";
import { Lanes } from "./lanes.ts";

const flight = (id: number, priority: Priority = "medium", recipient = "sip:bob@home.test"): Flight =>
  ({ delivery: { id, priority, recipient }, beganMs: 0 }) as Flight;

/** Ids in the order of their turns, the first of which has been taken. */
function turnsAfter(lanes: Lanes, first: Flight): number[] {
  const ids: number[] = [];
  for (let next = lanes.leave(first); next !== undefined; next = lanes.leave(next)) ids.push(next.delivery.id);
  return ids;
}

describe("turns of deliveries to one recipient", () => {
  it("come one after the other; other recipients do not wait", () => {
    const lanes = new Lanes(10);
    expect([lanes.enter(flight(1), 0), lanes.enter(flight(2), 0)]).toEqual(["now", "waits"]);
    expect(lanes.enter(flight(3, "low", "sip:alice@home.test"), 0)).toBe("now");
    expect(lanes.waiting).toBe(1);
  });

  it("come by priority, then in the order of submission", () => {
    const lanes = new Lanes(10);
    const first = flight(1, "low");
    lanes.enter(first, 0);
    for (const each of [flight(3, "low"), flight(5), flight(2, "low"), flight(7, "high"), flight(4), flight(6, "high")])
      expect(lanes.enter(each, 0)).toBe("waits");
    expect(turnsAfter(lanes, first)).toEqual([6, 7, 4, 5, 2, 3]);
    expect(lanes.waiting).toBe(0);
  });

  it("where there is no room, the last of them comes back later", () => {
    const lanes = new Lanes(100);
    const first = flight(1);
    lanes.enter(first, 0);
    for (let id = 2; id <= 9; id++) expect(lanes.enter(flight(id, "low"), 0)).toBe("waits");
    const newest = flight(10, "low");
    expect(lanes.enter(newest, 500)).toEqual({ flight: newest, againAtMs: 1_000 });
    expect(lanes.enter(flight(11, "high"), 500)).toMatchObject({ flight: { delivery: { id: 9 } }, againAtMs: 1_500 });
    expect(lanes.waiting).toBe(8);
    expect(turnsAfter(lanes, first)).toEqual([11, 2, 3, 4, 5, 6, 7, 8]);
  });

  it("are bounded over all recipients", () => {
    const lanes = new Lanes(1);
    const [bob, alice] = [flight(1), flight(2, "medium", "sip:alice@home.test")];
    for (const each of [bob, alice]) lanes.enter(each, 0);
    expect(lanes.enter(flight(3), 0)).toBe("waits");
    expect(lanes.enter(flight(4, "high", "sip:alice@home.test"), 0)).toMatchObject({ flight: { delivery: { id: 4 } } });
    expect(lanes.enter(flight(5, "high"), 0)).toMatchObject({ flight: { delivery: { id: 3 } } });
    expect([turnsAfter(lanes, bob), turnsAfter(lanes, alice)]).toEqual([[5], []]);
  });

  it("pass over what was taken out", () => {
    const lanes = new Lanes(10);
    const [first, second, third] = [flight(1), flight(2), flight(3)];
    for (const each of [first, second, third]) lanes.enter(each, 0);
    lanes.remove(second);
    expect(lanes.waiting).toBe(1);
    expect(turnsAfter(lanes, first)).toEqual([3]);
  });
});
