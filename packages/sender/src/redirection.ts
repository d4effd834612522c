import { paramValue, parseNameAddr, SipParseError, type SipResponse, type SipUri } from "@sip-push/sip";
import { type Recipient, requestUriOf } from "./recipient.ts";

/** Request-URIs that are tried at most because of 3xx responses, for one push to one recipient. */
const MAX_REDIRECTIONS = 5;

/** The target set of RFC 3261 §8.1.3.4: the recipient, and where 3xx responses send us, each URI once. */
export class Targets {
  readonly #recipient: Recipient;
  /** Most pushes are not redirected. */
  #seen: Set<string> | undefined;
  #left: string[] = [];
  #taken = 0;
  #current: string;

  constructor(recipient: Recipient) {
    this.#recipient = recipient;
    this.#current = recipient.requestUri;
  }

  /** The Request-URI to send to. */
  get current(): string {
    return this.#current;
  }

  /** Whether {@link take} has another one. */
  get left(): boolean {
    return this.#left.length > 0 && this.#taken < MAX_REDIRECTIONS;
  }

  /** Adds the Contacts of a 3xx, the highest q first. Those that are no SIP URI, or would leave `sips`, are left out. */
  add(response: SipResponse): void {
    const { requestUri: first, secure } = this.#recipient;
    // Going there again would be a loop.
    this.#seen ??= new Set([first]);
    const contacts = response.headers.list("Contact").flatMap((text) => contactOf(text) ?? []);
    for (const { uri } of contacts.sort((a, b) => b.q - a.q)) {
      const requestUri = requestUriOf(uri);
      if (this.#seen.has(requestUri) || (secure && uri.scheme !== "sips")) continue;
      this.#seen.add(requestUri);
      this.#left.push(requestUri);
    }
  }

  /** Goes on with the next one. */
  take(): void {
    if (!this.left) return;
    this.#taken++;
    this.#current = this.#left.shift() ?? this.#current;
  }

  /** Back to the recipient: all redirections are forgotten. */
  startOver(): void {
    this.#current = this.#recipient.requestUri;
    this.#seen = undefined;
    this.#left = [];
    this.#taken = 0;
  }
}

function contactOf(text: string): { uri: SipUri; q: number } | undefined {
  try {
    const { uri, params } = parseNameAddr(text, "Contact");
    if (uri.scheme !== "sip" && uri.scheme !== "sips") return undefined;
    const q = Number(paramValue(params, "q") ?? 1);
    return { uri, q: q >= 0 && q <= 1 ? q : 0 };
  } catch (error) {
    if (error instanceof SipParseError) return undefined;
    throw error;
  }
}
