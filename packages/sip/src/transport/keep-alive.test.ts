import { describe, expect, it } from "vitest";
import { VirtualClock } from "../testing/virtual-clock.ts";
import { IdleTimer, KeepAlive } from "./keep-alive.ts";

describe("KeepAlive (RFC 5626 §4.4)", () => {
  const start = (random: () => number): { clock: VirtualClock; keepAlive: KeepAlive; heard: string[] } => {
    const clock = new VirtualClock();
    const heard: string[] = [];
    const say = (what: string) => (): void => void heard.push(`${what} ${clock.now()}`);
    return { clock, keepAlive: new KeepAlive({ clock, random, ping: say("ping"), dead: say("dead") }), heard };
  };

  it("pings at random 80 to 100 % of the interval", async () => {
    const chances = [0, 0.5, 0.999_999, 0];
    const { clock, keepAlive, heard } = start(() => chances.shift() ?? 0);
    keepAlive.start(5000);
    await clock.advance(14_000);
    expect(heard.map((each) => each.replace(/\.\d+$/, ""))).toEqual([
      "ping 4000",
      "ping 8500",
      "ping 13499",
      "dead 14000",
    ]);
  });

  it("counts the 10 seconds from the first ping without a pong, and starts anew after one", async () => {
    const { clock, keepAlive, heard } = start(() => 0);
    keepAlive.start(5000);
    await clock.advance(13_999);
    keepAlive.pong();
    await clock.advance(12_000);
    expect(heard.filter((each) => each.startsWith("dead"))).toEqual([]);
    await clock.advance(1);
    expect(heard.filter((each) => each.startsWith("dead"))).toEqual(["dead 26000"]);
  });

  it("takes no silence for the end when no pong is expected (§4.4), and does again when one is", async () => {
    const { clock, keepAlive, heard } = start(() => 0);
    keepAlive.start(5000, false);
    await clock.advance(30_000);
    expect(heard).toHaveLength(7);
    keepAlive.start(5000);
    await clock.advance(14_000);
    expect(heard.at(-1)).toBe("dead 44000");
    keepAlive.stop();
  });

  it("takes a new interval instead of the old one, and 0 as the end", async () => {
    const { clock, keepAlive, heard } = start(() => 0);
    keepAlive.start(1000);
    keepAlive.start(10_000);
    await clock.advance(8000);
    expect(heard).toEqual(["ping 8000"]);
    keepAlive.start(0);
    expect(clock.pendingTimers).toBe(0);
    keepAlive.start(Number.NaN);
    expect(clock.pendingTimers).toBe(0);
  });

  it("never asks for a timer that Node would fire at once", () => {
    const clock = new VirtualClock();
    const delays: number[] = [];
    const schedule: VirtualClock["schedule"] = (delayMs, fire) => {
      delays.push(delayMs);
      return clock.schedule(delayMs, fire);
    };
    const watched = { now: () => 0, date: () => clock.date(), schedule };
    new KeepAlive({ clock: watched, random: () => 0.999, ping: () => {} }).start(Number.POSITIVE_INFINITY);
    new IdleTimer(watched, Number.POSITIVE_INFINITY, () => {}).stop();
    expect(Math.max(...delays)).toBeLessThanOrEqual(2 ** 31 - 1);
  });
});

describe("IdleTimer", () => {
  it("fires once, so long after the last touch, with one timer at a time", async () => {
    const clock = new VirtualClock();
    let fired = 0;
    const idle = new IdleTimer(clock, 1000, () => fired++);
    await clock.advance(900);
    idle.touch();
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(999);
    expect(fired).toBe(0);
    await clock.advance(1);
    expect(fired).toBe(1);
    expect(clock.pendingTimers).toBe(0);
  });
});
