import type { SipRequest, SipResponse } from "../message/index.ts";
import { type ServerTransaction, type SipTransactionError, TransactionLayer } from "../transaction/index.ts";
import type { BaseTimers } from "../transaction/timers.ts";
import type { Flow, ListenAddress } from "../transport/transport.ts";
import { TransportLayer } from "../transport/transport-layer.ts";
import type { MemoryNetwork } from "./memory-network.ts";

/** What a client transaction told its user, in order. */
export type Told = { readonly response: SipResponse } | { readonly failed: SipTransactionError };

/** One side on an in-memory network: transport and transaction layer, and what its user saw. */
export class TransactionRig {
  readonly transport: TransportLayer;
  readonly transactions: TransactionLayer;
  /** Server transactions handed up, in order. */
  readonly received: ServerTransaction[] = [];
  /** What to do with a new request; by default nothing, so that a test answers when it wants. */
  onRequest: (transaction: ServerTransaction) => void = () => {};

  constructor(network: MemoryNetwork, timers?: BaseTimers) {
    this.transport = new TransportLayer(network.open, {
      request: (request, flow) => this.transactions.receiveRequest(request, flow),
      response: (response) => this.transactions.receiveResponse(response),
      flowClosed: (flow, error) => this.transactions.flowClosed(flow, error),
    });
    this.transactions = new TransactionLayer({
      clock: network.clock,
      transport: this.transport,
      ...(timers === undefined ? {} : { timers }),
      onRequest: (transaction) => {
        this.received.push(transaction);
        this.onRequest(transaction);
      },
    });
  }

  static async open(network: MemoryNetwork, listen: ListenAddress, timers?: BaseTimers): Promise<TransactionRig> {
    const rig = new TransactionRig(network, timers);
    await rig.transport.listen(listen);
    return rig;
  }

  /** Sends `request` and collects what its user is told. */
  send(request: SipRequest, flow: Flow): Told[] {
    const told: Told[] = [];
    this.transactions.send(request, flow, {
      response: (response) => void told.push({ response }),
      failed: (failed) => void told.push({ failed }),
    });
    return told;
  }

  async close(): Promise<void> {
    this.transactions.close();
    await this.transport.close();
  }
}
