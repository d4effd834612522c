import { describe, expect, it } from "vitest";
import { errorOf, octetsOf } from "../test/support.ts";
import tokens from "../vectors/wbxml-tokens.json" with { type: "json" };
import { NotificationError } from "./errors.ts";
import { decodeSyncml } from "./syncml.ts";
import { element, MAX_DEPTH, type SyncmlElement, textOf } from "./syncml-tree.ts";
import { decodeWbxml } from "./wbxml-decoder.ts";
import { encodeWbxml } from "./wbxml-encoder.ts";
import { tagName, tagToken } from "./wbxml-tokens.ts";

/** WBXML 1.2, SyncML 1.1, UTF-8, no string table. */
const prologue = "02 9f53 6a 00";

const decode = (hex: string): SyncmlElement => decodeWbxml(octetsOf(hex), 1000);
const failure = (hex: string): NotificationError => errorOf(() => decode(hex));
const hexOf = (string: string): string => Buffer.from(string).toString("hex");

describe("SyncML code pages", () => {
  const tables = Object.entries(tokens.tables).flatMap(([table, pages]) =>
    Object.entries(pages).map(([page, names]) => ({
      table,
      page: Number(page),
      names: names as Record<string, string>,
    })),
  );

  it.each(tables)("$table page $page is the libwbxml and Wireshark table", ({ page, names }) => {
    for (const [token, name] of Object.entries(names)) {
      const reserved = name === "Reserved for future use";
      expect(tagName(page, Number.parseInt(token, 16))).toBe(reserved ? null : name);
      expect(tagToken(name)).toEqual(reserved ? null : { page, token: Number.parseInt(token, 16) });
    }
  });

  it("hold nothing that no version defines", () => {
    const known = new Set(tables.flatMap(({ page, names }) => Object.keys(names).map((token) => `${page}:${token}`)));
    for (const page of [0, 1, 2, 255]) {
      for (let token = 0; token < 0x40; token++) {
        const key = `${page}:${token.toString(16).toUpperCase().padStart(2, "0")}`;
        expect(tagName(page, token) !== null && !known.has(key)).toBe(false);
      }
    }
    expect([tagToken("-"), tagToken(""), tagToken("Contact")]).toEqual([null, null, null]);
  });
});

