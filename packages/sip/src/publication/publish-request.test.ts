import { describe, expect, it } from "vitest";
import { Publication } from "./publication.ts";
import type { PublicationOptions } from "./publication-options.ts";
import { createPublish, type Publish } from "./publish-request.ts";
import { ALICE, PIDF } from "./testdata/publish.ts";

const state = { contentType: PIDF, body: new Uint8Array([0x41]) };
/** Nothing is sent here. */
const options = {
  endpoint: undefined,
  sender: undefined,
  requestUri: ALICE,
  event: "presence",
  ...state,
} as unknown as PublicationOptions;
const sequence = { callId: "c", fromTag: "f", cseq: 7 };

describe("a PUBLISH (RFC 3903 §4)", () => {
  it.each([
    ["initial", undefined, 600, true],
    ["refresh", "t", 600, false],
    ["modify", "t", 600, true],
    ["remove", "t", 0, false],
  ] as const)(
    "to %s: SIP-If-Match %s, Expires %i, a body: %s (Table 1)",
    (operation, entityTag, expiresSeconds, body) => {
      const publish: Publish = { operation, entityTag, state, expiresSeconds };
      const request = createPublish(options, sequence, publish);
      expect(request.method).toBe("PUBLISH");
      expect(request.headers.get("SIP-If-Match")).toBe(entityTag);
      expect(request.headers.get("Expires")).toBe(String(expiresSeconds));
      expect(request.headers.get("Content-Type")).toBe(body ? PIDF : undefined);
      expect([...request.body]).toEqual(body ? [0x41] : []);
      expect(request.headers.getAll("Event")).toEqual(["presence"]);
      expect(request.headers.has("Contact")).toBe(false);
      expect([request.callId, request.cseq.seq]).toEqual(["c", 7]);
    },
  );

  it("is to and from the resource unless said otherwise, with the fields and the route of the moment", () => {
    const publish: Publish = { operation: "initial", entityTag: undefined, state, expiresSeconds: 600 };
    const plain = createPublish(options, sequence, publish);
    expect([plain.requestUri, plain.from.uriText, plain.to.uriText]).toEqual([ALICE, ALICE, ALICE]);
    const from = '"Al" <sip:al@example.test>';
    const more = { ...options, from, to: "sip:b@example.test", route: () => ["<sip:a;lr>", "<sip:b;lr>"] };
    const headers = (): Array<readonly [string, string]> => [["P-Preferred-Identity", `<${ALICE}>`]];
    const full = createPublish({ ...more, headers }, sequence, publish);
    expect([full.from.displayName, full.to.uriText]).toEqual(["Al", "sip:b@example.test"]);
    expect(full.headers.list("Route")).toEqual(["<sip:a;lr>", "<sip:b;lr>"]);
    expect(full.headers.get("P-Preferred-Identity")).toBe(`<${ALICE}>`);
  });
});

it.each<readonly [string, Partial<PublicationOptions>]>([
  ["no scheme", { requestUri: "alice" }],
  ["event: not a token", { event: "pre sence" }],
  ["not a media type", { contentType: "pidf" }],
  ["a PUBLISH without one refreshes", { body: new Uint8Array(0) }],
])("refuses when it is made: %s", (problem, wrong) => {
  expect(() => new Publication(options)).not.toThrow();
  expect(() => new Publication({ ...options, ...wrong })).toThrow(problem);
});
