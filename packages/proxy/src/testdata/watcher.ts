import {
  newCallId,
  newTag,
  paramValue,
  parseNameAddr,
  type SendOptions,
  type SipRequest,
  type SipResponse,
} from "@sip-push/sip";
import type { Agent } from "./proxy-bed.ts";

type Fields = ReadonlyArray<readonly [name: string, value: string]>;

/** One subscription as a subscriber has it, at a user agent of a {@link ProxyBed}. */
export class Watcher {
  readonly agent: Agent;
  readonly #event: string;
  readonly #aor: string;
  readonly #from: string;
  readonly #contact: string;
  readonly #options: SendOptions;
  readonly #callId = newCallId();
  readonly #fromTag = newTag();
  #cseq = 0;
  #first: SipResponse | undefined;

  constructor(
    agent: Agent,
    event: string,
    aor: string,
    {
      from = "sip:watcher@other.test",
      contact = `<${agent.contact("watcher")}>`,
      ...options
    }: SendOptions & { from?: string; contact?: string } = {},
  ) {
    this.agent = agent;
    this.#event = event;
    this.#aor = aor;
    this.#from = from;
    this.#contact = contact;
    this.#options = options;
  }

  /** Sends the SUBSCRIBE, or a refresh, and lets the NOTIFY that follows arrive. */
  async subscribe(expires = 600, headers: Fields = []): Promise<SipResponse> {
    const dialog = this.#first;
    const toTag = dialog === undefined ? undefined : paramValue(dialog.to.params, "tag");
    const target = dialog?.headers.get("Contact");
    const route = dialog?.headers.list("Record-Route").reverse() ?? [];
    const response = await this.agent.ask(
      {
        method: "SUBSCRIBE",
        requestUri: target === undefined ? this.#aor : parseNameAddr(target, "Contact").uriText,
        to: this.#aor,
        from: this.#from,
        fromTag: this.#fromTag,
        callId: this.#callId,
        cseq: ++this.#cseq,
        ...(toTag === undefined ? {} : { toTag }),
        headers: [
          ...route.map((value) => ["Route", value] as const),
          ["Contact", this.#contact],
          ["Event", this.#event],
          ["Expires", String(expires)],
          ...headers,
        ],
      },
      this.#options,
    );
    // Each answer to a challenge raised it by one.
    this.#cseq++;
    if (response.statusCode < 300) this.#first ??= response;
    await this.agent.bed.clock.advance(10);
    return response;
  }

  get notifies(): SipRequest[] {
    return this.agent.received.filter(({ method, callId }) => method === "NOTIFY" && callId === this.#callId);
  }

  /** The last NOTIFY. */
  get last(): SipRequest {
    const last = this.notifies.at(-1);
    if (last === undefined) throw new Error("no NOTIFY came");
    return last;
  }
}
