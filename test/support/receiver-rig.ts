import { createDsNotification, encodeNotification, type UiMode } from "@sip-push/notification";
import { type PushEvent, PushReceiver, type PushReceiverOptions, type ReceiverEvent } from "@sip-push/receiver";
import {
  createRequest,
  type ListenAddress,
  parseUri,
  type RequestInit,
  RequestSender,
  responseTo,
  type ServerTransaction,
  SipEndpoint,
  type SipRequest,
  type SipResponse,
  type SipUri,
} from "@sip-push/sip";
import { MemoryNetwork, seededRandom, VirtualClock } from "@sip-push/sip/testing";

/** Address of the handset under test, and of the network that it registers with and that pushes come from. */
export const HANDSET = "192.0.2.2";
export const NETWORK = "192.0.2.1";

export const DS_TYPE = "application/vnd.syncml.ds.notification";

/** What {@link ReceiverRig.notification} signs with. */
export const digestCredentials = { password: "secret", nonce: "nonce" };

export const udp = (address: string): ListenAddress => ({ transport: "UDP", address, port: 5060 });

/** A MESSAGE with a DS notification as our sender makes it. */
export function ds(body: Uint8Array, headers: RequestInit["headers"] = []): Partial<RequestInit> {
  const acceptContact = ["Accept-Contact", '*;+g.oma.pusheventapp="push.syncml";require;explicit'] as const;
  return { body, headers: [["Content-Type", DS_TYPE], acceptContact, ...headers] };
}

/** Push receivers on an in-memory network with a virtual clock, and a peer that is their registrar and sends to them. */
export class ReceiverRig {
  readonly clock: VirtualClock = new VirtualClock();
  readonly network: MemoryNetwork = new MemoryNetwork({ clock: this.clock, random: seededRandom(1) });
  /** What the receivers told. */
  readonly pushes: PushEvent[] = [];
  readonly events: ReceiverEvent[] = [];
  /** REGISTER requests, and how they are answered. */
  readonly registers: SipRequest[] = [];
  registrar: (request: SipRequest) => SipResponse | undefined = acceptRegister;
  /** MESSAGE requests of the receivers (delivery reports), and how they are answered. */
  readonly reports: SipRequest[] = [];
  core: (request: SipRequest) => SipResponse | undefined = (request) => responseTo(request, 200);
  /** What the peer does with requests of other methods than these two; a method that is missing is for the registrar. */
  readonly methods: Record<string, (transaction: ServerTransaction) => void> = {};
  readonly #opened: { close(): Promise<void> }[] = [];
  #endpoint: SipEndpoint | undefined;
  #peer: RequestSender | undefined;
  #sessions = 0;

  static async start(): Promise<ReceiverRig> {
    const rig = new ReceiverRig();
    const endpoint = await SipEndpoint.open({
      listen: [udp(NETWORK)],
      clock: rig.clock,
      open: rig.network.open,
      onRequest: (transaction) => {
        const { method } = transaction.request;
        const handler = rig.methods[method];
        if (handler !== undefined) return handler(transaction);
        const isReport = method === "MESSAGE";
        (isReport ? rig.reports : rig.registers).push(transaction.request);
        const response = (isReport ? rig.core : rig.registrar)(transaction.request);
        if (response !== undefined) transaction.respond(response);
      },
    });
    rig.closeLater(endpoint);
    rig.#endpoint = endpoint;
    rig.#peer = new RequestSender({ endpoint });
    return rig;
  }

  /** What the peer stands on, for more of it. */
  get peer(): { readonly endpoint: SipEndpoint; readonly sender: RequestSender } {
    if (this.#endpoint === undefined || this.#peer === undefined) throw new Error("not started");
    return { endpoint: this.#endpoint, sender: this.#peer };
  }

  /** A receiver that does not register, on {@link HANDSET}, unless the options say otherwise. */
  async open(options: Partial<PushReceiverOptions> = {}): Promise<PushReceiver> {
    const receiver = await PushReceiver.open({
      aor: "sip:bob@home.test",
      listen: [udp(HANDSET)],
      proxy: `sip:${NETWORK}`,
      register: false,
      clock: this.clock,
      onPush: (event) => void this.pushes.push(event),
      onEvent: (event) => void this.events.push(event),
      ...options,
      stack: { open: this.network.open, random: () => 0.5, ...options.stack },
    });
    this.closeLater(receiver);
    return receiver;
  }

  /** Sends a request, an empty MESSAGE unless told otherwise, and gives the answer. */
  async send(init: Partial<RequestInit> = {}, address: string = HANDSET): Promise<SipResponse> {
    const base = { method: "MESSAGE", requestUri: "sip:bob@home.test", from: "sip:psi@home.test" };
    const nextHop = parseUri(`sip:${address}`) as SipUri;
    const outcome = await this.clock.until(this.peer.sender.send(createRequest({ ...base, ...init }), { nextHop }));
    if (outcome.kind === "failure") throw new Error(outcome.code);
    return outcome.response;
  }

  /** Octets of a DS notification, of a new session unless told otherwise. */
  notification(fields: { uiMode?: UiMode; sessionId?: number; serverId?: string } = {}, signed = false): Uint8Array {
    const { uiMode = "not-specified", sessionId = ++this.#sessions, serverId = "sync.test" } = fields;
    const notification = createDsNotification({ uiMode, sessionId, serverId });
    return signed ? encodeNotification(notification, digestCredentials) : encodeNotification(notification);
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

/** A registrar that takes every binding. */
export function acceptRegister(request: SipRequest): SipResponse {
  const contacts = request.headers.getAll("Contact");
  return responseTo(request, 200, { headers: contacts.map((contact) => ["Contact", contact] as const) });
}
