import { parseUri, parseVia, type SipUri } from "@sip-push/sip";
import { VirtualClock } from "@sip-push/sip/testing";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { updateBindings } from "./bindings-update.ts";
import { type Aor, Domains } from "./domains.ts";
import { GruuMint } from "./gruu.ts";
import { MemoryLocationStore } from "./memory-location-store.ts";
import type { RegisterContact } from "./register-request.ts";

const aor: Aor = { user: "alice", domain: "example.test", uri: "sip:alice@example.test" };
const via = parseVia("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1");

interface Step {
  readonly instance: string;
  /** Undefined: without outbound. */
  readonly regId: number | undefined;
  readonly callId: string;
  readonly remove: boolean;
}

function contactOf({ instance, regId, remove }: Step): RegisterContact {
  const contact = `sip:${instance.slice(1, -1)}-${regId ?? "plain"}@192.0.2.1`;
  return {
    ...{ contact, uri: parseUri(contact) as SipUri, displayName: undefined, params: new Map(), q: 1 },
    ...{ expiresSeconds: remove ? 0 : 3600, instance, regId },
  };
}

/** RFC 5627 §5.1, §5.3, word for word: what is bound, and which temporary GRUUs are valid, by instance. */
class Model {
  readonly #bound = new Map<string, Map<number | undefined, { callId: string; at: number }>>();
  readonly valid = new Map<string, Set<string>>();

  apply({ instance, regId, callId, remove }: Step, at: number, issued: string | undefined): void {
    const flows = this.#bound.get(instance) ?? new Map();
    this.#bound.set(instance, flows);
    const temporary = this.valid.get(instance) ?? new Set();
    this.valid.set(instance, temporary);
    if (remove) {
      flows.delete(regId);
      if (flows.size === 0) temporary.clear();
      return;
    }
    const existing = [...flows].filter(([id]) => regId === undefined || id === regId).map(([, each]) => each);
    const last = existing.toSorted((a, b) => b.at - a.at)[0];
    if (last !== undefined && last.callId !== callId) temporary.clear();
    flows.set(regId, { callId, at });
    if (issued !== undefined) temporary.add(issued);
  }
}

test("temporary GRUUs are valid exactly as long as RFC 5627 §5.1 and §5.3 say, whatever is registered and removed", async () => {
  const step = fc.record<Step>({
    instance: fc.constantFrom("<urn:a>", "<urn:b>"),
    regId: fc.constantFrom(undefined, 1, 2),
    callId: fc.constantFrom("x", "y"),
    remove: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (steps) => {
      const clock = new VirtualClock();
      const store = new MemoryLocationStore({ clock });
      const mint = new GruuMint(store, new Domains(["example.test"], []));
      const model = new Model();
      const all = new Map<string, string>();
      let cseq = 0;
      for (const each of steps) {
        await clock.advance(1);
        const context = {
          aor,
          nowMs: clock.now(),
          callId: each.callId,
          cseq: ++cseq,
          path: [],
          flow: undefined,
          via,
          mint,
        };
        const outbound = each.regId !== undefined;
        const update = updateBindings(store.bindings(aor.uri), [contactOf(each)], { ...context, outbound });
        store.replace(aor.uri, update?.bindings ?? []);
        const issued = update?.made[0]?.binding.gruus?.temporaryGruu;
        if (issued !== undefined) {
          expect(all.has(issued)).toBe(false);
          all.set(issued, each.instance);
        }
        model.apply(each, clock.now(), issued);
        for (const [gruu, instance] of all) {
          const uri = parseUri(gruu) as SipUri;
          const found = mint.resolve(uri, { user: uri.user ?? "", domain: "example.test", uri: gruu });
          expect(found !== undefined).toBe(model.valid.get(instance)?.has(gruu) === true);
          if (found !== undefined) {
            expect(found.aor.uri).toBe(aor.uri);
            expect(new Set(found.bindings.map((binding) => binding.instance))).toEqual(new Set([instance]));
          }
        }
      }
      store.close();
      expect(clock.pendingTimers).toBe(0);
    }),
    { numRuns: 200 },
  );
});

test("no user part makes the lookup throw", () => {
  const clock = new VirtualClock();
  const mint = new GruuMint(new MemoryLocationStore({ clock }), new Domains(["example.test"], []));
  const uri = parseUri("sip:x@example.test;gr") as SipUri;
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(mint.resolve(uri, { user: `tgruu.${text}`, domain: "example.test", uri: "sip:x" })).toBeUndefined();
    }),
  );
});
