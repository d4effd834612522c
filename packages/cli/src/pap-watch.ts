import type { PushInitiator, PushResult } from "@sip-push/initiator";
import { describePapCode, PapError, parsePapAddress } from "@sip-push/pap";
import { type ResultLine, resultLine } from "./pap-output.ts";

/** The recipients of one push, until each has its final result. */
export class ResultWatch {
  readonly #pushId: string;
  readonly #report: (line: ResultLine) => void;
  readonly #addresses: ReadonlySet<string>;
  readonly #missing: Set<string>;
  readonly #all = Promise.withResolvers<void>();
  #allDelivered = true;

  /** @param report hears of every result that comes for the push. */
  constructor(pushId: string, addresses: readonly string[], report: (line: ResultLine) => void) {
    this.#pushId = pushId;
    this.#report = report;
    this.#addresses = new Set(addresses);
    this.#missing = new Set(addresses);
  }

  /** Whether each recipient has the push. */
  get isDelivered(): boolean {
    return this.#missing.size === 0 && this.#allDelivered;
  }

  /** Takes a result notification; one of another push is none of ours. */
  take(result: PushResult): void {
    if (result.pushId === this.#pushId) this.#settle(resultLine(result));
  }

  /** Resolves when all results are there, or when `until` is aborted. */
  async wait(until: AbortSignal): Promise<void> {
    if (this.#missing.size === 0 || until.aborted) return;
    const giveUp = (): void => this.#all.resolve();
    until.addEventListener("abort", giveUp, { once: true });
    await this.#all.promise;
    until.removeEventListener("abort", giveUp);
  }

  /** Asks the gateway for the results that did not come. Null when nothing was missing or it answered. */
  async ask(
    initiator: PushInitiator,
    signal: AbortSignal,
  ): Promise<Awaited<ReturnType<PushInitiator["status"]>> | null> {
    if (this.#missing.size === 0) return null;
    const addresses = [...this.#missing];
    const outcome = await initiator.status({ pushId: this.#pushId, addresses }, { signal });
    if (outcome.kind !== "answered") return outcome;
    for (const { addresses: named, messageState, code, desc, eventTime } of outcome.response.statusQueryResults) {
      // Without an address it holds for all that were asked about.
      for (const address of named.length > 0 ? named : addresses) {
        const description = desc ?? describePapCode(code);
        const line = { pushId: this.#pushId, address, messageState, papCode: code, description };
        this.#settle({ ...line, eventTime: eventTime ?? null });
      }
    }
    return null;
  }

  #settle(line: ResultLine): void {
    this.#report(line);
    if (line.messageState === "pending") return;
    if (!this.#missing.delete(this.#asGiven(line.address ?? ""))) return;
    if (line.messageState !== "delivered") this.#allDelivered = false;
    if (this.#missing.size === 0) this.#all.resolve();
  }

  /** The address as it was given: gateways may write it in a way of their own. */
  #asGiven(address: string): string {
    if (this.#addresses.has(address)) return address;
    const key = keyOf(address);
    return [...this.#missing].find((each) => keyOf(each) === key) ?? address;
  }
}

/** What spellings of one address have in common. */
function keyOf(address: string): string {
  try {
    return JSON.stringify(parsePapAddress(address)).toLowerCase();
  } catch (error) {
    if (error instanceof PapError) return address;
    throw error;
  }
}
