import type { PushSender, SenderEvent } from "@sip-push/sender";
import type { ListenAddress } from "@sip-push/sip";
import { capabilitiesPort } from "../dispatch/capabilities-port.ts";
import type { Dispatcher } from "../dispatch/dispatcher.ts";
import type { DispatcherStats } from "../dispatch/options.ts";
import type { Places } from "../dispatch/places.ts";
import type { CapabilitiesOf } from "../intake/options.ts";
import type { ClaimedDelivery } from "../store/types.ts";
import { openDispatcher, openSender, type Shared } from "./parts.ts";

export interface DeliveryStats extends DispatcherStats {
  /** Handsets subscribed to pushes. */
  readonly subscriptions: number;
}

/** What became of registering the gateway's own address. */
export type RegistrationEvent = Extract<SenderEvent, { event: "registered" | "registration-failed" }>;

/**
 * The half of a gateway that delivers: the Push Sender agent and the dispatcher that drives it, on the store. It may live in a
 * thread of its own.
 */
export interface DeliverySide {
  /** What the SIP side is bound to. */
  readonly listening: readonly ListenAddress[];
  readonly capabilitiesOf: CapabilitiesOf;
  stats(): Promise<DeliveryStats>;
  /** Begins to claim what is due. */
  start(): void;
  /** How much it would take at once of what is submitted. */
  readonly places: Places;
  /** Delivers what was claimed for it as it was submitted. */
  take(deliveries: readonly ClaimedDelivery[]): void;
  /**
   * Ends what is under way, in `graceMs` at most; a second call with 0 at once.
   *
   * @param submitted resolves when nothing more is handed over.
   */
  stop(graceMs: number, submitted: Promise<unknown>): Promise<void>;
  /** Closes the SIP side. */
  close(): Promise<void>;
}

/** In this thread. */
export class LocalDeliverySide implements DeliverySide {
  readonly capabilitiesOf: CapabilitiesOf;
  readonly #sender: PushSender;
  readonly #dispatcher: Dispatcher;

  private constructor(sender: PushSender, dispatcher: Dispatcher, { clock }: Shared) {
    this.#sender = sender;
    this.#dispatcher = dispatcher;
    this.capabilitiesOf = capabilitiesPort(sender, { clock });
  }

  /** @param owner the name under which it holds leases. */
  static async open(
    shared: Shared,
    owner: string,
    places: Places,
    onRegistration: (event: RegistrationEvent) => void,
  ): Promise<LocalDeliverySide> {
    const sender = await openSender(shared, (event) => {
      if (event.event === "registered" || event.event === "registration-failed") onRegistration(event);
    });
    return new LocalDeliverySide(sender, openDispatcher(shared, owner, sender, places), shared);
  }

  get listening(): readonly ListenAddress[] {
    return this.#sender.listening;
  }

  get places(): Places {
    return this.#dispatcher.places;
  }

  stats(): Promise<DeliveryStats> {
    return Promise.resolve({ ...this.#dispatcher.stats, subscriptions: this.#sender.subscriptions });
  }

  start(): void {
    this.#dispatcher.start();
  }

  take(deliveries: readonly ClaimedDelivery[]): void {
    this.#dispatcher.take(deliveries);
  }

  stop(graceMs: number, submitted: Promise<unknown>): Promise<void> {
    return this.#dispatcher.stop({ graceMs, submitted });
  }

  close(): Promise<void> {
    return this.#sender.close();
  }
}
