import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { Inbox } from "./inbox.ts";
import { buildMessage, buildResponse, messageLength, parseMessage, type RawMessage } from "./raw-message.ts";

export type RawTransport = "udp" | "tcp" | "ws" | "tls";

interface Wire {
  readonly localPort: number;
  /** Settles when the connection has ended, with the error that ended it. */
  readonly closed: Promise<Error | undefined>;
  send(octets: Uint8Array): void;
  close(): void;
}

type Receive = (octets: Uint8Array) => void;

export interface RequestOptions {
  readonly method: string;
  readonly uri: string;
  readonly from?: string;
  readonly fromTag?: string;
  readonly to?: string;
  readonly toTag?: string;
  readonly headers?: readonly string[];
  readonly body?: Uint8Array;
  readonly callId?: string;
  readonly cseq?: number;
}

/**
 * A SIP peer of a few lines that shows the very octets it gets. It talks to one address, never retransmits. A request that comes
 * again over UDP, since its answer took more than T1, gets the answer again and is not shown (RFC 3261 section 17.2.2).
 */
export class RawPeer {
  readonly transport: RawTransport;
  readonly user: string;
  readonly #wire: Wire;
  #lastSent: Uint8Array = new Uint8Array();
  readonly #inbox = new Inbox<RawMessage>((message) => message.startLine);
  #answer: ((request: RawMessage) => Uint8Array | undefined) | undefined;
  /** Requests that came over UDP, by branch and method, and what each was answered. */
  readonly #answered = new Map<string, Uint8Array | undefined>();

  constructor(transport: RawTransport, user: string, open: (receive: Receive) => Wire) {
    this.transport = transport;
    this.user = user;
    this.#wire = open((octets) => this.#receive(octets));
  }

  get localPort(): number {
    return this.#wire.localPort;
  }

  /** Settles when the connection has ended, with the error if one did it. */
  get closed(): Promise<Error | undefined> {
    return this.#wire.closed;
  }

  get aor(): string {
    return `sip:${this.user}@example.test`;
  }

  /** What others send requests to, RFC 7118's made-up host for a WebSocket client. */
  get contact(): string {
    const host = this.transport === "ws" ? "raw.invalid" : `127.0.0.1:${this.localPort}`;
    return `<sip:${this.user}@${host};transport=${this.transport}>`;
  }

  send(octets: Uint8Array): void {
    this.#lastSent = octets;
    this.#wire.send(octets);
  }

  /** Sends what was sent last once more, as a retransmission, and gives the response to that. */
  retransmit(): Promise<RawMessage> {
    this.send(this.#lastSent);
    return this.next((message) => (message.status ?? 0) >= 200);
  }

  /** Sends a request and gives its final response. */
  async request(options: RequestOptions): Promise<RawMessage> {
    const callId = options.callId ?? randomBytes(8).toString("hex");
    const sentBy = this.transport === "ws" ? "raw.invalid" : `127.0.0.1:${this.localPort}`;
    const headers = [
      `Via: SIP/2.0/${this.transport.toUpperCase()} ${sentBy};branch=z9hG4bK${randomBytes(8).toString("hex")};rport`,
      "Max-Forwards: 70",
      `From: <${options.from ?? this.aor}>;tag=${options.fromTag ?? randomBytes(4).toString("hex")}`,
      `To: <${options.to ?? options.uri}>${options.toTag === undefined ? "" : `;tag=${options.toTag}`}`,
      `Call-ID: ${callId}`,
      `CSeq: ${options.cseq ?? 1} ${options.method}`,
      ...(options.headers ?? []),
    ];
    this.send(buildMessage(`${options.method} ${options.uri} SIP/2.0`, headers, options.body));
    return this.next((message) => (message.status ?? 0) >= 200 && message.value("call-id") === callId);
  }

  /** Binds a contact, ours unless told, to `user@example.test`; gives the registrar's answer. */
  register(expiresSeconds = 60, headers: readonly string[] = [], contact: string = this.contact): Promise<RawMessage> {
    return this.request({
      method: "REGISTER",
      uri: "sip:example.test",
      to: this.aor,
      headers: [`Contact: ${contact}`, `Expires: ${expiresSeconds}`, ...headers],
    });
  }

  /** Answers every request from now on. */
  answerAll(status: string, extra: readonly string[] = []): void {
    this.answerWith((request) => buildResponse(request, status, extra));
  }

  /** Answers every request from now on with what `answer` makes of it; undefined: not at all. */
  answerWith(answer: (request: RawMessage) => Uint8Array | undefined): void {
    this.#answer = answer;
  }

  /** Answers one request; call it for those that `answerAll` was not told of. */
  answer(request: RawMessage, status: string, extra: readonly string[] = []): void {
    this.#respond(request, buildResponse(request, status, extra));
  }

  /** The next message that fits, also one that came before; removed from what is kept. */
  next(fits: (message: RawMessage) => boolean, timeoutMs?: number): Promise<RawMessage> {
    return this.#inbox.next(fits, timeoutMs);
  }

  close(): void {
    this.#wire.close();
  }

  #receive(octets: Uint8Array): void {
    const message = parseMessage(octets);
    if (message.method !== undefined) {
      const key = transactionOf(message);
      if (this.transport === "udp" && this.#answered.has(key)) {
        const before = this.#answered.get(key);
        if (before) this.send(before);
        return;
      }
      this.#answered.set(key, undefined);
      const answer = this.#answer?.(message);
      if (answer) this.#respond(message, answer);
    }
    this.#inbox.put(message);
  }

