import { PushInitiator, type PushQuality, ResultListener } from "@sip-push/initiator";
import { SipProxy, UserDirectory } from "@sip-push/proxy";
import { type FleetStats, HandsetFleet } from "@sip-push/receiver";
import type { ListenAddress } from "@sip-push/sip";
import { Inbox, named } from "./inbox.ts";
import { ownLoopback, PPG_PASSWORD, PpgNode, type PpgSettings } from "./ppg-node.ts";
import { PushLedger } from "./push-ledger.ts";
import { PushLoad, type PushLoadOptions } from "./push-load.ts";

const HANDSETS = 40;
const DOMAIN = "example.test";
/** Of core and gateways, who come back at the same ports; and not the handsets', whom the core does not believe. */
const SERVER_HOST = ownLoopback();
const REGISTER_MS = 30_000;
const CREDENTIALS = { user: "calendar", password: PPG_PASSWORD };

export interface PpgRigOptions {
  /** How handsets reach the core. Default UDP. */
  readonly transport?: "UDP" | "TCP";
}

/** Wishes of pushes, one in four of which wants a delivery report. */
export function sometimesConfirmed(number: number): PushQuality {
  return number % 4 === 0 ? { deliveryMethod: "confirmed" } : {};
}

/** Of a load on one of the gateways of a rig. */
export type LoadOptions = Omit<PushLoadOptions, "ledger" | "addresses" | "credentials">;

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * All that is around a gateway: our core, a fleet of handsets whose applications keep a ledger, and push initiators under load that
 * hear results. The gateways are processes of their own.
 */
export class PpgRig {
  readonly ledger: PushLedger = new PushLedger();
  readonly #transport: "UDP" | "TCP";
  readonly #closers: (() => Promise<void>)[] = [];
  #core: SipProxy | undefined;
  #fleet: HandsetFleet | undefined;
  readonly #fleetEvents = new Inbox<{ readonly event: string }>((event) => JSON.stringify(event));

  private constructor(transport: "UDP" | "TCP") {
    this.#transport = transport;
  }

  /** Resolves when all handsets are registered. */
  static async open({ transport = "UDP" }: PpgRigOptions = {}): Promise<PpgRig> {
    const rig = new PpgRig(transport);
    try {
      await rig.#open();
      return rig;
    } catch (error) {
      await rig.close();
      throw error;
    }
  }

  async #open(): Promise<void> {
    const listen = { address: SERVER_HOST, port: 0 };
    await this.#openCore((["UDP", "TCP"] as const).map((transport) => ({ transport, ...listen })));
    const { ledger } = this;
    this.#fleet = await HandsetFleet.open({
      count: HANDSETS,
      aor: `sip:handset{n}@${DOMAIN}`,
      listen: [{ transport: this.#transport, address: "127.0.0.1", port: 0 }],
      proxy: this.#coreUri(this.#transport),
      credentials: { password: PPG_PASSWORD },
      duplicatesBy: "body",
      onPush: (push, { aor }) => ledger.saw(push, aor),
      onEvent: (event) => this.#fleetEvents.put(event),
    });
    await this.registered();
  }

  get stats(): FleetStats {
    if (this.#fleet === undefined) throw new Error("no fleet");
    return this.#fleet.stats;
  }

  /** Resolves when all handsets are registered, and were not all before. */
  async registered(): Promise<void> {
    await this.#fleetEvents.next(named("registered"), REGISTER_MS);
  }

  /** The core ends with all that it knew and had under way, and another one begins at the same place. */
  async restartCore(): Promise<void> {
    const listen = this.#core?.listening ?? [];
    await this.#core?.close();
    await this.#openCore(listen);
  }

  /** Opens a place for results; the ledger hears them, also what is told again. */
  async listen(place = { address: "127.0.0.1", port: 0 }): Promise<ResultListener> {
    const { ledger } = this;
    const listener = await ResultListener.open({
      listen: place,
      repetitions: true,
      onResult: (result) => ledger.heard(result),
    });
    this.#closers.push(() => listener.close());
    return listener;
  }

  /** Starts a gateway; `settings` go over those of the rig, those of `delivery` one by one. */
  async startNode(
    name: string,
    notifyUrls: readonly string[],
    { delivery, ...settings }: PpgSettings = {},
  ): Promise<PpgNode> {
    const soon = { maxAttempts: 1_000, initialSeconds: 0.2, maxSeconds: 2 };
    const node = await PpgNode.start(name, SERVER_HOST, {
      domain: "ppg.example.test",
      initiators: [
        { name: "calendar", password: { env: "PPG_PASSWORD" }, recipients: [`sip:*@${DOMAIN}`], notifyUrls },
      ],
      sip: {
        from: `sip:gateway@${DOMAIN}`,
        proxy: this.#coreUri(this.#transport),
        register: true,
        credentials: { user: "gateway", password: { env: "PPG_PASSWORD" } },
        trusted: [SERVER_HOST],
      },
      // Short, so that what a dead node left is taken up within the test.
      delivery: {
        leaseSeconds: 5,
        reportTimeoutSeconds: 20,
        retry: { unavailable: soon, absent: soon, noAnswer: soon },
        breaker: { initialPauseSeconds: 0.2, maxPauseSeconds: 1 },
        ...(delivery as PpgSettings | undefined),
      },
      // More than a listener on a busy machine takes: what it answers too late it gets again, and is busier for it.
      results: { timeoutSeconds: 10, retry: { initialSeconds: 0.2, maxSeconds: 2 } },
      log: "warn",
      ...settings,
    });
    this.#closers.push(() => node.close());
    return node;
  }

  /** Puts load on a gateway. */
  load(options: LoadOptions): PushLoad {
    const load = new PushLoad({
      ledger: this.ledger,
      addresses: Array.from({ length: HANDSETS }, (_, index) => `sip:handset${index + 1}@${DOMAIN}`),
      credentials: CREDENTIALS,
      ...options,
    });
    this.#closers.push(() => load.close());
    return load;
  }

  /** All that does not fit, with what the gateway says of each push; and what the fleet saw twice. */
  async faults({ url }: Pick<PpgNode, "url">): Promise<readonly string[]> {
    const initiator = new PushInitiator({ url, credentials: CREDENTIALS });
    try {
      const { duplicates, wrongRecipient } = this.stats;
      const counted = duplicates + wrongRecipient === 0 ? [] : [JSON.stringify({ duplicates, wrongRecipient })];
      return [...counted, ...(await this.ledger.faults(initiator))];
    } finally {
      await initiator.close();
    }
  }

  /** Ends all, the last opened first. Idempotent. */
  async close(): Promise<void> {
    const ended: PromiseSettledResult<void>[] = [];
    for (const close of this.#closers.splice(0).reverse()) ended.push(...(await Promise.allSettled([close()])));
    await this.#fleet?.close();
    await this.#core?.close();
    const failed = ended.find((each) => each.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  async #openCore(listen: readonly ListenAddress[]): Promise<void> {
    const names = [...Array.from({ length: HANDSETS }, (_, index) => `handset${index + 1}`), "gateway"];
    const secret = { password: PPG_PASSWORD };
    this.#core = await SipProxy.open({
      listen,
      domains: [DOMAIN],
      users: new UserDirectory(names.map((username) => ({ username, realm: DOMAIN, secret }))),
      trusted: [SERVER_HOST],
    });
  }

  #coreUri(transport: "UDP" | "TCP"): string {
    const listening = this.#core?.listening.find((each) => each.transport === transport);
    return `sip:${SERVER_HOST}:${listening?.port};transport=${transport.toLowerCase()}`;
  }
}
