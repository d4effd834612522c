import { describe, expect, it } from "vitest";
import { DestinationWindow } from "./window.ts";

describe("in-flight window per destination", () => {
  it("lets in up to its limit, queues up to the next, refuses and counts the rest", async () => {
    const window = new DestinationWindow({ maxInFlight: 2, maxWaiting: 1 });
    const first = [window.enter("a"), window.enter("a"), window.enter("a"), window.enter("a")];
    expect([first[0], first[1], first[3], window.refused]).toEqual([true, true, false, 1]);
    window.leave("a");
    expect(await first[2]).toBe(true);
  });

  it("keeps destinations apart", () => {
    const window = new DestinationWindow({ maxInFlight: 1, maxWaiting: 0 });
    expect([window.enter("a"), window.enter("b"), window.enter("a")]).toEqual([true, true, false]);
  });

  it("lets those that wait in by the order they came, thousands of them", async () => {
    const window = new DestinationWindow({ maxInFlight: 1, maxWaiting: 5000 });
    expect(window.enter("a")).toBe(true);
    const order: number[] = [];
    const all = Array.from({ length: 5000 }, (_, i) =>
      Promise.resolve(window.enter("a")).then(() => {
        order.push(i);
        window.leave("a");
      }),
    );
    window.leave("a");
    await Promise.all(all);
    expect(order).toEqual(Array.from({ length: 5000 }, (_, i) => i));
    expect(window.enter("a")).toBe(true);
  });
});

describe("giving up while waiting for a place", () => {
  it("ends at once with false, frees the place in the queue and leaves no listener", async () => {
    const window = new DestinationWindow({ maxInFlight: 1, maxWaiting: 1 });
    expect(window.enter("a")).toBe(true);
    const abort = new AbortController();
    const first = window.enter("a", abort.signal);
    expect(window.enter("a")).toBe(false);
    abort.abort();
    expect(await first).toBe(false);
    const second = window.enter("a");
    window.leave("a");
    expect(await second).toBe(true);
    window.leave("a");
    expect(window.enter("a")).toBe(true);
  });

  it("keeps order and count when thousands give up", async () => {
    const window = new DestinationWindow({ maxInFlight: 1, maxWaiting: 10_000 });
    expect(window.enter("a")).toBe(true);
    const aborts = Array.from({ length: 5000 }, () => new AbortController());
    const all = aborts.map(({ signal }) => window.enter("a", signal));
    for (const [i, abort] of aborts.entries()) if (i % 5 !== 0) abort.abort();
    const admitted: number[] = [];
    const done = all.map(async (entered, i) => {
      if (!(await entered)) return;
      admitted.push(i);
      window.leave("a");
    });
    window.leave("a");
    await Promise.all(done);
    expect(admitted).toEqual(Array.from({ length: 1000 }, (_, i) => i * 5));
    expect(window.enter("a")).toBe(true);
  });
});
