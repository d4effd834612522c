import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type HeldPart, heldOf } from "../store/holding.ts";
import type { ClaimedDelivery, StoredPush } from "../store/types.ts";
import { heldForms, heldFrom } from "./held-forms.ts";

const count = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const octets = fc.uint8Array({ maxLength: 300 });

const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record<T>(model, { noNullPrototype: true });

const part: fc.Arbitrary<HeldPart> = record({
  id: count,
  owner: fc.string(),
  callId: fc.string(),
  dueAtMs: fc.option(count),
  address: fc.string({ unit: "binary" }),
  recipient: fc.string(),
});
const push: fc.Arbitrary<StoredPush> = record({
  id: count,
  acceptedAtMs: count,
  initiator: fc.string(),
  pushId: fc.string({ unit: "binary" }),
  priority: fc.constantFrom("low", "medium", "high"),
  deliveryMethod: fc.constantFrom("confirmed", "preferconfirmed", "unconfirmed", "notspecified"),
  deliverAfterMs: fc.option(count),
  deliverBeforeMs: fc.option(count),
  notifyUrl: fc.option(fc.webUrl()),
  progressNotesRequested: fc.boolean(),
  contentType: fc.string(),
  content: octets,
  capabilities: fc.option(octets),
  applicationData: fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value))),
});
const deliveries = fc.array(
  fc.tuple(part, push).map(([held, content]) => heldOf(held, content)),
  { maxLength: 8 },
);

/** As another thread gets it. */
const sent = (given: readonly ClaimedDelivery[]): ClaimedDelivery[] => heldFrom(structuredClone(heldForms(given)));

const sample = (change: Partial<StoredPush>): ClaimedDelivery => {
  const [held] = fc.sample(part, { seed: 1, numRuns: 1 }) as [HeldPart];
  const [content] = fc.sample(push, { seed: 1, numRuns: 1 }) as [StoredPush];
  return heldOf(held, { ...content, ...change });
};

describe("deliveries that go to another thread", () => {
  it("are there what they were here, whatever is in them", () => {
    const isSame = fc.property(deliveries, (given) => {
      expect(sent(given)).toStrictEqual(given);
    });
    fc.assert(isSame);
  });

  it("have their own octets there: nothing else in the buffer that they were read into goes along", () => {
    const read = new Uint8Array(100_000).fill(1);
    const content = read.subarray(500, 510).fill(2);
    const capabilities = read.subarray(90_000, 90_003).fill(3);
    const given = [sample({ content, capabilities }), sample({ content, capabilities: null })];
    const [first, second] = sent(given).map((delivery) => delivery.content) as [StoredPush, StoredPush];
    expect([first.content, first.capabilities, second.content]).toEqual([content, capabilities, content]);
    const { buffer } = first.content;
    expect(buffer.byteLength).toBe(23);
    expect(first.capabilities?.buffer).toBe(buffer);
    expect(second.content.buffer).toBe(buffer);
  });

  it("leave the octets here as they are", () => {
    const content = Uint8Array.of(0, 0x80, 0xff);
    const [form] = heldForms([sample({ content, capabilities: null })]);
    structuredClone(form);
    expect(content).toEqual(Uint8Array.of(0, 0x80, 0xff));
  });

  it("may be none, and may be empty", () => {
    expect(sent([])).toEqual([]);
    const [empty] = sent([sample({ content: new Uint8Array(), capabilities: new Uint8Array() })]);
    expect(empty?.content).toMatchObject({ content: new Uint8Array(), capabilities: new Uint8Array() });
  });
});
