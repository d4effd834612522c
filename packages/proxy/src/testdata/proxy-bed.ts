import {
  createRequest,
  type Flow,
  type ListenAddress,
  newBranch,
  parseListenAddress,
  parseUri,
  type RequestInit,
  RequestSender,
  type SendOptions,
  type SendOutcome,
  type ServerTransaction,
  SipEndpoint,
  type SipMessage,
  type SipRequest,
  SipResponse,
  type SipUri,
  staticResolver,
} from "@sip-push/sip";
import { MemoryNetwork, seededRandom, VirtualClock } from "@sip-push/sip/testing";
import type { SipProxyOptions } from "../options.ts";
import { SipProxy } from "../sip-proxy.ts";

const DOMAIN = "example.test";
const PROXY = {
  UDP: "sip:127.0.0.1:5060",
  TCP: "sip:127.0.0.1:5060;transport=tcp",
  TLS: "sip:127.0.0.1:5061;transport=tls",
  WS: "sip:127.0.0.1:8080;transport=ws",
};
const LISTEN = ["udp:127.0.0.1:5060", "tcp:127.0.0.1:5060", "tls:127.0.0.1:5061", "ws:127.0.0.1:8080"];

/** A proxy on UDP, TCP, TLS and WebSocket, and user agents around it, on an in-memory network with a virtual clock. */
export class ProxyBed {
  readonly clock = new VirtualClock();
  readonly network: MemoryNetwork;
  readonly proxy: SipProxy;
  readonly agents: Agent[] = [];
  #nextPort = 6000;

  private constructor(network: MemoryNetwork, clock: VirtualClock, proxy: SipProxy) {
    this.network = network;
    this.clock = clock;
    this.proxy = proxy;
  }

  static async open(options: Partial<SipProxyOptions> = {}): Promise<ProxyBed> {
    const clock = new VirtualClock();
    const network = new MemoryNetwork({ clock, random: seededRandom(1) });
    const proxy = await SipProxy.open({
      listen: LISTEN.map(parseListenAddress),
      domains: [DOMAIN],
      clock,
      open: network.open,
      resolver: staticResolver({}),
      ...options,
    });
    return new ProxyBed(network, clock, proxy);
  }

  /** A user agent on a port of its own, or at `listen`. */
  async agent(transport: keyof typeof PROXY = "UDP", listen?: ListenAddress): Promise<Agent> {
    const local = listen ?? { transport, address: "127.0.0.1", port: this.#nextPort++ };
    const agent = await Agent.open(this, local, parseUri(PROXY[transport]) as SipUri);
    this.agents.push(agent);
    return agent;
  }

  /** A user agent that is registered as `user` and answers 200 to everything. */
  async handset(
    user: string,
    { transport = "UDP", params = "" }: { transport?: keyof typeof PROXY; params?: string } = {},
  ): Promise<Agent> {
    const agent = await this.agent(transport);
    const response = await agent.register(user, `<${agent.contact(user)}>${params}`);
    if (response.statusCode !== 200) throw new Error(`REGISTER: ${response.statusCode} ${response.reason}`);
    return agent;
  }

  async close(): Promise<void> {
    for (const agent of this.agents) await agent.endpoint.close();
    await this.proxy.close();
  }
}

/** One user agent. */
export class Agent {
  readonly bed: ProxyBed;
  readonly endpoint: SipEndpoint;
  readonly proxy: SipUri;
  readonly sender: RequestSender;
  /** Every request that came, in order; as the wire had it. */
  readonly received: SipRequest[] = [];
  readonly transactions: ServerTransaction[] = [];
  /** What to do with a request; 200 unless set. */
  answer: (transaction: ServerTransaction) => void = (transaction) => transaction.reply(200);
  #cseq = 0;

  private constructor(bed: ProxyBed, endpoint: SipEndpoint, proxy: SipUri) {
    this.bed = bed;
    this.endpoint = endpoint;
    this.proxy = proxy;
    this.sender = new RequestSender({ endpoint, resolver: staticResolver({}) });
  }

  static async open(bed: ProxyBed, listen: ListenAddress, proxy: SipUri): Promise<Agent> {
    const late: { agent?: Agent } = {};
    const endpoint = await SipEndpoint.open({
      listen: [listen],
      clock: bed.clock,
      open: bed.network.open,
      onRequest: (transaction) => {
        late.agent?.received.push(transaction.request);
        late.agent?.transactions.push(transaction);
        late.agent?.answer(transaction);
      },
    });
    late.agent = new Agent(bed, endpoint, proxy);
    return late.agent;
  }

  get listening(): ListenAddress {
    return this.endpoint.listening[0] as ListenAddress;
  }

