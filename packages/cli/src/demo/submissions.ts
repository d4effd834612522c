import { newPushId, PushInitiator, type PushResult, ResultListener } from "@sip-push/initiator";
import { applicationIdOf, contentTypeOf, encodeNotification } from "@sip-push/notification";
import type { MessageState } from "@sip-push/pap";
import { applicationUrn } from "@sip-push/push";
import type { Logger } from "@sip-push/sip";
import { aorOf, cast, credentialsOf, type DemoPush, initiator } from "./cast.ts";
import { HOST } from "./ports.ts";

/** How long a result may take: more than a handset that nobody answers for. */
const TOLD_WITHIN_MS = 40_000;

/** What the push initiator was told of one recipient of a push. */
export interface Told {
  readonly pushId: string;
  /** Null when no result came: `description` says why. */
  readonly messageState: MessageState | null;
  readonly papCode: number | null;
  readonly description: string;
  /** From the submission to the result. */
  readonly elapsedMs: number;
}

/** The push initiator of the demo: submits its pushes over PAP and takes the results. */
export class Submissions {
  readonly #listener: ResultListener;
  readonly #initiator: PushInitiator;
  readonly #waiting: Map<string, (result: PushResult) => void>;

  private constructor(
    listener: ResultListener,
    pushInitiator: PushInitiator,
    waiting: Map<string, (result: PushResult) => void>,
  ) {
    this.#listener = listener;
    this.#initiator = pushInitiator;
    this.#waiting = waiting;
  }

  /** @param pap URL of the gateway. */
  static async open(pap: string, logger: Logger): Promise<Submissions> {
    const waiting = new Map<string, (result: PushResult) => void>();
    const listener = await ResultListener.open({
      listen: { address: HOST, port: 0 },
      path: "/results",
      logger,
      onResult: (result) => waiting.get(keyOf(result.pushId, result.address))?.(result),
    });
    return new Submissions(listener, new PushInitiator({ url: pap, credentials: initiator, logger }), waiting);
  }

  /**
   * Submits all pushes of the demo at once.
   *
   * @param signal ends the waiting for results.
   * @returns what was told, by the name of the recipient.
   */
  async submit(signal: AbortSignal): Promise<ReadonlyMap<string, Told>> {
    const until = AbortSignal.any([signal, AbortSignal.timeout(TOLD_WITHIN_MS)]);
    const told = await Promise.all(cast.map((push) => this.#submit(push, until)));
    return new Map(told.flat());
  }

  async #submit(
    { recipients, account, method, notification }: DemoPush,
    until: AbortSignal,
  ): Promise<ReadonlyArray<readonly [name: string, told: Told]>> {
    const pushId = newPushId(HOST);
    const startMs = performance.now();
    const toldOf = (text: string, result?: PushResult): Told => ({
      pushId,
      messageState: result?.messageState ?? null,
      papCode: result?.code ?? null,
      description: result?.desc ?? text,
      elapsedMs: Math.round(performance.now() - startMs),
    });
    const gaveUp = Promise.withResolvers<string>();
    const giveUp = (): void => gaveUp.resolve("no result came");
    if (until.aborted) giveUp();
    until.addEventListener("abort", giveUp, { once: true });
    const results = recipients.map(async ({ name }) => {
      const result = new Promise<Told>((resolve) => {
        this.#waiting.set(keyOf(pushId, aorOf(name)), (each) => resolve(toldOf("", each)));
      });
      return [name, await Promise.race([result, gaveUp.promise.then((text) => toldOf(text))])] as const;
    });
    const outcome = await this.#initiator.push(
      {
        pushId,
        addresses: recipients.map(({ name }) => aorOf(name)),
        content: {
          applicationId: applicationUrn(applicationIdOf(notification)),
          contentType: contentTypeOf(notification),
          body: encodeNotification(notification, credentialsOf(account)),
        },
        quality: { deliveryMethod: method },
        notifyUrl: this.#listener.url,
      },
      { signal: until },
    );
    if (outcome.kind !== "answered") gaveUp.resolve(`the gateway did not take it: ${outcome.description}`);
    return Promise.all(results);
  }

  /** Takes no more results. */
  async close(): Promise<void> {
    await Promise.all([this.#initiator.close(), this.#listener.close()]);
  }
}

function keyOf(pushId: string, address: string): string {
  return `${pushId} ${address}`;
}
