import { BriefMap } from "../brief-map.ts";
import { paramValue, type ResponseInit, type SipRequest } from "../message/index.ts";
import type { ServerTransaction } from "../transaction/index.ts";

/** What a UAS offers; also what it answers to OPTIONS with. */
export interface UasOptions {
  /** Handler per method; OPTIONS and ACK need none. A method that is missing gets 405 or 501. */
  readonly methods: Readonly<Record<string, (transaction: ServerTransaction) => void>>;
  /** Option tags understood in Require. Default none. */
  readonly optionTags?: readonly string[];
  /** Media types taken in bodies, for Accept. */
  readonly accept?: readonly string[];
  /** Content codings taken, for Accept-Encoding. Default `identity`. */
  readonly acceptEncodings?: readonly string[];
  /** More header fields for the 200 to OPTIONS: Allow-Events, Contact with feature tags, … */
  readonly optionsHeaders?: (request: SipRequest) => ReadonlyArray<readonly [name: string, value: string]>;
}

/** Methods that we recognize (IANA registry): one that is not offered gets 405, any other 501. RFC 3261 §21.5.2. */
const KNOWN_METHODS: ReadonlySet<string> = new Set(
  "ACK BYE CANCEL INFO INVITE MESSAGE NOTIFY OPTIONS PRACK PUBLISH REFER REGISTER SUBSCRIBE UPDATE".split(" "),
);

/** Fewest requests under way that are looked through for those that were answered. */
const MIN_SWEEP = 64;

interface Refusal extends ResponseInit {
  readonly statusCode: number;
}

/**
 * The checks every UAS makes before it looks at what is asked: method, scheme, merged requests, Require (RFC 3261 §8.2.1,
 * §8.2.2); answers OPTIONS by itself (§11.2), as anything else would be answered when it is a method we know.
 */
export class UasCore {
  readonly #options: UasOptions;
  readonly #allow: string;
  /** From tag, Call-ID and CSeq of requests under way: the same by another branch took another path (§8.2.2.2). */
  readonly #running = new BriefMap<string, ServerTransaction>();
  #sweepAt = MIN_SWEEP;

  constructor(options: UasOptions) {
    this.#options = options;
    this.#allow = [...new Set([...Object.keys(options.methods), "OPTIONS"])].join(", ");
  }

  /** Pass as `onRequest` of the endpoint. A handler's throw goes through, for the endpoint to answer 500. */
  handle(transaction: ServerTransaction): void {
    const { request } = transaction;
    const refusal = this.#refuse(request);
    if (refusal !== undefined) {
      transaction.reply(refusal.statusCode, refusal);
      return;
    }
    const handler = this.#handlerOf(request.method);
    if (handler === undefined) {
      transaction.reply(200, { headers: this.#capabilities(request) });
      return;
    }
    // A To tag names a dialog, and what belongs to one is no merged request.
    const key = request.to.params.has("tag") ? undefined : mergeKey(request);
    if (key !== undefined && this.#running.get(key)?.open) {
      transaction.reply(482);
      return;
    }
    handler(transaction);
    if (key !== undefined && transaction.open) this.#remember(key, transaction);
  }

  /** Method names come off the wire: `constructor` and the like are no handlers. */
  #handlerOf(method: string): ((transaction: ServerTransaction) => void) | undefined {
    return Object.hasOwn(this.#options.methods, method) ? this.#options.methods[method] : undefined;
  }

  #refuse(request: SipRequest): Refusal | undefined {
    const { method } = request;
    if (method !== "OPTIONS" && this.#handlerOf(method) === undefined) {
      // Only INVITE is ever cancelled (RFC 3261 §9.1), and without a handler for CANCEL there is none (§9.2).
      if (method === "CANCEL") return { statusCode: 481 };
      return { statusCode: KNOWN_METHODS.has(method) ? 405 : 501, headers: [["Allow", this.#allow]] };
    }
    if (request.uri.scheme !== "sip" && request.uri.scheme !== "sips" && request.uri.scheme !== "tel") {
      return { statusCode: 416 };
    }
    const known = this.#options.optionTags ?? [];
    const unknown = request.headers.list("Require").filter((tag) => tag !== "" && !known.includes(tag.toLowerCase()));
    if (unknown.length > 0) return { statusCode: 420, headers: [["Unsupported", unknown.join(", ")]] };
    return undefined;
  }

  #capabilities(request: SipRequest): Array<readonly [string, string]> {
    const { accept = [], acceptEncodings = ["identity"], optionTags = [], optionsHeaders } = this.#options;
    const headers: Array<readonly [string, string]> = [["Allow", this.#allow]];
    if (accept.length > 0) headers.push(["Accept", accept.join(", ")]);
    headers.push(["Accept-Encoding", acceptEncodings.join(", ")], ["Accept-Language", "en"]);
    if (optionTags.length > 0) headers.push(["Supported", optionTags.join(", ")]);
    return [...headers, ...(optionsHeaders?.(request) ?? [])];
  }

  #remember(key: string, transaction: ServerTransaction): void {
    this.#running.set(key, transaction);
    // Swept when it has doubled: an entry whose transaction was answered means nothing any more.
    if (this.#running.size < this.#sweepAt) return;
    for (const [old, { open }] of this.#running) if (!open) this.#running.delete(old);
    this.#sweepAt = Math.max(MIN_SWEEP, this.#running.size * 2);
  }
}

function mergeKey(request: SipRequest): string {
  return `${paramValue(request.from.params, "tag") ?? ""} ${request.callId} ${request.cseq.seq} ${request.method}`;
}
