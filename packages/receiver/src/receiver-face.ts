import { toContactParams, withPnParams } from "@sip-push/push";
import {
  type Flow,
  parseUri,
  quote,
  type SipEndpoint,
  type SipUri,
  serializeParams,
  serializeUri,
  type TransportName,
  type UserRegistration,
} from "@sip-push/sip";
import { Applications, type ReceiverApplication } from "./applications.ts";
import type { OwnRequests, OwnWay } from "./own-requests.ts";
import type { ReceiverFace } from "./subscriptions/push-subscriptions.ts";

export interface FaceOptions {
  readonly endpoint: SipEndpoint;
  readonly aor: SipUri;
  readonly instanceId: string | undefined;
  readonly methods: readonly string[];
  readonly applications: ReadonlyArray<string | ReceiverApplication>;
}

/** What a face learns once there is a registration, which needs the face for its feature tag. */
export interface FaceWays {
  readonly registration: UserRegistration | undefined;
  readonly own: Pick<OwnRequests, "way">;
}

const NO_WAY: OwnWay = { routeSet: [], headers: [], flow: undefined, nextHop: undefined };

/** What others see of a receiver: its address, its way out, and its applications, which can change. */
export class Face implements ReceiverFace {
  readonly methods: readonly string[];
  readonly #options: FaceOptions;
  #given: ReadonlyArray<string | ReceiverApplication>;
  #all: Applications;
  #ways: FaceWays = { registration: undefined, own: { way: () => NO_WAY } };

  /** @throws {PushInputError} naming `applications[i]`. */
  constructor(options: FaceOptions) {
    this.#options = options;
    this.methods = options.methods;
    this.#given = options.applications;
    this.#all = new Applications(options.applications);
  }

  /** Says how it is registered. */
  registered(ways: FaceWays): void {
    this.#ways = ways;
  }

  /** @throws {PushInputError} naming `applications[i]`; nothing has changed then. */
  setApplications(applications: ReadonlyArray<string | ReceiverApplication>): void {
    this.#all = new Applications(applications);
    this.#given = applications;
  }

  get all(): Applications {
    return this.#all;
  }

  get applications(): readonly string[] {
    return this.#all.names;
  }

  /** Feature parameters of the Contact. */
  get contactParams(): ReadonlyMap<string, string | null> {
    return toContactParams(this.#all.names);
  }

  /** Where requests reach this receiver directly: as registered. */
  get address(): string {
    const { aor, endpoint } = this.#options;
    return this.#ways.registration?.contact ?? directContact(aor, endpoint);
  }

  /** What others get for an address: the GRUU (RFC 5627 §4.4), else the contact without the secrets of RFC 8599 §4. */
  get uri(): string {
    return this.#ways.registration?.gruu ?? serializeUri(withPnParams(parseUri(this.address) as SipUri, undefined));
  }

  /** Draft §11.1 (3), (4). */
  get contact(): string {
    const { instanceId } = this.#options;
    const params = new Map(instanceId === undefined ? [] : [["+sip.instance", quote(`<${instanceId}>`)]]);
    return `<${this.uri}>${serializeParams(new Map([...params, ...this.contactParams]))}`;
  }

  /** The connection that alone leads here: nobody can connect to this address, and there is no GRUU. RFC 5626 §4.3. */
  get boundFlow(): Flow | undefined {
    const { registration } = this.#ways;
    if (registration === undefined || registration.gruu !== undefined) return undefined;
    const { host, params } = parseUri(this.address) as SipUri;
    return params.has("ob") || host.endsWith(".invalid") ? registration.flow : undefined;
  }

  get way(): OwnWay {
    return this.#ways.own.way();
  }

  get reachable(): boolean {
    const { registration } = this.#ways;
    return registration === undefined || (registration.registered && registration.openFlows.length > 0);
  }

  acceptOf(applications: readonly string[]): readonly string[] {
    if (applications.every((id) => !this.#all.names.includes(id))) return this.#all.accept;
    return new Applications(this.#given.filter((_, index) => applications.includes(this.#all.names[index] ?? "")))
      .accept;
  }
}

/** The Contact of a receiver that does not register: the user of the AoR at its own address. */
function directContact({ scheme, user }: SipUri, endpoint: SipEndpoint): string {
  const transport: TransportName = endpoint.transportNames[0] ?? "UDP";
  const param = transport === "UDP" ? "" : `;transport=${transport.toLowerCase()}`;
  return `${scheme}:${user === undefined ? "" : `${user}@`}${endpoint.sentBy(transport)}${param}`;
}