  /** A URI that leads straight here; over WebSocket one that leads nowhere but over the connection (RFC 7118 §5). */
  contact(user: string): string {
    const { transport, address, port } = this.listening;
    if (transport === "WS") return `sip:${user}@${port}.invalid;transport=ws`;
    return `sip:${user}@${address}:${port}${transport === "UDP" ? "" : `;transport=${transport.toLowerCase()}`}`;
  }

  /** Sends through the proxy; the default is a MESSAGE from `sender@other.test`. */
  request(init: Partial<RequestInit> & { requestUri: string }, options: SendOptions = {}): Promise<SendOutcome> {
    const request = createRequest({ method: "MESSAGE", from: "sip:sender@other.test", ...init });
    return this.send(request, options);
  }

  send(request: SipRequest, options: SendOptions = {}): Promise<SendOutcome> {
    return this.bed.clock.until(this.sender.send(request, { nextHop: this.proxy, ...options }));
  }

  /** The final response to a request; throws when there is none. */
  async ask(init: Partial<RequestInit> & { requestUri: string }, options: SendOptions = {}): Promise<SipResponse> {
    return responseOf(await this.request(init, options));
  }

  /** Sends a REGISTER and gives its final response. `contact` undefined: a query. */
  async register(
    user: string,
    contact?: string,
    init: Partial<RequestInit> = {},
    options: SendOptions = {},
  ): Promise<SipResponse> {
    const fields = contact === undefined ? [] : [["Contact", contact] as const];
    const outcome = await this.request(
      {
        method: "REGISTER",
        requestUri: `sip:${DOMAIN}`,
        from: `sip:${user}@${DOMAIN}`,
        to: `sip:${user}@${DOMAIN}`,
        callId: `register-${user}-${this.listening.port}`,
        cseq: ++this.#cseq,
        ...init,
        headers: [...fields, ...(init.headers ?? [])],
      },
      options,
    );
    return responseOf(outcome);
  }
}

export function responseOf(outcome: SendOutcome): SipResponse {
  if (outcome.kind === "failure") throw new Error(`no response: ${outcome.code} ${outcome.reason}`);
  return outcome.response;
}

/** A peer that sends octets as they are and keeps what comes back. */
export class RawPeer {
  readonly listen: ListenAddress;
  readonly received: SipMessage[] = [];
  readonly #bed: ProxyBed;
  readonly #flow: Flow;

  private constructor(bed: ProxyBed, listen: ListenAddress, flow: Flow, received: SipMessage[]) {
    this.#bed = bed;
    this.listen = listen;
    this.#flow = flow;
    this.received = received;
  }

  static async open(bed: ProxyBed, port: number): Promise<RawPeer> {
    const listen: ListenAddress = { transport: "UDP", address: "127.0.0.1", port };
    const received: SipMessage[] = [];
    const user = {
      message: (message: SipMessage): void => void received.push(message),
      malformed: (error: Error): void => {
        throw error;
      },
      closed: (): void => {},
    };
    const transport = await bed.network.open(listen, user);
    const flow = await transport.flowTo({ transport: "UDP", address: "127.0.0.1", port: 5060 });
    return new RawPeer(bed, listen, flow, received);
  }

  /** Sends lines that "\n" separates, with Content-Length and body behind them, and lets it settle. */
  async send(head: string, body: Uint8Array = new Uint8Array(0)): Promise<void> {
    const text = `${head.replace(/\r?\n/g, "\r\n")}\r\nContent-Length: ${body.length}\r\n\r\n`;
    this.#flow.send(Buffer.concat([Buffer.from(text, "latin1"), body]));
    await this.#bed.clock.advance(100);
  }

  /** Sends and gives the last response that came. */
  async ask(head: string, body?: Uint8Array): Promise<SipResponse> {
    await this.send(head, body);
    const last = this.received.at(-1);
    if (!(last instanceof SipResponse)) throw new Error("no response");
    return last;
  }

  /** Via, From, To, Call-ID, CSeq and Max-Forwards of a request from here. */
  head(method: string, requestUri: string, more: readonly string[] = [], maxForwards = "70"): string {
    return [
      `${method} ${requestUri} SIP/2.0`,
      `Via: SIP/2.0/UDP 127.0.0.1:${this.listen.port};branch=${newBranch()};rport`,
      ...(maxForwards === "" ? [] : [`Max-Forwards: ${maxForwards}`]),
      "From: <sip:sender@other.test>;tag=1",
      "To: <sip:alice@example.test>",
      `Call-ID: ${newBranch()}`,
      `CSeq: 1 ${method}`,
      ...more,
    ].join("\n");
  }
}
