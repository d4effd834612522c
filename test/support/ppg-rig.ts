import { randomInt } from "node:crypto";
import { PushInitiator, type PushQuality, ResultListener } from "@sip-push/initiator";
import { SipProxy, UserDirectory } from "@sip-push/proxy";
import { type FleetStats, HandsetFleet } from "@sip-push/receiver";
import type { ListenAddress } from "@sip-push/sip";
import { Inbox, named } from "./inbox.ts";
import { PostgresCluster } from "./postgres-cluster.ts";
import { ownLoopback, PPG_PASSWORD, PpgNode, type PpgSettings } from "./ppg-node.ts";
import { type LedgerCounts, PushLedger } from "./push-ledger.ts";
import { PushLoad, type PushLoadOptions } from "./push-load.ts";
import { seeded } from "./seeded.ts";

const HANDSETS = 40;
const DOMAIN = "example.test";
/** Of core and gateways, who come back at the same ports; and not the handsets', whom the core does not believe. */
const SERVER_HOST = ownLoopback();
/** Under load something happens all the time; what was under way may wait for leases, reports and pauses. */
const EVENTS_MS = 60_000;
const SETTLED_MS = 180_000;
const CREDENTIALS = { user: "calendar", password: PPG_PASSWORD };

export interface PpgRigOptions {
  /** How handsets reach the core. Default UDP. */
  readonly transport?: "UDP" | "TCP";
  /** Whether there is a {@link PpgRig.cluster}. Default false. */
  readonly postgres?: boolean;
}

/** Wishes of pushes, one in four of which wants a delivery report. */
export function sometimesConfirmed(number: number): PushQuality {
  return number % 4 === 0 ? { deliveryMethod: "confirmed" } : {};
}

/** Of a load that differs from others. */
export type LoadOptions = Pick<PushLoadOptions, "lanes" | "paceMs" | "quality">;

/**
 * All that is around a gateway: our core, a fleet of handsets whose applications keep a ledger, and push initiators under load that
 * hear results. The gateways are processes of their own.
 */
export class PpgRig {
  readonly ledger: PushLedger = new PushLedger();
  readonly #seed = randomInt(2 ** 31);
  /** Chance of this test, by a seed that its failures name. */
  readonly random: () => number = seeded(this.#seed);
  readonly #transport: "UDP" | "TCP";
  readonly #closers: (() => Promise<void>)[] = [];
  #cluster: PostgresCluster | undefined;
  #core: SipProxy | undefined;
  #fleet: HandsetFleet | undefined;
  readonly #fleetEvents = new Inbox<{ readonly event: string }>((event) => JSON.stringify(event));

  private constructor(transport: "UDP" | "TCP") {
    this.#transport = transport;
  }

  /** Resolves when all handsets are registered. */
  static async open({ transport = "UDP", postgres = false }: PpgRigOptions = {}): Promise<PpgRig> {
    const rig = new PpgRig(transport);
    try {
      if (postgres) rig.#cluster = await PostgresCluster.start();
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

  /** Of a rig with PostgreSQL. */
  get cluster(): PostgresCluster {
    if (this.#cluster === undefined) throw new Error("no PostgreSQL");
    return this.#cluster;
  }

  get stats(): FleetStats {
    if (this.#fleet === undefined) throw new Error("no fleet");
    return this.#fleet.stats;
  }

  /** Resolves when all handsets are registered, and were not all before. */
  async registered(): Promise<void> {
    await this.#fleetEvents.next(named("registered"));
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

  /** Starts a gateway that may tell results there; `settings` go over those of the rig, those of `delivery` one by one. */
  async startNode(
    name: string,
    listeners: readonly Pick<ResultListener, "url">[],
    { delivery, ...settings }: PpgSettings = {},
  ): Promise<PpgNode> {
    const notifyUrls = listeners.map(({ url }) => `${new URL(url).origin}/*`);
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

  /** Starts two gateways that share a database. */
  startTwo(
    listener: Pick<ResultListener, "url">,
    settings: PpgSettings & { readonly database: string },
  ): Promise<[PpgNode, PpgNode]> {
    const start = (name: string): Promise<PpgNode> => this.startNode(name, [listener], settings);
    return Promise.all([start("ppg-1"), start("ppg-2")]);
  }

  /** Puts load on a gateway, whose results are wanted there. */
  load(
    { url }: Pick<PpgNode, "url">,
    { url: notifyUrl }: Pick<ResultListener, "url">,
    options: LoadOptions = {},
  ): PushLoad {
    const load = new PushLoad({
      ...{ url, notifyUrl, ledger: this.ledger, random: this.random },
      addresses: Array.from({ length: HANDSETS }, (_, index) => `sip:handset${index + 1}@${DOMAIN}`),
      credentials: CREDENTIALS,
      ...options,
    });
    this.#closers.push(() => load.close());
    return load;
  }

  /** One to so many. */
  upTo(max: number): number {
    return 1 + Math.floor(this.random() * max);
  }

  /** Resolves when that has happened so many times more. @param where for who reads that it did not. */
  more(count: number, event: keyof LedgerCounts, where = ""): Promise<void> {
    const { ledger } = this;
    const until = ledger.counts[event] + count;
    return this.#until(`${until} ${event} ${where}`, () => ledger.counts[event] >= until, EVENTS_MS);
  }

  /** Resolves when each accepted push has its results. @param where for who reads that it has not. */
  settled(where = ""): Promise<void> {
    return this.#until(`all settled ${where}`, () => this.ledger.settled, SETTLED_MS);
  }

  #until(what: string, holds: () => boolean, limitMs: number): Promise<void> {
    return this.ledger.until(`${what}, seed ${this.#seed}`, holds, limitMs);
  }

  /** All that does not fit, with what the gateway says of each push; and what the fleet saw twice. */
  async faults({ url }: Pick<PpgNode, "url">): Promise<readonly string[]> {
    const initiator = new PushInitiator({ url, credentials: CREDENTIALS });
    try {
      const { duplicates, wrongRecipient } = this.stats;
      const counted = duplicates + wrongRecipient === 0 ? [] : [JSON.stringify({ duplicates, wrongRecipient })];
      const faults = [...counted, ...(await this.ledger.faults(initiator))];
      return faults.length === 0 ? [] : [`seed ${this.#seed}`, ...faults];
    } finally {
      await initiator.close();
    }
  }

  /** Ends all, the last opened first. Idempotent. */
  async close(): Promise<void> {
    this.#cluster?.thaw();
    const ended: PromiseSettledResult<void>[] = [];
    for (const close of this.#closers.splice(0).reverse()) ended.push(...(await Promise.allSettled([close()])));
    await this.#fleet?.close();
    await this.#core?.close();
    await this.#cluster?.stop();
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
