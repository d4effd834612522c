import type { PushMessage } from "@sip-push/push";
import { type DeliverOptions, type PushOutcome, PushSender, type PushSenderOptions } from "@sip-push/sender";
import { type ListenAddress, type ResponseInit, SipEndpoint, type SipRequest, type TransportName } from "@sip-push/sip";
import { MemoryNetwork, seededRandom, VirtualClock } from "@sip-push/sip/testing";

/** The recipient whose handset {@link SenderRig.handset} opens. */
export const BOB = "sip:bob@192.0.2.2";

export const udp = (address: string): ListenAddress => ({ transport: "UDP", address, port: 5060 });

/** Status and what else an answer has; undefined is silence. */
export type ScriptedAnswer = readonly [statusCode: number, init?: ResponseInit] | undefined;

/** Push senders on an in-memory network with a virtual clock, and handsets that answer as told. */
export class SenderRig {
  readonly clock: VirtualClock = new VirtualClock();
  readonly network: MemoryNetwork = new MemoryNetwork({ clock: this.clock, random: seededRandom(1) });
  /** Requests that the handsets took up, in order. */
  readonly seen: SipRequest[] = [];
  /** A push with all 256 octet values. */
  readonly push: PushMessage = {
    applicationId: "push.syncml",
    contentType: "application/vnd.syncml.ds.notification",
    body: Uint8Array.from({ length: 256 }, (_, i) => i),
  };
  readonly #opened: { close(): Promise<void> }[] = [];

  /** Opens a handset that answers its n-th request (from 0) as told. */
  async handset(
    answer: (request: SipRequest, n: number) => ScriptedAnswer,
    address = "192.0.2.2",
    transport: TransportName = "UDP",
  ): Promise<void> {
    let n = 0;
    const endpoint = await SipEndpoint.open({
      listen: [{ ...udp(address), transport }],
      clock: this.clock,
      open: this.network.open,
      onRequest: (transaction) => {
        this.seen.push(transaction.request);
        const [statusCode, init] = answer(transaction.request, n++) ?? [];
        if (statusCode !== undefined) transaction.reply(statusCode, init);
      },
    });
    this.closeLater(endpoint);
  }

  async open(options: Partial<PushSenderOptions> = {}): Promise<PushSender> {
    const sender = await PushSender.open({
      from: "sip:push-psi@home.test",
      listen: [udp("192.0.2.1")],
      clock: this.clock,
      ...options,
      stack: { open: this.network.open, random: () => 0.5, ...options.stack },
    });
    this.closeLater(sender);
    return sender;
  }

  /** Delivers {@link push}, changed, to {@link BOB} unless told otherwise, and gives the first outcome. */
  async deliver(
    sender: PushSender,
    change: Partial<PushMessage> = {},
    options: Partial<DeliverOptions> = {},
  ): Promise<PushOutcome> {
    const delivered = sender.deliver({ ...this.push, ...change }, { to: BOB, ...options });
    const [outcome] = await this.clock.until(delivered);
    if (outcome === undefined) throw new Error("no outcome");
    return outcome;
  }

  /** CSeq numbers of {@link seen}. */
  get cseqs(): number[] {
    return this.seen.map((request) => request.cseq.seq);
  }

  closeLater(each: { close(): Promise<void> }): void {
    this.#opened.push(each);
  }

  /** Closes everything, the latest first; gives the number of timers that are still running, which must be 0. */
  async stop(): Promise<number> {
    for (const each of this.#opened.toReversed()) await this.clock.until(each.close());
    return this.clock.pendingTimers;
  }
}
