import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FlowCache } from "./flow-cache.ts";
import type { Address } from "./transport.ts";

const newCache = (limit: number): { cache: FlowCache<{ remote: Address }>; created: Address[] } => {
  const created: Address[] = [];
  const cache = new FlowCache(limit, (remote: Address) => {
    created.push(remote);
    return { remote };
  });
  return { cache, created };
};

describe("FlowCache", () => {
  it("gives the same object for the same address and port", () => {
    const { cache, created } = newCache(8);
    const first = cache.get("127.0.0.1", 1);
    expect(cache.get("127.0.0.1", 2)).not.toBe(first);
    expect(cache.get("127.0.0.2", 1)).not.toBe(first);
    expect(cache.get("127.0.0.1", 1)).toBe(first);
    expect(created).toHaveLength(3);
  });

  it("never holds more than its limit, and always what was used last", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 300 }), (ports) => {
        const { cache } = newCache(10);
        for (const [i, port] of ports.entries()) {
          const flow = cache.get("127.0.0.1", port);
          expect(flow.remote.port).toBe(port);
          expect(cache.size).toBeLessThanOrEqual(10);
          const before = ports[i - 1];
          const known = before === undefined ? undefined : cache.get("127.0.0.1", before);
          expect(cache.get("127.0.0.1", port)).toBe(flow);
          expect(known?.remote.port).toBe(before);
        }
      }),
    );
  });

  it("keeps a busy address while others come and go", () => {
    const { cache } = newCache(10);
    const busy = cache.get("127.0.0.1", 1);
    for (let port = 2; port < 1000; port++) {
      cache.get("127.0.0.1", port);
      expect(cache.get("127.0.0.1", 1)).toBe(busy);
    }
  });
});
