import { VirtualClock } from "@sip-push/sip/testing";
import { describe, expect, it } from "vitest";
import { StoreError } from "../store/errors.ts";
import { submission } from "../store/testdata/pushes.ts";
import type { PushSubmission, SubmitResult } from "../store/types.ts";
import { SubmitQueue } from "./submit-queue.ts";

interface Call {
  readonly resolve: (results: SubmitResult[]) => void;
  readonly reject: (error: unknown) => void;
  readonly count: number;
}

/** A store whose commits end when told. */
class SlowStore {
  readonly batches: string[][] = [];
  #running: Call[] = [];
  #waiters: (() => void)[] = [];

  submit(submissions: readonly PushSubmission[]): Promise<SubmitResult[]> {
    this.batches.push(submissions.map(({ pushId }) => pushId));
    const { promise, resolve, reject } = Promise.withResolvers<SubmitResult[]>();
    this.#running.push({ resolve, reject, count: submissions.length });
    for (const waiter of this.#waiters.splice(0)) waiter();
    return promise;
  }

  /** Settles when a call is under way. */
  async called(): Promise<void> {
    if (this.#running.length === 0) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  async commit(): Promise<void> {
    await this.called();
    const call = this.#running.shift();
    call?.resolve(
      Array.from({ length: call.count }, (_, id) => ({ result: "accepted", id, rejected: [], held: null })),
    );
  }

  async fail(error: unknown): Promise<void> {
    await this.called();
    this.#running.shift()?.reject(error);
  }
}

const names = (count: number, prefix = "p"): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

describe("submissions", () => {
  it("of one turn share a call, and so do all that come while it is under way", async () => {
    const store = new SlowStore();
    const queue = new SubmitQueue(store, new VirtualClock());
    const first = names(3).map((id) => queue.add(submission(id)));
    await store.called();
    const second = names(4, "q").map((id) => queue.add(submission(id)));
    await store.commit();
    await Promise.all(first);
    await store.called();
    expect(store.batches).toEqual([names(3), names(4, "q")]);
    await store.commit();
    const results = await Promise.all(second);
    expect(results.map(({ result }) => result)).toMatchObject([{ id: 0 }, { id: 1 }, { id: 2 }, { id: 3 }]);
    expect(results[0]?.atMs).toBe(Date.UTC(2026, 0, 1));
  });

  it("go in several calls when they are many, or large", async () => {
    const store = new SlowStore();
    const queue = new SubmitQueue(store, new VirtualClock());
    const content = new Uint8Array(3_000_000);
    const all = [
      ...names(600).map((id) => queue.add(submission(id))),
      ...["x", "y"].map((id) => queue.add(submission(id, { content }))),
    ];
    for (let i = 0; i < 3; i++) await store.commit();
    await Promise.all(all);
    expect(store.batches.map(({ length }) => length)).toEqual([512, 89, 1]);
  });

  it("fail together when the store does not answer, and the next are tried anew", async () => {
    const store = new SlowStore();
    const queue = new SubmitQueue(store, new VirtualClock());
    const failed = Promise.allSettled(names(2).map((id) => queue.add(submission(id))));
    await store.fail(new StoreError("STORE_UNAVAILABLE", "gone"));
    expect((await failed).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    const next = queue.add(submission("next"));
    await store.commit();
    await expect(next).resolves.toMatchObject({ result: { result: "accepted" } });
  });

  it("fail alone when one is at fault", async () => {
    const store = new SlowStore();
    const queue = new SubmitQueue(store, new VirtualClock());
    const settled = Promise.allSettled(names(3).map((id) => queue.add(submission(id))));
    await store.fail(new StoreError("STORE_BAD_INPUT", "one of them"));
    await store.commit();
    await store.fail(new StoreError("STORE_BAD_INPUT", "this one"));
    await store.commit();
    expect((await settled).map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(store.batches).toEqual([names(3), ["p0"], ["p1"], ["p2"]]);
  });
});
