import { decodePidf, PIDF_TYPE, type Presence } from "@sip-push/bodies";
import {
  type Clock,
  EventStateAgent,
  type EventStateLimits,
  type Logger,
  type ServerTransaction,
  type SipRequest,
  silentLogger,
  type TrustDomain,
} from "@sip-push/sip";
import { aorKey } from "../aor.ts";
import { type RequestIdentity, requestIdentity } from "../request-identity.ts";
import type { CapabilityBook } from "./capability-book.ts";
import { fromPresence } from "./facts.ts";

export interface CapabilityPublicationsOptions {
  readonly clock: Clock;
  readonly book: CapabilityBook;
  /** Peers whose P-Asserted-Identity counts. */
  readonly trust: TrustDomain;
  /** URIs of the sender itself: a PUBLISH to one of these is about who sends it. */
  readonly ownAddresses?: readonly string[];
  /** False: where nobody asserts, From is believed. Default true. */
  readonly requireAsserted?: boolean;
  /** Default of the agent: see {@link EventStateLimits}. */
  readonly limits?: EventStateLimits;
  /** Octets of one document; more is 413. Default 65536. */
  readonly maxBodyBytes?: number;
  /** Default: silent. */
  readonly logger?: Logger;
}

const PRESENCE = "presence";

/**
 * Takes the PUBLISHes by which handsets say what they can take (RFC 3903; presence documents with RFC 5196
 * capabilities), and enters it in the book for as long as they stand. Only the user itself may publish, which the core
 * vouches for; anybody else is 403.
 */
export class CapabilityPublications {
  readonly #options: CapabilityPublicationsOptions;
  readonly #agent: EventStateAgent<Presence>;
  readonly #own: ReadonlySet<string>;
  /** Of the request that is being handled: the agent decides each in one go. */
  #user = "";

  constructor(options: CapabilityPublicationsOptions) {
    this.#options = options;
    this.#own = new Set((options.ownAddresses ?? []).flatMap((uri) => aorKey(uri) ?? []));
    const { clock, limits, maxBodyBytes = 65_536, logger = silentLogger } = options;
    this.#agent = new EventStateAgent<Presence>({
      clock,
      logger,
      packages: [
        {
          name: PRESENCE,
          accept: [PIDF_TYPE],
          maxBodyBytes,
          decode: (body) => ofUser(decodePidf(body, { maxOctets: maxBodyBytes }), this.#user),
        },
      ],
      resourceOf: () => this.#user,
      ...(limits === undefined ? {} : { limits }),
    });
  }

  /** For Allow-Events. RFC 3903 §7. */
  get events(): readonly string[] {
    return this.#agent.events;
  }

  get stats(): EventStateAgent<Presence>["stats"] {
    return this.#agent.stats;
  }

  /** Handler of PUBLISH for the UAS. */
  handle(transaction: ServerTransaction): void {
    const { trust, requireAsserted = true } = this.#options;
    const identity = requestIdentity(transaction.request, transaction.flow, trust);
    const users = identity.uris.flatMap((uri) => aorKey(uri) ?? []);
    const user = this.#userOf(transaction.request, users);
    if (user === undefined) {
      transaction.reply(404);
      return;
    }
    if ((requireAsserted && !identity.asserted) || !users.includes(user)) {
      this.#refused(identity, user);
      transaction.reply(403);
      return;
    }
    this.#user = user;
    if (this.#agent.handle(transaction) === 200) this.#learn(user);
  }

  /** Forgets the publications; what was learnt from them lasts as long as they would have. Idempotent. */
  close(): void {
    this.#agent.close();
  }

  /**
   * RFC 3903 §4.1: the Request-URI is the resource, unless it is the sender's own; where a registrar put the sender's Contact in its
   * place (RFC 3261 §16.5), To says so still.
   */
  #userOf({ requestUri, to }: SipRequest, users: readonly string[]): string | undefined {
    const [resource, addressed] = [aorKey(requestUri), aorKey(to.uri)];
    const isOwn = [resource, addressed].some((key) => key !== undefined && this.#own.has(key));
    return isOwn ? users[0] : resource;
  }

  #learn(user: string): void {
    const { book, clock } = this.#options;
    const handsets = this.#agent.publications(user, PRESENCE).flatMap(({ state, expiresAtMs }) => {
      const expiresSeconds = (expiresAtMs - clock.now()) / 1000;
      return fromPresence(state).map((handset) => ({ ...handset, expiresSeconds }));
    });
    book.replace(user, "publication", handsets);
  }

  #refused({ text, asserted }: RequestIdentity, user: string): void {
    this.#options.logger?.info({ from: text, asserted, user }, "PUBLISH refused: not the user's own");
  }
}

/** RFC 3863 §4.1.1: the document must be about the user who publishes it. What is thrown is answered 400. */
function ofUser(presence: Presence, user: string): Presence {
  if (aorKey(presence.entity) !== user) throw new Error("entity: is not the user who publishes");
  return presence;
}
