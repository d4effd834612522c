import { type Logger, silentLogger } from "@sip-push/sip";
import { type PpgEvent, type PpgObserver, whichOf } from "../events.ts";

/** Hands each event of a gateway to all who want to hear it. */
export class EventBus {
  readonly #logger: Logger;
  #observers: readonly PpgObserver[] = [];

  /** @param logger default: silent. */
  constructor(logger: Logger = silentLogger) {
    this.#logger = logger;
  }

  /**
   * Tells all, in the order in which they subscribed; who throws keeps neither the others nor the push from going on. Bound, so that
   * it can be given away as an observer.
   */
  readonly observe: PpgObserver = (event: PpgEvent): void => {
    for (const observer of this.#observers) {
      try {
        observer(event);
      } catch (error) {
        this.#logger.error({ err: error, ...whichOf(event) }, "an observer threw");
      }
    }
  };

  /** Returns how to stop hearing; calling that twice is harmless. */
  subscribe(observer: PpgObserver): () => void {
    const entry: PpgObserver = (event) => observer(event); // its own, so that one observer may subscribe twice
    this.#observers = [...this.#observers, entry];
    return () => {
      this.#observers = this.#observers.filter((each) => each !== entry);
    };
  }
}
