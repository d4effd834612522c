import { locate, type Resolver, TargetHealth } from "../locate/index.ts";
import type { SipUri } from "../message/index.ts";
import { type Flow, SipTransportError, type Target } from "../transport/transport.ts";
import type { SipEndpoint } from "./endpoint.ts";

/** How long a target on which nobody could register is tried last. */
const AVOID_MS = 30_000;

export interface OutboundTargetsOptions {
  readonly endpoint: SipEndpoint;
  readonly resolver: Resolver;
  /** The outbound proxy set. Flow number n goes to the n-th, and round again. */
  readonly proxies: readonly SipUri[];
  readonly random?: () => number;
}

/**
 * Connects the flows of one user agent, each to a target that no other flow has: two flows to one address would fail together.
 * The names are looked up for each attempt (RFC 5626 §4.2.1, RFC 3263).
 */
export class OutboundTargets {
  readonly #options: OutboundTargetsOptions;
  readonly #health: TargetHealth;
  readonly #taken = new Map<number, Target>();

  constructor(options: OutboundTargetsOptions) {
    this.#options = options;
    this.#health = new TargetHealth({ clock: options.endpoint.clock });
  }

  /** The URI that flow `index` goes to. */
  proxyOf(index: number): SipUri {
    const { proxies } = this.#options;
    return proxies[index % proxies.length] as SipUri;
  }

  /** Makes flow `index`. Rejects with {@link SipTransportError} or {@link SipLocateError} when no target is left. */
  async connect(index: number, signal: AbortSignal): Promise<Flow> {
    const { endpoint, resolver, random } = this.#options;
    this.#taken.delete(index);
    const proxy = this.proxyOf(index);
    const supported = endpoint.transportNames;
    const found = locate(proxy, { resolver, supported, signal, ...(random && { random }) });
    let last: Error | undefined;
    for await (const target of this.#health.order(found)) {
      if (this.#isTaken(target)) continue;
      this.#taken.set(index, target);
      try {
        return endpoint.existingFlow(target) ?? (await endpoint.flowTo(target, signal));
      } catch (error) {
        last = error instanceof Error ? error : new Error(String(error));
        this.failed(index);
        if (signal.aborted) break;
      }
    }
    throw last ?? new SipTransportError("SIP_NO_TRANSPORT", `${proxy.host} has no address that no other flow goes to`);
  }

  /** Flow `index` could not be made or registered on. */
  failed(index: number): void {
    const target = this.#taken.get(index);
    this.#taken.delete(index);
    if (target !== undefined) this.#health.failed(target, AVOID_MS);
  }

  /** Flow `index` is registered. */
  registered(index: number): void {
    const target = this.#taken.get(index);
    if (target !== undefined) this.#health.recovered(target);
  }

  #isTaken(target: Target): boolean {
    return [...this.#taken.values()].some((other) => isSame(other, target));
  }
}

function isSame(a: Target, b: Target): boolean {
  return a.transport === b.transport && a.address === b.address && a.port === b.port;
}
