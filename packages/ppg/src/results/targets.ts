import type { LookupFunction } from "node:net";
import { Agent } from "undici";
import { inwardHostOf, outwardLookup } from "./inward-addresses.ts";
import type { NotifyIdentity, ResultLimits } from "./options.ts";
import { type LaneRule, OriginLane } from "./origin-lane.ts";

/** Where the results of one notify URL go. */
export interface Target<T> {
  readonly agent: Agent;
  readonly lane: OriginLane<T>;
  readonly origin: string;
  readonly path: string;
  readonly authorization: string | null;
}

export interface TargetsOptions {
  readonly admits: (initiator: string, url: string) => boolean;
  readonly mayGoInward: (initiator: string, url: string) => boolean;
  readonly identityOf: (initiator: string) => NotifyIdentity | undefined;
  readonly ca: string | null;
  readonly limits: Required<ResultLimits>;
}

/** Connections to anywhere, and those to the public Internet only. They are kept apart: one that is open is not looked at again. */
interface Agents {
  readonly anywhere: Agent;
  readonly outward: Agent;
}

interface Shown {
  readonly agents: Agents;
  readonly authorization: string | null;
  /** Names the connections in the key of a lane: "" for those that show no certificate. */
  readonly name: string;
}

/** URLs that are remembered, and origins that are not in use; with more, what is not needed is forgotten. */
const MAX_TARGETS = 4_096;
const MAX_LANES = 4_096;
const KEEP_ALIVE_MS = 30_000;

/** Notify URLs as they are gone to: checked, with the lane of their origin and the connections of their initiator. */
export class Targets<T> {
  readonly #options: TargetsOptions;
  readonly #rule: LaneRule;
  readonly #common: Agents;
  readonly #shown = new Map<string, Shown>();
  readonly #targets = new Map<string, Target<T> | string>();
  readonly #lanes = new Map<string, OriginLane<T>>();

  constructor(options: TargetsOptions) {
    this.#options = options;
    this.#rule = { perOrigin: options.limits.perOrigin, breaker: options.limits.breaker };
    this.#common = this.#agents(null);
  }

  /** A text says why results of this initiator must not go there. */
  of(initiator: string, url: string): Target<T> | string {
    const key = `${initiator}\n${url}`;
    const known = this.#targets.get(key);
    if (known !== undefined) return known;
    const target = this.#make(initiator, url);
    if (this.#targets.size >= MAX_TARGETS) this.#targets.clear();
    this.#targets.set(key, target);
    return target;
  }

  #make(initiator: string, text: string): Target<T> | string {
    const url = URL.parse(text);
    const isHttp = url?.protocol === "http:" || url?.protocol === "https:";
    if (url === null || !isHttp || !this.#options.admits(initiator, text)) {
      return "its initiator may not have results sent there";
    }
    const reach = this.#options.mayGoInward(initiator, text) ? "anywhere" : "outward";
    // No name, so nothing is looked up when it is connected to.
    const inward = inwardHostOf(url);
    if (reach === "outward" && inward !== undefined) return `${inward} is no public address`;
    const { agents, authorization, name } = this.#shownBy(initiator);
    const { origin, pathname, search } = url;
    return {
      agent: agents[reach],
      lane: this.#laneOf(`${name} ${reach} ${origin}`, origin),
      origin,
      path: pathname + search,
      authorization: authorization ?? userInformation(url),
    };
  }

  #shownBy(initiator: string): Shown {
    const known = this.#shown.get(initiator);
    if (known !== undefined) return known;
    const identity = this.#options.identityOf(initiator);
    const authorization = identity?.authorization ?? null;
    const certificate = identity?.certificate ?? null;
    const shown: Shown =
      certificate === null
        ? { agents: this.#common, authorization, name: "" }
        : { agents: this.#agents(certificate), authorization, name: initiator };
    // Initiators that are not configured any more have no identity and need no entry.
    if (identity !== undefined) this.#shown.set(initiator, shown);
    return shown;
  }

  #laneOf(key: string, origin: string): OriginLane<T> {
    const known = this.#lanes.get(key);
    if (known !== undefined) return known;
    if (this.#lanes.size >= MAX_LANES) this.#forgetLanes();
    const lane = new OriginLane<T>(origin, this.#rule);
    this.#lanes.set(key, lane);
    return lane;
  }

  #forgetLanes(): void {
    this.#targets.clear();
    for (const [key, lane] of this.#lanes) {
      if (lane.idle) this.#lanes.delete(key);
    }
  }

  #agents(identity: NotifyIdentity["certificate"]): Agents {
    return { anywhere: this.#agent(identity, {}), outward: this.#agent(identity, { lookup: outwardLookup() }) };
  }

  #agent(identity: NotifyIdentity["certificate"], reach: { readonly lookup?: LookupFunction }): Agent {
    const { ca, limits } = this.#options;
    return new Agent({
      connections: limits.perOrigin,
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: {
        timeout: limits.timeoutMs,
        ...reach,
        ...(ca !== null && { ca }),
        ...(identity !== null && { cert: identity.certificate, key: identity.key }),
      },
    });
  }

  /** Asks anew who may have results sent where, and who is shown what; connections end when what goes over them has. */
  forget(): void {
    this.#targets.clear();
    for (const { agents } of this.#shown.values()) {
      if (agents !== this.#common) for (const agent of Object.values(agents)) void agent.close();
    }
    this.#shown.clear();
  }

  /** Origins that are left alone for a while. */
  pausedOrigins(nowMs: number): string[] {
    const paused = [...this.#lanes.values()].filter((lane) => lane.pausedUntilMs(nowMs) !== null);
    return [...new Set(paused.map(({ origin }) => origin))];
  }

  async close(): Promise<void> {
    const all = new Set([this.#common, ...[...this.#shown.values()].map(({ agents }) => agents)]);
    await Promise.all([...all].flatMap((agents) => Object.values(agents)).map((agent: Agent) => agent.destroy()));
  }
}

/** `http://user:password@host/`: RFC 3986 §3.2.1, RFC 7617. Null without, and for what is not percent-encoded text. */
function userInformation({ username, password }: URL): string | null {
  if (username === "") return null;
  try {
    const text = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return `Basic ${Buffer.from(text, "utf8").toString("base64")}`;
  } catch {
    return null;
  }
}
