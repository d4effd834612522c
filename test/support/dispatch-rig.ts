import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type DeliveryRecord,
  Dispatcher,
  type DispatcherOptions,
  type DispatchSender,
  type PpgEvent,
  type PpgStore,
  PromptSubmissions,
  type PushSubmission,
  SqliteStore,
  StoreReportBook,
} from "@sip-push/ppg";
import { PushReceiver, type PushReceiverOptions } from "@sip-push/receiver";
import { PushSender, type PushSenderOptions } from "@sip-push/sender";
import { type ListenAddress, type ResponseInit, SipEndpoint, type SipRequest } from "@sip-push/sip";
import { MemoryNetwork, seededRandom } from "@sip-push/sip/testing";
import { PacedClock } from "./paced-clock.ts";
import { atRest, WatchedStore } from "./watched-store.ts";

const udp = (address: string): ListenAddress => ({ transport: "UDP", address, port: 5060 });

/** Status and what else an answer has, perhaps later; undefined is silence. */
export type Answer = readonly [statusCode: number, init?: ResponseInit] | undefined;

/** A gateway's delivering half: store, sender, dispatcher. */
export interface Node {
  readonly dispatcher: Dispatcher;
  /** The way into the store by which this node delivers soonest. */
  readonly submissions: PromptSubmissions;
  readonly sender: PushSender;
  readonly watched: WatchedStore;
  stop(graceMs: number): Promise<void>;
  /** As a power cut: nothing is written any more, nothing is sent any more. */
  kill(): Promise<void>;
}

export interface NodeOptions {
  readonly owner?: string;
  /** Host that the sender listens on. */
  readonly address?: string;
  readonly dispatcher?: Partial<DispatcherOptions>;
  readonly sender?: Partial<PushSenderOptions>;
  /** Puts something of the test's in the place of the sender, or of a part of it. */
  readonly wrap?: (sender: DispatchSender) => DispatchSender;
}

