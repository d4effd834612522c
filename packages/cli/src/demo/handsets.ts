import type { SipProxy } from "@sip-push/proxy";
import { type PushEvent, PushReceiver, type RefusedEvent } from "@sip-push/receiver";
import { type ListenAddress, type Logger, type SipUri, serializeUri } from "@sip-push/sip";
import { openBehind } from "../local-addresses.ts";
import { aorOf, cast, credentialsOf, type DemoPush, type Recipient, SERVER_ID } from "./cast.ts";
import { coreUri } from "./core.ts";

/** Settings of the handsets. */
export interface HandsetsOptions {
  readonly logger: Logger;
  /** Registrations are not waited for any longer. */
  readonly signal: AbortSignal;
  /** Hears of every push that a handset takes, those of the demo itself too. */
  readonly onPush?: (name: string, push: PushEvent) => void;
  /** Hears of every push that a handset refuses before anybody is asked: a wrong digest, say. */
  readonly onRefused?: (name: string, refused: RefusedEvent) => void;
}

/** The handsets of the demo. */
export class Handsets {
  readonly #core: SipProxy;
  readonly #options: HandsetsOptions;
  readonly #opened: Promise<PushReceiver>[] = [];
  readonly #pushes = new Map<string, PushEvent>();

  constructor(core: SipProxy, options: HandsetsOptions) {
    this.#core = core;
    this.#options = options;
  }

  /** Registers all of them; resolves when the registrar has answered, with what it did not accept, by name. */
  async register(): Promise<ReadonlyMap<string, string>> {
    const answers = cast.flatMap((push) =>
      push.recipients.map(async (recipient) => [recipient.name, await this.#connect(push, recipient)] as const),
    );
    return new Map(
      (await Promise.all(answers)).flatMap(([name, problem]) => (problem === null ? [] : [[name, problem]])),
    );
  }

  /** The first push that somebody's handset took; null when none did. */
  pushOf(name: string): PushEvent | null {
    return this.#pushes.get(name) ?? null;
  }

  /** Unregisters and closes them. */
  async close(): Promise<void> {
    // One that could not be opened has nothing to close; `register` said why.
    await Promise.allSettled(this.#opened.map(async (handset) => (await handset).close()));
  }

  /** Resolves when the registrar has answered: with null when it accepted, else with the problem. */
  #connect({ account }: DemoPush, recipient: Recipient): Promise<string | null> {
    if (recipient.over === null) return Promise.resolve(null);
    const proxy = coreUri(this.#core, recipient.over);
    const { signal } = this.#options;
    return new Promise((resolve, reject) => {
      const stopped = (): void => resolve("was not registered: stopped");
      if (signal.aborted) stopped();
      signal.addEventListener("abort", stopped, { once: true });
      const handset = openBehind(proxy, (listen) => this.#open(account, recipient, proxy, listen, resolve));
      this.#opened.push(handset);
      handset.catch(reject);
    });
  }

  #open(
    account: string,
    { name, answer }: Recipient,
    proxy: SipUri,
    listen: readonly ListenAddress[],
    registered: (problem: string | null) => void,
  ): Promise<PushReceiver> {
    const { logger, onPush, onRefused } = this.#options;
    return PushReceiver.open({
      aor: aorOf(name),
      proxy: serializeUri(proxy),
      listen,
      logger,
      digest: { credentials: ({ serverId }) => (serverId === SERVER_ID ? credentialsOf(account) : undefined) },
      handlers: { default: () => ({ statusCode: answer }) },
      onPush: (push) => {
        if (!this.#pushes.has(name)) this.#pushes.set(name, push);
        onPush?.(name, push);
      },
      onEvent: (event) => {
        if (event.event === "registered") registered(null);
        else if (event.event === "registration-failed") registered(`was not registered: ${event.reason}`);
        else if (event.event === "refused") onRefused?.(name, event);
      },
    });
  }
}
