import type { SipProxy } from "@sip-push/proxy";
import type { PushEvent } from "@sip-push/receiver";
import { reasonPhrases, serializeUri } from "@sip-push/sip";
import { Attempts } from "./attempts.ts";
import { aorOf, cast, type DemoPush, type Recipient } from "./cast.ts";
import { coreUri, openCore } from "./core.ts";
import { DemoGateway } from "./gateway.ts";
import { Handsets, type HandsetsOptions } from "./handsets.ts";
import { Submissions, type Told } from "./submissions.ts";

/** Settings of a demo. Its `signal` ends it early: what is under way has no result then. */
export type DemoOptions = HandsetsOptions;

/** What became of a push for one recipient: what the initiator was told, and what the gateway saw. */
export interface DemoOutcome extends Told {
  readonly to: string;
  /** The handset's answer, or that of the core; null: none came. */
  readonly sipStatus: number | null;
  readonly sipReason: string | null;
  readonly attempts: number;
}

/** One recipient of one push of the demo. */
export interface DemoResult {
  readonly push: DemoPush;
  readonly recipient: Recipient;
  readonly outcome: DemoOutcome;
  /** As the handset took it; null when none did. */
  readonly received: PushEvent | null;
  /** What is not as expected, one line each. */
  readonly problems: readonly string[];
}

/** What a result is when the pushes were not even submitted. */
const nothingTold: Told = {
  pushId: "",
  messageState: null,
  papCode: null,
  description: "nothing was submitted",
  elapsedMs: 0,
};

/** A push initiator, a gateway, a proxy and handsets in one process on 127.0.0.1. */
export class Demo {
  readonly core: SipProxy;
  readonly ppg: DemoGateway;
  readonly #submissions: Submissions;
  readonly #handsets: Handsets;
  readonly #attempts: Attempts;
  readonly #options: DemoOptions;
  #closed: Promise<void> | undefined;

  private constructor(
    core: SipProxy,
    ppg: DemoGateway,
    submissions: Submissions,
    attempts: Attempts,
    options: DemoOptions,
  ) {
    this.core = core;
    this.ppg = ppg;
    this.#submissions = submissions;
    this.#handsets = new Handsets(core, options);
    this.#attempts = attempts;
    this.#options = options;
  }

  /** Starts all but the handsets. Rejects as the proxy and the gateway do when there is no port; then nothing is left open. */
  static async open(options: DemoOptions): Promise<Demo> {
    const { logger } = options;
    const attempts = new Attempts();
    const opened: { close(): Promise<void> }[] = [];
    try {
      const core = await openCore(logger);
      opened.push(core);
      const ppg = await DemoGateway.open(serializeUri(coreUri(core, "UDP")), { logger, observe: attempts.observe });
      opened.push(ppg);
      const submissions = await Submissions.open(ppg.pap, logger);
      return new Demo(core, ppg, submissions, attempts, options);
    } catch (error) {
      for (const each of opened.reverse()) await each.close();
      throw error;
    }
  }

  /** Registers all handsets, then submits all pushes at once. One result per recipient, in the order of the cast. */
  async run(): Promise<DemoResult[]> {
    const { signal } = this.#options;
    const stopped = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    const unregistered = await this.#handsets.register();
    // Delivery reports come to the address that the gateway registers.
    await Promise.race([this.ppg.gateway.health.whenRegistered, stopped]);
    const told = await this.#submissions.submit(signal);
    const results = cast.flatMap((push) =>
      push.recipients.map(async (recipient) => {
        const outcome = await this.#outcomeOf(recipient, told.get(recipient.name) ?? nothingTold);
        const received = this.#handsets.pushOf(recipient.name);
        const problem = unregistered.get(recipient.name);
        const problems = [...(problem === undefined ? [] : [problem]), ...problemsOf(recipient, outcome, received)];
        return { push, recipient, outcome, received, problems };
      }),
    );
    return Promise.all(results);
  }

  /** Unregisters the handsets, closes everything and removes what the gateway kept, within a second. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await Promise.all([this.#handsets.close(), this.ppg.close()]);
    await Promise.all([this.#submissions.close(), this.core.close()]);
  }

  async #outcomeOf({ name }: Recipient, told: Told): Promise<DemoOutcome> {
    const to = aorOf(name);
    const { sipStatus, attempts } = await this.#attempts.of(told.pushId, to, this.#options.signal);
    const sipReason = sipStatus === null ? null : (reasonPhrases[sipStatus] ?? "");
    return { ...told, to, sipStatus, sipReason, attempts };
  }
}

function problemsOf({ over, answer, expected }: Recipient, outcome: DemoOutcome, received: PushEvent | null): string[] {
  const problems: string[] = [];
  for (const key of ["messageState", "papCode", "sipStatus"] as const) {
    if (outcome[key] !== expected[key])
      problems.push(`${key} is ${outcome[key]}, not ${expected[key]} (${outcome.description})`);
  }
  if (over !== null && received === null) problems.push("the handset got no push");
  if (received !== null && received.digest !== "valid") problems.push(`the digest is ${received.digest}, not valid`);
  if (received !== null && received.sipStatus !== answer)
    problems.push(`the handset answered ${received.sipStatus}, not ${answer}`);
  return problems;
}
