import { describe, expect, test } from "vitest";
import { VirtualClock } from "../testing/index.ts";
import type { Target } from "../transport/transport.ts";
import { TargetHealth } from "./target-health.ts";

const target = (last: number, port = 5060): Target => ({ transport: "UDP", address: `192.0.2.${last}`, port });

async function order(health: TargetHealth, targets: Iterable<Target> | AsyncIterable<Target>): Promise<string[]> {
  const found: string[] = [];
  for await (const { address } of health.order(targets)) found.push(address.slice(8));
  return found;
}

describe("TargetHealth (RFC 3263 §4.3, RFC 3261 §21.5.4)", () => {
  const four = [target(1), target(2), target(3), target(4)];

  test("keeps the order while nothing has failed", async () => {
    expect(await order(new TargetHealth({ clock: new VirtualClock() }), four)).toEqual(["1", "2", "3", "4"]);
  });

  test("tries failed targets last, the one that is free soonest first, until their time is over", async () => {
    const clock = new VirtualClock();
    const health = new TargetHealth({ clock });
    health.failed(target(1), 30_000);
    health.failed(target(3), 10_000);
    expect(await order(health, four)).toEqual(["2", "4", "3", "1"]);
    expect(health.avoidMs(target(1))).toBe(30_000);
    await clock.advance(9_999);
    expect(health.avoidMs(target(3))).toBe(1);
    await clock.advance(1);
    expect(await order(health, four)).toEqual(["2", "3", "4", "1"]);
    await clock.advance(20_000);
    expect(await order(health, four)).toEqual(["1", "2", "3", "4"]);
  });

  test("gives all of them when all have failed", async () => {
    const health = new TargetHealth({ clock: new VirtualClock() });
    for (const each of four) health.failed(each, 1000);
    expect(await order(health, four)).toEqual(["1", "2", "3", "4"]);
  });

  test("tells targets apart by transport, address and port", () => {
    const health = new TargetHealth({ clock: new VirtualClock() });
    health.failed(target(1), 1000);
    expect(health.avoidMs({ ...target(1), serverName: "example.com" })).toBe(1000);
    expect(health.avoidMs({ ...target(1), transport: "TCP" })).toBe(0);
    expect(health.avoidMs(target(1, 5062))).toBe(0);
  });

  test("a shorter failure does not cut a longer one, and an answer ends it", () => {
    const health = new TargetHealth({ clock: new VirtualClock() });
    health.failed(target(1), 60_000);
    health.failed(target(1), 1000);
    expect(health.avoidMs(target(1))).toBe(60_000);
    health.recovered(target(1));
    expect(health.avoidMs(target(1))).toBe(0);
  });

  test("a Retry-After of years counts as an hour; none, or one of zero, as nothing", () => {
    const health = new TargetHealth({ clock: new VirtualClock() });
    health.failed(target(1), 0xffff_ffff * 1000);
    expect(health.avoidMs(target(1))).toBe(3_600_000);
    for (const nothing of [0, -5, Number.NaN]) health.failed(target(2), nothing);
    expect(health.avoidMs(target(2))).toBe(0);
    expect(health.size).toBe(1);
  });

  test("remembers a bounded number: what is over goes first, then the oldest", async () => {
    const clock = new VirtualClock();
    const health = new TargetHealth({ clock, maxTargets: 2 });
    health.failed(target(1), 60_000);
    health.failed(target(2), 1000);
    await clock.advance(1000);
    health.failed(target(3), 60_000);
    expect([1, 2, 3].map((each) => health.avoidMs(target(each)) > 0)).toEqual([true, false, true]);
    health.failed(target(4), 60_000);
    expect([1, 3, 4].map((each) => health.avoidMs(target(each)) > 0)).toEqual([false, true, true]);
    expect(health.size).toBe(2);
  });

  test("draws targets one by one, and stops the source when its user stops", async () => {
    const drawn: number[] = [];
    let stopped = false;
    async function* source(): AsyncGenerator<Target> {
      try {
        for (let i = 1; i <= 4; i++) {
          drawn.push(i);
          yield target(i);
        }
      } finally {
        stopped = true;
      }
    }
    const health = new TargetHealth({ clock: new VirtualClock() });
    health.failed(target(1), 1000);
    for await (const { address } of health.order(source())) {
      expect(address).toBe("192.0.2.2");
      break;
    }
    expect(drawn).toEqual([1, 2]);
    expect(stopped).toBe(true);
  });
});
