import { readFileSync } from "node:fs";
import { encodeText, parseEvent } from "@sip-push/sip";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PushInputError } from "./errors.ts";
import { hasSameApplications, parseOmaPushEvent, serializeOmaPushEvent } from "./oma-push-event.ts";

interface Vector {
  readonly id: string;
  readonly header: string;
  readonly apps?: readonly string[];
  readonly expect?: string;
}

const { vectors } = JSON.parse(readFileSync(new URL("../vectors/event-header.json", import.meta.url), "utf8")) as {
  vectors: readonly Vector[];
};
const shortName = (app: string): string => app.replace("x-wap-application:", "");
const read = (text: string) => {
  const found = parseOmaPushEvent(text);
  return found.kind === "event" ? found.event : found.kind;
};

describe("Event of oma-push (draft-mdolly-dispatch-oma-push-00 §7.2-7.4)", () => {
  it.each(vectors.filter(({ apps }) => apps !== undefined))("reads the vector $id", ({ header, apps }) => {
    const applicationIds = apps?.map(shortName);
    expect(read(header.replace("Event: ", ""))).toEqual({ applicationIds, deviceCapabilities: null, id: null });
  });

  it.each(vectors.filter((vector) => vector.expect !== undefined))(
    "takes the vector $id only behind an option",
    ({ header }) => {
      const text = header.replace("Event: ", "");
      expect(parseOmaPushEvent(text)).toEqual({ kind: "otherPackage" });
      expect(parseOmaPushEvent(text, { acceptOldName: true })).toMatchObject({
        kind: "event",
        event: { applicationIds: ["app1"] },
      });
    },
  );

  it("reads dev-cap, id, single ids without quotes, numbers, and each application once", () => {
    expect(read('oma-push;id=7;event-app-id="16, ulp.ua,,x-oma-application:ulp.ua,5";dev-cap="a \\"b\\""')).toEqual({
      applicationIds: ["ulp.ua", "push.syncml"],
      deviceCapabilities: 'a "b"',
      id: "7",
    });
    expect(read("oma-push;event-app-id=mms.ua;profile-type=oma-app")).toMatchObject({ applicationIds: ["mms.ua"] });
  });

  it.each([
    "oma-push",
    "oma-push;event-app-id",
    'oma-push;event-app-id=""',
    `oma-push;event-app-id="${"a,".repeat(64)}a"`,
  ])("finds %j malformed", (text) => {
    expect(parseOmaPushEvent(text)).toMatchObject({
      kind: "malformed",
      problem: expect.stringContaining("event-app-id"),
    });
  });

  it.each(["presence", "OMA-PUSH;event-app-id=a", "oma-push.winfo"])("finds %s another package", (text) => {
    expect(parseOmaPushEvent(text)).toEqual({ kind: "otherPackage" });
  });

  it("is written with URNs and without blanks", () => {
    expect(
      serializeOmaPushEvent({ applicationIds: ["push.syncml", "5", "0x10"], deviceCapabilities: 'x"', id: "1" }),
    ).toBe('oma-push;id=1;event-app-id="x-wap-application:push.syncml,x-oma-application:ulp.ua";dev-cap="x\\""');
  });

  it.each([
    { applicationIds: [] },
    { applicationIds: ["a,b"] },
    { applicationIds: ["mms.ua"], deviceCapabilities: "a\r\nVia: b" },
    { applicationIds: Array.from({ length: 65 }, (_, i) => `a${i}`) },
  ])("does not write %j", (init) => {
    expect(() => serializeOmaPushEvent(init)).toThrow(PushInputError);
  });

  it("comes back as it was written", () => {
    const name = fc
      .stringMatching(/^[a-z][a-z.:+-]{0,10}$/)
      .filter((text) => !text.startsWith("x-") && !text.startsWith("urn:"));
    const names = fc.uniqueArray(name, { minLength: 1, maxLength: 5 });
    const deviceCapabilities = fc.option(fc.stringMatching(/^[ -~é日]{0,10}$/), { nil: null });
    fc.assert(
      fc.property(
        names,
        deviceCapabilities,
        fc.option(fc.constant("x1"), { nil: null }),
        (applicationIds, devCap, id) => {
          const text = serializeOmaPushEvent({ applicationIds, deviceCapabilities: devCap, id });
          // Text leaves as UTF-8 (RFC 3261 §25.1), and comes back as octets.
          expect(read(encodeText(text))).toEqual({ applicationIds, deviceCapabilities: devCap, id });
          expect(parseEvent(encodeText(text)).package).toBe("oma-push");
        },
      ),
    );
  });

  it("compares applications whatever their order", () => {
    const event = (...applicationIds: string[]) => ({ applicationIds, deviceCapabilities: null, id: null });
    expect(hasSameApplications(event("a", "b"), event("b", "a"))).toBe(true);
    expect(hasSameApplications(event("a", "b"), event("a"))).toBe(false);
    expect(hasSameApplications(event("a"), event("b"))).toBe(false);
  });
});
