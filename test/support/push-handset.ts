import { encodeCpim, encodeImdn, imdnHeaders } from "@sip-push/bodies";
import {
  createRequest,
  newCallId,
  newTag,
  paramValue,
  parseUri,
  RequestSender,
  SipEndpoint,
  type SipRequest,
  type SipResponse,
  type SipUri,
} from "@sip-push/sip";
import { BOB, type ScriptedAnswer, type SenderRig, udp } from "./sender-rig.ts";

type Fields = ReadonlyArray<readonly [name: string, value: string]>;

export interface SubscribeChange {
  /** Whole value; undefined: none. Default: DS. */
  readonly event?: string | undefined;
  /** Empty: none. Default 3600. */
  readonly expires?: string;
  /** Empty: nobody asserts anything. Default: {@link BOB}. */
  readonly asserted?: string;
  readonly headers?: Fields;
}

export const DS_EVENT = 'oma-push;event-app-id="x-wap-application:push.syncml"';

/** A handset that a test scripts, against a sender at 192.0.2.1: subscribes, answers, reports. */
export class PushHandset {
  /** Requests that came, in order, by method. */
  readonly seen: SipRequest[] = [];
  /** What it answers. */
  answer: (request: SipRequest) => ScriptedAnswer | Promise<ScriptedAnswer> = () => [200];
  readonly address: string;
  readonly #rig: SenderRig;
  readonly #endpoint: SipEndpoint;
  readonly #sender: RequestSender;

  private constructor(rig: SenderRig, address: string, endpoint: SipEndpoint) {
    this.#rig = rig;
    this.address = address;
    this.#endpoint = endpoint;
    this.#sender = new RequestSender({ endpoint });
  }

  static async open(rig: SenderRig, address = "192.0.2.2"): Promise<PushHandset> {
    const endpoint = await SipEndpoint.open({
      listen: [udp(address)],
      clock: rig.clock,
      open: rig.network.open,
      onRequest: (transaction) => {
        const { request } = transaction;
        handset.seen.push(request);
        const reply = (answer: ScriptedAnswer): void => {
          if (answer === undefined) return;
          const [statusCode, init] = answer;
          const contact = request.method === "NOTIFY" ? [["Contact", handset.contact] as const] : [];
          transaction.reply(statusCode, { ...init, headers: [...contact, ...(init?.headers ?? [])] });
        };
        const answer = handset.answer(request);
        if (answer instanceof Promise) void answer.then(reply);
        else reply(answer);
      },
    });
    const handset = new PushHandset(rig, address, endpoint);
    rig.closeLater(endpoint);
    return handset;
  }

  get contact(): string {
    return `<sip:bob@${this.address}>`;
  }

  /** Requests of one method that came. */
  of(method: string): SipRequest[] {
    return this.seen.filter((request) => request.method === method);
  }

  /** It is gone: nothing answers any more. */
  close(): Promise<void> {
    return this.#endpoint.close();
  }

  async send(request: SipRequest, to = "192.0.2.1"): Promise<SipResponse> {
    const sent = this.#sender.send(request, { nextHop: parseUri(`sip:${to}`) as SipUri });
    const outcome = await this.#rig.clock.until(sent);
    if (outcome.kind === "failure") throw new Error(outcome.reason);
    return outcome.response;
  }

  /** Begins a subscription. */
  async subscribe(change: SubscribeChange = {}): Promise<HandsetSubscription> {
    const dialog = { callId: newCallId(), fromTag: newTag() };
    const response = await this.send(this.#subscribeRequest(dialog, 1, change));
    const toTag = paramValue(response.to.params, "tag") ?? "";
    let cseq = 1;
    const again = (next: SubscribeChange): Promise<SipResponse> =>
      this.send(this.#subscribeRequest({ ...dialog, toTag }, ++cseq, next));
    await this.#rig.clock.advance(0);
    return { response, again, callId: dialog.callId };
  }

  /** Sends the delivery report that a push asked for. */
  report(
    push: SipRequest,
    status: "delivered" | "failed" | "forbidden" | "error" | "processed" | "stored",
    from = BOB,
  ): Promise<SipResponse> {
    const [, messageId = ""] = /^imdn\.Message-ID: (\S+)/m.exec(Buffer.from(push.body).toString("latin1")) ?? [];
    const document = encodeImdn({
      messageId,
      dateTime: "2026-01-01T00:00:00Z",
      recipientUri: BOB,
      originalRecipientUri: BOB,
      subject: null,
      kind: status === "processed" || status === "stored" ? "processing" : "delivery",
      status,
      extensions: [],
    });
    const envelope = encodeCpim({
      headers: imdnHeaders("report-1"),
      content: {
        contentType: "message/imdn+xml",
        contentDisposition: { type: "notification", params: new Map() },
        body: document,
      },
    });
    const headers = [["Content-Type", "message/cpim"] as const];
    const requestUri = "sip:push-psi@192.0.2.1";
    return this.send(createRequest({ method: "MESSAGE", requestUri, from, headers, body: envelope }));
  }

  #subscribeRequest(
    dialog: { readonly callId: string; readonly fromTag: string; readonly toTag?: string },
    cseq: number,
    change: SubscribeChange,
  ): SipRequest {
    const { expires = "3600", asserted = BOB, headers = [] } = change;
    const event = "event" in change ? change.event : DS_EVENT;
    return createRequest({
      ...dialog,
      cseq,
      method: "SUBSCRIBE",
      requestUri: "sip:push-psi@192.0.2.1",
      from: BOB,
      headers: [
        ["Contact", this.contact],
        ...(event === undefined ? [] : [["Event", event] as const]),
        ...(expires === "" ? [] : [["Expires", expires] as const]),
        ...(asserted === "" ? [] : [["P-Asserted-Identity", `<${asserted}>`] as const]),
        ...headers,
      ],
    });
  }
}

export interface HandsetSubscription {
  readonly response: SipResponse;
  readonly callId: string;
  /** A SUBSCRIBE in its dialog. */
  readonly again: (change: SubscribeChange) => Promise<SipResponse>;
}
