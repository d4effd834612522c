import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isPushId, MAX_PUSH_ID_LENGTH, pushIdOf } from "./push-id.ts";
import { parseTimestamp, serializeTimestamp } from "./timestamp.ts";

describe("parseTimestamp", () => {
  it.each([
    ["2026-11-21T17:30:00Z", "2026-11-21T17:30:00.000Z"],
    ["2024-02-29T23:59:59Z", "2024-02-29T23:59:59.000Z"],
    ["0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000Z"],
    ["0099-12-31T00:00:00Z", "0099-12-31T00:00:00.000Z"],
    ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000Z"],
  ])("takes %s", (text, iso) => {
    expect(parseTimestamp(text)?.toISOString()).toBe(iso);
  });

  it.each([
    "",
    "2026-11-21",
    "2026-11-21T17:30Z",
    "2026-11-21T17:30:00",
    "2026-11-21 17:30:00Z",
    " 2026-11-21T17:30:00Z",
    "2026-11-21T17:30:00Z\n",
    "26-11-21T17:30:00Z",
    "2026-13-21T17:30:00Z",
    "2026-00-21T17:30:00Z",
    "2026-11-31T17:30:00Z",
    "2026-11-00T17:30:00Z",
    "2025-02-29T17:30:00Z",
    "2026-11-21T24:00:00Z",
    "2026-11-21T17:60:00Z",
    "2026-12-31T23:59:60Z",
    "2026-11-21T17:30:00+25:00",
    "2026-11-21T17:30:00+01:60",
  ])("refuses %j, strictly and loosely", (text) => {
    expect([parseTimestamp(text), parseTimestamp(text, true)]).toEqual([undefined, undefined]);
  });

  it.each([
    ["2004-01-20t22:35:00z", "2004-01-20T22:35:00.000Z"],
    ["2026-11-21T17:30:00.5Z", "2026-11-21T17:30:00.500Z"],
    ["2026-11-21T17:30:00.123456Z", "2026-11-21T17:30:00.123Z"],
    ["2026-11-21T17:30:00+01:00", "2026-11-21T16:30:00.000Z"],
    ["2026-11-21T23:30:00-0130", "2026-11-22T01:00:00.000Z"],
  ])("takes %s loosely only", (text, iso) => {
    expect([parseTimestamp(text), parseTimestamp(text, true)?.toISOString()]).toEqual([undefined, iso]);
  });

  it("gives what serializeTimestamp wrote, to the second", () => {
    const dates = fc.date({
      min: new Date("0000-01-01T00:00:00Z"),
      max: new Date("9999-12-31T23:59:59.999Z"),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(dates, (date) => {
        const text = serializeTimestamp(date) ?? "";
        expect(text).toMatch(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/);
        expect(parseTimestamp(text)?.getTime()).toBe(Math.floor(date.getTime() / 1000) * 1000);
      }),
    );
  });

  it.each([new Date(Number.NaN), new Date("-000001-12-31T23:59:59Z"), new Date("+010000-01-01T00:00:00Z")])(
    "writes no %s",
    (date) => {
      expect(serializeTimestamp(date)).toBeUndefined();
    },
  );
});

describe("push-id", () => {
  it.each([
    ["9fjeo39jf084@pi.com", true],
    ["1", true],
    ["a b", true],
    ["é", true],
    ["1".repeat(MAX_PUSH_ID_LENGTH), true],
    ["1".repeat(MAX_PUSH_ID_LENGTH + 1), false],
    ["", false],
    [" ", false],
    [" 1", false],
    ["1\t", false],
    ["1\n2", false],
    ["1\u0085", false],
    ["\ud800", false],
  ])("%j: %s", (text, isGood) => {
    expect(isPushId(text)).toBe(isGood);
  });

  it("is made of a token and a domain", () => {
    expect([
      pushIdOf("1", "pi.example"),
      pushIdOf("", "pi.example"),
      pushIdOf("1", ""),
      pushIdOf("1", "x".repeat(255)),
    ]).toEqual(["1@pi.example", undefined, undefined, undefined]);
  });
});
