import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "./clock.ts";

describe("system clock", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it.each([
    ["a second", 1000],
    ["60 days, longer than a timer of Node's can be", 60 * 86_400_000],
  ])("fires once after %s, not before", (_, delayMs) => {
    const fire = vi.fn<() => void>();
    systemClock.schedule(delayMs, fire);
    vi.advanceTimersByTime(delayMs - 1);
    expect(fire).not.toHaveBeenCalled();
    vi.advanceTimersByTime(2);
    expect(fire).toHaveBeenCalledOnce();
    vi.advanceTimersByTime(delayMs);
    expect(fire).toHaveBeenCalledOnce();
  });

  it("does not fire what was cancelled, also behind the longest timer", () => {
    const fire = vi.fn<() => void>();
    const timer = systemClock.schedule(60 * 86_400_000, fire);
    vi.advanceTimersByTime(30 * 86_400_000);
    timer.cancel();
    vi.advanceTimersByTime(60 * 86_400_000);
    expect(fire).not.toHaveBeenCalled();
  });
});
