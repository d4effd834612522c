import { paramValue, parseNameAddr, SipParseError, type SipResponse, type SipUri } from "@sip-push/sip";
import { requestUriOf } from "./recipient.ts";

/** Request-URIs that are tried at most because of 3xx responses, for one push to one recipient. */
const MAX_REDIRECTIONS = 5;

/** The target set of RFC 3261 §8.1.3.4: where 3xx responses send us, each URI once. */
export class Redirections {
  readonly #secure: boolean;
  readonly #seen: Set<string>;
  readonly #left: string[] = [];
  #taken = 0;

  /** @param requestUri where the request went first; going there again would be a loop. */
  constructor(requestUri: string, secure: boolean) {
    this.#secure = secure;
    this.#seen = new Set([requestUri]);
  }

  /** Adds the Contacts of a 3xx, the highest q first. Those that are no SIP URI, or would leave `sips`, are left out. */
  add(response: SipResponse): void {
    const contacts = response.headers.list("Contact").flatMap((text) => contactOf(text) ?? []);
    for (const { uri } of contacts.sort((a, b) => b.q - a.q)) {
      const requestUri = requestUriOf(uri);
      if (this.#seen.has(requestUri) || (this.#secure && uri.scheme !== "sips")) continue;
      this.#seen.add(requestUri);
      this.#left.push(requestUri);
    }
  }

  /** Whether {@link take} has another one. */
  get left(): boolean {
    return this.#left.length > 0 && this.#taken < MAX_REDIRECTIONS;
  }

  /** The next Request-URI to try. */
  take(): string | undefined {
    if (!this.left) return undefined;
    this.#taken++;
    return this.#left.shift();
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
