import { setTimeout as pause } from "node:timers/promises";
import { newPushId, PushInitiator, type PushQuality } from "@sip-push/initiator";
import type { PushLedger } from "./push-ledger.ts";

export interface PushLoadOptions {
  readonly url: string;
  readonly credentials: { readonly user: string; readonly password: string };
  readonly notifyUrl: string;
  readonly ledger: PushLedger;
  /** Recipients to choose from. */
  readonly addresses: readonly string[];
  /** Pushes under way at a time. Default 4. */
  readonly lanes?: number;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  /** Pause of each lane after an accepted push. Default none. */
  readonly paceMs?: number;
  /** Wishes of every push. */
  readonly quality?: (number: number) => PushQuality;
}

/** Before a submission that failed is made again. */
const AGAIN_MS = 50;
const MAX_RECIPIENTS = 3;
const TIMEOUT_MS = 10_000;

/**
 * A push initiator under load: each lane submits a push, again under its push-id until the gateway has it, and then the next. No two
 * pushes have the same content.
 */
export class PushLoad {
  readonly initiator: PushInitiator;
  readonly #options: PushLoadOptions;
  readonly #lanes: readonly Promise<void>[];
  #stopping = false;
  #number = 0;

  constructor(options: PushLoadOptions) {
    const { url, credentials, lanes = 4 } = options;
    this.#options = options;
    this.initiator = new PushInitiator({ url, credentials, timeoutMs: TIMEOUT_MS });
    this.#lanes = Array.from({ length: lanes }, () => this.#run());
  }

  /** Submits no new push; resolves when the gateway has all that were begun. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#lanes);
  }

  async close(): Promise<void> {
    this.#stopping = true;
    await this.initiator.close();
    await Promise.allSettled(this.#lanes);
  }

  async #run(): Promise<void> {
    const { paceMs = 0 } = this.#options;
    while (!this.#stopping) {
      await this.#submit();
      if (paceMs > 0) await pause(paceMs);
    }
  }

  async #submit(): Promise<void> {
    const { ledger, notifyUrl, quality } = this.#options;
    const pushId = newPushId("pi.example.test");
    const body = Buffer.concat([Buffer.of(0, 0x80, 0xff), Buffer.from(pushId)]);
    const number = ++this.#number;
    const push = {
      ...{ pushId, addresses: this.#recipients(), notifyUrl },
      content: { contentType: "text/plain", body, applicationId: "push.syncml" },
      quality: { priority: (["high", "medium", "low"] as const)[number % 3], ...quality?.(number) },
    };
    ledger.write(push);
    for (;;) {
      const asked = this.initiator.push(push);
      ledger.submitted();
      if (ledger.answered(await asked)) return;
      await pause(AGAIN_MS);
    }
  }

  #recipients(): readonly string[] {
    const { addresses, random } = this.#options;
    const first = Math.floor(random() * addresses.length);
    const count = 1 + Math.floor(random() * MAX_RECIPIENTS);
    return Array.from({ length: count }, (_, index) => addresses[(first + index) % addresses.length] ?? "");
  }
}
