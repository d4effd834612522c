import {
  emptyBody,
  encodeText,
  parseNameAddr,
  SipHeaders,
  SipParseError,
  SipRequest,
  type SipResponse,
  type SipUri,
  serializeUri,
} from "../message/index.ts";
import { contactOf } from "./contact.ts";
import { detached } from "./detached.ts";
import type { DialogState } from "./dialog-state.ts";

/** What a request within a dialog has beyond what the dialog gives. Texts are Unicode. */
export interface DialogRequestInit {
  readonly headers?: ReadonlyArray<readonly [name: string, value: string]>;
  readonly body?: Uint8Array;
}

/** How the dialog's requests find their way: header fields, Request-URI, and the hop when it is not the topmost Route. */
interface Way {
  readonly requestUri: string;
  readonly routes: ReadonlyArray<readonly [string, string]>;
  readonly strictHop: SipUri | undefined;
}

/**
 * A peer-to-peer relationship: makes requests within it and keeps their order. RFC 3261 §12. What it knows is plain data
 * ({@link DialogState}), so that it can go on after a restart.
 */
export class Dialog {
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  readonly #fixed: Pick<DialogState, "localUri" | "remoteUri" | "routeSet" | "secure">;
  readonly #from: string;
  readonly #to: string;
  #localSeq: number;
  #remoteSeq: number | null;
  #remoteTarget: string;
  #way: Way | undefined;
  /** The Contact that was taken last, as written: most peers never say another. */
  #lastContact: string | undefined;

  constructor(state: DialogState) {
    const { callId, localTag, remoteTag, localUri, remoteUri, routeSet, secure } = state;
    this.callId = callId;
    this.localTag = localTag;
    this.remoteTag = remoteTag;
    this.#fixed = { localUri, remoteUri, routeSet, secure };
    this.#from = `${localUri};tag=${localTag}`;
    this.#to = remoteTag === "" ? remoteUri : `${remoteUri};tag=${remoteTag}`;
    this.#localSeq = state.localSeq;
    this.#remoteSeq = state.remoteSeq;
    this.#remoteTarget = state.remoteTarget;
  }

  /** All of it, as plain data. */
  get state(): DialogState {
    const { callId, localTag, remoteTag } = this;
    const [localSeq, remoteSeq, remoteTarget] = [this.#localSeq, this.#remoteSeq, this.#remoteTarget];
    return { callId, localTag, remoteTag, ...this.#fixed, localSeq, remoteSeq, remoteTarget };
  }

  /** CSeq number of our last request. */
  get localSeq(): number {
    return this.#localSeq;
  }

  get remoteTarget(): string {
    return this.#remoteTarget;
  }

  get routeSet(): readonly string[] {
    return this.#fixed.routeSet;
  }

  /** Where to send, when it is a strict router: the topmost Route does not name it (§12.2.1.1, §8.1.2). */
  get strictHop(): SipUri | undefined {
    return this.#wayNow().strictHop;
  }

  /**
   * The next request within the dialog; Via is added when it is sent. RFC 3261 §12.2.1.1.
   *
   * @throws {SipParseError} for a header of the caller's that no message may have.
   */
  request(method: string, init: DialogRequestInit = {}): SipRequest {
    const way = this.#wayNow();
    const fields: Array<readonly [string, string]> = [
      ...way.routes,
      ["Max-Forwards", "70"],
      ["From", this.#from],
      ["To", this.#to],
      ["Call-ID", this.callId],
      ["CSeq", `${this.#localSeq + 1} ${method}`],
    ];
    const body = init.body ?? emptyBody;
    for (const [name, value] of init.headers ?? []) fields.push([name, encodeText(value)]);
    fields.push(["Content-Length", String(body.length)]);
    const request = new SipRequest(method, way.requestUri, SipHeaders.of(fields), body);
    this.#localSeq++;
    return request;
  }

  /** CSeq numbers that were used beyond the one of `request`: answers to challenges raise it (§22.2). */
  skip(count: number): void {
    this.#localSeq += Math.max(count, 0);
  }

  /** Whether `message` is of this dialog, by its Call-ID and tags as they stand in what the peer sends. §12.2.2. */
  holds(callId: string, localTag: string | undefined, remoteTag: string | undefined): boolean {
    return callId === this.callId && localTag === this.localTag && (remoteTag ?? "") === this.remoteTag;
  }

  /**
   * Notes the order of a request of the peer: "old" when its number is lower than one before, to be answered 500;
   * "again" when it is the same: a second way here, or a second try by a proxy. RFC 3261 §12.2.2.
   */
  receive(request: SipRequest): "new" | "again" | "old" {
    const { seq } = request.cseq;
    const last = this.#remoteSeq ?? -1;
    if (seq <= last) return seq < last ? "old" : "again";
    this.#remoteSeq = seq;
    return "new";
  }

  /**
   * Takes the Contact of a target refresh (SUBSCRIBE, NOTIFY: RFC 6665 §3.1, §3.2), or of its 2xx, for the remote target;
   * a message without one changes nothing. RFC 3261 §12.2.1.2, §12.2.2.
   *
   * @returns what is wrong with the Contact, undefined when nothing is.
   */
  refreshTarget(message: SipRequest | SipResponse): string | undefined {
    const { headers } = message;
    const text = headers.get("Contact");
    if (text === undefined || (text === this.#lastContact && headers.count("Contact") === 1)) return undefined;
    try {
      const target = contactOf(message);
      this.#lastContact = detached(text);
      if (target === this.#remoteTarget) return undefined;
      this.#way = undefined;
      this.#remoteTarget = detached(target);
      return undefined;
    } catch (error) {
      if (error instanceof SipParseError) return error.message;
      throw error;
    }
  }

  #wayNow(): Way {
    this.#way ??= wayOf(this.#fixed.routeSet, this.#remoteTarget);
    return this.#way;
  }
}

/** RFC 3261 §12.2.1.1. */
function wayOf(routeSet: readonly string[], remoteTarget: string): Way {
  const [first, ...rest] = routeSet;
  const uri = first === undefined ? undefined : sipUriOf(first);
  if (uri === undefined || uri.params.has("lr")) {
    return { requestUri: remoteTarget, routes: asRoutes(routeSet), strictHop: undefined };
  }
  // A strict router: it is the Request-URI, without what may not stand there (§19.1.1), and the target comes last.
  const params = new Map([...uri.params].filter(([name]) => name !== "method"));
  const requestUri = serializeUri({ ...uri, params, headers: [] });
  return { requestUri, routes: asRoutes([...rest, `<${remoteTarget}>`]), strictHop: uri };
}

function asRoutes(values: readonly string[]): ReadonlyArray<readonly [string, string]> {
  return values.map((value) => ["Route", value] as const);
}

/** Undefined for what a store gave back damaged: it is sent as it is, and refused as unsendable then. */
function sipUriOf(route: string): SipUri | undefined {
  try {
    const { uri } = parseNameAddr(route, "Route");
    return uri.scheme === "sip" || uri.scheme === "sips" ? uri : undefined;
  } catch (error) {
    if (error instanceof SipParseError) return undefined;
    throw error;
  }
}
