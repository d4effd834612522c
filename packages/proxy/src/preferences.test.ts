import { createRequest, parseNameAddr, type SipRequest } from "@sip-push/sip";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dispositionOf } from "./disposition.ts";
import { featureSetOf, matches } from "./feature-set.ts";
import { applyPreferences, preferencesOf } from "./preferences.ts";

/** Contacts as in the RFC, named by their user part. */
function contacts(...texts: string[]) {
  return texts.map((text) => {
    const { uri, params } = parseNameAddr(text, "Contact");
    return { name: uri.scheme === "sip" ? uri.user : undefined, params, q: Number(params.get("q") ?? 1) };
  });
}

function request(...headers: Array<readonly [string, string]>): SipRequest {
  return createRequest({ method: "MESSAGE", requestUri: "sip:user@example.com", from: "sip:a@b.test", headers });
}

function order(texts: string[], ...headers: Array<readonly [string, string]>): Array<string | undefined> {
  return applyPreferences(contacts(...texts), preferencesOf(request(...headers))).map(({ contact }) => contact.name);
}

describe("RFC 3841 §7.2.5, the example", () => {
  const registered = [
    'sip:u1@h.example.com;audio;video;methods="INVITE,BYE";q=0.2',
    'sip:u2@h.example.com;audio="FALSE";methods="INVITE";actor="msg-taker";q=0.2',
    'sip:u3@h.example.com;audio;actor="msg-taker";methods="INVITE";video;q=0.3',
    'sip:u4@h.example.com;audio;methods="INVITE,OPTIONS";q=0.2',
    "sip:u5@h.example.com;q=0.5",
  ];
  const rated = applyPreferences(
    contacts(...registered),
    preferencesOf(
      request(
        ["Reject-Contact", '*;actor="msg-taker";video'],
        ["Accept-Contact", "*;audio;require"],
        ["Accept-Contact", "*;video;explicit"],
        ["Accept-Contact", '*;methods="BYE";class="business";q=1.0'],
      ),
    ),
  );

  test("the target set is u5, u1, u4", () => {
    expect(rated.map(({ contact }) => contact.name)).toEqual(["u5", "u1", "u4"]);
  });

  test("Qa is 1.0, 0.83 and 0.5", () => {
    expect(rated.map(({ preference }) => preference)).toEqual([1, expect.closeTo(0.83, 2), 0.5]);
  });
});

describe("RFC 3841 §7.2.4, require and explicit (figure 1)", () => {
  const has = "<sip:has@h>;audio;video";
  const lacks = "<sip:lacks@h>;audio";
  const says = '<sip:says-no@h>;video="FALSE"';
  const immune = "<sip:immune@h>";

  test.each([
    ["", ["has", "immune", "says-no", "lacks"]],
    [";require", ["has", "immune", "lacks"]],
    [";explicit", ["has", "immune", "says-no", "lacks"]],
    [";require;explicit", ["has", "immune"]],
  ])("*;video%s", (flags, expected) => {
    expect(order([says, lacks, has, immune], ["Accept-Contact", `*;video${flags}`])).toEqual(expected);
  });

  test("a contact without feature parameters is immune, even against Reject-Contact: *", () => {
    expect(order([immune, has], ["Reject-Contact", "*"])).toEqual(["immune"]);
  });

  test("Reject-Contact drops only who said that it has all of what is not wanted", () => {
    expect(order([has, lacks, says], ["Reject-Contact", "*;video"])).toEqual(["lacks", "says-no"]);
  });

  test("a predicate without features asks for nothing", () => {
    expect(order([has, lacks], ["Accept-Contact", "*;require;explicit"])).toEqual(["has", "lacks"]);
  });

  test("the callee's q goes before the caller's preference", () => {
    expect(order([`${has};q=0.1`, `${lacks};q=0.9`], ["Accept-Contact", "*;video"])).toEqual(["lacks", "has"]);
  });

  test.each(["audio", "* ;audio=", "*;audio;audio"])("%s is an error", (value) => {
    expect(() => preferencesOf(request(["Accept-Contact", value]))).toThrow(/Accept-Contact/);
  });
});

describe("push applications, +g.oma.pusheventapp", () => {
  const ds = '<sip:ds@h>;+g.oma.pusheventapp="push.syncml"';
  const both = '<sip:both@h>;+g.oma.pusheventapp="push.syncml,syncml.dm"';
  const other = '<sip:other@h>;+g.oma.pusheventapp="ulp.ua"';
  const phone = "<sip:phone@h>;audio";

  test("require;explicit reaches only who registered that application, in a list or alone", () => {
    const accept = ["Accept-Contact", '*;+g.oma.pusheventapp="syncml.dm";require;explicit'] as const;
    expect(order([ds, both, other, phone], accept)).toEqual(["both"]);
  });

  test("require alone also reaches who said nothing of push", () => {
    const accept = ["Accept-Contact", '*;+g.oma.pusheventapp="push.syncml";require'] as const;
    expect(order([phone, ds, both, other], accept)).toEqual(["ds", "both", "phone"]);
  });

  test("names compare without regard to case, strings in <> with it", () => {
    expect(
      order(
        ['<sip:u@h>;+G.OMA.PushEventApp="PUSH.SYNCML"'],
        ["Accept-Contact", '*;+g.oma.pusheventapp="push.syncml";require'],
      ),
    ).toEqual(["u"]);
    expect(order(['<sip:u@h>;description="<PC>"'], ["Accept-Contact", '*;description="<pc>";require'])).toEqual([]);
  });
});

