import { Socket } from "node:net";
import type { Clock } from "@sip-push/sip";

/** How long a server that is left may take to hear that. */
const GOODBYE_MS = 1_000;

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

  /** Waits for the end of all connections, with a goodbye; a server that does not take that in time is left without. */
  async goodbye(clock: Clock, end: () => Promise<void>): Promise<void> {
    const over = clock.schedule(GOODBYE_MS, () => this.destroy());
    try {
      await end();
    } finally {
      over.cancel();
    }
  }
}
