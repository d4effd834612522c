import { type Flow, parseUri, type SipUri } from "@sip-push/sip";
import { VirtualClock } from "@sip-push/sip/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Binding } from "./location-store.ts";
import { MemoryLocationStore } from "./memory-location-store.ts";

const flows = ["a", "b"].map((address) => ({ remote: { address, port: 1 } }) as Flow);

function binding(aor: string, contact: string, expiresAtMs: number, flow?: Flow): Binding {
  const uri = parseUri(`sip:${contact}@h`) as SipUri;
  return {
    ...{ aor, contact, uri, params: new Map(), q: 1, expiresAtMs, updatedAtMs: 0, path: [], instance: undefined },
    ...{ id: `${aor} ${contact}`, displayName: undefined, registeredAtMs: 0, gruus: undefined },
    ...{ regId: undefined, flow, reach: "address", callId: "c", cseq: 1 },
  };
}

describe("MemoryLocationStore", () => {
  test("bindings, size and flows are those of a plain list, whatever happens, and nothing is left at the end", async () => {
    const change = fc.record({
      aor: fc.constantFrom("x", "y", "z"),
      contacts: fc.array(
        fc.record({
          name: fc.constantFrom("p", "q", "r"),
          lifeMs: fc.integer({ min: 1, max: 20_000 }),
          flow: fc.constantFrom(0, 1, 2),
        }),
        { maxLength: 3 },
      ),
      waitMs: fc.integer({ min: 0, max: 6000 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 12 }), async (changes) => {
        const clock = new VirtualClock();
        const expired: Binding[] = [];
        const store = new MemoryLocationStore({ clock, onExpired: (each) => expired.push(each) });
        let model: Binding[] = [];
        for (const { aor, contacts, waitMs } of changes) {
          const bindings = contacts.map((each) => binding(aor, each.name, clock.now() + each.lifeMs, flows[each.flow]));
          expect(store.replace(aor, bindings)).toBe(true);
          model = [...model.filter((each) => each.aor !== aor), ...bindings];
          await clock.advance(waitMs);
          const live = model.filter(({ expiresAtMs }) => expiresAtMs > clock.now());
          for (const name of ["x", "y", "z"])
            expect(store.bindings(name)).toEqual(live.filter((each) => each.aor === name));
          for (const flow of flows) {
            expect(new Set(store.overFlow(flow))).toEqual(new Set(live.filter((each) => each.flow === flow)));
          }
          // News of an expiry come within a second.
          expect(store.size).toBeGreaterThanOrEqual(live.length);
        }
        await clock.advance(30_000);
        expect([store.size, clock.pendingTimers]).toEqual([0, 0]);
        expect(expired.every((each) => each.expiresAtMs <= clock.now())).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test("an end is told once, and removal is told by its caller", async () => {
    const clock = new VirtualClock();
    const expired: string[] = [];
    const store = new MemoryLocationStore({ clock, onExpired: ({ contact }) => expired.push(contact) });
    const [p, q] = [binding("x", "p", 5000), binding("x", "q", 9000)];
    store.replace("x", [p, q]);
    expect([store.remove(q), store.remove(q)]).toEqual([true, false]);
    await clock.advance(60_000);
    expect(expired).toEqual(["p"]);
    expect(store.wasRegistered("x")).toBe(true);
  });

  test("past maxAors nobody new gets in, and the memory of former users is as long", () => {
    const store = new MemoryLocationStore({ clock: new VirtualClock(), maxAors: 2 });
    for (const aor of ["x", "y"]) expect(store.replace(aor, [binding(aor, "p", 5000)])).toBe(true);
    expect(store.replace("z", [binding("z", "p", 5000)])).toBe(false);
    expect(store.replace("x", [binding("x", "q", 5000)])).toBe(true);
    store.replace("y", []);
    expect(store.replace("z", [binding("z", "p", 5000)])).toBe(true);
    expect(["x", "y", "z"].map((aor) => store.wasRegistered(aor))).toEqual([false, true, true]);
    store.close();
    expect(store.size).toBe(0);
  });
});