describe("WBXML decoding", () => {
  it("reads tags of both code pages, inline strings and empty elements", () => {
    const root = decode(`${prologue} 6d 6b 5a 00 01 53 03 ${hexOf("a/b")} 00 01 01 00 00 12 01 01`);
    expect(root.name).toBe("SyncML");
    const [body] = root.children;
    expect(body?.children.map(({ name }) => name)).toEqual(["Meta", "Final"]);
    const type = body?.children[0]?.children[0];
    expect([type?.name, type && textOf(type, "x"), type?.offset]).toEqual(["Type", "a/b", 10]);
  });

  it("joins strings, table strings, opaque data and character entities", () => {
    const root = decode(`02 9f53 6a 05 ${hexOf("ab\0cd")} 6d 03 ${hexOf("é")} 00 83 00 83 03 c3 02 7879 02 8128 01`);
    expect(textOf(root, "x")).toBe("éabcdxy\u00a8");
  });

  it("keeps binary opaque data until somebody asks for text", () => {
    const root = decode(`${prologue} 6d c3 02 ff00 01`);
    expect(errorOf(() => textOf(root, "Data"))).toMatchObject({
      code: "NOTIFICATION_BAD_UTF8",
      field: "Data",
      offset: 8,
    });
  });

  it.each(["9f51", "9f53", "a401", "01"])("accepts public identifier %s", (publicId) => {
    expect(decode(`02 ${publicId} 6a 00 2d`).name).toBe("SyncML");
  });

  it("accepts a public identifier in the string table, which the SyncML toolkit writes", () => {
    const publicId = "-//SYNCML//DTD SyncML 1.1//EN";
    expect(decode(`02 00 00 6a ${publicId.length.toString(16)} ${hexOf(publicId)} 2d`).name).toBe("SyncML");
    expect(decode(`02 00 01 6a ${(publicId.length + 2).toString(16)} 00 ${hexOf(publicId)} 00 2d`).name).toBe("SyncML");
  });

  it.each(["01", "02", "03"])("accepts WBXML version %s", (version) => {
    expect(decode(`${version} 9f53 6a 00 2d`).name).toBe("SyncML");
  });

  it.each(["6a", "03", "00"])("accepts charset %s", (charset) => {
    expect(decode(`02 9f53 ${charset} 00 2d`).name).toBe("SyncML");
  });

  it("passes over undefined tags, undefined pages and literal tags", () => {
    const root = decode(`02 9f53 6a 02 5800 6d 70 01 7f 01 00 09 45 01 00 00 04 00 44 00 01 12 01`);
    expect(root.children.map(({ name }) => name)).toEqual(["page0:30", "page0:3f", "page9:05", "X", "X", "Final"]);
  });

  it("gives a literal that could be no XML name no name, so that an error stays one line", () => {
    const root = decode("02 9f53 6a 05 610a1b6200 6d 44 00 01 01");
    expect(root.children.map(({ name }) => name)).toEqual(["literal"]);
    expect(errorOf(() => decode("02 9f53 6a 05 610a1b6200 6d 44 00 40")).field).toBe("SyncML/literal");
  });

  it.each([
    ["version 1.0", "00 9f53 6a 00 2d", "NOTIFICATION_UNSUPPORTED_VERSION", "wbxml.version", 0],
    ["version 1.4", "04 9f53 6a 00 2d", "NOTIFICATION_UNSUPPORTED_VERSION", "wbxml.version", 0],
    ["another document type", "02 04 6a 00 2d", "NOTIFICATION_BAD_WBXML", "wbxml.publicId", 1],
    ["another public identifier in the table", "02 00 00 6a 01 58 2d", "NOTIFICATION_BAD_WBXML", "wbxml.publicId", 1],
    ["a public identifier behind the table", "02 00 01 6a 01 58 2d", "NOTIFICATION_BAD_WBXML", "wbxml.publicId", 1],
    ["a public identifier over 32 bits", "02 90 80 80 80 00 6a 00 2d", "NOTIFICATION_BAD_WBXML", "wbxml.publicId", 1],
    ["another charset", "02 9f53 04 00 2d", "NOTIFICATION_BAD_WBXML", "wbxml.charset", 3],
    ["a string table longer than the rest", "02 9f53 6a 7f 2d", "NOTIFICATION_TRUNCATED", "wbxml.stringTable", 5],
    ["a string table of 4 GiB", "02 9f53 6a 8fffffff7f 2d", "NOTIFICATION_TRUNCATED", "wbxml.stringTable", 9],
    ["a string index behind the table", "02 9f53 6a 01 58 6d 83 01 01", "NOTIFICATION_BAD_WBXML", "SyncML", 7],
    ["a literal behind the table", `${prologue} 04 00`, "NOTIFICATION_BAD_WBXML", "document", 5],
    ["opaque data longer than the rest", `${prologue} 6d c3 05 61`, "NOTIFICATION_TRUNCATED", "SyncML", 8],
    ["a length over 32 bits", `${prologue} 6d c3 9080808000`, "NOTIFICATION_BAD_WBXML", "SyncML", 7],
    ["a string without NUL", `${prologue} 6d 6b 03 6161`, "NOTIFICATION_TRUNCATED", "SyncML/SyncBody", 8],
    ["a surrogate as entity", `${prologue} 6d 02 83b000 01`, "NOTIFICATION_BAD_WBXML", "SyncML", 6],
    ["an entity over 10FFFF", `${prologue} 6d 02 c48000 01`, "NOTIFICATION_BAD_WBXML", "SyncML", 6],
    ["text outside the root", `${prologue} 03 61 00`, "NOTIFICATION_BAD_WBXML", "document", 5],
    ["an entity outside the root", `${prologue} 02 41`, "NOTIFICATION_BAD_WBXML", "document", 5],
    ["END outside the root", `${prologue} 01`, "NOTIFICATION_BAD_WBXML", "document", 5],
    ["octets behind the root", `${prologue} 2d 01`, "NOTIFICATION_BAD_WBXML", "document", 6],
    ["no root", prologue, "NOTIFICATION_TRUNCATED", "document", 5],
    ["attributes", `${prologue} ad`, "NOTIFICATION_BAD_WBXML", "document", 5],
    ["a processing instruction", `${prologue} 43`, "NOTIFICATION_BAD_WBXML", "document", 5],
  ])("refuses %s", (_, hex, code, field, offset) => {
    expect(failure(hex)).toMatchObject({ code, field, offset });
  });

  it("counts text that repeated string table references expand to", () => {
    const table = "61".repeat(100);
    expect(decode(`02 9f53 6a 64 ${table} 6d ${"8300".repeat(10)} 01`).text).toHaveLength(10);
    const error = failure(`02 9f53 6a 64 ${table} 6d ${"8300".repeat(11)} 01`);
    expect(error).toMatchObject({ code: "NOTIFICATION_TOO_LARGE", field: "SyncML", offset: 126 });
    expect(failure(`02 9f53 6a 64 ${table} 6d ${"0400".repeat(11)} 01`).code).toBe("NOTIFICATION_TOO_LARGE");
  });

  it("limits nesting", () => {
    expect(decode(`${prologue} ${"54".repeat(MAX_DEPTH)} ${"01".repeat(MAX_DEPTH)}`).name).toBe("Item");
    const error = failure(`${prologue} ${"54".repeat(60_000)}`);
    expect(error).toMatchObject({ code: "NOTIFICATION_TOO_LARGE", offset: 5 + MAX_DEPTH });
  });

  it("takes each of the 256 values in each place of a document without any other error than its own", () => {
    const octets = octetsOf(
      `02 9f53 6a 02 6100 6d 6b 46 4f 03 32 00 01 83 00 c3 01 61 00 01 53 01 00 00 02 41 04 00 01 01 01`,
    );
    const outcomes = new Set<string>();
    for (const index of octets.keys()) {
      for (let value = 0; value < 256; value++) {
        const changed = octets.slice();
        changed[index] = value;
        outcomes.add(outcomeOf(changed));
      }
    }
    expect([...outcomes].filter((outcome) => !outcome.startsWith("NOTIFICATION_"))).toEqual([]);
    expect(outcomes.size).toBeGreaterThan(3);
  });
});

