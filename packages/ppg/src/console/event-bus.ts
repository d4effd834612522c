import type { PpgEvent, PpgObserver } from "../events.ts";

/** Hands each event of a gateway to all who want to hear it. */
export class EventBus {
  #observers: readonly PpgObserver[] = [];

  /** Tells all, in the order in which they subscribed. Bound, so that it can be given away as an observer. */
  readonly observe: PpgObserver = (event: PpgEvent): void => {
    for (const observer of this.#observers) observer(event);
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