  #respond(request: RawMessage, answer: Uint8Array): void {
    this.#answered.set(transactionOf(request), answer);
    this.send(answer);
  }
}

/** Retransmissions have the branch of the first; what is sent on by another way has one of its own. */
function transactionOf(request: RawMessage): string {
  return `${request.method} ${/;\s*branch=([^;,\s]+)/.exec(request.value("via") ?? "")?.[1]}`;
}

export interface RawPeerOptions {
  /** Over UDP: the port to send from; any unless told. */
  readonly localPort?: number;
  /** Over TLS: authority, key and certificate. */
  readonly tls?: ConnectionOptions;
}

/** Opens a raw peer whose messages go to 127.0.0.1:`port`. */
export async function openRawPeer(
  transport: RawTransport,
  user: string,
  port: number,
  options: RawPeerOptions = {},
): Promise<RawPeer> {
  return new RawPeer(transport, user, await wires[transport](port, options));
}

type OpenWire = (port: number, options: RawPeerOptions) => Promise<(receive: Receive) => Wire>;

const wires: Readonly<Record<RawTransport, OpenWire>> = {
  udp: async (port, { localPort = 0 }) => {
    const socket = createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind(localPort, "127.0.0.1", resolve));
    return (receive) => {
      socket.on("message", receive);
      return {
        localPort: socket.address().port,
        closed: new Promise((resolve) => socket.once("close", () => resolve(undefined))),
        send: (octets) => socket.send(octets, port, "127.0.0.1"),
        close: () => socket.close(),
      };
    };
  },
  tcp: async (port) => {
    const socket = connect(port, "127.0.0.1");
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return streamWire(socket);
  },
  tls: async (port, { tls = {} }) => {
    const socket = connectTls({ host: "127.0.0.1", port, ...tls });
    await new Promise<void>((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
    return streamWire(socket);
  },
  ws: async (port) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, "sip");
    socket.binaryType = "arraybuffer";
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener("open", () => resolve());
      socket.addEventListener("error", () => reject(new Error(`no WebSocket at 127.0.0.1:${port}`)));
    });
    return (receive) => {
      socket.addEventListener("message", ({ data }) => {
        receive(typeof data === "string" ? Buffer.from(data, "utf8") : new Uint8Array(data as ArrayBuffer));
      });
      return {
        localPort: 0,
        closed: new Promise((resolve) => socket.addEventListener("close", () => resolve(undefined))),
        send: (octets) => socket.send(new Uint8Array(octets)),
        close: () => socket.close(),
      };
    };
  },
};

function streamWire(socket: Socket): (receive: Receive) => Wire {
  return (receive) => {
    let pending: Buffer = Buffer.alloc(0);
    let failure: Error | undefined;
    socket.on("error", (error) => {
      failure = error;
      socket.destroy();
    });
    socket.on("data", (chunk) => {
      pending = Buffer.concat([pending, chunk]);
      for (let length = messageLength(pending); length !== undefined; length = messageLength(pending)) {
        receive(pending.subarray(0, length));
        pending = pending.subarray(length);
      }
    });
    return {
      localPort: socket.localPort as number,
      closed: new Promise((resolve) => socket.once("close", () => resolve(failure))),
      send: (octets) => socket.write(octets),
      close: () => socket.destroy(),
    };
  };
}