/** Dispatchers on one SQLite store and an in-memory network, with a clock that moves when told. */
export class DispatchRig {
  readonly clock: PacedClock;
  readonly network: MemoryNetwork;
  /** MESSAGEs that scripted handsets took up, in order. */
  readonly seen: SipRequest[] = [];
  readonly events: PpgEvent[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), "sip-push-dispatch-"));
  readonly #watched: WatchedStore[] = [];
  readonly #closers: (() => Promise<unknown>)[] = [];
  #inner: PpgStore | undefined;
  #own: WatchedStore | undefined;

  constructor(seed = 1) {
    this.clock = new PacedClock(() => atRest(() => this.#watched));
    this.network = new MemoryNetwork({ clock: this.clock, random: seededRandom(seed) });
  }

  static async start(seed?: number): Promise<DispatchRig> {
    const rig = new DispatchRig(seed);
    rig.#inner = await SqliteStore.open(rig.#folder);
    rig.#own = rig.#watch();
    return rig;
  }

  /** For the test itself. */
  get store(): PpgStore {
    if (this.#own === undefined) throw new Error("not started");
    return this.#own.store;
  }

  /** Opens a node and starts it. */
  async node({ owner = "ppg-1", address = "192.0.2.1", dispatcher, sender, wrap }: NodeOptions = {}): Promise<Node> {
    const watched = this.#watch();
    const { store } = watched;
    const observe = (event: PpgEvent): void => void this.events.push(event);
    const pushSender = await PushSender.open({
      from: "sip:ppg@home.test",
      listen: [udp(address)],
      clock: this.clock,
      reportBook: new StoreReportBook({ store, clock: this.clock, observe }),
      ...sender,
      stack: { open: this.network.open, random: () => 0.5, ...sender?.stack },
    });
    const opened = Dispatcher.open({
      store,
      sender: wrap === undefined ? pushSender : wrap(partsOf(pushSender)),
      owner,
      clock: this.clock,
      observe,
      random: () => 0,
      ...dispatcher,
    });
    const submissions = new PromptSubmissions({
      ...{ store: dispatcher?.store ?? store, owner, leaseMs: dispatcher?.leaseMs ?? 30_000, places: opened.places },
      onHeld: (held) => opened.take(held),
    });
    const stop = (graceMs: number): Promise<void> => opened.stop({ graceMs, submitted: submissions.stop() });
    opened.start();
    let dead = false;
    const kill = async (): Promise<void> => {
      dead = true;
      watched.fault = () => "before";
      await this.clock.untilSettled(Promise.all([stop(0), pushSender.close()]));
    };
    this.#closers.push(async () => {
      if (dead) return;
      await stop(0);
      await pushSender.close();
    });
    return { dispatcher: opened, submissions, sender: pushSender, watched, stop, kill };
  }

  /** Opens a host that answers its n-th MESSAGE (from 0) as told. */
  async handset(
    answer: (request: SipRequest, n: number) => Answer | Promise<Answer>,
    address = "192.0.2.2",
  ): Promise<void> {
    let n = 0;
    const endpoint = await SipEndpoint.open({
      listen: [udp(address)],
      clock: this.clock,
      open: this.network.open,
      onRequest: (transaction) => {
        if (transaction.request.method === "MESSAGE") this.seen.push(transaction.request);
        void Promise.resolve(answer(transaction.request, n++)).then((given) => {
          if (given !== undefined) transaction.reply(...given);
        });
      },
    });
    this.#closers.push(() => endpoint.close());
  }

  /** Opens a real receiver, with its pushes in what it returns. */
  async receiver(options: Partial<PushReceiverOptions> = {}, address = "192.0.2.2"): Promise<PushReceiver> {
    const receiver = await PushReceiver.open({
      aor: `sip:bob@${address}`,
      listen: [udp(address)],
      proxy: "sip:192.0.2.1",
      register: false,
      clock: this.clock,
      ...options,
      stack: { open: this.network.open, random: () => 0.5, ...options.stack },
    });
    this.#closers.push(() => receiver.close());
    return receiver;
  }

  /**
   * Submits a push to users at `192.0.2.2` (or whole URIs) and returns its deliveries' ids.
   *
   * @param by default: the test's own store, which is no node's.
   */
  async submit(
    pushId: string,
    to: readonly string[] = ["bob"],
    changes: Partial<PushSubmission> = {},
    by: Pick<PpgStore, "submit"> = this.store,
  ): Promise<number[]> {
    const recipients = to.map((user) => ({
      address: user,
      recipient: user.includes(":") ? user : `sip:${user}@192.0.2.2`,
    }));
    await by.submit(
      [
        {
          initiator: "pi",
          pushId,
          priority: "medium",
          deliveryMethod: "notspecified",
          deliverAfterMs: null,
          deliverBeforeMs: null,
          notifyUrl: null,
          progressNotesRequested: false,
          contentType: "text/plain",
          content: Buffer.from(pushId),
          capabilities: null,
          applicationData: null,
          recipients,
          replace: null,
          ...changes,
        },
      ],
      this.clock.wallMs,
    );
    const { deliveries } = await this.status(pushId);
    return deliveries.map(({ id }) => id);
  }

  async status(pushId: string): Promise<{ readonly deliveries: readonly DeliveryRecord[] }> {
    const status = await this.store.status({ initiator: "pi", pushId });
    if (status === undefined) throw new Error(`no push ${pushId}`);
    return status;
  }

  /** The only delivery of a push, or its n-th. */
  async delivery(pushId: string, n = 0): Promise<DeliveryRecord> {
    const delivery = (await this.status(pushId)).deliveries[n];
    if (delivery === undefined) throw new Error(`push ${pushId} has no such delivery`);
    return delivery;
  }

  /** The states that were told of a push, as `from>to`. */
  told(pushId: string): string[] {
    return this.events.flatMap((each) =>
      each.event === "state" && each.pushId === pushId ? [`${each.from}>${each.to}`] : [],
    );
  }

  /** Moves time on until a push's last state told is this one. */
  async untilTold(pushId: string, state: string, limitMs?: number): Promise<DeliveryRecord> {
    await this.clock.until(() => this.told(pushId).at(-1)?.endsWith(`>${state}`) === true, limitMs);
    return this.delivery(pushId);
  }

  closeLater(close: () => Promise<unknown>): void {
    this.#closers.push(close);
  }

  /** Closes everything; gives the number of timers that are still running, which must be 0. */
  async stop(): Promise<number> {
    for (const each of this.#watched) each.fault = () => undefined;
    for (const close of this.#closers.toReversed()) await this.clock.untilSettled(close());
    await this.#inner?.close();
    rmSync(this.#folder, { recursive: true });
    return this.clock.pendingTimers;
  }

  #watch(): WatchedStore {
    if (this.#inner === undefined) throw new Error("not started");
    const watched = new WatchedStore(this.#inner);
    this.#watched.push(watched);
    return watched;
  }
}

function partsOf(sender: PushSender): DispatchSender {
  return {
    deliver: (push, options) => sender.deliver(push, options),
    whenRegistered: (to, request) => sender.whenRegistered(to, request),
  };
}
