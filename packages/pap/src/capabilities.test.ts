import { describe, expect, it } from "vitest";
import { decodeCapabilities } from "./capabilities.ts";
import { decodePap } from "./message.ts";
import { refusalOf } from "./testdata/checks.ts";
import { control, multipart, octetsOf } from "./testdata/documents.ts";

const push = control('<push-message push-id="1"><address address-value="sip:a@b.c"/></push-message>');
const related = 'multipart/related; boundary=x; type="application/xml"';
const RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
const profile = `<r:RDF xmlns:r="${RDF}"><r:Description/></r:RDF>`;
const deep = `<r:RDF xmlns:r="${RDF}">${"<a>".repeat(20)}${"</a>".repeat(20)}</r:RDF>`;
const wide = `<r:RDF xmlns:r="${RDF}">${"<a/>".repeat(6_000)}</r:RDF>`;
const entity = `<!DOCTYPE r [<!ENTITY e SYSTEM "file:///etc/passwd">]><r:RDF xmlns:r="${RDF}">&e;</r:RDF>`;

/** A push with this beside it. */
const pushWith = (head: string, text: string): Uint8Array =>
  multipart("x", [
    ["Content-Type: application/xml", push],
    ["Content-Type: text/plain", "hello"],
    [head, text],
  ]);

describe("the capabilities entity of a push (PAP 2.x §8)", () => {
  it.each(["application/xml", "text/xml; charset=UTF-8"])(
    "is a UAProf document of type %s, its octets kept",
    (type) => {
      const { capabilities } = decodePap(related, pushWith(`Content-Type: ${type}`, profile));
      expect(capabilities?.body).toEqual(octetsOf(profile));
      expect(decodeCapabilities({ contentType: type, body: octetsOf(profile) }).children).toHaveLength(1);
    },
  );

  it.each<[string, string, string, string, string]>([
    ["no XML", "application/xml", "garbage", "PAP_BAD_XML", "garbage"],
    ["truncated", "application/xml", profile.slice(0, -5), "PAP_TRUNCATED", "<r:Description/>"],
    ["an entity", "application/xml", entity, "PAP_BAD_XML", "&e;"],
    ["an image", "image/gif", "GIF89a", "PAP_BAD_MIME", "GIF89a"],
    ["text in another charset", "text/xml; charset=koi8-r", profile, "PAP_BAD_CHARSET", "<r:RDF"],
    ["another document", "application/xml", "<rdf x='1'/>", "PAP_UNKNOWN_ELEMENT", "<rdf x='1'/>"],
    ["the wrong namespace", "application/xml", "<RDF/>", "PAP_UNKNOWN_ELEMENT", "<RDF/>"],
    ["too deep", "application/xml", deep, "PAP_TOO_LARGE", "<a><a>"],
    ["too wide", "application/xml", wide, "PAP_TOO_LARGE", "<a/>"],
  ])("that is %s is refused 2000, in kind, with a fragment", (_, type, text, code, fragment) => {
    const refusal = refusalOf(() => decodePap(related, pushWith(`Content-Type: ${type}`, text)));
    expect(refusal).toMatchObject({ code, papCode: 2000, version: "2.0" });
    expect(refusal.badMessageFragment).toContain(fragment);
    expect(refusal.message).toContain("capabilities");
  });

  it("that is empty, encoded, or over the limit is refused 2000", () => {
    const refusalWith = (head: string, text: string, maxControlOctets = 1_000) =>
      refusalOf(() => decodePap(related, pushWith(head, text), { limits: { maxControlOctets } })).code;
    expect(refusalWith("Content-Type: application/xml", "")).toBe("PAP_TRUNCATED");
    expect(refusalWith("Content-Type: application/xml\r\nContent-Encoding: gzip", profile)).toBe("PAP_BAD_MIME");
    expect(refusalWith("Content-Type: application/xml", `${profile}${" ".repeat(1_000)}`)).toBe("PAP_TOO_LARGE");
  });
});
