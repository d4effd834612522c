import { decodePidf, encodePidf } from "@sip-push/bodies";
import { describe, expect, it } from "vitest";
import { fromServiceCapabilities, type PushCapabilities, toPresence } from "./capabilities.ts";
import { PushInputError } from "./errors.ts";

const capabilities: PushCapabilities = {
  applications: ["push.syncml", "syncml.dm"],
  mediaTypes: ["application/vnd.syncml.ds.notification", "text/plain"],
  encodings: ["gzip"],
  maxBodyBytes: 65_536,
  methods: ["MESSAGE", "NOTIFY", "OPTIONS"],
  eventPackages: ["oma-push"],
  optionTags: ["gruu", "100rel"],
  languages: ["en"],
};
const init = { entity: "sip:alice@home.test", contact: "sip:alice@192.0.2.1", tupleId: "push-1" };
const nothing: PushCapabilities = {
  applications: [],
  mediaTypes: [],
  encodings: [],
  maxBodyBytes: null,
  methods: [],
  eventPackages: [],
  optionTags: [],
  languages: [],
};

describe("capabilities of a receiver as presence (RFC 3863, RFC 5196 §3.2)", () => {
  const published = (value: PushCapabilities, more = {}) =>
    decodePidf(encodePidf(toPresence(value, { ...init, ...more })));

  it.each([
    ["all", capabilities],
    ["none", nothing],
  ])("come back over the wire: %s", (_, value) => {
    const { entity, tuples } = published(value);
    expect([entity, tuples.length, tuples[0]?.id, tuples[0]?.basic]).toEqual([init.entity, 1, "push-1", "open"]);
    const read = fromServiceCapabilities(tuples[0]?.serviceCapabilities as never);
    expect({ ...read, optionTags: [...read.optionTags].sort(), methods: [...read.methods].sort() }).toEqual({
      ...value,
      optionTags: [...value.optionTags].sort(),
      methods: [...value.methods].sort(),
    });
  });

  it("say contact, time, and that there is nothing just now", () => {
    const timestamp = new Date("2026-01-01T00:00:00Z");
    expect(published(capabilities, { timestamp, open: false }).tuples[0]).toMatchObject({
      basic: "closed",
      contact: { uri: init.contact },
      timestamp,
    });
  });

  it("write application ids as short names, each once, and leave out option tags that no element can have", () => {
    const value = {
      ...capabilities,
      applications: ["x-wap-application:push.syncml", "5"],
      optionTags: ["gruu", "1x", "a b"],
    };
    expect(fromServiceCapabilities(published(value).tuples[0]?.serviceCapabilities as never)).toMatchObject({
      applications: ["push.syncml"],
      optionTags: ["gruu"],
    });
  });

  it("refuse an application id that is none", () => {
    expect(() => toPresence({ ...capabilities, applications: [""] }, init)).toThrow(PushInputError);
  });
});
