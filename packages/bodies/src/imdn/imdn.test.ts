import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeCpim, encodeCpim } from "../cpim/cpim.ts";
import { expectOnlyBodyErrors, expectTruncationsRefused, octetsOf, refusalOf, textOf } from "../testdata/checks.ts";
import { xmlElement } from "../xml/tree.ts";
import { decodeImdn, dispositionRequests, encodeImdn, imdnHeaders, imdnMessageId } from "./imdn.ts";
import { type Imdn, type NotificationKind, statusesOf } from "./types.ts";

/** RFC 5438 §7.2.1.1. */
const example = `<?xml version="1.0" encoding="UTF-8"?>
<imdn xmlns="urn:ietf:params:xml:ns:imdn">
  <message-id>34jk324j</message-id>
  <datetime>2008-04-04T12:16:49-05:00</datetime>
  <recipient-uri>im:bob@example.com</recipient-uri>
  <original-recipient-uri
    >im:bob@example.com</original-recipient-uri>
  <delivery-notification>
    <status>
      <delivered/>
    </status>
  </delivery-notification>
</imdn>`;
const delivered: Imdn = {
  messageId: "34jk324j",
  dateTime: "2008-04-04T12:16:49-05:00",
  recipientUri: "im:bob@example.com",
  originalRecipientUri: "im:bob@example.com",
  subject: null,
  kind: "delivery",
  status: "delivered",
  extensions: [],
};
/** As linphone writes it: prefixes, reasons of its own, no recipient. */
const foreign = `<?xml version="1.0" encoding="UTF-8" standalone="no" ?>
<imdn:imdn xmlns:imdn="urn:ietf:params:xml:ns:imdn" xmlns:l="http://www.linphone.org/xsds/imdn.xsd"><imdn:message-id>x</imdn:message-id>
<imdn:delivery-notification><imdn:status><imdn:error/><l:reason code="488">Not acceptable</l:reason></imdn:status></imdn:delivery-notification><l:y/></imdn:imdn>`;

describe("message/imdn+xml (RFC 5438 §11)", () => {
  it("reads the example of §7.2.1.1", () => {
    expect(decodeImdn(octetsOf(example))).toEqual(delivered);
  });

  it("reads what a peer writes with prefixes and elements of its own, and without what the schema has as optional", () => {
    expect(decodeImdn(octetsOf(foreign))).toMatchObject({
      messageId: "x",
      dateTime: null,
      recipientUri: null,
      kind: "delivery",
      status: "error",
      extensions: [{ name: "y" }, { name: "reason", text: "Not acceptable" }],
    });
    expect(decodeImdn(octetsOf(example.replace(/ xmlns="[^"]*"/, "")))).toEqual(delivered);
  });

  const kindAndStatus = fc
    .constantFrom<NotificationKind>("delivery", "display", "processing")
    .chain((kind) => fc.record({ kind: fc.constant(kind), status: fc.constantFrom(...statusesOf[kind]) }));
  const word = fc.stringMatching(/^[a-z<&"é]{1,8}$/);
  const optional = fc.option(word, { nil: null });
  const imdn = fc.tuple(kindAndStatus, word, optional, optional, optional, optional).map(
    ([both, messageId, dateTime, recipientUri, originalRecipientUri, subject]): Imdn => ({
      ...both,
      messageId,
      dateTime,
      recipientUri,
      originalRecipientUri,
      subject,
      extensions: [{ name: "x", namespace: "urn:x", attributes: [], children: [], text: "y" }],
    }),
  );

  it("gives back what it wrote", () => {
    fc.assert(
      fc.property(imdn, (value) => {
        const decoded = decodeImdn(encodeImdn(value));
        expect({ ...decoded, extensions: [xmlElement("x", { namespace: "urn:x", text: "y" })] }).toEqual(value);
        expect(decoded.extensions).toMatchObject(value.extensions);
      }),
    );
  });

  it("writes the document in its namespace", () => {
    expect(textOf(encodeImdn({ ...delivered, originalRecipientUri: null }))).toBe(
      '<?xml version="1.0" encoding="UTF-8"?>\n<imdn xmlns="urn:ietf:params:xml:ns:imdn"><message-id>34jk324j</message-id>' +
        "<datetime>2008-04-04T12:16:49-05:00</datetime><recipient-uri>im:bob@example.com</recipient-uri>" +
        "<delivery-notification><status><delivered/></status></delivery-notification></imdn>\n",
    );
  });

  it.each([
    ["another root", example.replaceAll("imdn", "other")],
    ["no message-id", example.replaceAll("message-id", "other")],
    ["an empty message-id", example.replace("34jk324j", " ")],
    ["no notification", example.replaceAll("delivery-notification", "other")],
    ["no status", example.replaceAll("status", "other")],
    ["a status of another kind", example.replace("<delivered/>", "<displayed/>")],
  ])("refuses %s", (_, text) => {
    expect(refusalOf(() => decodeImdn(octetsOf(text)))).toMatchObject({
      code: "BODY_BAD_DOCUMENT",
      offset: expect.any(Number),
    });
  });

  it("refuses to write a status of another kind, and no message id", () => {
    expect(refusalOf(() => encodeImdn({ ...delivered, status: "displayed" })).code).toBe("BODY_BAD_VALUE");
    expect(refusalOf(() => encodeImdn({ ...delivered, messageId: "" })).code).toBe("BODY_BAD_VALUE");
  });

  it("refuses every truncation, and throws nothing but BodyError", () => {
    expectTruncationsRefused(octetsOf(example), decodeImdn);
    expectOnlyBodyErrors(octetsOf(foreign), decodeImdn);
  });
});

describe("CPIM header fields of IMDN (RFC 5438 §6)", () => {
  const message = (...headers: Parameters<typeof encodeCpim>[0]["headers"]) =>
    decodeCpim(encodeCpim({ headers, content: { contentType: "a/b", body: octetsOf("") } }));

  it("asks for notifications, and reads what is asked for", () => {
    const asked = message(...imdnHeaders("m1", ["positive-delivery", "negative-delivery"]));
    expect([imdnMessageId(asked), dispositionRequests(asked)]).toEqual([
      "m1",
      ["positive-delivery", "negative-delivery"],
    ]);
  });

  it("asks for none in an IMDN (§7.2.1)", () => {
    const plain = message(...imdnHeaders("m1"));
    expect([imdnMessageId(plain), dispositionRequests(plain), plain.headers.length]).toEqual(["m1", [], 1]);
    expect(imdnMessageId(message())).toBeUndefined();
  });

  it("ignores values that it does not understand, and repetitions (§7.2.1)", () => {
    const header = { ...imdnHeaders("m1", ["display"])[1], value: "display, Processing ,x,display" } as never;
    expect(dispositionRequests(message(header))).toEqual(["display", "processing"]);
  });
});
