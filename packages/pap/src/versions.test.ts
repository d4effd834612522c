import { describe, expect, it } from "vitest";
import { decodePapDocument, encodePapDocument } from "./document.ts";
import { badMessageReply } from "./replies.ts";
import { refusalOf } from "./testdata/checks.ts";
import { control, OMA_2_1, octetsOf, textOf } from "./testdata/documents.ts";
import {
  bestVersion,
  doctypeNamed,
  papDoctypes,
  papVersions,
  parseSupportedVersions,
  sniffDoctype,
} from "./versions.ts";

const cancel = '<cancel-message push-id="1"/>';

describe.each(papDoctypes)("DOCTYPE $publicId", ({ version, publicId, systemId }) => {
  it("is understood, and answered in kind", () => {
    const document = decodePapDocument(octetsOf(control(cancel, publicId)));
    expect(document).toMatchObject({ version, publicId });
    expect(textOf(encodePapDocument(document))).toContain(`<!DOCTYPE pap PUBLIC "${publicId}" "${systemId}">`);
  });

  it("is found at the head of what cannot be read", () => {
    expect(sniffDoctype(octetsOf(`--x\r\n\r\n${control(cancel, publicId)}`))?.publicId).toBe(publicId);
  });
});

describe("doctypeNamed", () => {
  it.each([
    ["a public identifier alone", `pap PUBLIC "${OMA_2_1}"`, OMA_2_1],
    ["single quotes", `pap PUBLIC '${OMA_2_1}' 'x'`, OMA_2_1],
    ["white space in the public identifier (XML 1.0 §4.2.2)", 'pap PUBLIC " -//OMA//DTD\n PAP 2.1//EN"', OMA_2_1],
    [
      "a system identifier alone",
      'pap SYSTEM "http://www.wapforum.org/DTD/pap_2.0.dtd"',
      "-//WAPFORUM//DTD PAP 2.0//EN",
    ],
    ["an internal subset", `pap PUBLIC "${OMA_2_1}" "x"[<?wap-pap-ver ?>]`, OMA_2_1],
    ["an internal subset without end", `pap PUBLIC "${OMA_2_1}" "x" [${"x".repeat(5000)}`, OMA_2_1],
    ["another root", `html PUBLIC "${OMA_2_1}"`, undefined],
    ["no identifier", "pap", undefined],
    ["another version", 'pap PUBLIC "-//OMA//DTD PAP 9.9//EN"', undefined],
    [
      "a public identifier that is none, with a good system identifier",
      'pap PUBLIC "x" "http://www.wapforum.org/DTD/pap_2.0.dtd"',
      undefined,
    ],
    ["nothing", "", undefined],
    ["rubbish", 'pap PUBLIC "', undefined],
  ])("knows %s", (_, doctype, publicId) => {
    expect(doctypeNamed(doctype)?.publicId).toBe(publicId);
  });
});

describe("supported-versions", () => {
  it("is read from the internal subset, and written from 2.0 on", () => {
    const subset = " [<?wap-pap-ver supported-versions='2.2, 2.1,1.*'?>]";
    const document = decodePapDocument(octetsOf(control(cancel, OMA_2_1, subset)));
    expect(document.supportedVersions).toEqual(["2.2", "2.1", "1.*"]);
    const written = (version: "1.0" | "2.1"): string =>
      textOf(encodePapDocument({ version, operation: document.operation }));
    expect(written("2.1")).toContain('[<?wap-pap-ver supported-versions="2.1,2.0,1.*"?>]');
    expect(written("1.0")).not.toContain("wap-pap-ver");
  });

  it.each([
    ['supported-versions="2.1,2.0,1.*"', ["2.1", "2.0", "1.*"]],
    ['a="b" supported-versions = "2.0"', ["2.0"]],
    ['supported-versions="2,x,*,2.0]]>,,"', []],
    ['unsupported-versions="2.0"', []],
    ["", []],
  ])("%j says %j", (data, versions) => {
    expect(parseSupportedVersions(data)).toEqual(versions);
  });

  it("is bounded", () => {
    expect(parseSupportedVersions(`supported-versions="${"2.0,".repeat(100)}"`).length).toBe(16);
  });

  it.each([
    [["2.2", "2.1", "1.*"], "2.1"],
    [["2.*"], "2.1"],
    [["2.0", "1.0"], "2.0"],
    [["1.*"], "1.0"],
    [["3.0"], undefined],
    [[], undefined],
  ])("of %j the best is %j", (versions, best) => {
    expect(bestVersion(versions)).toBe(best);
  });
});

describe("a version that is not spoken here", () => {
  it.each([
    [' [<?wap-pap-ver supported-versions="9.9,2.0"?>]', "2.0"],
    [' [<?wap-pap-ver supported-versions="9.9,1.*"?>]', "1.0"],
    ["", papVersions[0]],
  ])("gets code 3002, in the best version that the peer takes: %j %s", (subset, version) => {
    const error = refusalOf(() => decodePapDocument(octetsOf(control(cancel, "-//OMA//DTD PAP 9.9//EN", subset))));
    expect(error).toMatchObject({ code: "PAP_VERSION", papCode: 3002 });
    expect(error.badMessageFragment).toContain("PAP 9.9");
    expect(badMessageReply(error)).toMatchObject({ version, operation: { code: 3002 } });
  });

  it.each([
    ["no DOCTYPE", `<pap>${cancel}</pap>`, "PAP_VERSION", 3002],
    ["a document of another kind", "<html><body/></html>", "PAP_UNKNOWN_ELEMENT", 2000],
    ["an operation for the root", cancel, "PAP_MISPLACED_ELEMENT", 2000],
    ["pap in a namespace", `<pap xmlns="urn:x">${cancel}</pap>`, "PAP_UNKNOWN_ELEMENT", 2000],
  ])("%s is refused", (_, text, code, papCode) => {
    expect(refusalOf(() => decodePapDocument(octetsOf(text)))).toMatchObject({ code, papCode, offset: 0 });
  });
});
