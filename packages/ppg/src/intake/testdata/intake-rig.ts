import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  decodePap,
  encodePap,
  type PapMessage,
  type PapOperation,
  type PushMessage,
  type PushResponse,
} from "@sip-push/pap";
import { VirtualClock } from "@sip-push/sip/testing";
import { afterEach, beforeEach } from "vitest";
import type { PpgEvent } from "../../events.ts";
import { SqliteStore } from "../../store/sqlite-store.ts";
import { Intake } from "../intake.ts";
import type { IntakeOptions } from "../options.ts";
import type { Initiator, PapAnswer, PapRequest } from "../types.ts";

export const DOMAIN = "ppg.example.test";

/** May do everything, unless changed. */
export const initiator = (changes: Partial<Initiator> = {}): Initiator => ({
  name: "calendar",
  recipients: ["*"],
  applications: ["*"],
  notifyUrls: ["*"],
  ...changes,
});

export const plmn = (number: string): string => `WAPPUSH=${number}/TYPE=PLMN@${DOMAIN}`;
export const user = (name: string): string => `WAPPUSH=${name}/TYPE=USER@${DOMAIN}`;

export function pushOf(pushId: string, changes: Partial<PushMessage> = {}): PushMessage {
  return {
    kind: "push-message",
    pushId,
    replaceMethod: "all",
    progressNotesRequested: false,
    addresses: [user("alice")],
    ...changes,
  };
}

export const content: NonNullable<PapMessage["content"]> = {
  contentType: "application/vnd.syncml.ds.notification",
  headers: [["X-Wap-Application-Id", "x-wap-application:push.syncml"]],
  body: new Uint8Array([0, 1, 128, 255]),
};

/** The HTTP entity of an operation, PAP 2.0 unless changed; a push-message with its content. */
export function entityOf(
  operation: PapOperation,
  changes: Partial<PapMessage> = {},
): { contentType: string; body: Uint8Array } {
  const beside = operation.kind === "push-message" ? { content } : {};
  return encodePap({ version: "2.0", operation, ...beside, ...changes });
}

/** An intake on an empty SQLite store and a clock that stands still; each test has its own. */
export class IntakeRig {
  readonly #options: Partial<IntakeOptions>;
  clock = new VirtualClock();
  events: PpgEvent[] = [];
  #folder = "";
  #store: SqliteStore | undefined;
  #intake: Intake | undefined;

  constructor(options: Partial<IntakeOptions> = {}) {
    this.#options = options;
    beforeEach(async () => {
      this.#folder = mkdtempSync(join(tmpdir(), "sip-push-intake-"));
      this.#store = await SqliteStore.open(this.#folder);
      this.clock = new VirtualClock();
      this.events = [];
      this.#intake = this.open();
    });
    afterEach(async () => {
      await this.#store?.close();
      rmSync(this.#folder, { recursive: true });
    });
  }

  get store(): SqliteStore {
    if (this.#store === undefined) throw new Error("outside of a test");
    return this.#store;
  }

  get intake(): Intake {
    if (this.#intake === undefined) throw new Error("outside of a test");
    return this.#intake;
  }

  /** Another intake, on the same store unless `options` have one. */
  open(options: Partial<IntakeOptions> = {}): Intake {
    return new Intake({
      store: this.store,
      domain: DOMAIN,
      clock: this.clock,
      observe: (event) => void this.events.push(event),
      addressRules: {
        PLMN: "sip:{value}@example.test;user=phone",
        USER: "sip:{value}@example.test",
        IPv4: "sip:{value}",
        IPv6: "sip:[{value}]",
      },
      networks: ["GSM"],
      bearers: ["Packet Data"],
      ...this.#options,
      ...options,
    });
  }

  request(operation: PapOperation, changes: Partial<PapRequest & PapMessage> = {}): PapRequest {
    const { initiator: who = initiator(), traceparent = null, contentType, body, ...message } = changes;
    return {
      initiator: who,
      traceparent,
      ...entityOf(operation, message),
      ...(contentType && { contentType }),
      ...(body && { body }),
    };
  }

  async ask(operation: PapOperation, changes: Partial<PapRequest & PapMessage> = {}): Promise<Asked> {
    return asked(await this.intake.handle(this.request(operation, changes)));
  }

  /** Submits, and gives the response. */
  async push(push: PushMessage, changes: Partial<PapRequest & PapMessage> = {}): Promise<PushResponse> {
    const { message } = await this.ask(push, changes);
    if (message.operation.kind !== "push-response")
      throw new Error(`${message.operation.kind}: ${JSON.stringify(message.operation)}`);
    return message.operation;
  }
}

export interface Asked {
  readonly answer: PapAnswer;
  readonly message: PapMessage;
}

/** The answer with its PAP document, which must be one. */
export function asked(answer: PapAnswer): Asked {
  return { answer, message: decodePap(answer.contentType, answer.body) };
}
