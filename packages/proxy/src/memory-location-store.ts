import { type Clock, type Flow, TimerWheel, type WheelTimer } from "@sip-push/sip";
import type { Binding, ExpiryListener, LocationStore } from "./location-store.ts";

export interface MemoryLocationStoreOptions {
  readonly clock: Clock;
  /** A binding was not refreshed in time. */
  readonly onExpired?: ExpiryListener;
  /** Addresses-of-record with bindings at a time. Default 1,000,000. */
  readonly maxAors?: number;
}

interface Entry {
  bindings: readonly Binding[];
  /** Wakes at the first expiry. */
  readonly timer: WheelTimer;
}

/** Instances remembered for one user; the oldest is forgotten for a new one. */
const MAX_KNOWN_INSTANCES = 64;

/** One wake-up a second at most; `bindings()` looks at the time itself, so this only delays the news. */
const EXPIRY_TICK_MS = 1000;

/** Bindings in memory, gone with the process. */
export class MemoryLocationStore implements LocationStore {
  readonly #clock: Clock;
  readonly #onExpired: ExpiryListener;
  readonly #maxAors: number;
  readonly #wheel: TimerWheel;
  readonly #entries = new Map<string, Entry>();
  readonly #flows = new Map<Flow, Set<string>>();
  /** Generation of temporary GRUUs -> address-of-record. */
  readonly #generations = new Map<number, string>();
  /** Users that were here and their instances, oldest first; as many as may have bindings. */
  readonly #known = new Map<string, Set<string>>();
  #size = 0;

  constructor({ clock, onExpired = () => {}, maxAors = 1_000_000 }: MemoryLocationStoreOptions) {
    this.#clock = clock;
    this.#onExpired = onExpired;
    this.#maxAors = maxAors;
    this.#wheel = new TimerWheel(clock, EXPIRY_TICK_MS);
  }

  get size(): number {
    return this.#size;
  }

  bindings(aor: string): readonly Binding[] {
    const all = this.#entries.get(aor)?.bindings ?? [];
    const now = this.#clock.now();
    return all.every(({ expiresAtMs }) => expiresAtMs > now) ? all : all.filter(({ expiresAtMs }) => expiresAtMs > now);
  }

  replace(aor: string, bindings: readonly Binding[]): boolean {
    const entry = this.#entries.get(aor);
    if (entry === undefined && bindings.length > 0 && this.#entries.size >= this.#maxAors) return false;
    this.#set(aor, entry, bindings);
    return true;
  }

  remove(binding: Binding): boolean {
    const entry = this.#entries.get(binding.aor);
    const rest = entry?.bindings.filter((other) => !isUnchanged(other, binding)) ?? [];
    if (entry === undefined || rest.length === entry.bindings.length) return false;
    this.#set(binding.aor, entry, rest);
    return true;
  }

  overFlow(flow: Flow): readonly Binding[] {
    return [...(this.#flows.get(flow) ?? [])].flatMap((aor) =>
      this.bindings(aor).filter((binding) => binding.flow === flow),
    );
  }

  ofGeneration(generation: number): readonly Binding[] {
    const aor = this.#generations.get(generation);
    return aor === undefined ? [] : this.bindings(aor).filter(({ gruus }) => gruus?.generation === generation);
  }

  wasRegistered(aor: string, instance?: string): boolean {
    const instances = this.#known.get(aor);
    return instance === undefined ? instances !== undefined : instances?.has(instance.toLowerCase()) === true;
  }

  close(): void {
    this.#wheel.close();
    this.#entries.clear();
    this.#flows.clear();
    this.#generations.clear();
    this.#size = 0;
  }

  #set(aor: string, entry: Entry | undefined, bindings: readonly Binding[]): void {
    const old = entry?.bindings ?? [];
    this.#size += bindings.length - old.length;
    this.#reindexFlows(aor, old, bindings);
    for (const { gruus } of old) if (gruus !== undefined) this.#generations.delete(gruus.generation);
    for (const { gruus } of bindings) if (gruus !== undefined) this.#generations.set(gruus.generation, aor);
    if (bindings.length === 0) {
      if (entry !== undefined) this.#wheel.stop(entry.timer);
      this.#entries.delete(aor);
      return;
    }
    const kept = entry ?? { bindings, timer: this.#wheel.timer(() => this.#expire(aor)) };
    kept.bindings = bindings;
    this.#entries.set(aor, kept);
    this.#remember(aor, bindings);
    const first = Math.min(...bindings.map(({ expiresAtMs }) => expiresAtMs));
    this.#wheel.start(kept.timer, first - this.#clock.now());
  }

  #expire(aor: string): void {
    const entry = this.#entries.get(aor);
    if (entry === undefined) return;
    const live = this.bindings(aor);
    const ended = entry.bindings.filter((binding) => !live.includes(binding));
    this.#set(aor, entry, live);
    for (const binding of ended) this.#onExpired(binding);
  }

  #reindexFlows(aor: string, old: readonly Binding[], bindings: readonly Binding[]): void {
    for (const { flow } of old) {
      if (flow === undefined || bindings.some((binding) => binding.flow === flow)) continue;
      const aors = this.#flows.get(flow);
      aors?.delete(aor);
      if (aors?.size === 0) this.#flows.delete(flow);
    }
    for (const { flow } of bindings) {
      if (flow === undefined) continue;
      const aors = this.#flows.get(flow);
      if (aors === undefined) this.#flows.set(flow, new Set([aor]));
      else aors.add(aor);
    }
  }

  #remember(aor: string, bindings: readonly Binding[]): void {
    const instances = this.#known.get(aor) ?? new Set();
    this.#known.set(aor, instances);
    for (const { instance } of bindings) if (instance !== undefined) remember(instances, instance.toLowerCase());
    if (this.#known.size <= this.#maxAors) return;
    const [oldest] = this.#known.keys();
    if (oldest !== undefined) this.#known.delete(oldest);
  }
}

function remember(instances: Set<string>, instance: string): void {
  instances.delete(instance);
  instances.add(instance);
  const [oldest] = instances;
  if (instances.size > MAX_KNOWN_INSTANCES && oldest !== undefined) instances.delete(oldest);
}

/** True while no other REGISTER was for the binding; what became of its siblings does not matter. */
function isUnchanged(a: Binding, b: Binding): boolean {
  return a.id === b.id && a.callId === b.callId && a.cseq === b.cseq;
}
