import { SipHeaders, SipRequest } from "@sip-push/sip";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PushInputError } from "./errors.ts";
import { type ReferralInit, readReferral, referHeaders } from "./refer.ts";

const REFER_TO =
  "<sip:psa@home.test;method=SUBSCRIBE?Event=oma-push%3Bevent-app-id%3D%22x-wap-application%3Apush.syncml%22>";
const read = (...headers: [string, string][]) =>
  readReferral(new SipRequest("REFER", "sip:alice@home.test", SipHeaders.of(headers)));
const built = (init: ReferralInit) =>
  readReferral(new SipRequest("REFER", "sip:alice@home.test", SipHeaders.of(referHeaders(init))));

describe("REFER to subscribe (draft-mdolly-dispatch-oma-push-00 §11.4; RFC 3515, 4488)", () => {
  it("has one Refer-To with method and escaped Event, Refer-Sub: false and Supported: norefersub", () => {
    expect(referHeaders({ target: "sip:psa@home.test", event: { applicationIds: ["push.syncml"] } })).toEqual([
      ["Refer-To", REFER_TO],
      ["Refer-Sub", "false"],
      ["Supported", "norefersub"],
    ]);
  });

  it("leaves Refer-Sub out when the outcome is to be reported (RFC 4488 §4)", () => {
    const init = { target: "sip:psa@home.test", event: { applicationIds: ["mms.ua"] }, withoutSubscription: false };
    expect(referHeaders(init).map(([name]) => name)).toEqual(["Refer-To", "Supported"]);
    expect(built(init)).toMatchObject({ kind: "referral", referral: { withoutSubscription: false } });
  });

  it("comes back as it was written", () => {
    const id = fc.stringMatching(/^[a-z][a-z.]{0,8}$/);
    const text = fc.stringMatching(/^[ -~]{1,20}$/);
    const init = fc.record(
      {
        target: fc.constantFrom("sip:psa@home.test", "sips:a@b:5061;gr=urn:uuid:1;transport=tcp", "sip:[::1]"),
        event: fc.record({
          applicationIds: fc.uniqueArray(id, { minLength: 1, maxLength: 3 }),
          deviceCapabilities: text,
        }),
        replaces: text,
        expiresSeconds: fc.integer({ min: 1, max: 1e6 }),
        withoutSubscription: fc.boolean(),
      },
      { requiredKeys: ["target", "event"] },
    );
    fc.assert(
      fc.property(init, (value) => {
        expect(built(value)).toEqual({
          kind: "referral",
          referral: {
            target: value.target,
            event: {
              applicationIds: value.event.applicationIds,
              deviceCapabilities: value.event.deviceCapabilities,
              id: null,
            },
            replaces: value.replaces ?? null,
            expiresSeconds: value.expiresSeconds ?? null,
            withoutSubscription: value.withoutSubscription ?? true,
          },
        });
      }),
    );
  });

  it("takes what the draft shows, and leaves other header fields of the URI aside (RFC 3261 §19.1.5)", () => {
    const referTo =
      '"PSA" <sip:psa@home.test;method=subscribe?o=oma-push%3bprofile-type%3Doma-app%3Bevent-app-id%3D%22app1%22&From=sip%3Aevil%40x&Route=%3Csip:evil%3E&body=x>;x=y';
    expect(read(["r", referTo], ["Refer-Sub", "TRUE;x=y"])).toEqual({
      kind: "referral",
      referral: {
        target: "sip:psa@home.test",
        event: { applicationIds: ["app1"], deviceCapabilities: null, id: null },
        replaces: null,
        expiresSeconds: null,
        withoutSubscription: false,
      },
    });
  });

  it.each([
    ["no Refer-To", []],
    ["two", [REFER_TO, REFER_TO]],
    ["two in one field", [`${REFER_TO}, ${REFER_TO}`]],
    ["one that is no address", ["<sip:>"]],
    ["one that never ends", ["<sip:a@b;method=SUBSCRIBE?Event=x"]],
    ["one that is too long", [REFER_TO.replace("psa", "p".repeat(8200))]],
    ["an Event that is none", ["<sip:a@b;method=SUBSCRIBE?Event=%20>"]],
    ["two Events", ["<sip:a@b;method=SUBSCRIBE?Event=oma-push&o=oma-push>"]],
    ["no application", ["<sip:a@b;method=SUBSCRIBE?Event=oma-push>"]],
    ["a line break in it", ["<sip:a@b;method=SUBSCRIBE?Event=oma-push%0D%0AVia:x>"]],
    ["an Expires that is none", [REFER_TO.replace(">", "&Expires=soon>")]],
    ["too many header fields", [REFER_TO.replace(">", `${"&a=b".repeat(16)}>`)]],
  ])("is refused with 400: %s (RFC 3515 §2.4.2)", (_, fields) => {
    expect(read(...fields.map((field): [string, string] => ["Refer-To", field]))).toMatchObject({
      kind: "refused",
      statusCode: 400,
    });
  });

  it("is refused with 400: a Refer-Sub that is neither true nor false", () => {
    expect(read(["Refer-To", REFER_TO], ["Refer-Sub", "maybe"])).toMatchObject({ kind: "refused", statusCode: 400 });
  });

  it.each([
    "<sip:a@b>",
    "<sip:a@b;method=INVITE>",
    "<tel:+15551234;method=SUBSCRIBE>",
    "<http://a/b>",
    "<sip:a@b;method=SUBSCRIBE>",
    "<sip:a@b;method=SUBSCRIBE?Event=presence>",
    "<sip:a@b;method=SUBSCRIBE?Event=push%3Bevent-app-id%3D%22app1%22>",
  ])("is refused with 489: %s (§11.4)", (field) => {
    expect(read(["Refer-To", field])).toMatchObject({ kind: "refused", statusCode: 489 });
  });

  it("never throws, whatever is in the Refer-To", () => {
    const piece = fc.constantFrom(
      "<",
      ">",
      "sip:",
      "a@b",
      ";method=SUBSCRIBE",
      "?",
      "Event=",
      "oma-push",
      "%3B",
      "%",
      "%0",
      "event-app-id%3Dx",
      "&",
      '"',
      "é",
      "\xff",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        expect(["referral", "refused"]).toContain(read(["Refer-To", pieces.join("")]).kind);
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    { target: "tel:+1" },
    { target: "sip:a@b;method=INVITE" },
    { target: "sip:a@b?Event=x" },
    { target: "<sip:a@b>" },
    { replaces: "a\r\nVia: b" },
    { expiresSeconds: 0 },
    { event: { applicationIds: [] } },
  ])("is not written with %j", (change) => {
    expect(() => referHeaders({ target: "sip:a@b", event: { applicationIds: ["mms.ua"] }, ...change })).toThrow(
      PushInputError,
    );
  });
});
