import { hash } from "node:crypto";
import type { PushInitiator, PushOutcome, PushResult, PushSubmission } from "@sip-push/initiator";
import type { PushEvent } from "@sip-push/receiver";

/** What is known of one push for one recipient. */
interface Entry {
  readonly pushId: string;
  readonly address: string;
  /** How often the application of the handset got it. */
  seen: number;
  /** Each different result that was told: state and code. */
  readonly told: string[];
}

interface Written {
  readonly entries: ReadonlyMap<string, Entry>;
  accepted: boolean;
  /** The gateway may have it, and its answer was lost. */
  lostAnswers: number;
}

/** States that are not left. PAP 2.x. */
const finalStates: readonly string[] = [
  ...["delivered", "undeliverable", "expired", "aborted", "timeout", "cancelled", "rejected", "unknown"],
];
/** What a push may be of which its handset has the content: nobody may be told that it has not. */
const arrivedStates: readonly string[] = ["delivered", "unknown"];
/** Failures after which the gateway may have the push all the same. */
const lostReasons: readonly string[] = ["timeout", "disconnected", "aborted", "bad-answer"];
const DUPLICATE_PUSH_ID = 2007;
const MAX_FAULTS = 20;
const QUERIES_AT_A_TIME = 16;

/** What a ledger counted. `accepted`, `seen` and `told` count recipients, `submitted` the requests, `repeated` the results told again. */
export interface LedgerCounts {
  readonly pushes: number;
  readonly submitted: number;
  readonly lostAnswers: number;
  readonly duplicateAnswers: number;
  /** Answers that asked to come again. */
  readonly refused: number;
  readonly accepted: number;
  readonly seen: number;
  readonly told: number;
  readonly repeated: number;
}

