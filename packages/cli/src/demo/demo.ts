import { applicationIdOf, contentTypeOf, encodeNotification } from "@sip-push/notification";
import { SipProxy } from "@sip-push/proxy";
import { type PushEvent, PushReceiver, type RefusedEvent } from "@sip-push/receiver";
import { type PushOutcome, PushSender } from "@sip-push/sender";
import { type ListenAddress, type Logger, SipTransportError, type SipUri, serializeUri } from "@sip-push/sip";
import { openBehind } from "../local-addresses.ts";
import { aorOf, cast, credentialsOf, DOMAIN, type Recipient, SERVER_ID } from "./cast.ts";

/** Settings of a demo. */
export interface DemoOptions {
  readonly logger: Logger;
  /** Ends it early: what is under way comes out `cancelled`. */
  readonly signal: AbortSignal;
  /** Hears of every push that a handset takes, those of the demo itself too. */
  readonly onPush?: (name: string, push: PushEvent) => void;
  /** Hears of every push that a handset refuses before anybody is asked: a wrong digest, say. */
  readonly onRefused?: (name: string, refused: RefusedEvent) => void;
}

/** What became of one push of the demo. */
export interface DemoResult {
  readonly recipient: Recipient;
  readonly outcome: PushOutcome;
  /** As the handset took it; null when none did. */
  readonly push: PushEvent | null;
  /** What is not as expected, one line each. */
  readonly problems: readonly string[];
}

/** A proxy, handsets, and a sender, in one process on 127.0.0.1. */
export class Demo {
  readonly proxy: SipProxy;
  readonly #options: DemoOptions;
  readonly #handsets: Promise<PushReceiver>[] = [];
  readonly #pushes = new Map<string, PushEvent>();
  #closed: Promise<void> | undefined;

  private constructor(proxy: SipProxy, options: DemoOptions) {
    this.proxy = proxy;
    this.#options = options;
  }

  /** Starts the proxy, on well-known ports where they are free. Rejects with {@link SipTransportError} when there is no port. */
  static async open(options: DemoOptions): Promise<Demo> {
    return new Demo(await openProxy(options.logger), options);
  }

  /** The proxy's URI over one of its transports. */
  proxyUri(over: NonNullable<Recipient["over"]>): SipUri {
    const { address, port } = this.proxy.listening.find(({ transport }) => transport === over) as ListenAddress;
    const params = over === "UDP" ? new Map<string, string>() : new Map([["transport", over.toLowerCase()]]);
    return { scheme: "sip", host: address, port, params, headers: [] };
  }

  /** Registers all handsets, then pushes to everybody at once. One result per recipient, in the order of the cast. */
  async run(): Promise<DemoResult[]> {
    const registered = await Promise.all(cast.map((recipient) => this.#connect(recipient)));
    const { logger, signal } = this.#options;
    const proxy = serializeUri(this.proxyUri("UDP"));
    const listen = [{ transport: "UDP", address: "127.0.0.1", port: 0 }] as const;
    const sender = await PushSender.open({ from: `sip:ppg@${DOMAIN}`, proxy, listen, logger });
    try {
      const outcomes = await Promise.all(cast.map((recipient) => deliver(sender, recipient, signal)));
      return outcomes.map((outcome, index) =>
        this.#judge(cast[index] as Recipient, registered[index] ?? null, outcome),
      );
    } finally {
      await sender.close();
    }
  }

  /** Unregisters the handsets and closes everything, within a second. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    // One that could not be opened has nothing to close; `run` said why.
    await Promise.allSettled(this.#handsets.map(async (handset) => (await handset).close()));
    await this.proxy.close();
  }

  /** Resolves when the registrar has answered: with null when it accepted, else with the problem. */
  #connect(recipient: Recipient): Promise<string | null> {
    if (recipient.over === null) return Promise.resolve(null);
    const proxy = this.proxyUri(recipient.over);
    const { signal } = this.#options;
    return new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => resolve("was not registered: stopped"), { once: true });
      const handset = openBehind(proxy, (listen) => this.#open(recipient, proxy, listen, resolve));
      this.#handsets.push(handset);
      handset.catch(reject);
    });
  }

  #open(
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
      digest: { credentials: ({ serverId }) => (serverId === SERVER_ID ? credentialsOf(name) : undefined) },
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

  #judge(recipient: Recipient, registration: string | null, outcome: PushOutcome): DemoResult {
    const { name, over, answer, expected } = recipient;
    const push = this.#pushes.get(name) ?? null;
    const problems = registration === null ? [] : [registration];
    for (const key of ["messageState", "papCode", "sipStatus"] as const) {
      if (outcome[key] !== expected[key])
        problems.push(`${key} is ${outcome[key]}, not ${expected[key]} (${outcome.reason})`);
    }
    if (over !== null && push === null) problems.push("the handset got no push");
    if (push !== null && push.digest !== "valid") problems.push(`the digest is ${push.digest}, not valid`);
    if (push !== null && push.sipStatus !== answer)
      problems.push(`the handset answered ${push.sipStatus}, not ${answer}`);
    return { recipient, outcome, push, problems };
  }
}

async function deliver(
  sender: PushSender,
  { name, notification }: Recipient,
  signal: AbortSignal,
): Promise<PushOutcome> {
  const push = {
    applicationId: applicationIdOf(notification),
    contentType: contentTypeOf(notification),
    body: encodeNotification(notification, credentialsOf(name)),
  };
  const [outcome] = await sender.deliver(push, { to: aorOf(name), signal });
  return outcome as PushOutcome;
}

/** Ports for SIP and for WebSocket: the well-known ones, so that what one types next is short; then others; then any. */
const ports: ReadonlyArray<readonly [sip: number, webSocket: number]> = [
  ...Array.from({ length: 10 }, (_, index) => [5060 + 100 * index, 5080 + 100 * index] as const),
  [0, 0],
];

async function openProxy(logger: Logger): Promise<SipProxy> {
  let problem: unknown;
  for (const [sip, webSocket] of ports) {
    const at = (transport: ListenAddress["transport"], port: number): ListenAddress => ({
      transport,
      address: "127.0.0.1",
      port,
    });
    try {
      const listen = [at("UDP", sip), at("TCP", sip), at("WS", webSocket)];
      return await SipProxy.open({ listen, domains: [DOMAIN], logger });
    } catch (error) {
      if (!(error instanceof SipTransportError) || error.code !== "SIP_LISTEN_FAILED") throw error;
      problem = error;
    }
  }
  throw problem;
}
