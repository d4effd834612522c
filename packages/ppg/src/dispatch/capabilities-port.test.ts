import type { CapabilityAnswer, CapabilityFacts, KnownHandset } from "@sip-push/sender";
import { VirtualClock } from "@sip-push/sip/testing";
import { describe, expect, it } from "vitest";
import { capabilitiesPort } from "./capabilities-port.ts";

const none: CapabilityFacts = {
  applications: null,
  mediaTypes: null,
  encodings: null,
  maxBodyBytes: null,
  methods: null,
  eventPackages: null,
  optionTags: null,
  languages: null,
};
const handset = (facts: Partial<CapabilityFacts>): KnownHandset =>
  ({ handset: null, facts: { ...none, ...facts }, refused: {} }) as unknown as KnownHandset;

/** Everything that an answer to OPTIONS tells. */
const all: Partial<CapabilityFacts> = {
  applications: ["push.syncml"],
  mediaTypes: ["text/plain"],
  encodings: ["gzip"],
  languages: ["en"],
  methods: ["MESSAGE"],
};

function port(known: readonly KnownHandset[], answer?: CapabilityAnswer, clock = new VirtualClock()) {
  const asked: unknown[] = [];
  const sender = {
    capabilitiesOf: () => known,
    queryCapabilities: (
      to: string,
      { applicationId, signal }: { applicationId?: string; signal?: AbortSignal } = {},
    ) => {
      asked.push([to, applicationId]);
      if (answer !== undefined) return Promise.resolve(answer);
      const failed: CapabilityAnswer = { kind: "failed", code: "SIP_ABORTED", reason: "aborted", retryable: false };
      return new Promise<CapabilityAnswer>((resolve) => signal?.addEventListener("abort", () => resolve(failed)));
    },
  };
  return { asked, capabilitiesOf: capabilitiesPort(sender, { clock }), clock };
}

describe("capabilities of a recipient", () => {
  it("are those learnt, of all handsets together, without asking", async () => {
    const known = [
      handset({ ...all, maxBodyBytes: 10 }),
      handset({ mediaTypes: ["text/plain", "image/png"], maxBodyBytes: 20 }),
    ];
    const { asked, capabilitiesOf } = port(known);
    expect(await capabilitiesOf("sip:bob@x", null)).toEqual({
      ...all,
      mediaTypes: ["text/plain", "image/png"],
      maxBodyBytes: 20,
    });
    expect(asked).toEqual([]);
  });

  it("are asked for when nothing is known", async () => {
    const learnt = { handset: null, facts: { ...none, methods: ["MESSAGE"] } };
    const { asked, capabilitiesOf } = port([], { kind: "answered", sipStatus: 200, learnt });
    expect(await capabilitiesOf("sip:bob@x", "push.syncml")).toEqual({ methods: ["MESSAGE"] });
    expect(asked).toEqual([["sip:bob@x", "push.syncml"]]);
  });

  it.each<[string, Partial<CapabilityFacts>]>([
    ["a subscription", { applications: ["push.syncml"] }],
    ["a 415", { mediaTypes: ["text/plain"] }],
    ["all but the languages", { ...all, languages: null }],
  ])("are asked for and merged when only a part is known: %s", async (_, facts) => {
    const learnt = { handset: null, facts: { ...none, ...all } };
    const { asked, capabilitiesOf } = port([handset({ ...facts, maxBodyBytes: 10 })], {
      kind: "answered",
      sipStatus: 200,
      learnt,
    });
    expect(await capabilitiesOf("sip:bob@x", null)).toEqual({ ...all, maxBodyBytes: 10 });
    expect(asked).toHaveLength(1);
  });

  it("are those learnt, and nobody is asked, when that is what is wanted", async () => {
    const { asked, capabilitiesOf } = port([handset({ mediaTypes: ["text/plain"] })]);
    expect(await capabilitiesOf("sip:bob@x", null, { ask: false })).toEqual({ mediaTypes: ["text/plain"] });
    expect(await port([]).capabilitiesOf("sip:bob@x", null, { ask: false })).toBeNull();
    expect(asked).toEqual([]);
  });

  it("are told as far as they are known when a handset is not to be asked", async () => {
    const known = [handset({ mediaTypes: ["text/plain"] })];
    const refused = { kind: "refused", sipStatus: 480, reason: "", retryAfterSeconds: undefined } as const;
    expect(await port(known, refused).capabilitiesOf("sip:bob@x", null)).toEqual({ mediaTypes: ["text/plain"] });
  });

  it.each([
    [404, 2003],
    [484, 2002],
    [403, 2001],
    [480, null],
  ])("a refusal %d says %s", async (sipStatus, expected) => {
    const { capabilitiesOf } = port([], { kind: "refused", sipStatus, reason: "", retryAfterSeconds: undefined });
    expect(await capabilitiesOf("sip:bob@x", null)).toBe(expected);
  });

  it("are not known when nobody answers in time, and no timer is left", async () => {
    const { capabilitiesOf, clock } = port([]);
    expect(await clock.until(capabilitiesOf("sip:bob@x", null), 5000)).toBeNull();
    expect(clock.pendingTimers).toBe(0);
  });
});
