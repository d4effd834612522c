import { describe, expect, it } from "vitest";
import { Destinations } from "./destinations.ts";

const rule = { maxFailures: 3, initialPauseMs: 1000, maxPauseMs: 4000 };
const told: string[] = [];
const open = (window = 10) => {
  told.length = 0;
  return new Destinations({
    rule,
    window,
    random: () => 0,
    onBreaker: (destination, phase, atMs) => void told.push(`${destination} ${phase} ${atMs}`),
  });
};
const fail = (destinations: Destinations, times: number, nowMs: number) => {
  for (let n = 0; n < times; n++) {
    expect(destinations.admit("core", nowMs)).toEqual({ admitted: true, probe: false });
    destinations.ended("core", "failure", { beganMs: nowMs, probe: false }, nowMs);
  }
};

describe("destinations", () => {
  it("breaks after so many failures in a row, and lets one probe go after the pause", () => {
    const destinations = open();
    fail(destinations, 3, 100);
    expect(destinations.broken).toBe(1);
    expect(destinations.admit("core", 100)).toEqual({ admitted: false, againAtMs: 1100 });
    expect(destinations.admit("other", 100)).toEqual({ admitted: true, probe: false });
    expect(destinations.admit("core", 1100)).toEqual({ admitted: true, probe: true });
    expect(destinations.admit("core", 1100)).toMatchObject({ admitted: false });
    destinations.ended("core", "success", { beganMs: 1100, probe: true }, 1200);
    expect(destinations.admit("core", 1200)).toEqual({ admitted: true, probe: false });
    expect(told).toEqual(["core open 100", "core half-open 1100", "core closed 1200"]);
  });

  it("pauses twice as long when the probe fails, and looks at nothing else meanwhile", () => {
    const destinations = open();
    destinations.admit("core", 0);
    fail(destinations, 3, 100);
    destinations.admit("core", 1100);
    destinations.ended("core", "failure", { beganMs: 0, probe: false }, 1150);
    expect(told).toEqual(["core open 100", "core half-open 1100"]);
    destinations.ended("core", "failure", { beganMs: 1100, probe: true }, 1200);
    expect(destinations.admit("core", 1200)).toEqual({ admitted: false, againAtMs: 3200 });
  });

  it("another probe goes when one was withdrawn", () => {
    const destinations = open();
    fail(destinations, 3, 100);
    destinations.admit("core", 1100);
    destinations.ended("core", "withdrawn", { beganMs: 1100, probe: true }, 1100);
    expect(destinations.admit("core", 1100)).toEqual({ admitted: true, probe: true });
  });

  it("does not count silence of one handset while others are answered", () => {
    const destinations = open();
    for (let n = 0; n < 10; n++) {
      destinations.admit("core", n);
      destinations.admit("core", n);
      destinations.ended("core", "success", { beganMs: n, probe: false }, n + 5);
      destinations.ended("core", "failure", { beganMs: n, probe: false }, n + 32_000);
    }
    expect(destinations.broken).toBe(0);
  });

  it("has a window; what does not fit is spread over the time that its places become free", () => {
    const destinations = open(2);
    destinations.admit("core", 0);
    destinations.admit("core", 0);
    const later = Array.from({ length: 40 }, () => destinations.admit("core", 0));
    const times = later.map((each) => (each.admitted ? 0 : each.againAtMs));
    expect(times[0]).toBe(25);
    expect(times.at(-1)).toBe(1000);
    destinations.ended("core", "success", { beganMs: 0, probe: false }, 50);
    expect(destinations.admit("core", 50).admitted).toBe(true);
  });

  it("remembers only those that are broken or have something under way", () => {
    const destinations = open(1);
    destinations.admit("core", 0);
    destinations.ended("core", "success", { beganMs: 0, probe: false }, 50);
    expect(destinations.size).toBe(0);
  });
});
