import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";

/** A load balancer for SIP over UDP: one address on 127.0.0.1, and what comes there goes to whichever port it is told. */
export class UdpSwitch {
  readonly #socket: Socket;
  /** All that it ever led to: what they send is an answer. */
  readonly #behind = new Set<number>();
  #to: number | undefined;
  #from: number | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("message", (octets, { port }) => {
      const isAnswer = this.#behind.has(port);
      if (!isAnswer) this.#from = port;
      const next = isAnswer ? this.#from : this.#to;
      if (next !== undefined) socket.send(octets, next, "127.0.0.1");
    });
  }

  static async open(): Promise<UdpSwitch> {
    const socket = createSocket("udp4");
    const opened = new UdpSwitch(socket);
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    return opened;
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** What comes goes there from now on. */
  leadTo(port: number): void {
    this.#behind.add(port);
    this.#to = port;
  }

  close(): void {
    this.#socket.close();
  }
}
