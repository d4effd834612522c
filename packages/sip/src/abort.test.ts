import { describe, expect, it, vi } from "vitest";
import { onAbort } from "./abort.ts";

describe("onAbort", () => {
  it("puts one event listener on a signal, however many wait for it", () => {
    const abort = new AbortController();
    const added = vi.spyOn(abort.signal, "addEventListener");
    const heard: number[] = [];
    const stops = Array.from({ length: 10_000 }, (_, i) => onAbort(abort.signal, () => heard.push(i)));
    stops.slice(1, -1).forEach((stop) => stop());
    abort.abort();
    expect([added.mock.calls.length, heard]).toEqual([1, [0, 9999]]);
  });

  it("calls each once, and none that stopped meanwhile", () => {
    const abort = new AbortController();
    const second = vi.fn<() => void>();
    const first = vi.fn<() => void>(() => stop());
    onAbort(abort.signal, first);
    const stop = onAbort(abort.signal, second);
    abort.abort();
    expect([first.mock.calls.length, second.mock.calls.length]).toEqual([1, 0]);
  });

  it("keeps the same function apart when it waits twice", () => {
    const abort = new AbortController();
    const listener = vi.fn<() => void>();
    onAbort(abort.signal, listener);
    onAbort(abort.signal, listener)();
    abort.abort();
    expect(listener).toHaveBeenCalledTimes(1);
  });

  it("does not call for a signal that is aborted already, like addEventListener", () => {
    const listener = vi.fn<() => void>();
    onAbort(AbortSignal.abort(), listener)();
    expect(listener).not.toHaveBeenCalled();
  });
});
