import { SipHeaders, SipResponse } from "@sip-push/sip";
import { describe, expect, it } from "vitest";
import { contentCodings, isContentTypeRefused, mediaTypeOf, pickRepresentation } from "./accept.ts";

const DS = "application/vnd.syncml.ds.notification";
const answer = (statusCode: number, ...headers: [string, string][]): SipResponse =>
  new SipResponse(statusCode, "", SipHeaders.of(headers));
const body = new Uint8Array(1);

describe("what a refusal refuses (RFC 3261 §21.4.13)", () => {
  it.each([
    ["a 415 that names nothing", answer(415), true],
    ["a 415 whose Accept lacks the type", answer(415, ["Accept", "text/plain, text/html"]), true],
    ["a 415 whose Accept has the type", answer(415, ["Accept", `text/plain, ${DS.toUpperCase()};x=y`]), false],
    ["a 415 whose Accept has a range", answer(415, ["Accept", "application/*"]), false],
    ["a 415 whose Accept rules the type out", answer(415, ["Accept", `${DS};q=0.0, text/plain`]), true],
    ["a 415 about the encoding", answer(415, ["Accept-Encoding", "identity"]), false],
    ["a 415 about the language", answer(415, ["Accept-Language", "de"]), false],
    ["a 415 with an empty Accept", answer(415, ["Accept", ""]), true],
    ["a 488 that names nothing", answer(488), false],
    ["a 488 whose Accept lacks the type", answer(488, ["Accept", "text/plain"]), true],
    ["a 606 whose Accept takes all", answer(606, ["Accept", "*/*"]), false],
  ])("%s", (_, response, refused) => {
    expect(isContentTypeRefused(response, DS)).toBe(refused);
  });
});

describe("choice of another representation after 415", () => {
  const refused = { contentType: DS, body, contentEncoding: "gzip" };
  const plain = { contentType: DS, body };
  const text = { contentType: "text/plain;charset=utf-8", body, contentLanguage: "en-GB" };
  const candidates = [refused, plain, text];

  it.each([
    ["without the coding when Accept-Encoding lacks it", answer(415, ["Accept-Encoding", "identity"]), plain],
    ["with the coding when Accept-Encoding has it", answer(415, ["Accept-Encoding", "gzip;q=1.0"]), refused],
    ["by type", answer(415, ["Accept", "text/plain"]), text],
    ["by type range and language range", answer(415, ["Accept", "text/*"], ["Accept-Language", "en"]), text],
    [
      "none when the language is not wanted",
      answer(415, ["Accept", "text/*"], ["Accept-Language", "de, eng"]),
      undefined,
    ],
    ["none when no type is allowed", answer(415, ["Accept", "application/sdp"]), undefined],
    ["another type when nothing is named", answer(415), text],
    ["malformed elements allow nothing", answer(415, ["Accept", "text/;;, /x"]), undefined],
  ])("%s", (_, response, chosen) => {
    expect(pickRepresentation(response, refused, candidates)).toBe(chosen);
  });

  it("reads media types and codings as RFC 3261 §20.15 and §20.12 write them", () => {
    expect(mediaTypeOf("Text / Plain ; charset=utf-8")).toBe("text/plain");
    expect(mediaTypeOf("text")).toBeUndefined();
    expect(contentCodings("identity, GZIP,")).toEqual(["gzip"]);
    expect(contentCodings(undefined)).toEqual([]);
  });
});
