import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SipHeaders, SipParseError } from "../message/index.ts";
import {
  allowedEvents,
  eventOf,
  eventsMatch,
  parseEvent,
  serializeAllowEvents,
  serializeEvent,
} from "./event-header.ts";
import { parseSubscriptionState, serializeSubscriptionState } from "./subscription-state.ts";
import { endsSubscription, retryAfterRefusal } from "./verdicts.ts";

describe("Event (RFC 6665 §8.2.1, §8.4)", () => {
  it.each([
    "presence",
    "presence.winfo",
    'oma-push;event-app-id="x-wap-application:push.syncml"',
    "dialog;id=a1;include-session-description",
  ])("%s is written back the same", (text) => {
    expect(serializeEvent(parseEvent(text))).toBe(text);
  });

  it.each(["", ";id=1", "a.", ".a", "a..b", "a b", "a;;b", 'a;id="x"', "a;id", "a;x=1;x=2", `a;${"x".repeat(9000)}`])(
    "%s is refused",
    (text) => {
      expect(() => parseEvent(text)).toThrow(SipParseError);
    },
  );

  it("with more than 32 parameters is refused", () => {
    const params = Array.from({ length: 33 }, (_, i) => `;p${i}=1`).join("");
    expect(() => parseEvent(`a${params}`)).toThrow("more than 32");
  });

  it.each([
    ["foo; id=1234", "foo; param=abcd; id=1234", true],
    ["foo; id=1234", "foo", false],
    ["foo; id=1234", "Foo; id=1234", false],
    ["foo;x=1", "foo;x=2", true],
  ])("%s and %s: the same is %s (the RFC's own examples)", (a, b, same) => {
    expect(eventsMatch(parseEvent(a), parseEvent(b))).toBe(same);
    expect(eventsMatch(parseEvent(b), parseEvent(a))).toBe(same);
  });

  it("is one per message, in compact form too", () => {
    expect(eventOf(SipHeaders.of([["o", "presence"]])).package).toBe("presence");
    for (const fields of [
      [],
      [
        ["Event", "a"],
        ["o", "a"],
      ],
    ] as Array<Array<[string, string]>>) {
      expect(() => eventOf(SipHeaders.of(fields))).toThrow(SipParseError);
    }
  });

  it("serializes an id that is not among the parameters", () => {
    expect(serializeEvent({ package: "a", id: "1", params: new Map([["b", null]]) })).toBe("a;id=1;b");
  });
});

describe("Allow-Events (§4.4.4)", () => {
  it("lists packages, over several fields, without what is none", () => {
    const headers = SipHeaders.of([
      ["Allow-Events", "presence, oma-push"],
      ["u", "reg, a b, , presence"],
    ]);
    expect(allowedEvents(headers)).toEqual(["presence", "oma-push", "reg"]);
    expect(serializeAllowEvents(["reg", "presence"])).toBe("reg, presence");
    expect(allowedEvents(SipHeaders.of([]))).toEqual([]);
  });
});

describe("Subscription-State (§8.2.3)", () => {
  it.each([
    ["active;expires=60", { state: "active", expiresSeconds: 60 }],
    ["Terminated ; Reason=TimeOut ; Retry-After=5", { state: "terminated", reason: "timeout", retryAfterSeconds: 5 }],
    ["pending", { state: "pending" }],
    ["active;expires=99999999999", { state: "active", expiresSeconds: 4_294_967_295 }],
  ])("%s", (text, want) => {
    expect(parseSubscriptionState(text)).toEqual({ ...want, params: new Map() });
  });

  it("keeps unknown states and parameters", () => {
    const told = parseSubscriptionState("dormant;reason=snow;x=1;y");
    expect([told.state, told.reason, [...told.params]]).toEqual([
      "dormant",
      "snow",
      [
        ["x", "1"],
        ["y", null],
      ],
    ]);
    expect(serializeSubscriptionState(told)).toBe("dormant;reason=snow;x=1;y");
  });

  it.each([
    "",
    "active;expires=-1",
    "active;expires=soon",
    "active;retry-after=",
    "a b",
    `active;x=${"y".repeat(1100)}`,
  ])("%s is refused", (text) => {
    expect(() => parseSubscriptionState(text)).toThrow(SipParseError);
  });

  it("nothing throws anything but SipParseError", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...Array.from('activepn;=" ,.-expires123\\')), maxLength: 40 }),
        (text) => {
          for (const parse of [parseEvent, parseSubscriptionState]) {
            try {
              parse(text);
            } catch (error) {
              expect(error).toBeInstanceOf(SipParseError);
            }
          }
        },
      ),
    );
  });
});

describe("verdicts", () => {
  it("ends a subscription with the codes of §4.1.2.2 and §4.2.2, and with 408 as with a timeout", () => {
    const ending = Array.from({ length: 500 }, (_, i) => 200 + i).filter(endsSubscription);
    expect(ending).toEqual([404, 405, 408, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604]);
  });

  it("tries again at once only after 481", () => {
    const now = Array.from({ length: 400 }, (_, i) => 300 + i).filter((code) => retryAfterRefusal(code) === "now");
    expect(now).toEqual([481]);
    expect([404, 480, 503, 600].map(retryAfterRefusal)).toEqual(Array(4).fill("later"));
    expect([403, 489, 603].map(retryAfterRefusal)).toEqual(Array(3).fill("never"));
  });
});
