import * as fc from "fast-check";
import { expect, it } from "vitest";
import { readReplaces } from "./replaces.ts";

it.each([
  ["98732@sip.example.com ;from-tag=r33th4x0r ;to-tag=ff87ff", "98732@sip.example.com", ["ff87ff", "r33th4x0r"]],
  ["12adf2f34456gs5;to-tag=12345;from-tag=54321;early-only", "12adf2f34456gs5", ["12345", "54321"]],
  ["87134@171.161.34.23;TO-TAG=24796;from-tag=0", "87134@171.161.34.23", ["24796", "0"]],
])("reads %s (RFC 3891 §6.1)", (text, callId, tags) => {
  expect(readReplaces(text)).toEqual({ callId, tags });
});

it.each(["", "a@b", ";to-tag=1;from-tag=2", "a;to-tag=1", "a;to-tag=1;to-tag=2;from-tag=3", "a;to-tag=;from-tag=3"])(
  "takes %j for none: exactly one of each tag is needed (§6.1)",
  (text) => {
    expect(readReplaces(text)).toBeUndefined();
  },
);

it("reads what was written, and throws at nothing", () => {
  const token = fc.stringMatching(/^[A-Za-z0-9.!%*_+`'~-]{1,20}$/);
  fc.assert(
    fc.property(token, token, token, (callId, to, from) => {
      expect(readReplaces(`${callId};from-tag=${from};to-tag=${to}`)).toEqual({ callId, tags: [to, from] });
    }),
  );
  fc.assert(fc.property(fc.string(), (text) => void readReplaces(text)));
});
