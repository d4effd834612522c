import type { Clock, Timer } from "@sip-push/sip";
import type { WatchRefusal } from "../watches/watch.ts";
import { type HandsetContact, type RegistrationSource, takes } from "./registration-news.ts";

/** What a push waits for. */
export interface RegistrationRequest {
  /** Only a contact that has this application wakes it, where contacts and their feature tags are known. Short name. */
  readonly applicationId?: string;
  /** Longest wait in milliseconds; at most 24.8 days count. */
  readonly waitMs: number;
  readonly signal?: AbortSignal;
  /**
   * Clock time at which the push that failed was sent: a REGISTER that came since then counts. Default: the time of the
   * call.
   */
  readonly sinceMs?: number;
  /** `marker` of the wait before: the same contacts do not wake the push again, a new REGISTER does. */
  readonly after?: string;
}

/** How a wait for a registration ended. */
export type RegistrationResult =
  | {
      readonly kind: "registered";
      readonly source: RegistrationSource;
      /** Those that fit; null when not told. */
      readonly contacts: readonly HandsetContact[] | null;
      /** For `after` of the next wait. */
      readonly marker: string;
    }
  | { readonly kind: "none"; readonly reason: "deadline" | "aborted" | "closed" }
  /** There is no room for one more wait or watch. */
  | { readonly kind: "none"; readonly reason: "overloaded" }
  /** Nobody will tell: the registrar does not let us watch, and no third-party REGISTER is expected. */
  | { readonly kind: "none"; readonly reason: "unwatchable"; readonly refusal: WatchRefusal };

/** A user's registration at one time. */
export interface RegistrationView {
  readonly source: RegistrationSource;
  readonly contacts: readonly HandsetContact[] | null;
  /** Clock time at which it was told. */
  readonly toldAtMs: number;
  /** Clock time of the last REGISTER that is known to have been accepted then; undefined: not known. */
  readonly freshAtMs: number | undefined;
}

/** A longer timer would fire at once. */
const MAX_WAIT_MS = 0x7fff_ffff;

/** One push that waits. Settles once; leaves no timer and no listener. */
export class RegistrationWait {
  readonly result: Promise<RegistrationResult>;
  readonly #request: RegistrationRequest;
  readonly #sinceMs: number;
  readonly #resolve: (result: RegistrationResult) => void;
  readonly #ended: () => void;
  readonly #timer: Timer;
  readonly #abort = (): void => this.end({ kind: "none", reason: "aborted" });
  /** The same contacts do not end the wait. */
  #seen: string | undefined;
  #open = true;

  /** @param ended called once, when the wait is over. */
  constructor(clock: Clock, request: RegistrationRequest, ended: () => void) {
    this.#request = request;
    this.#seen = request.after;
    this.#sinceMs = request.sinceMs ?? clock.now();
    this.#ended = ended;
    const { promise, resolve } = Promise.withResolvers<RegistrationResult>();
    this.result = promise;
    this.#resolve = resolve;
    this.#timer = clock.schedule(Math.min(request.waitMs, MAX_WAIT_MS), () =>
      this.end({ kind: "none", reason: "deadline" }),
    );
    request.signal?.addEventListener("abort", this.#abort, { once: true });
  }

  get open(): boolean {
    return this.#open;
  }

  /** Ends the wait if this registration is what it waits for. */
  look({ source, contacts, toldAtMs, freshAtMs = Number.NEGATIVE_INFINITY }: RegistrationView): void {
    const { applicationId } = this.#request;
    const fitting = contacts?.filter((contact) => takes(contact, applicationId)) ?? null;
    if (fitting?.length === 0) return;
    const marker = markerOf(source, fitting, freshAtMs);
    // The first list may tell of a REGISTER that we missed, but not when all its contacts were there when the push was sent.
    if (fitting?.every((contact) => this.#stoodBefore(contact, toldAtMs))) this.#seen ??= marker;
    // A third-party REGISTER that is old tells nothing new.
    const news = marker !== this.#seen && (source === "reg-event" || freshAtMs >= this.#sinceMs);
    if (news || freshAtMs > this.#sinceMs) this.end({ kind: "registered", source, contacts: fitting, marker });
  }

  #stoodBefore({ registeredSeconds }: HandsetContact, toldAtMs: number): boolean {
    return registeredSeconds !== null && toldAtMs - registeredSeconds * 1_000 < this.#sinceMs;
  }

  end(result: RegistrationResult): void {
    if (!this.#open) return;
    this.#open = false;
    this.#timer.cancel();
    this.#request.signal?.removeEventListener("abort", this.#abort);
    this.#ended();
    this.#resolve(result);
  }
}

/** What a registration is told apart from another by: each REGISTER has a CSeq of its own. */
function markerOf(source: RegistrationSource, contacts: readonly HandsetContact[] | null, freshAtMs: number): string {
  if (contacts === null) return `${source} ${freshAtMs}`;
  return contacts
    .map(({ uri, callId, cseq }) => `${uri} ${callId ?? ""} ${cseq ?? ""}`)
    .sort()
    .join("\n");
}
