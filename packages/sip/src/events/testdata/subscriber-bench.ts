import { expect } from "vitest";
import type { SipRequest } from "../../message/index.ts";
import type { ServerTransaction } from "../../transaction/index.ts";
import type { Flow } from "../../transport/transport.ts";
import type { Subscriber } from "../subscriber.ts";
import type { SubscriberOptions } from "../subscriber-options.ts";
import type { Subscribers } from "../subscribers.ts";
import { EventRig, HANDSET, type NotifyInit, SERVER, type Side, sendNotify } from "./rig.ts";

/** Our subscriber against a notifier that a test scripts. */
export class SubscriberBench {
  readonly rig: EventRig = new EventRig();
  /** The NOTIFYs' answers. */
  readonly answers: number[] = [];
  handset!: Side;
  server!: Side;
  subscribers!: Subscribers;
  /** What the notifier does with a SUBSCRIBE, after it was counted. */
  answer: (transaction: ServerTransaction) => void = (transaction) => this.serve(transaction);

  async open(options: Partial<SubscriberOptions> = {}): Promise<Subscriber> {
    this.handset = await this.rig.side(HANDSET);
    this.server = await this.rig.side(SERVER);
    this.server.handle = (transaction) => this.answer(transaction);
    this.subscribers = this.rig.subscribers(this.handset);
    const subscriber = this.subscribers.subscribe(this.rig.options(options));
    await this.rig.clock.advance(10);
    return subscriber;
  }

  /** The SUBSCRIBEs that came. */
  get requests(): SipRequest[] {
    return this.server.received.map(({ request }) => request);
  }

  get last(): ServerTransaction {
    return this.server.received.at(-1) ?? expect.fail("no SUBSCRIBE");
  }

  notify(init: NotifyInit = {}, { request, flow }: { request: SipRequest; flow: Flow } = this.last): void {
    const cseq = init.cseq ?? request.cseq.seq;
    void sendNotify(this.server, request, flow, { ...init, cseq }).then((response) => {
      if (response !== undefined) this.answers.push(response.statusCode);
    });
  }

  /** 200, without a NOTIFY. */
  accept(transaction: ServerTransaction, expires?: string, statusCode = 200): void {
    const asked = transaction.request.headers.get("Expires") ?? "0";
    const headers: Array<[string, string]> = [
      ["Expires", expires ?? asked],
      ["Contact", `<sip:push@${SERVER}>`],
    ];
    transaction.reply(statusCode, { toTag: "n1", headers });
  }

  /** 200, and a NOTIFY at once: terminated when it was asked to end. */
  serve(transaction: ServerTransaction): void {
    this.accept(transaction);
    const seconds = transaction.request.headers.get("Expires");
    this.notify({ state: seconds === "0" ? "terminated;reason=timeout" : `active;expires=${seconds}` }, transaction);
  }
}
