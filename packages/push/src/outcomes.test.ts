import type { NotifyFailureCode } from "@sip-push/sip";
import { describe, expect, it } from "vitest";
import {
  type DeliveryResult,
  isRetryable,
  type OutcomeRow,
  outcomeOf,
  outcomeTable,
  type ResultFacts,
} from "./outcomes.ts";
import { papCodes } from "./pap-codes.ts";

/** The table as the facts sheet of the project has it, typed again by hand: result, facts, state, PAP code, retryable. */
const expected: ReadonlyArray<
  readonly [DeliveryResult | readonly DeliveryResult[], ResultFacts, string, number, boolean]
> = [
  [200, {}, "delivered", 1000, false],
  [202, {}, "pending", 1001, false],
  [["SIP_TIMEOUT", 408, 504], {}, "timeout", 4000, true],
  [[300, 301, 302, 305, 380], {}, "undeliverable", 2003, false],
  [400, {}, "undeliverable", 3000, false],
  [[401, 407], {}, "undeliverable", 3000, false],
  [403, {}, "undeliverable", 2001, false],
  [[404, 410, 604], {}, "undeliverable", 2003, false],
  [[414, 416, 484, 485], {}, "undeliverable", 2002, false],
  [[405, 501], {}, "undeliverable", 3007, false],
  [[406, 415, 488, 606], { contentTypeRefused: true }, "aborted", 5030, false],
  [[406, 415, 488, 606], {}, "undeliverable", 2005, false],
  [[413, 513], {}, "undeliverable", 2006, false],
  [[420, 421, 494], {}, "undeliverable", 3000, false],
  [[420, 421, 494], { optionRequired: true }, "undeliverable", 2006, false],
  [423, {}, "undeliverable", 3000, false],
  [[430, 477, 480], {}, "pending", 5028, true],
  [[481, "SIP_NO_SUBSCRIPTION", "SIP_SUBSCRIPTION_ENDED"], {}, "undeliverable", 5028, false],
  [[482, 483, 502, 505], {}, "undeliverable", 3000, false],
  [[486, 491, 500, 600], {}, "pending", 5029, true],
  [487, { cancelled: true }, "cancelled", 5026, false],
  [487, {}, "aborted", 5026, false],
  [489, {}, "undeliverable", 2006, false],
  [[503, "SIP_TRANSPORT", "SIP_OVERLOADED", "SIP_QUEUE_FULL"], {}, "pending", 4001, true],
  [[603, 605, 607, 699], {}, "aborted", 5027, false],
  ["SIP_UNRESOLVED", { failureRetryable: true }, "pending", 4001, true],
  ["SIP_UNRESOLVED", {}, "undeliverable", 2002, false],
  ["SIP_ABORTED", {}, "cancelled", 5026, false],
  ["SIP_EXPIRED", {}, "expired", 2001, false],
  ["SIP_CLOSED", {}, "unknown", 4000, false],
  ["imdn delivered", {}, "delivered", 1000, false],
  ["imdn failed", {}, "undeliverable", 5000, false],
  ["imdn forbidden", {}, "unknown", 1001, false],
  ["imdn error", {}, "unknown", 4000, false],
  ["imdn missing", {}, "unknown", 1001, false],
  [["msrp complete", "msrp 200"], {}, "delivered", 1000, false],
  [["msrp timeout", "msrp 408"], {}, "timeout", 4000, false],
  [["msrp 400", "msrp 423", "msrp 499"], {}, "undeliverable", 3000, false],
  ["msrp 403", {}, "undeliverable", 2001, false],
  ["msrp 413", {}, "aborted", 5029, false],
  ["msrp 415", {}, "aborted", 5030, false],
  [["msrp 481", "msrp 506"], {}, "undeliverable", 4000, false],
  ["msrp 501", {}, "undeliverable", 3007, false],
];

const cases = expected.flatMap(([results, facts, ...rest]) =>
  (typeof results === "object" ? results : [results]).map((result) => ({ result, facts, rest })),
);

describe("SIP result -> delivery outcome", () => {
  it.each(cases)("$result with $facts is $rest", ({ result, facts, rest }) => {
    const row = outcomeOf(result, facts);
    expect([row.messageState, row.papCode, isRetryable(row)]).toEqual(rest);
  });

  it("reaches every row", () => {
    const reached = new Set<OutcomeRow>(cases.map(({ result, facts }) => outcomeOf(result, facts)));
    expect(outcomeTable.filter((row) => !reached.has(row))).toEqual([]);
  });

  it("has a row for every final status code; unknown ones count as x00 of their class (RFC 3261 §8.1.3.2)", () => {
    for (let status = 200; status <= 699; status++) expect(outcomeOf(status).papCode).toBeGreaterThan(0);
    expect(outcomeOf(299)).toBe(outcomeOf(200));
    expect(outcomeOf(399)).toBe(outcomeOf(300));
    expect(outcomeOf(478)).toBe(outcomeOf(400));
    expect(outcomeOf(580)).toBe(outcomeOf(500));
  });

  it("never retries an unknown 6xx: it arrived and was refused (RFC 3428 §7)", () => {
    expect(outcomeOf(699)).toBe(outcomeOf(603));
  });

  it("has a row for every failure of the stack", () => {
    const codes: Record<NotifyFailureCode, true> = {
      SIP_TIMEOUT: true,
      SIP_TRANSPORT: true,
      SIP_ABORTED: true,
      SIP_CLOSED: true,
      SIP_UNRESOLVED: true,
      SIP_OVERLOADED: true,
      SIP_NO_SUBSCRIPTION: true,
      SIP_SUBSCRIPTION_ENDED: true,
      SIP_QUEUE_FULL: true,
      SIP_EXPIRED: true,
    };
    for (const code of Object.keys(codes) as NotifyFailureCode[]) expect(outcomeOf(code).on).toContain(code);
  });

  it("has no row behind one that always wins, so that order cannot hide a row", () => {
    for (const [index, row] of outcomeTable.entries()) {
      const hidden = row.on.some((result) =>
        outcomeTable.slice(0, index).some((other) => other.on.includes(result) && other.when === undefined),
      );
      expect(hidden, JSON.stringify(row)).toBe(false);
    }
  });

  it.each([0, 100, 199, 700, Number.NaN])("refuses %d, which is no final status code", (status) => {
    expect(() => outcomeOf(status)).toThrow(RangeError);
  });

  it("names only PAP codes that PAP 2.x lists, each once", () => {
    const codes = Object.values(papCodes);
    expect(new Set(codes).size).toBe(codes.length);
    for (const { papCode } of outcomeTable) expect(codes).toContain(papCode);
  });
});