describe("RFC 3841 §7.2.2, implicit preferences", () => {
  test("the method keeps away from contacts that said that they do not take it", () => {
    expect(order(['<sip:calls@h>;methods="INVITE,BYE"', '<sip:texts@h>;methods="MESSAGE"'])).toEqual(["texts"]);
  });

  test("the event package of a SUBSCRIBE does likewise", () => {
    const subscribe = createRequest({
      method: "SUBSCRIBE",
      requestUri: "sip:u@h",
      from: "sip:a@b",
      headers: [["Event", 'oma-push;event-app-id="x"']],
    });
    const registered = contacts('<sip:p@h>;events="presence"', '<sip:o@h>;events="oma-push,reg"');
    expect(applyPreferences(registered, preferencesOf(subscribe)).map(({ contact }) => contact.name)).toEqual(["o"]);
  });

  test("when nobody is left, they are given up: somebody has to say 405", () => {
    expect(order(['<sip:a@h>;methods="INVITE";q=0.1', '<sip:b@h>;methods="BYE"'])).toEqual(["b", "a"]);
  });

  test("explicit ones are not given up: the sender agreed that it may fail", () => {
    expect(order(['<sip:a@h>;audio="FALSE"'], ["Accept-Contact", "*;audio;require"])).toEqual([]);
  });
});

describe("RFC 3841 §8, RFC 3840 §9: values", () => {
  const set = (text: string) => featureSetOf(parseNameAddr(`<sip:a@h>;${text}`, "Contact").params);

  test.each([
    ['events="!presence,message-summary"', 'events="message-summary"', true],
    ['events="!presence"', 'events="presence"', false],
    ['events="!presence"', 'events="!reg"', true],
    ['class="!business"', 'class="personal"', true],
    ["audio", 'audio="TRUE"', true],
    ["audio", 'audio="FALSE"', false],
    ["audio", "+sip.audio", true],
    ['audio;+sip.audio="FALSE"', "audio", true],
    ['+sip.audio="FALSE";audio', "audio", true],
    ["language", "+language", true],
    ['+x="#=5"', '+x="#5:10"', true],
    ['+x="#=5"', '+x="#>=5.1"', false],
    ['+x="#<=-2"', '+x="#-4:+5.125"', true],
    ['+x="!#>=5"', '+x="#=5"', false],
    ['+x="!#=5"', '+x="#5:6"', true],
    ['+x="!#5:6"', '+x="#5.5:6"', false],
    ['+x="!#5:6"', '+x="#6:7"', true],
    ['+x="#=5"', '+x="5"', false],
    ['+x="!5"', '+x="#=5"', true],
    ['+x="<a,b>"', '+x="<a,b>"', true],
    ['+x="<a>"', '+x="a"', false],
    ["audio", 'video="FALSE"', true],
  ])("%s and %s: %s", (a, b, expected) => {
    expect(matches(set(a), set(b))).toBe(expected);
    expect(matches(set(b), set(a))).toBe(expected);
  });

  test("a set matches itself, unless a value excludes itself by nature", () => {
    const tagValue = fc.constantFrom("a", "b", "!a", "#=1", "#2:3", "!#>=2", "TRUE");
    fc.assert(
      fc.property(fc.array(tagValue, { minLength: 1, maxLength: 4 }), (values) => {
        const features = set(`+x="${values.join(",")}"`);
        expect(matches(features, features)).toBe(true);
      }),
    );
  });

  test("parameters that are no features count for nothing", () => {
    expect(set("q=0.5;expires=60;reg-id=1;other=5").size).toBe(0);
  });
});

describe("RFC 3841 §9.1, Request-Disposition", () => {
  test.each([
    [undefined, { redirect: false, fork: true, parallel: true }],
    ["no-fork", { redirect: false, fork: false, parallel: true }],
    ["proxy, recurse, sequential", { redirect: false, fork: true, parallel: false }],
    ["REDIRECT , queue", { redirect: true, fork: true, parallel: true }],
    ["unknown, constructor", { redirect: false, fork: true, parallel: true }],
  ])("%s", (value, expected) => {
    expect(dispositionOf(request(...(value === undefined ? [] : [["Request-Disposition", value] as const])))).toEqual(
      expected,
    );
  });
});
