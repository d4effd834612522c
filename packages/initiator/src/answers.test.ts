import { encodePap, lenient } from "@sip-push/pap";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { readAnswer, retryAfterSeconds } from "./answers.ts";
import { readResult } from "./results.ts";

const nowMs = Date.parse("2026-11-21T17:30:00Z");

it.each([
  [null, null],
  ["0", 0],
  ["120", 120],
  ["999999999", 86_400],
  ["Sat, 21 Nov 2026 17:31:30 GMT", 90],
  ["Sat, 21 Nov 2026 17:00:00 GMT", 0],
  ["soon", null],
  ["-5", null],
  ["", null],
])("Retry-After %j is %j seconds (RFC 9110 §10.2.3)", (text, seconds) => {
  expect(retryAfterSeconds(text, nowMs)).toBe(seconds);
});

const good = encodePap({
  version: "2.0",
  operation: { kind: "push-response", pushId: "1@pi", progressNotes: [], responseResult: { code: 1001 } },
});

/** A good answer with some octets that are others. */
const damaged = fc
  .array(fc.tuple(fc.nat(good.body.length - 1), fc.nat(255)), { maxLength: 4 })
  .map((changes) => changes.reduce((octets, [at, octet]) => octets.with(at, octet), new Uint8Array(good.body)));
const octets = fc.oneof(damaged, fc.uint8Array({ maxLength: 200 }));
const contentType = fc.oneof(fc.constantFrom("application/xml", "multipart/related; boundary=b", ""), fc.string());
const question = { response: "push-response", pushId: "1@pi" } as const;

it("no answer of a gateway throws, and none that is damaged passes for another push", () => {
  fc.assert(
    fc.property(contentType, octets, fc.integer({ min: 200, max: 599 }), (type, body, httpStatus) => {
      const http = { httpStatus, contentType: type, retryAfter: null, location: null, body };
      const outcome = readAnswer(http, question, { leniency: lenient }, nowMs);
      if (outcome.kind !== "answered") return ["refused", "failed"].includes(outcome.kind);
      return outcome.response.pushId === "1@pi" && Math.floor(outcome.papCode / 1000) === 1;
    }),
  );
});

it("nothing that is sent to a listener throws: what is no result is answered with a badmessage-response", () => {
  fc.assert(
    fc.property(contentType, octets, (type, body) => {
      const read = readResult(type, body, { leniency: lenient });
      return "refusal" in read && new TextDecoder().decode(read.refusal.body).includes("<badmessage-response");
    }),
  );
});