/** The books of a push initiator and of the applications on the handsets: what was accepted, seen and told, and what does not fit. */
export class PushLedger {
  readonly #written = new Map<string, Written>();
  readonly #byContent = new Map<string, string>();
  readonly #faults: string[] = [];
  readonly #lookers = new Set<() => void>();
  /** Recipients of accepted pushes that have no result yet. */
  #open = 0;
  readonly #counts = {
    ...{ pushes: 0, submitted: 0, lostAnswers: 0, duplicateAnswers: 0, refused: 0 },
    ...{ accepted: 0, seen: 0, told: 0, repeated: 0 },
  };

  get counts(): LedgerCounts {
    return { ...this.#counts };
  }

  /** Each accepted push has its result for each recipient. */
  get settled(): boolean {
    return this.#open === 0;
  }

  /** Resolves when it is so; looks after each event. Rejects, with what there is, when that is not in time. */
  until(what: string, holds: () => boolean, timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (!holds()) return;
        this.#lookers.delete(look);
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#lookers.delete(look);
        const missing = [...this.#entries()].filter(({ told }) => told.length === 0).slice(0, MAX_FAULTS);
        const without = missing.map(({ pushId, address, seen }) => `${pushId} ${address} (seen ${seen})`).join("\n");
        const counts = JSON.stringify({ ...this.#counts, ...this.states });
        reject(new Error(`not within ${timeoutMs} ms: ${what}; ${counts}\nwithout a result:\n${without}`));
      }, timeoutMs);
      this.#lookers.add(look);
      look();
    });
  }

  /** A push is about to be submitted for the first time. */
  write({ pushId, addresses, content }: PushSubmission): void {
    const entries = new Map(addresses.map((address) => [address, { pushId, address, seen: 0, told: [] }]));
    this.#written.set(pushId, { entries, accepted: false, lostAnswers: 0 });
    this.#byContent.set(hash("sha256", content.body, "hex"), pushId);
    this.#counts.pushes++;
  }

  submitted(): void {
    this.#counts.submitted++;
    this.#look();
  }

  /** An answer came, or none. True: the push is accepted, and not to be submitted again. */
  answered(outcome: PushOutcome): boolean {
    const { pushId } = outcome;
    const push = this.#written.get(pushId);
    if (push === undefined) throw new Error(`${pushId} was not submitted`);
    if (outcome.kind === "failed" && lostReasons.includes(outcome.reason)) {
      push.lostAnswers++;
      this.#counts.lostAnswers++;
    }
    const isDuplicate = outcome.kind === "refused" && outcome.papCode === DUPLICATE_PUSH_ID;
    if (isDuplicate) this.#counts.duplicateAnswers++;
    // A gateway that says 4001 does not know either, when the connection to its database broke while it committed.
    if (outcome.kind === "refused" && outcome.retryable) {
      push.lostAnswers++;
      this.#counts.refused++;
    }
    if (isDuplicate && push.lostAnswers === 0) this.fault(`${pushId}: a duplicate, although no answer was lost`);
    if (outcome.kind !== "answered" && !isDuplicate) {
      if (!outcome.retryable) this.fault(`${pushId}: ${JSON.stringify(outcome)}`);
      this.#look();
      return !outcome.retryable;
    }
    push.accepted = true;
    this.#counts.accepted += push.entries.size;
    this.#open += [...push.entries.values()].filter(({ told }) => told.length === 0).length;
    this.#look();
    return true;
  }

  /** The application of a handset got a push. */
  saw({ sha256 }: PushEvent, aor: string): void {
    const pushId = this.#byContent.get(sha256) ?? "";
    const entry = this.#written.get(pushId)?.entries.get(aor);
    if (entry === undefined) this.fault(`${aor} got ${sha256} (${pushId}), which was not pushed to it`);
    else if (++entry.seen > 1) this.fault(`${pushId}: ${aor} got it ${entry.seen} times`);
    this.#counts.seen++;
    this.#look();
  }

  /** The gateway told a result. */
  heard({ pushId, address, messageState, code, isRepetition }: PushResult): void {
    const push = this.#written.get(pushId);
    const entry = push?.entries.get(address);
    if (push === undefined || entry === undefined) return this.fault(`${pushId} ${address}: told, never submitted`);
    const result = `${messageState} ${code}`;
    if (isRepetition) this.#counts.repeated++;
    if (entry.told.includes(result)) return this.#look();
    if (!finalStates.includes(messageState)) this.fault(`${pushId} ${address}: ${result} is no final state`);
    if (entry.told.push(result) > 1) this.fault(`${pushId} ${address}: ${entry.told.join(", then ")}`);
    else {
      this.#counts.told++;
      if (push.accepted) this.#open--;
    }
    this.#look();
  }

  fault(problem: string): void {
    if (this.#faults.length < MAX_FAULTS) this.#faults.push(problem);
  }

  /** How often each state was told. */
  get states(): Readonly<Record<string, number>> {
    const states: Record<string, number> = {};
    for (const { told } of this.#entries()) for (const each of told) states[each] = (states[each] ?? 0) + 1;
    return states;
  }

  /** Asks for the status of every push, and returns all that does not fit; nothing when all is well. */
  async faults(initiator: PushInitiator): Promise<readonly string[]> {
    for (const [pushId, { accepted }] of this.#written) {
      if (!accepted) this.fault(`${pushId} was never accepted`);
    }
    for (const entry of this.#entries()) this.#check(entry);
    const pushes = this.#written.entries();
    const ask = async (): Promise<void> => {
      for (const [pushId, { entries }] of pushes) await this.#compare(initiator, pushId, entries);
    };
    await Promise.all(Array.from({ length: QUERIES_AT_A_TIME }, ask));
    return [...this.#faults];
  }

  #check({ pushId, address, seen, told }: Entry): void {
    const [result = ""] = told;
    const [state = ""] = result.split(" ");
    if (told.length === 0) this.fault(`${pushId} ${address}: lost; its handset got it ${seen} times`);
    else if (state === "delivered" && seen !== 1) this.fault(`${pushId} ${address}: delivered, and got ${seen} times`);
    else if (seen > 0 && !arrivedStates.includes(state))
      this.fault(`${pushId} ${address}: ${result}, although it arrived`);
  }

  async #compare(initiator: PushInitiator, pushId: string, entries: ReadonlyMap<string, Entry>): Promise<void> {
    const outcome = await initiator.status({ pushId });
    if (outcome.kind !== "answered") return this.fault(`${pushId}: no status: ${JSON.stringify(outcome)}`);
    const states = new Map<string, string>();
    for (const { addresses, messageState, code } of outcome.response.statusQueryResults) {
      for (const address of addresses) states.set(address, `${messageState} ${code}`);
    }
    for (const { address, told } of entries.values()) {
      const state = states.get(address);
      if (state !== told[0]) this.fault(`${pushId} ${address}: told ${told[0]}, asked for ${state}`);
    }
  }

  *#entries(): Iterable<Entry> {
    for (const { entries } of this.#written.values()) yield* entries.values();
  }

  #look(): void {
    for (const look of this.#lookers) look();
  }
}
