import type { ServerResponse } from "node:http";
import { describePapCode } from "@sip-push/pap";
import type { Clock, Timer } from "@sip-push/sip";
import type { PpgEvent } from "../events.ts";
import type { DeliveryView } from "./views.ts";

/** What changed of a delivery; members that are not given did not. */
export type DeliveryChange = Pick<DeliveryView, "id" | "push" | "atMs"> &
  Partial<Pick<DeliveryView, "state" | "papCode" | "papText" | "sipStatus" | "reason" | "attempts">>;

/** One message of the live stream. */
export interface ChangesMessage {
  readonly changes: readonly DeliveryChange[];
  /** There are new pushes, or more changes than were kept: ask for the page again. */
  readonly refetch: boolean;
}

/** Bounds of the live stream. */
export interface LiveLimits {
  readonly streams: number;
  /** Changes in one message; when there are more, clients ask for what they show instead. */
  readonly changes: number;
  readonly batchMs: number;
  /** A comment goes out so often, so that a dead connection is found. */
  readonly heartbeatMs: number;
  /** A client that takes nothing for so long is cut off. */
  readonly stalledMs: number;
}

const defaultLiveLimits: LiveLimits = {
  streams: 64,
  changes: 200,
  batchMs: 250,
  heartbeatMs: 15_000,
  stalledMs: 30_000,
};

interface Stream {
  readonly response: ServerResponse;
  /** Since when its socket takes no more; undefined: it does. It missed what came meanwhile. */
  stalledSinceMs: number | undefined;
}

/** Server-Sent Events: changes of all deliveries, gathered for a moment, written once for all who listen. Costs nothing when nobody does. */
export class LiveChanges {
  readonly #clock: Clock;
  readonly #limits: LiveLimits;
  readonly #onBeat: () => void;
  readonly #streams = new Set<Stream>();
  readonly #changes = new Map<number, DeliveryChange>();
  #refetch = false;
  #batch: Timer | undefined;
  #heartbeat: Timer | undefined;

  /** @param onBeat called before each heartbeat, while there are streams: to end those that are over. */
  constructor(clock: Clock, onBeat: () => void, limits: LiveLimits = defaultLiveLimits) {
    this.#clock = clock;
    this.#onBeat = onBeat;
    this.#limits = limits;
  }

  /** Whether there are as many streams as there may be. */
  get isFull(): boolean {
    return this.#streams.size >= this.#limits.streams;
  }

  hear(event: PpgEvent): void {
    if (this.#streams.size === 0) return;
    if (event.event === "accepted") this.#refetch = true;
    else if (event.event === "state") {
      const { delivery, push, to, papCode, sipStatus, reason, atMs } = event;
      const papText = describePapCode(papCode);
      this.#note({ id: delivery, push, atMs, state: to, papCode, papText, sipStatus, reason });
    } else if (event.event === "attempt") {
      const { delivery, push, attempt, sipStatus, atMs } = event;
      this.#note({ id: delivery, push, atMs, attempts: attempt, sipStatus });
    } else return;
    this.#batch ??= this.#clock.schedule(this.#limits.batchMs, () => this.#send());
  }

  /** Makes the response a stream; its head is written already. Returns how to end it. */
  add(response: ServerResponse): () => void {
    const stream: Stream = { response, stalledSinceMs: undefined };
    this.#streams.add(stream);
    response.once("close", () => this.#remove(stream));
    response.on("drain", () => {
      if (stream.stalledSinceMs === undefined) return;
      stream.stalledSinceMs = undefined;
      this.#write(stream, messageOf({ changes: [], refetch: true }));
    });
    this.#write(stream, ": listening\n\n");
    this.#heartbeat ??= this.#clock.schedule(this.#limits.heartbeatMs, () => this.#beat());
    return () => {
      this.#remove(stream);
      response.end();
    };
  }

  /** Ends all streams. */
  close(): void {
    for (const stream of this.#streams) stream.response.end();
    this.#streams.clear();
    this.#quiet();
  }

  #note(change: DeliveryChange): void {
    const before = this.#changes.get(change.id);
    if (before === undefined && this.#changes.size >= this.#limits.changes) this.#refetch = true;
    else this.#changes.set(change.id, { ...before, ...change });
  }

  #send(): void {
    this.#batch = undefined;
    const text = messageOf({ changes: [...this.#changes.values()], refetch: this.#refetch });
    this.#changes.clear();
    this.#refetch = false;
    for (const stream of this.#streams) if (stream.stalledSinceMs === undefined) this.#write(stream, text);
  }

  #beat(): void {
    this.#onBeat();
    const nowMs = this.#clock.now();
    for (const stream of this.#streams) {
      if (stream.stalledSinceMs === undefined) this.#write(stream, ": alive\n\n");
      else if (nowMs - stream.stalledSinceMs >= this.#limits.stalledMs) stream.response.destroy();
    }
    this.#heartbeat = this.#clock.schedule(this.#limits.heartbeatMs, () => this.#beat());
  }

  #write(stream: Stream, text: string): void {
    if (!stream.response.write(text)) stream.stalledSinceMs ??= this.#clock.now();
  }

  #remove(stream: Stream): void {
    this.#streams.delete(stream);
    if (this.#streams.size === 0) this.#quiet();
  }

  #quiet(): void {
    this.#batch?.cancel();
    this.#heartbeat?.cancel();
    this.#batch = undefined;
    this.#heartbeat = undefined;
    this.#changes.clear();
    this.#refetch = false;
  }
}

const messageOf = (message: ChangesMessage): string => `event: changes\ndata: ${JSON.stringify(message)}\n\n`;
