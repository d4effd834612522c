import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { Inbox } from "./inbox.ts";
import { buildMessage, buildResponse, messageLength, parseMessage, type RawMessage } from "./raw-message.ts";

export type RawTransport = "udp" | "tcp" | "ws";

interface Wire {
  readonly localPort: number;
  send(octets: Uint8Array): void;
  close(): void;
}

type Receive = (octets: Uint8Array) => void;

export interface RequestOptions {
  readonly method: string;
  readonly uri: string;
  readonly to?: string;
  readonly headers?: readonly string[];
  readonly body?: Uint8Array;
  readonly callId?: string;
  readonly cseq?: number;
}

/** A SIP peer of a few lines that shows the very octets it gets. It talks to one address, never retransmits. */
export class RawPeer {
  readonly transport: RawTransport;
  readonly user: string;
  readonly #wire: Wire;
  #lastSent: Uint8Array = new Uint8Array();
  readonly #inbox = new Inbox<RawMessage>((message) => message.startLine);
  #answer: ((request: RawMessage) => Uint8Array | undefined) | undefined;

  constructor(transport: RawTransport, user: string, open: (receive: Receive) => Wire) {
    this.transport = transport;
    this.user = user;
    this.#wire = open((octets) => this.#receive(octets));
  }

  get localPort(): number {
    return this.#wire.localPort;
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
      `From: <sip:${this.user}@example.test>;tag=${randomBytes(4).toString("hex")}`,
      `To: <${options.to ?? options.uri}>`,
      `Call-ID: ${callId}`,
      `CSeq: ${options.cseq ?? 1} ${options.method}`,
      ...(options.headers ?? []),
    ];
    this.send(buildMessage(`${options.method} ${options.uri} SIP/2.0`, headers, options.body));
    return this.next((message) => (message.status ?? 0) >= 200 && message.value("call-id") === callId);
  }

  /** Binds our contact to `user@example.test`; gives the registrar's answer. */
  register(expiresSeconds = 60, headers: readonly string[] = []): Promise<RawMessage> {
    return this.request({
      method: "REGISTER",
      uri: "sip:example.test",
      to: `sip:${this.user}@example.test`,
      headers: [`Contact: ${this.contact}`, `Expires: ${expiresSeconds}`, ...headers],
    });
  }

  /** Answers every request from now on. */
  answerAll(status: string, extra: readonly string[] = []): void {
    this.#answer = (request) => buildResponse(request, status, extra);
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
      const answer = this.#answer?.(message);
      if (answer) this.send(answer);
    }
    this.#inbox.put(message);
  }
}

/** Opens a raw peer whose messages go to 127.0.0.1:`port`. */
export async function openRawPeer(transport: RawTransport, user: string, port: number): Promise<RawPeer> {
  return new RawPeer(transport, user, await wires[transport](port));
}

const wires: Readonly<Record<RawTransport, (port: number) => Promise<(receive: Receive) => Wire>>> = {
  udp: async (port) => {
    const socket = createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    return (receive) => {
      socket.on("message", receive);
      return {
        localPort: socket.address().port,
        send: (octets) => socket.send(octets, port, "127.0.0.1"),
        close: () => socket.close(),
      };
    };
  },
  tcp: async (port) => {
    const socket = connect(port, "127.0.0.1");
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return (receive) => {
      let pending: Buffer = Buffer.alloc(0);
      socket.on("error", () => socket.destroy());
      socket.on("data", (chunk) => {
        pending = Buffer.concat([pending, chunk]);
        for (let length = messageLength(pending); length !== undefined; length = messageLength(pending)) {
          receive(pending.subarray(0, length));
          pending = pending.subarray(length);
        }
      });
      return {
        localPort: socket.localPort as number,
        send: (octets) => socket.write(octets),
        close: () => socket.destroy(),
      };
    };
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
      return { localPort: 0, send: (octets) => socket.send(new Uint8Array(octets)), close: () => socket.close() };
    };
  },
};