function outcomeOf(octets: Uint8Array): string {
  try {
    decodeSyncml(octets, "syncml-1.1-wbxml");
    return "decoded";
  } catch (error) {
    return error instanceof NotificationError ? error.code : String(error);
  }
}

describe("WBXML encoding", () => {
  it("switches the code page only where an element needs it", () => {
    const meta = element("Meta", [element("Type", "t"), element("Format", "f")]);
    const octets = encodeWbxml(element("Item", [meta, meta, element("Final")]), 0x1201);
    const metaHex = "5a 0001 53 03 7400 01 47 03 6600 01 01";
    expect(octets).toEqual(octetsOf(`03 a401 6a 00 54 ${metaHex} 0000 ${metaHex} 0000 12 01`));
  });

  it.each([
    [0x01, "01"],
    [0x7f, "7f"],
    [0x80, "8100"],
    [0x0fd3, "9f53"],
    [0x1201, "a401"],
  ])("writes the public identifier %i as %s", (publicId, hex) => {
    expect(encodeWbxml(element("Final"), publicId)).toEqual(octetsOf(`03 ${hex} 6a 00 12`));
  });

  it("refuses an element without a token", () => {
    const error = errorOf(() => encodeWbxml(element("Contact"), 1));
    expect(error).toMatchObject({ code: "NOTIFICATION_OUT_OF_RANGE", field: "Contact" });
  });
});
