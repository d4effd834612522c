import { encodePap, type PapOperation } from "@sip-push/pap";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { HttpOutcome } from "./http-post.ts";
import { judge, retryAfterMs } from "./verdicts.ts";

const leniency = { bareResultResponse: true };
const answer = (
  httpStatus: number,
  body: string | Uint8Array | null = "",
  contentType: string | null = null,
): HttpOutcome => ({
  kind: "answer",
  httpStatus,
  contentType,
  retryAfter: null,
  body: typeof body === "string" ? Buffer.from(body) : body,
});
const pap = (operation: PapOperation, httpStatus = 202): HttpOutcome => {
  const { body, contentType } = encodePap({ version: "2.0", operation });
  return answer(httpStatus, body, contentType);
};
const response = (code: number, pushId = "p"): PapOperation => ({
  kind: "resultnotification-response",
  pushId,
  code,
  address: "a@b",
});
const bad = (code: number): PapOperation => ({ kind: "badmessage-response", code });
const bare =
  '<?xml version="1.0"?><!DOCTYPE pap PUBLIC "-//WAPFORUM//DTD PAP 2.0//EN" "http://www.wapforum.org/DTD/pap_2.0.dtd"><pap><resultnotification-response code="1000"/></pap>';

describe("judging an answer", () => {
  it.each<[string, HttpOutcome, string, boolean]>([
    ["a response with 1000", pap(response(1000)), "accepted", false],
    ["one without push-id and address (pypap)", answer(200, bare, "text/xml"), "accepted", false],
    ["an empty 200", answer(200), "accepted", false],
    ["an empty 204", answer(204), "accepted", false],
    ["a 200 with an empty line", answer(200, " \r\n", "text/plain"), "accepted", false],
    ["a host with no public address", { kind: "none", problem: "INWARD_ADDRESS" }, "later", true],
    ["a response with 2000", pap(response(2000)), "refused", false],
    ["one with an unknown code of the class", pap(response(2999)), "refused", false],
    ["a response with 4001", pap(response(4001)), "later", false],
    ["a response for another push", pap(response(1000, "q")), "later", false],
    ["badmessage-response 2000", pap(bad(2000)), "refused", false],
    ["badmessage-response 3002: it does not know this version", pap(bad(3002)), "refused", false],
    ["badmessage-response 4001", pap(bad(4001)), "later", false],
    ["another operation", pap({ kind: "cancel-message", pushId: "p", addresses: [] }), "later", false],
    ["a login page", answer(200, "<html><body>log in</body></html>", "text/html"), "later", false],
    ["words", answer(200, "OK", "text/plain"), "later", false],
    ["an answer without end", answer(200, null), "later", false],
    ["a response with 1000 in a 500", pap(response(1000), 500), "later", false],
    ["302", answer(302), "later", false],
    ["401", answer(401), "later", false],
    ["404", answer(404), "later", false],
    ["408", answer(408), "later", true],
    ["429", answer(429), "later", true],
    ["500: it may be this result", answer(500), "later", false],
    ["503", answer(503), "later", true],
    ["no answer", { kind: "none", problem: "ECONNREFUSED" }, "later", true],
  ])("%s", (_, outcome, verdict, strains) => {
    expect(judge(outcome, "p", leniency)).toMatchObject({ verdict, strains });
  });

  it("never throws, whatever comes", () => {
    const types = fc.option(
      fc.oneof(fc.string(), fc.constantFrom("application/xml", "text/xml; charset=x", "multipart/related")),
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 100, max: 999 }),
        types,
        fc.uint8Array({ maxLength: 200 }),
        (status, type, body) => {
          expect(["accepted", "refused", "later"]).toContain(judge(answer(status, body, type), "p", leniency).verdict);
        },
      ),
    );
  });

  it("reads Retry-After as seconds or as a date (RFC 9110 §10.2.3)", () => {
    const nowMs = Date.UTC(2026, 0, 1);
    expect(retryAfterMs("120", nowMs)).toBe(120_000);
    expect(retryAfterMs("Thu, 01 Jan 2026 00:00:10 GMT", nowMs)).toBe(10_000);
    expect(retryAfterMs("Wed, 31 Dec 2025 00:00:00 GMT", nowMs)).toBe(0);
    expect(retryAfterMs("soon", nowMs)).toBe(0);
    expect(retryAfterMs(null, nowMs)).toBe(0);
  });
});
