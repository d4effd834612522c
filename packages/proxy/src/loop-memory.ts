import { paramValue, parseVia, SipParseError, type SipRequest, sentByOf, type Via } from "@sip-push/sip";

/** Ends the memory of one request. */
export type Forget = () => void;

/**
 * Knows a request that comes back to where it was. RFC 3261 §16.3 (4) and §16.6 (8) as RFC 5393 §4.2 corrects them.
 *
 * Instead of a hash in our branch it keeps what is under way: a request has looped when it descends from one that we are
 * forwarding (its Via fields hold the topmost one of that) and all that decides about its way is the same. So a loop is
 * told from a spiral, and from two branches of one fork that meet here again.
 */
export class LoopMemory {
  /** What decides about the way -> topmost Via of the requests under way. */
  readonly #underWay = new Map<string, string[]>();

  get size(): number {
    return this.#underWay.size;
  }

  hasLooped(request: SipRequest): boolean {
    const ancestors = this.#underWay.get(routingKey(request));
    if (ancestors === undefined) return false;
    return request.headers.list("Via").some((text) => {
      const via = tryParseVia(text);
      return via !== undefined && ancestors.includes(viaKey(via));
    });
  }

  /** Remembers `request` until the returned function is called: when the last branch has ended. */
  remember(request: SipRequest): Forget {
    const key = routingKey(request);
    const via = viaKey(request.via);
    const ancestors = this.#underWay.get(key);
    if (ancestors === undefined) this.#underWay.set(key, [via]);
    else ancestors.push(via);
    return () => {
      const rest = this.#underWay.get(key)?.filter((other) => other !== via) ?? [];
      if (rest.length === 0) this.#underWay.delete(key);
      else this.#underWay.set(key, rest);
    };
  }
}

/** Everything that the choice of targets depends on; not the method (RFC 5393 §4.2.1). */
function routingKey(request: SipRequest): string {
  const { headers } = request;
  return [
    request.requestUri,
    request.callId,
    request.cseq.seq,
    paramValue(request.from.params, "tag") ?? "",
    paramValue(request.to.params, "tag") ?? "",
    ...["Route", "Accept-Contact", "Reject-Contact", "Request-Disposition"].map((name) => headers.list(name).join(",")),
  ].join("\n");
}

function viaKey(via: Via): string {
  return `${via.params.get("branch") ?? ""} ${sentByOf(via)}`;
}

/** Via fields of others may hold what we cannot read; they are not ours to judge (RFC 5393 §4.2.4). */
function tryParseVia(text: string): Via | undefined {
  try {
    return parseVia(text);
  } catch (error) {
    if (error instanceof SipParseError) return undefined;
    throw error;
  }
}
