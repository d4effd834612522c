import type { Clock } from "@sip-push/sip";
import type { HealthReport } from "../front/options.ts";
import type { PpgStore } from "../store/store.ts";
import { inTime } from "./in-time.ts";

/** How long an answer of the store holds. */
const HOLDS_MS = 1_000;

export interface HealthOptions {
  readonly store: Pick<PpgStore, "check">;
  readonly clock: Clock;
  /** Whether `from` is to be registered: then only who is registered is ready. */
  readonly register: boolean;
}

/** Whether a gateway lives, and whether it takes pushes. */
export class Health {
  readonly #options: HealthOptions;
  #phase: "starting" | "open" | "stopping" = "starting";
  #registration: string;
  #storeAnswer: Promise<string> | undefined;
  #askedAtMs = 0;
  readonly #firstRegistration = Promise.withResolvers<void>();
  /** Resolves when the gateway has been registered for the first time; at once when it need not be. */
  readonly whenRegistered: Promise<void> = this.#firstRegistration.promise;

  constructor(options: HealthOptions) {
    this.#options = options;
    this.#registration = options.register ? "not registered yet" : "ok";
    if (!options.register) this.#firstRegistration.resolve();
  }

  /** All parts are open. */
  opened(): void {
    if (this.#phase === "starting") this.#phase = "open";
  }

  /** From now on it takes no more pushes. */
  stopping(): void {
    this.#phase = "stopping";
  }

  registered(): void {
    this.#registration = "ok";
    this.#firstRegistration.resolve();
  }

  /** @param answer what the registrar said, such as `403 Forbidden`. */
  registrationFailed(answer: string): void {
    if (this.#options.register) this.#registration = `not registered: ${answer}`;
  }

  get isRegistered(): boolean {
    return this.#registration === "ok";
  }

  /** What {@link ready} comes to. */
  async checkReady(): Promise<boolean> {
    return (await this.ready()).ok;
  }

  /** A process that answers lives. */
  live(): HealthReport {
    return { ok: true, parts: { process: this.#phase } };
  }

  async ready(): Promise<HealthReport> {
    const store = await this.#store();
    const gateway = this.#phase === "open" ? "ok" : this.#phase;
    const parts = { gateway, store, sip: this.#registration };
    return { ok: Object.values(parts).every((part) => part === "ok"), parts };
  }

  #store(): Promise<string> {
    const { clock } = this.#options;
    if (this.#storeAnswer === undefined || clock.now() - this.#askedAtMs >= HOLDS_MS) {
      this.#askedAtMs = clock.now();
      this.#storeAnswer = this.#ask();
    }
    return this.#storeAnswer;
  }

  /** The database's own words may name hosts and users, so they are for the log and not for who asks. */
  #ask(): Promise<string> {
    const { store, clock } = this.#options;
    const answer = store.check().then(
      () => "ok",
      () => "does not answer, or takes nothing",
    );
    return inTime(clock, answer, "does not answer in time");
  }
}
