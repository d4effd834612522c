import { describe, expect, it } from "vitest";
import { recipientPatternProblem } from "./recipient-patterns.ts";

const none = "is no pattern of recipients; write sip:*@example.test, tel:+49* or *";
const star = expect.stringContaining(
  "a star may only be the whole first label, before a domain of two: *.example.test",
);

describe("a pattern of recipients in the configuration", () => {
  it.each([
    "*",
    "sip:*",
    "sips:*;user=phone",
    "sip:*@example.test",
    "SIP:*@Example.TEST",
    "sip:a*b@example.test",
    "sip:*@localhost",
    "sip:*@192.0.2.7",
    "sip:*@[2001:db8::7]:5070",
    "sip:*@*.example.test",
    "sip:*@example.test:5070",
    "sip:*@example.test:*",
    "sip:*@example.test;user=phone",
    "sip:*@*.example.test:*;user=*",
    "sip:a;b@example.test",
    "tel:+49*",
    "tel:*110",
    "tel:7*;phone-context=*.example.test",
    "tel:7*;phone-context=+49*",
  ])("may be %s", (pattern) => expect(recipientPatternProblem(pattern)).toBeUndefined());

  it.each([
    ["sip:*@example.test*", star],
    ["sip:*@example.*", star],
    ["sip:*@*example.test", star],
    ["sip:*@ex*ample.test", star],
    ["sip:*@a.*.example.test", star],
    ["sip:*@*.*.example.test", star],
    ["sip:*@*.test", star],
    ["sip:*@*", star],
    ["sip:+49*@*:5060", star],
    ["sip:*@192.0.2.*", star],
    ["sip:*@*.0.2.7", star],
    ["sip:*@[2001:db8::*]", star],
    ["sip:*example.test", star],
    ["sip:*@example.test*;user=phone", star],
    ["tel:7*;phone-context=*example.test", star],
    ["sip:*@example..test", '"example..test" is no host'],
    ["sip:*@[2001]", '"[2001]" is no host'],
    ["sip:*@", '"" is no host'],
    ["sip:@example.test", none],
    ["sip:*@example.test:507*", none],
    ["sip:*@example.test:70000", none],
    ["sip:*@example.test@evil.test", none],
    ["sip:*@example.test?subject=*", none],
    ["sip:*@example.test ", none],
    ["tel:alice", none],
    ["mailto:*", none],
    ["", none],
  ])("may not be %j", (pattern, problem) => expect(recipientPatternProblem(pattern)).toEqual(problem));
});
