import { describe, expect, it } from "vitest";
import { type RecipientUri, recipientUri } from "./recipient-uri.ts";
import { rightsOf } from "./rights.ts";
import { initiator } from "./testdata/intake-rig.ts";

const mayPushTo = (pattern: string, text: string): boolean =>
  rightsOf(initiator({ recipients: [pattern] })).mayPushTo(recipientUri(text) as RecipientUri);

describe("recipients that an initiator may push to", () => {
  it.each([
    ["*", "sip:a@b.test;p=q"],
    ["SIP:*@Example.TEST", "sip:Alice@EXAMPLE.test;user=phone"],
    ["sip:%61*@example.test", "sip:%61lice@example.test", false],
    ["sip:a*@example.test", "sip:%61lice@example.test"],
    ["sip:alice@example.test", "sip:Alice@example.test", false],
    ["sip:*@example.test", "sip:a@example.test:5070", false],
    ["sip:*@example.test", "sips:a@example.test", false],
    ["sip:*@example.test", "sip:x%40example.test@evil.test", false],
    ["sip:*@*.example.test", "sip:a@b.example.test;transport=tcp"],
    ["sip:*@*.example.test", "sip:a@evil.test;x=y.example.test", false],
    ["sip:*example.test", "sip:a@evil.test;x=example.test", false],
    ["sip:+49*@example.test;user=phone", "sip:+4930@example.test;user=PHONE"],
    ["sip:+49*@example.test;user=phone", "sip:+4930@example.test", false],
    ["sip:*;user=phone", "sip:a;user=phone@evil.test", false],
    ["sip:a;b@example.test", "sip:a;b@example.test"],
    ["sip:*@example.test:*", "sip:a@example.test:5070"],
    ["sip:*@example.test:*", "sip:a@example.test;user=phone"],
    ["sip:*@example.test:*", "sip:a@evil.test:5070", false],
    ["sip:*@*.example.test:*", "sip:a@b.example.test"],
    ["sip:*@example.test;x=Y;a=b", "sip:a@example.test;a=b;x=Y"],
    ["tel:+49*", "tel:+49-30;ext=1"],
    ["tel:+49-(30)*", "tel:+4930.12"],
    ["tel:+49*", "tel:49;phone-context=+49", false],
    ["tel:*110", "tel:+49;ext=110", false],
    ["tel:*110", "tel:7;phone-context=+49110", false],
    ["tel:*;phone-context=pbx.example.test", "tel:7042;phone-context=PBX.example.test"],
    ["tel:*;phone-context=pbx.example.test", "tel:7042;phone-context=other.test", false],
  ])("%s: %s %s", (pattern, text, isPermitted = true) => expect(mayPushTo(pattern, text)).toBe(isPermitted));
});
