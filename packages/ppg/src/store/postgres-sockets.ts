import { Socket } from "node:net";

/** The sockets of all connections of a pool: what waits for a server that says nothing cannot be ended in any other way. */
export class PostgresSockets {
  readonly #open = new Set<Socket>();

  /** Option `stream` of a connection. */
  readonly stream = (): Socket => {
    const socket = new Socket();
    this.#open.add(socket);
    socket.once("close", () => void this.#open.delete(socket));
    return socket;
  };

  /** Breaks all connections, without a goodbye. */
  destroy(): void {
    for (const socket of this.#open) socket.destroy();
  }
}
