import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { Pending } from "./pending.ts";

describe("Pending", () => {
  it("counts each promise until it settles, however it does", async () => {
    const pending = new Pending();
    const [first, second] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
    const [told, refused] = [pending.add(first.promise), pending.add(second.promise)];
    expect(pending.size).toBe(2);
    first.resolve("told");
    expect(await told).toBe("told");
    expect(pending.size).toBe(1);
    second.reject(new Error("refused"));
    await expect(refused).rejects.toThrow("refused");
    expect(pending.size).toBe(0);
  });

  it("counts the same promise as often as it was added", async () => {
    const pending = new Pending();
    const { promise, resolve } = Promise.withResolvers<void>();
    const added = [pending.add(promise), pending.add(promise)];
    expect(pending.size).toBe(2);
    resolve();
    await Promise.all(added);
    expect(pending.size).toBe(0);
  });

  it("has none at first", async () => {
    const pending = new Pending();
    await expect(pending.none()).resolves.toBeUndefined();
    expect(pending.size).toBe(0);
  });

  it("waits for all, those included that are added meanwhile", async () => {
    const pending = new Pending();
    const gates = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
    const settled: number[] = [];
    const add = (index: number): void => {
      // Each adds the next when it is over, as work does that leads to more.
      const gate = gates[index]?.promise.then(() => {
        settled.push(index);
        if (index < gates.length - 1) add(index + 1);
      });
      if (gate !== undefined) void pending.add(gate);
    };
    add(0);
    let none = false;
    const waited = pending.none().then(() => (none = true));
    for (const [index, { resolve }] of gates.entries()) {
      await nextTurn();
      expect([none, pending.size, settled.length]).toEqual([false, 1, index]);
      resolve();
    }
    await waited;
    expect([settled, pending.size]).toEqual([[0, 1, 2, 3], 0]);
  });

  it("waits for one that is added while it waits for another", async () => {
    const pending = new Pending();
    const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    void pending.add(first.promise);
    let none = false;
    const waited = pending.none().then(() => (none = true));
    void pending.add(second.promise);
    first.resolve();
    await nextTurn();
    expect(none).toBe(false);
    second.resolve();
    await waited;
  });

  it("waits also for what is rejected, and leaves the rejection to who holds the promise", async () => {
    const pending = new Pending();
    const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const refused = pending.add(first.promise);
    const other = pending.add(second.promise);
    let none = false;
    const waited = pending.none().then(() => (none = true));
    first.reject(new Error("refused"));
    await nextTurn();
    expect([none, pending.size]).toEqual([false, 1]);
    second.resolve();
    await waited;
    await expect(refused).rejects.toThrow("refused");
    await expect(other).resolves.toBeUndefined();
  });
});
