import { paramValue, SipHeaders, SipRequest, type SipResponse } from "../../message/index.ts";
import { MemoryNetwork, seededRandom, VirtualClock } from "../../testing/index.ts";
import type { ServerTransaction } from "../../transaction/index.ts";
import type { Flow, TransportName } from "../../transport/transport.ts";
import { SipEndpoint } from "../../user-agent/endpoint.ts";
import { RequestSender } from "../../user-agent/request-sender.ts";
import { UasCore } from "../../user-agent/uas.ts";
import { Notifier } from "../notifier.ts";
import type { NotifierOptions, NotifierReport } from "../notifier-options.ts";
import type { SubscriberOptions, SubscriptionReport } from "../subscriber-options.ts";
import { Subscribers } from "../subscribers.ts";

export const HANDSET = "192.0.2.1";
export const SERVER = "192.0.2.2";
export const EVENT = "oma-push";

/** An element of the network whose UAS a test scripts or replaces. */
export interface Side {
  readonly endpoint: SipEndpoint;
  readonly sender: RequestSender;
  /** Requests that came, in order. */
  readonly received: ServerTransaction[];
  handle: (transaction: ServerTransaction) => void;
}

/** Two user agents on an in-memory network with a virtual clock. */
export class EventRig {
  readonly clock: VirtualClock = new VirtualClock();
  readonly network: MemoryNetwork;
  readonly reports: SubscriptionReport[] = [];
  readonly notifierReports: NotifierReport[] = [];
  readonly #open: Array<{ close(): Promise<void> }> = [];

  constructor(seed = 11) {
    this.network = new MemoryNetwork({ clock: this.clock, random: seededRandom(seed) });
  }

  async side(address: string, transport: TransportName = "UDP"): Promise<Side> {
    const received: ServerTransaction[] = [];
    const endpoint = await SipEndpoint.open({
      listen: [{ transport, address, port: 5060 }],
      clock: this.clock,
      open: this.network.open,
      onRequest: (transaction) => {
        received.push(transaction);
        side.handle(transaction);
      },
    });
    const side: Side = { endpoint, sender: new RequestSender({ endpoint }), received, handle: () => {} };
    this.#open.push(endpoint);
    return side;
  }

  subscribers(side: Side): Subscribers {
    const subscribers = new Subscribers({ ...side, random: () => 1 });
    const core = new UasCore({ methods: { NOTIFY: (transaction) => subscribers.handle(transaction) } });
    side.handle = (transaction) => core.handle(transaction);
    this.#open.unshift(subscribers);
    return subscribers;
  }

  async notifier(side: Side, options: Partial<NotifierOptions> = {}): Promise<Notifier> {
    const notifier = await Notifier.open({
      endpoint: side.endpoint,
      sender: side.sender,
      package: EVENT,
      contact: `sip:push@${SERVER}`,
      onReport: (report) => void this.notifierReports.push(report),
      ...options,
    });
    const core = new UasCore({ methods: { SUBSCRIBE: (transaction) => notifier.handle(transaction) } });
    side.handle = (transaction) => core.handle(transaction);
    this.#open.unshift(notifier);
    return notifier;
  }

  options(options: Partial<SubscriberOptions> = {}): SubscriberOptions {
    return {
      target: `sip:push@${SERVER}`,
      from: "sip:alice@example.test",
      event: EVENT,
      contact: `sip:alice@${HANDSET}`,
      expiresSeconds: 600,
      onReport: (report) => void this.reports.push(report),
      ...options,
    };
  }

  get kinds(): string[] {
    return this.reports.map(({ kind }) => kind);
  }

  /** Closes everything, and gives how many timers are left then. */
  async close(): Promise<number> {
    for (const each of this.#open) await this.clock.until(each.close());
    return this.clock.pendingTimers;
  }
}

export interface NotifyInit {
  readonly state?: string;
  readonly event?: string | null;
  readonly cseq?: number;
  readonly tag?: string;
  readonly toTag?: string;
  readonly callId?: string;
  readonly contact?: string | null;
  readonly headers?: ReadonlyArray<readonly [string, string]>;
  readonly body?: Uint8Array;
}

/** Sends a NOTIFY by hand, in answer to `subscribe`; resolves with its final answer. */
export function sendNotify(
  side: Side,
  subscribe: SipRequest,
  flow: Flow,
  init: NotifyInit = {},
): Promise<SipResponse | undefined> {
  const { event = EVENT, state = "active;expires=600", contact = `<sip:push@${SERVER}>` } = init;
  const request = inDialogRequest("NOTIFY", {
    requestUri: `sip:alice@${HANDSET}`,
    from: `<${subscribe.to.uriText}>;tag=${init.tag ?? "n1"}`,
    to: (subscribe.headers.get("From") ?? "").replace(
      /tag=.*/,
      `tag=${init.toTag ?? paramValue(subscribe.from.params, "tag")}`,
    ),
    callId: init.callId ?? subscribe.callId,
    cseq: init.cseq ?? 1,
    headers: [
      ...(contact === null ? [] : [["Contact", contact] as const]),
      ...(event === null ? [] : [["Event", event] as const]),
      ...(state === "" ? [] : [["Subscription-State", state] as const]),
      ...(init.headers ?? []),
    ],
    ...(init.body === undefined ? {} : { body: init.body }),
  });
  return transact(side, request, flow);
}

export function transact(
  side: Pick<Side, "endpoint">,
  request: SipRequest,
  flow: Flow,
): Promise<SipResponse | undefined> {
  return new Promise((resolve) => {
    side.endpoint.send(request, flow, {
      response: (response) => void (response.isFinal && resolve(response)),
      failed: () => resolve(undefined),
    });
  });
}

interface RawInit {
  readonly requestUri: string;
  readonly from: string;
  readonly to: string;
  readonly callId: string;
  readonly cseq: number;
  readonly headers: ReadonlyArray<readonly [string, string]>;
  readonly body?: Uint8Array;
}

export function inDialogRequest(method: string, init: RawInit): SipRequest {
  const request = new SipRequest(
    method,
    init.requestUri,
    SipHeaders.of([
      ["Max-Forwards", "70"],
      ["From", init.from],
      ["To", init.to],
      ["Call-ID", init.callId],
      ["CSeq", `${init.cseq} ${method}`],
      ...init.headers,
    ]),
  );
  if (init.body !== undefined) request.body = init.body;
  return request;
}
