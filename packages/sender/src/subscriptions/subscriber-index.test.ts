import type { JsonValue, Subscription } from "@sip-push/sip";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dataOf, SubscriberIndex } from "./subscriber-index.ts";

const BOB = "sip:bob@home.test";
const TEL = "tel:+12015550123";

const subscription = (id: string, identities: readonly string[], applications: readonly string[]): Subscription =>
  ({ id, applicationData: { identities, applications } }) as unknown as Subscription;

describe("subscriptions by subscriber", () => {
  it("are found by each identity that was asserted, in any spelling (RFC 3325 §9.1, RFC 3261 §19.1.6)", () => {
    const index = new SubscriberIndex();
    index.set(subscription("1", [BOB, TEL], ["push.syncml"]));
    for (const uri of [
      "sips:bob@HOME.test;transport=tcp",
      "tel:+1-201-555-0123",
      "sip:+12015550123@x.test;user=phone",
    ]) {
      expect(index.find(uri, "push.syncml"), uri).toEqual(["1"]);
    }
    expect(index.find("sip:carol@home.test", "push.syncml")).toEqual([]);
    expect(index.find(BOB, "syncml.dm")).toEqual([]);
  });

  it("for all applications are found by any", () => {
    const index = new SubscriberIndex();
    index.set(subscription("1", [BOB], ["*"]));
    expect(index.find(BOB, "x.app")).toEqual(["1"]);
  });

  it("move when a refresh brings another identity or other applications", () => {
    const index = new SubscriberIndex();
    index.set(subscription("1", [BOB], ["a"]));
    index.set(subscription("1", [TEL], ["b"]));
    expect([index.find(BOB, "a"), index.find(BOB, "b"), index.find(TEL, "b"), index.size]).toEqual([[], [], ["1"], 1]);
  });

  it("are the latest first, refreshes counted; only later ones when told after which", () => {
    const index = new SubscriberIndex();
    for (const id of ["1", "2", "3", "1"]) index.set(subscription(id, [BOB], ["a"]));
    expect(index.find(BOB, "a")).toEqual(["1", "3", "2"]);
    expect(index.find(BOB, "a", index.latest)).toEqual([]);
    expect(index.find(BOB, "a", index.latest - 1)).toEqual(["1"]);
  });

  it("are what was put in and not taken out, whatever happened before, and nothing else is kept", () => {
    const id = fc.constantFrom("1", "2", "3", "4");
    const operation = fc.oneof(
      fc.record({ id, user: fc.constantFrom(BOB, TEL), application: fc.constantFrom("a", "b") }),
      fc.record({ id }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
        const index = new SubscriberIndex();
        const model = new Map<string, string>();
        for (const each of operations) {
          if ("user" in each) {
            index.set(subscription(each.id, [each.user], [each.application]));
            model.set(each.id, `${each.user} ${each.application}`);
          } else expect(index.delete(each.id)).toBe(model.delete(each.id));
        }
        expect(index.size).toBe(model.size);
        for (const user of [BOB, TEL]) {
          for (const application of ["a", "b"]) {
            const expected = [...model].filter(([, at]) => at === `${user} ${application}`).map(([each]) => each);
            expect(index.find(user, application).sort()).toEqual(expected.sort());
          }
        }
      }),
    );
  });

  it.each<JsonValue>([null, "x", 7, [], { identities: "x" }, { identities: [1, null], applications: {} }])(
    "of a store that was written by somebody else (%j) name nobody",
    (stored) => {
      expect(dataOf(stored)).toEqual({ identities: [], applications: [] });
    },
  );
});
