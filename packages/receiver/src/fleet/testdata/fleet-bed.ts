import { type Flow, type ListenAddress, type ServerTransaction, SipEndpoint, type SipRequest } from "@sip-push/sip";
import { HANDSET, NETWORK, ReceiverRig, udp } from "../../../../../test/support/receiver-rig.ts";
import type { FleetEvent } from "../fleet-events.ts";
import type { HandsetFleetOptions } from "../fleet-options.ts";
import { HandsetFleet } from "../handset-fleet.ts";

/** A fleet on the in-memory network of a {@link ReceiverRig}, whose peer is its registrar over UDP. */
export class FleetBed {
  readonly rig: ReceiverRig;
  readonly events: FleetEvent[] = [];
  /** When each REGISTER came over UDP, or at {@link listenTcp}, by the clock. */
  readonly registeredAtMs: number[] = [];

  private constructor(rig: ReceiverRig) {
    this.rig = rig;
  }

  static async start(): Promise<FleetBed> {
    const bed = new FleetBed(await ReceiverRig.start());
    const { registrar } = bed.rig;
    bed.answerWith(registrar);
    return bed;
  }

  /** How REGISTERs are answered from now on. */
  answerWith(registrar: ReceiverRig["registrar"]): void {
    this.rig.registrar = (request) => {
      this.registeredAtMs.push(this.rig.clock.now());
      return registrar(request);
    };
  }

  async open(options: Partial<HandsetFleetOptions> = {}): Promise<HandsetFleet> {
    const fleet = await HandsetFleet.open({
      count: 3,
      aor: "sip:h{n}@home.test",
      listen: [udp(HANDSET)],
      proxy: `sip:${NETWORK}`,
      clock: this.rig.clock,
      onEvent: (event) => void this.events.push(event),
      ...options,
      stack: { open: this.rig.network.open, random: () => 0.5, ...options.stack },
    });
    this.rig.closeLater(fleet);
    return fleet;
  }

  /** A registrar over TCP at the same address, which can be closed and opened again. */
  async listenTcp(): Promise<{ readonly requests: SipRequest[]; readonly flows: Set<Flow>; close(): Promise<void> }> {
    const requests: SipRequest[] = [];
    const flows = new Set<Flow>();
    const listen: ListenAddress = { transport: "TCP", address: NETWORK, port: 5060 };
    const onRequest = (transaction: ServerTransaction): void => {
      requests.push(transaction.request);
      flows.add(transaction.flow);
      const response = this.rig.registrar(transaction.request);
      if (response !== undefined) transaction.respond(response);
    };
    const { clock, network } = this.rig;
    const endpoint = await SipEndpoint.open({ listen: [listen], clock, open: network.open, onRequest });
    this.rig.closeLater(endpoint);
    return { requests, flows, close: () => endpoint.close() };
  }

  get kinds(): string[] {
    return this.events.map(({ event }) => event);
  }
}
