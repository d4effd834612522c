import { Counter, type Registry } from "prom-client";

/**
 * A counter that is cheap to count with: what came is added up here, by the values of up to two labels, and becomes a metric when
 * somebody asks.
 */
export class Tally {
  readonly #counts = new Map<string, Map<string, number>>();

  /** @param labelNames none, one or two. */
  constructor(registry: Registry, name: string, help: string, labelNames: readonly string[]) {
    const counts = this.#counts;
    const [firstName, secondName] = labelNames;
    const counter: Counter = new Counter({
      name,
      help,
      labelNames: [...labelNames],
      registers: [registry],
      collect: () => {
        counter.reset();
        for (const [first, bySecond] of counts) {
          for (const [second, count] of bySecond) {
            counter.inc(
              { ...(firstName && { [firstName]: first }), ...(secondName && { [secondName]: second }) },
              count,
            );
          }
        }
      },
    });
  }

  /** Values of the labels, in their order; "" for those that it does not have. */
  add(by: number, first = "", second = ""): void {
    let bySecond = this.#counts.get(first);
    if (bySecond === undefined) {
      bySecond = new Map();
      this.#counts.set(first, bySecond);
    }
    bySecond.set(second, (bySecond.get(second) ?? 0) + by);
  }
}
