import { type DeliveryState, isFinal } from "../../delivery/delivery.machine.ts";
import { LOOK_AGAIN_MS } from "../take-back.ts";

interface ModelDelivery {
  readonly pushId: string;
  readonly user: string;
  state: DeliveryState;
  dueAtMs: number;
  owner: string | null;
  attempts: number;
  cancelRequested: boolean;
  behind: ModelDelivery | undefined;
}

/** What the store is to do, in its simplest form: arrays that are searched. One initiator, one priority. */
export class MemoryModel {
  readonly deliveries: ModelDelivery[] = [];
  /** Results that wait to be told, per push in order. */
  readonly results = new Map<string, string[]>();
  readonly #pushIds = new Set<string>();

  submit(pushId: string, users: readonly string[], nowMs: number, replace: Replace): string {
    if (this.#pushIds.has(pushId)) return "duplicate";
    let rejected: readonly string[] = [];
    const behind = new Map<string, ModelDelivery | undefined>();
    if (replace !== null) {
      if (!this.#pushIds.has(replace.pushId)) return "replacedNotFound";
      const waits = (old: ModelDelivery | undefined) => this.#waiting(old) || old?.state === "sending";
      if (replace.method === "pending-only") rejected = users.filter((user) => !waits(this.#of(replace.pushId, user)));
      if (rejected.length === users.length) return "nothingToReplace";
      for (const user of users.filter((each) => !rejected.includes(each))) {
        const old = this.#of(replace.pushId, user);
        behind.set(user, old?.state === "sending" ? old : this.#waiting(old) ? old?.behind : undefined);
        this.#takeBack(old);
      }
    }
    this.#pushIds.add(pushId);
    for (const user of users) {
      const delivery: ModelDelivery = {
        pushId,
        user,
        state: "pending",
        dueAtMs: nowMs,
        owner: null,
        attempts: 0,
        cancelRequested: false,
        behind: behind.get(user),
      };
      this.deliveries.push(delivery);
      if (rejected.includes(user)) this.#finish(delivery, "rejected");
    }
    return "accepted";
  }

  claim(owner: string, nowMs: number, limit: number, leaseMs: number): ModelDelivery[] {
    const due = this.deliveries.filter((each) => !isFinal(each.state) && each.dueAtMs <= nowMs);
    const found = due.toSorted((a, b) => a.dueAtMs - b.dueAtMs).slice(0, limit);
    const claimed = found.filter(({ behind }) => behind?.state !== "sending");
    for (const each of found) if (!claimed.includes(each)) each.dueAtMs = nowMs + LOOK_AGAIN_MS;
    for (const each of claimed) {
      if (each.state !== "waiting-report") {
        each.state = "sending";
        each.attempts += 1;
      }
      each.owner = owner;
      each.dueAtMs = nowMs + leaseMs;
    }
    return claimed;
  }

  advance(delivery: ModelDelivery, to: DeliveryState, dueAtMs: number): string {
    if (delivery.cancelRequested && to === "retry-wait") return "cancelRequested";
    delivery.owner = null;
    if (isFinal(to)) this.#finish(delivery, to);
    else Object.assign(delivery, { state: to, dueAtMs });
    return "done";
  }

  cancel(pushId: string): string[] | undefined {
    if (!this.#pushIds.has(pushId)) return undefined;
    return this.deliveries.filter((each) => each.pushId === pushId).map((each) => this.#takeBack(each));
  }

  /** The first result of each push that has one, told. */
  tell(): string[] {
    return [...this.results].flatMap(([pushId, users]) => {
      const user = users.shift();
      return user === undefined ? [] : [`${pushId} ${user}`];
    });
  }

  snapshot(): string[] {
    return this.deliveries.map((each) => lineOf(each)).sort();
  }

  #of(pushId: string, user: string): ModelDelivery | undefined {
    return this.deliveries.find((each) => each.pushId === pushId && each.user === user);
  }

  #waiting(delivery: ModelDelivery | undefined): boolean {
    return delivery?.state === "pending" || delivery?.state === "retry-wait";
  }

  #takeBack(delivery: ModelDelivery | undefined): string {
    if (delivery === undefined) return "addressNotFound";
    if (this.#waiting(delivery)) {
      this.#finish(delivery, "cancelled");
      return "cancelled";
    }
    if (delivery.state !== "sending") return "notPossible";
    delivery.cancelRequested = true;
    return "requested";
  }

  #finish(delivery: ModelDelivery, state: DeliveryState): void {
    delivery.state = state;
    const queue = this.results.get(delivery.pushId) ?? [];
    queue.push(delivery.user);
    this.results.set(delivery.pushId, queue);
  }
}

export type Replace = { readonly pushId: string; readonly method: "pending-only" | "all" } | null;

/** One delivery in a line, to be compared. */
export function lineOf(each: Omit<ModelDelivery, "dueAtMs" | "behind">): string {
  const { pushId, user, state, owner, attempts, cancelRequested } = each;
  return [pushId, user, state, owner, attempts, cancelRequested].join(" ");
}
