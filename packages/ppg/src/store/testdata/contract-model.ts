import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DeliveryState } from "../../delivery/delivery.machine.ts";
import type { PpgStore } from "../store.ts";
import type { ClaimedDelivery } from "../types.ts";
import { lineOf, MemoryModel, type Replace } from "./memory-model.ts";
import { claimAs, LEASE_MS, outcome, submission, t0, to } from "./pushes.ts";
import type { StoreRig } from "./rig.ts";

const RUNS = 25;
const users = ["a", "b", "c"];
const ids = ["p", "q", "r", "s"];

const replace: fc.Arbitrary<Replace> = fc.option(
  fc.record({ pushId: fc.constantFrom(...ids), method: fc.constantFrom("pending-only" as const, "all" as const) }),
);
const quickStep = fc.oneof(
  fc.record({
    kind: fc.constant("submit" as const),
    pushId: fc.constantFrom(...ids),
    users: fc.subarray(users, { minLength: 1 }),
    replace,
  }),
  fc.record({ kind: fc.constant("claim" as const), owner: fc.constantFrom("n1", "n2"), limit: fc.nat(4) }),
  fc.record({
    kind: fc.constant("advance" as const),
    which: fc.nat(20),
    to: fc.constantFrom<DeliveryState>("delivered", "undeliverable", "retry-wait", "waiting-report"),
  }),
  fc.record({ kind: fc.constant("cancel" as const), pushId: fc.constantFrom(...ids) }),
  fc.record({ kind: fc.constant("tell" as const) }),
  fc.record({ kind: fc.constant("pass" as const), ms: fc.constantFrom(1, 1_000, LEASE_MS) }),
);
/** Opening takes longer than all other steps together. */
const operation = fc.oneof(
  { arbitrary: quickStep, weight: 40 },
  { arbitrary: fc.record({ kind: fc.constant("reopen" as const) }), weight: 1 },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/** Runs operations on both, and compares what each call says and what is kept after it. */
class Comparison {
  readonly #model = new MemoryModel();
  readonly #initiator: string;
  readonly #rig: StoreRig;
  #nowMs = t0;
  /** What each node holds, or believes that it does. */
  #held: ClaimedDelivery[] = [];

  constructor(rig: StoreRig, initiator: string) {
    this.#rig = rig;
    this.#initiator = initiator;
  }

  get #store(): PpgStore {
    return this.#rig.store;
  }

  async run(step: Operation): Promise<void> {
    this.#nowMs += 1;
    await this.#perform(step);
    const found = await this.#store.find({ limit: 1_000, initiator: this.#initiator });
    const kept = found.deliveries.map((each) => lineOf({ ...each, user: userOf(each.recipient) }));
    expect(kept.sort()).toEqual(this.#model.snapshot());
  }

  /** Ends all that is left, so that the next run finds nothing due. */
  async finish(): Promise<void> {
    this.#nowMs += 2 * LEASE_MS;
    for (const each of await this.#store.claim(claimAs("end", this.#nowMs))) await this.#store.advance([outcome(each)]);
    for (let told = 1; told > 0; ) told = (await this.#tell()).length;
  }

  async #perform(step: Operation): Promise<void> {
    switch (step.kind) {
      case "submit": {
        const { pushId, users: targets, replace: replaced } = step;
        const changes = {
          initiator: this.#initiator,
          recipients: to(...targets),
          replace: replaced,
          notifyUrl: "http://pi",
        };
        const [result] = await this.#store.submit([submission(pushId, changes)], this.#nowMs);
        expect(result?.result).toBe(this.#model.submit(pushId, targets, this.#nowMs, replaced));
        return;
      }
      case "claim": {
        const { owner, limit } = step;
        const claimed = await this.#store.claim(claimAs(owner, this.#nowMs, limit + 1));
        const expected = this.#model.claim(owner, this.#nowMs, limit + 1, LEASE_MS);
        expect(claimed.map(nameOf)).toEqual(expected.map(({ pushId, user }) => `${pushId} ${user}`));
        this.#held = [...this.#held.filter((each) => !claimed.some(({ id }) => id === each.id)), ...claimed];
        return;
      }
      case "advance":
        return this.#advance(step.which, step.to);
      case "cancel": {
        const result = await this.#store.cancel({ initiator: this.#initiator, pushId: step.pushId }, this.#nowMs);
        expect(result?.map(({ verdict }) => verdict)).toEqual(this.#model.cancel(step.pushId));
        return;
      }
      case "tell":
        expect((await this.#tell()).sort()).toEqual(this.#model.tell().sort());
        return;
      case "pass":
        this.#nowMs += step.ms;
        return;
      case "reopen":
        await this.#rig.reopen();
    }
  }

  async #advance(which: number, state: DeliveryState): Promise<void> {
    const [lease] = this.#held.splice(which % Math.max(this.#held.length, 1), 1);
    if (lease === undefined) return;
    const delivery = this.#model.deliveries.find((each) => `${each.pushId} ${each.user}` === nameOf(lease));
    if (delivery === undefined) throw new Error("the model has no such delivery");
    const live = state === "retry-wait" || state === "waiting-report";
    const dueAtMs = this.#nowMs + 1_000;
    const change = { to: state, atMs: this.#nowMs, dueAtMs: live ? dueAtMs : null };
    const [result] = await this.#store.advance([outcome(lease, change)]);
    const expected = this.#model.advance(delivery, state, dueAtMs);
    expect(result?.result).toBe(expected);
    if (expected !== "done") this.#held.push(lease);
  }

  async #tell(): Promise<string[]> {
    const all = await this.#store.claimNotifications(claimAs("n1", this.#nowMs));
    await this.#store.settleNotifications(
      all.map((notification) => ({ notification, verdict: "accepted", atMs: this.#nowMs })),
    );
    return all.map(({ pushId, address }) => `${pushId} ${/=(\w+)\//.exec(address)?.[1]}`);
  }
}

const userOf = (recipient: string): string => recipient.slice(4, recipient.indexOf("@"));
const nameOf = (claimed: ClaimedDelivery): string => `${claimed.content.pushId} ${userOf(claimed.recipient)}`;

/** Random operations, against {@link MemoryModel}. */
export function describeModel(rig: StoreRig): void {
  describe("random operations", () => {
    it("do what a list in memory does", { timeout: 60_000 }, async () => {
      let run = 0;
      const property = fc.asyncProperty(fc.array(operation, { minLength: 5, maxLength: 40 }), async (operations) => {
        const comparison = new Comparison(rig, `pi${run++}`);
        try {
          for (const each of operations) await comparison.run(each);
        } finally {
          await comparison.finish();
        }
      });
      await fc.assert(property, { numRuns: RUNS });
      expect(run).toBeGreaterThanOrEqual(RUNS);
    });
  });
}
