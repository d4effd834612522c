import { expect } from "vitest";
import type { SipRequest, SipResponse } from "../../message/index.ts";
import type { ServerTransaction } from "../../transaction/index.ts";
import { createRequest } from "../../user-agent/request.ts";
import type { Notifier } from "../notifier.ts";
import type { NotifierOptions } from "../notifier-options.ts";
import { EVENT, EventRig, HANDSET, inDialogRequest, SERVER, type Side, transact } from "./rig.ts";

export type Fields = ReadonlyArray<readonly [string, string]>;

/** What a SUBSCRIBE must have. */
export const usual: Fields = [
  ["Event", EVENT],
  ["Contact", `<sip:alice@${HANDSET}>`],
];

/** Our notifier against a subscriber that a test scripts. */
export class NotifierBench {
  readonly rig: EventRig = new EventRig();
  handset!: Side;
  server!: Side;
  notifier!: Notifier;
  /** What the subscriber does with a NOTIFY. */
  answer: (transaction: ServerTransaction) => void = (transaction) =>
    transaction.reply(200, { headers: [["Contact", `<sip:alice@${HANDSET}>`]] });

  async open(options: Partial<NotifierOptions> = {}): Promise<void> {
    this.handset = await this.rig.side(HANDSET);
    this.handset.handle = (transaction) => this.answer(transaction);
    this.server = await this.rig.side(SERVER);
    this.notifier = await this.rig.notifier(this.server, options);
  }

  async send(request: SipRequest): Promise<SipResponse> {
    const flow = await this.handset.endpoint.flowTo({ transport: "UDP", address: SERVER, port: 5060 });
    return (await this.rig.clock.until(transact(this.handset, request, flow))) ?? expect.fail("no answer");
  }

  subscribe(headers: Fields = [...usual, ["Expires", "600"]]): Promise<SipResponse> {
    const from = "sip:alice@example.test";
    return this.send(createRequest({ method: "SUBSCRIBE", requestUri: `sip:push@${SERVER}`, from, headers }));
  }

  /** A SUBSCRIBE in the dialog that `made` began. */
  again(made: SipResponse, cseq: number, headers: Fields, to?: string): Promise<SipResponse> {
    const [from = "", known = ""] = [made.headers.get("From"), made.headers.get("To")];
    const all = { requestUri: `sip:push@${SERVER}`, from, to: to ?? known, callId: made.callId, cseq, headers };
    return this.send(inDialogRequest("SUBSCRIBE", all));
  }

  /** `Subscription-State` of the NOTIFYs that came. */
  get states(): Array<string | undefined> {
    return this.handset.received.map(({ request }) => request.headers.get("Subscription-State"));
  }

  /** The id of the first live subscription. */
  get only(): string {
    return [...this.notifier.subscriptions()][0]?.id ?? expect.fail("no subscription");
  }

  get reports(): string[] {
    return this.rig.notifierReports.map(({ kind }) => kind);
  }
}
