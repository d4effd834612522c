import { parseParams, SipHeaders } from "@sip-push/sip";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  acceptContactApplications,
  parseFeatureTagValue,
  serializeAcceptContact,
  serializeFeatureTagValue,
  toContactParams,
} from "./feature-tag.ts";

describe("+g.oma.pusheventapp (OMA SIP Push, RFC 3840 §9)", () => {
  it("lists several applications in one tag, without URN prefixes and blanks", () => {
    const applications = ["x-wap-application:push.syncml", "7", "push.syncml"];
    expect(serializeFeatureTagValue(applications)).toBe('"push.syncml,syncml.dm"');
    expect(toContactParams([]).size).toBe(0);
    expect([...toContactParams(applications)]).toEqual([["+g.oma.pusheventapp", '"push.syncml,syncml.dm"']]);
  });

  it("percent-encodes what a tag value may not hold, such as the colon of cpm:ua", () => {
    expect(serializeFeatureTagValue(["cpm:ua"])).toBe('"cpm%3Aua"');
    expect(parseFeatureTagValue('"cpm%3Aua"')).toEqual(["cpm:ua"]);
  });

  it.each([
    ['"push.syncml, syncml.dm"', ["push.syncml", "syncml.dm"]],
    ["ulp.ua", ["ulp.ua"]],
    ['"<x-oma-application:ulp.ua>"', ["ulp.ua"]],
    ['"16,0x90,ulp.ua"', ["ulp.ua"]],
    ['"!mms.ua,#>=5,,ulp.ua"', ["ulp.ua"]],
    ['""', []],
    ["", []],
  ])("reads %s", (value, names) => {
    expect(parseFeatureTagValue(value)).toEqual(names);
  });

  it("reads back what it wrote, whatever the ids", () => {
    const id = fc.stringMatching(/^[a-z!#$%&'()*+\-./:;<=>?@[\]^_`{|}~][!#-+\--@[\]-~]{0,20}$/);
    fc.assert(
      fc.property(fc.array(id, { minLength: 1, maxLength: 5 }), (ids) => {
        const value = serializeFeatureTagValue(ids);
        expect(parseFeatureTagValue(value)).toEqual(
          parseFeatureTagValue(serializeFeatureTagValue(parseFeatureTagValue(value))),
        );
        expect(parseParams(`;x=${value}`, "Contact").get("x")).toBe(value);
      }),
    );
  });
});

describe("Accept-Contact of a push (RFC 3841 §9.2)", () => {
  it.each([
    [undefined, '*;+g.oma.pusheventapp="push.syncml";require;explicit'],
    [{ explicit: false }, '*;+g.oma.pusheventapp="push.syncml";require'],
    [{ require: false }, '*;+g.oma.pusheventapp="push.syncml";explicit'],
    [{ require: false, explicit: false }, '*;+g.oma.pusheventapp="push.syncml"'],
  ])("with flags %j is %s", (flags, text) => {
    expect(serializeAcceptContact("x-wap-application:push.syncml", flags)).toBe(text);
  });

  it("is found among other values, in the compact form, in any case; malformed ones say nothing", () => {
    const headers = SipHeaders.of([
      ["a", '*;audio;require, *;+G.OMA.PushEventApp="ulp.ua";explicit'],
      ["Accept-Contact", '*;+g.oma.pusheventapp="mms.ua,ulp.ua"'],
      ["Accept-Contact", "*;;=broken"],
      ["Accept-Contact", "*"],
    ]);
    expect(acceptContactApplications(headers)).toEqual(["ulp.ua", "mms.ua"]);
  });
});
