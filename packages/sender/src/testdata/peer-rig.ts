import {
  createRequest,
  parseUri,
  type RequestInit,
  RequestSender,
  SipEndpoint,
  type SipResponse,
  type SipUri,
  UasCore,
  type UasOptions,
} from "@sip-push/sip";
import { MemoryNetwork, seededRandom, VirtualClock } from "@sip-push/sip/testing";

/** Address of the part under test, and of the peer it talks to. */
export const HERE = "192.0.2.1";
export const CORE = "192.0.2.2";

/** Endpoints on an in-memory network with a virtual clock. */
export class PeerRig {
  readonly clock: VirtualClock = new VirtualClock();
  readonly network: MemoryNetwork = new MemoryNetwork({ clock: this.clock, random: seededRandom(1) });
  readonly #opened: SipEndpoint[] = [];

  async endpoint(address: string, methods: UasOptions["methods"] = {}): Promise<SipEndpoint> {
    const uas = new UasCore({ methods });
    const endpoint = await SipEndpoint.open({
      listen: [{ transport: "UDP", address, port: 5060 }],
      clock: this.clock,
      open: this.network.open,
      onRequest: (transaction) => uas.handle(transaction),
    });
    this.#opened.push(endpoint);
    return endpoint;
  }

  /** A sender of requests at `address`. */
  async sender(address: string): Promise<RequestSender> {
    return new RequestSender({ endpoint: await this.endpoint(address) });
  }

  /** Sends to {@link HERE} and gives the answer. */
  async send(sender: RequestSender, init: RequestInit): Promise<SipResponse> {
    const nextHop = parseUri(`sip:${HERE}`) as SipUri;
    const outcome = await this.clock.until(sender.send(createRequest(init), { nextHop }));
    if (outcome.kind !== "response") throw new Error(outcome.reason);
    return outcome.response;
  }

  /** Closes everything; gives the number of timers that are still running, which must be 0. */
  async stop(): Promise<number> {
    for (const endpoint of this.#opened) await endpoint.close();
    return this.clock.pendingTimers;
  }
}
