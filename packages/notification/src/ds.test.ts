import { describe, expect, it } from "vitest";
import { zeroDigestHex as digest, errorOf, octetsOf } from "../test/support.ts";
import { dsVectors } from "../test/vectors.ts";
import { createDsNotification, decodeDs, encodeDs } from "./ds.ts";
import type { NotificationError, NotificationErrorCode } from "./errors.ts";
import type { DsNotification, SyncAlert } from "./types.ts";

const twoWay: SyncAlert = { syncType: "two-way", contentType: null, serverUri: "c" };

describe.each(dsVectors)("DS 1.2 vector $id", ({ octets, notification }) => {
  it("decodes to the notification", () => {
    expect(decodeDs(octets)).toEqual(notification);
  });

  it("is what the notification encodes to", () => {
    expect(encodeDs(notification)).toEqual(octets);
  });

  it("survives encoding and decoding", () => {
    expect(decodeDs(encodeDs(notification))).toEqual(notification);
  });

  it("is truncated at every octet with an error that names field and offset", () => {
    for (let length = 0; length < octets.length; length++) {
      const error = errorOf(() => decodeDs(octets.subarray(0, length)));
      expect(error.code).toBe("NOTIFICATION_TRUNCATED");
      expect(error.field).toMatch(/^(digest|version|futureUse|sessionId|serverId|syncs(\[\d+\]\.\w+)?)$/);
      expect(error.offset).toBeLessThanOrEqual(length);
      expect(error.message).toBe(`${error.field}: ${needs(error)} (octet ${error.offset})`);
    }
  });
});

function needs(error: NotificationError): string {
  return /needs \d+ octets?, \d+ left/.exec(error.message)?.[0] ?? "";
}

describe("DS 1.2 layout", () => {
  it("carries the version's ten bits across the octet boundary: 1.1 is 02 C0, background 02 D0", () => {
    const version11 = createDsNotification({ version: "1.1", sessionId: 1, serverId: "s", initiator: "client" });
    expect(encodeDs(version11).subarray(16, 18)).toEqual(octetsOf("02 c0"));
    expect(encodeDs({ ...version11, uiMode: "background" }).subarray(16, 18)).toEqual(octetsOf("02 d0"));
    expect(encodeDs({ ...version11, initiator: "server" }).subarray(16, 18)).toEqual(octetsOf("02 c8"));
    expect(decodeDs(octetsOf(`${digest} 02d0000000 0001 01 73 00`))).toMatchObject({
      version: "1.1",
      uiMode: "background",
      initiator: "client",
    });
  });

  it.each([
    ["1.0", "02 80"],
    ["1.1", "02 c0"],
    ["1.2", "03 00"],
  ] as const)("accepts version %s", (version, hex) => {
    expect(decodeDs(octetsOf(`${digest} ${hex} 000000 0001 00 00`)).version).toBe(version);
  });

  it("refuses any other version, at octet 16", () => {
    for (const code of [0, 1, 9, 13, 20, 120, 1023]) {
      const modes = (code << 6).toString(16).padStart(4, "0");
      const error = errorOf(() => decodeDs(octetsOf(`${digest} ${modes} 000000 0001 00 00`)));
      expect(error).toMatchObject({ code: "NOTIFICATION_UNSUPPORTED_VERSION", field: "version", offset: 16 });
    }
  });

  it("reads no syncs as all datastores, in the shortest notification of 25 octets", () => {
    const octets = octetsOf(`${digest} 0308000000 0000 00 00`);
    expect(octets).toHaveLength(25);
    expect(decodeDs(octets)).toEqual(createDsNotification({ sessionId: 0, serverId: "" }));
  });

  it("reads unsigned length octets: a server identifier of 200 octets", () => {
    const decoded = decodeDs(octetsOf(`${digest} 0308000000 0001 c8 ${"61".repeat(200)} 00`));
    expect(decoded.serverId).toBe("a".repeat(200));
  });

  it("keeps a byte order mark that begins a text", () => {
    const notification = createDsNotification({ sessionId: 1, serverId: "\uFEFFs" });
    expect(decodeDs(encodeDs(notification)).serverId).toBe("\uFEFFs");
  });

  it("reads the session id unsigned", () => {
    expect(decodeDs(octetsOf(`${digest} 0308000000 ffff 00 00`)).sessionId).toBe(65535);
  });

  it("keeps future-use bits that are not zero, so that encoding gives the same octets", () => {
    const octets = octetsOf(`${digest} 030fabcdef 0001 01 73 15 63 000000 01 75`);
    const decoded = decodeDs(octets);
    expect(decoded).toMatchObject({ futureUse: 0x7abcdef, bodyFutureUse: 5, syncs: [{ futureUse: 3 }] });
    expect(encodeDs(decoded)).toEqual(octets);
  });

  it("leaves the octets after the last sync to the vendor", () => {
    const octets = octetsOf(`${digest} 0308000000 0001 01 73 10 60 000000 01 75 de ad`);
    const decoded = decodeDs(octets);
    expect(decoded.vendor).toEqual(octetsOf("de ad"));
    expect(encodeDs(decoded)).toEqual(octets);
  });

  it("copies what it keeps, also out of a Node Buffer", () => {
    const buffer = Buffer.from(octetsOf(`${"11".repeat(16)} 0308000000 0001 00 00 aa`));
    const decoded = decodeDs(buffer);
    buffer.fill(0);
    expect(decoded.vendor).toEqual(octetsOf("aa"));
    expect(decoded.digest).toEqual(octetsOf("11".repeat(16)));
  });

  it.each([0, 1, 2, 3, 4, 5, 11, 12, 13, 14, 15])("refuses the reserved sync type %i", (code) => {
    const hex = `${digest} 0308000000 0001 00 20 60 000000 00 ${code.toString(16)}0 000000 00`;
    const error = errorOf(() => decodeDs(octetsOf(hex)));
    expect(error).toMatchObject({ code: "NOTIFICATION_BAD_VALUE", field: "syncs[1].syncType", offset: 30 });
  });

  it("keeps a WSP content type that is not listed", () => {
    const octets = octetsOf(`${digest} 0308000000 0001 00 20 60 123456 00 70 00030a 00`);
    const decoded = decodeDs(octets);
    expect(decoded.syncs.map(({ contentType }) => contentType)).toEqual(["wsp:0x123456", "wsp:0x00030a"]);
    expect(encodeDs(decoded)).toEqual(octets);
  });

  it.each([
    ["text/plain", "000003"],
    ["text/x-vcalendar", "000006"],
    ["text/x-vcard", "000007"],
    ["text/calendar", "000305"],
    ["application/vnd.omads-email+xml", "000306"],
    ["application/vnd.omads-file+xml", "000307"],
    ["application/vnd.omads-folder+xml", "000308"],
    ["text/vcard", "000309"],
    [null, "000000"],
  ])("writes content type %s as %s, in any case", (contentType, hex) => {
    const syncs = [{ ...twoWay, contentType: contentType?.toUpperCase() ?? null }];
    const octets = encodeDs(createDsNotification({ sessionId: 1, serverId: "", syncs }));
    expect(octets.subarray(26, 29)).toEqual(octetsOf(hex));
    expect(decodeDs(octets).syncs[0]?.contentType).toBe(contentType);
  });
});

describe("DS 1.2 decoding refuses", () => {
  it.each([
    ["a server identifier longer than what is left", `${digest} 0308000000 0001 05 61626364`, "serverId", 24],
    [
      "a server URI longer than what is left",
      `${digest} 0308000000 0001 00 10 60 000000 03 6162`,
      "syncs[0].serverUri",
      30,
    ],
    ["fewer syncs than num-syncs says", `${digest} 0308000000 0001 00 20 60 000000 00`, "syncs[1].syncType", 30],
  ])("%s", (_, hex, field, offset) => {
    expect(errorOf(() => decodeDs(octetsOf(hex)))).toMatchObject({ code: "NOTIFICATION_TRUNCATED", field, offset });
  });

  it("a server identifier that is not UTF-8, naming the first bad octet", () => {
    const error = errorOf(() => decodeDs(octetsOf(`${digest} 0308000000 0001 04 61 c3a9 ff 00`)));
    expect(error).toMatchObject({ code: "NOTIFICATION_BAD_UTF8", field: "serverId", offset: 27 });
    expect(error.cause).toBeInstanceOf(TypeError);
  });

  it("a server URI that ends inside a UTF-8 sequence", () => {
    const error = errorOf(() => decodeDs(octetsOf(`${digest} 0308000000 0001 00 10 60 000000 02 61c3`)));
    expect(error).toMatchObject({ code: "NOTIFICATION_BAD_UTF8", field: "syncs[0].serverUri", offset: 32 });
  });

  it("more octets than the limit", () => {
    const octets = octetsOf(`${digest} 0308000000 0001 00 00 aabb`);
    expect(decodeDs(octets, { maxOctets: 27 }).vendor).toHaveLength(2);
    const error = errorOf(() => decodeDs(octets, { maxOctets: 26 }));
    expect(error).toMatchObject({ code: "NOTIFICATION_TOO_LARGE", field: "notification", offset: 26 });
  });
});

describe("DS 1.2 encoding refuses what does not fit and names the field", () => {
  const outOfRange: NotificationErrorCode = "NOTIFICATION_OUT_OF_RANGE";
  it.each<[string, Partial<DsNotification>, string]>([
    ["a server identifier of 256 octets", { serverId: "é".repeat(128) }, "serverId"],
    ["a lone surrogate", { serverId: "a\ud800" }, "serverId"],
    ["a session id over 65535", { sessionId: 65536 }, "sessionId"],
    ["a negative session id", { sessionId: -1 }, "sessionId"],
    ["a fractional session id", { sessionId: 1.5 }, "sessionId"],
    ["an unknown version", { version: "2.0" as "1.2" }, "version"],
    ["an unknown ui-mode", { uiMode: "loud" as "background" }, "uiMode"],
    ["an unknown initiator", { initiator: "toString" as "client" }, "initiator"],
    ["a digest that is not 16 octets", { digest: new Uint8Array(15) }, "digest"],
    ["future use over 27 bits", { futureUse: 2 ** 27 }, "futureUse"],
    ["body future use over 4 bits", { bodyFutureUse: 16 }, "bodyFutureUse"],
    ["16 syncs", { syncs: Array.from({ length: 16 }, () => twoWay) }, "syncs"],
    ["an unknown sync type", { syncs: [{ ...twoWay, syncType: "slow" as "two-way" }] }, "syncs[0].syncType"],
    [
      "a server URI of 256 octets",
      { syncs: [twoWay, { ...twoWay, serverUri: "u".repeat(256) }] },
      "syncs[1].serverUri",
    ],
    ["sync future use over 4 bits", { syncs: [{ ...twoWay, futureUse: 16 }] }, "syncs[0].futureUse"],
    ["a media type without a code", { syncs: [{ ...twoWay, contentType: "image/png" }] }, "syncs[0].contentType"],
    ["a code over 24 bits", { syncs: [{ ...twoWay, contentType: "wsp:0x1000000" }] }, "syncs[0].contentType"],
  ])("%s", (_, fields, field) => {
    const notification = createDsNotification({ sessionId: 1, serverId: "s", ...fields });
    expect(errorOf(() => encodeDs(notification))).toMatchObject({ code: outOfRange, field, offset: null });
  });

  it("takes the greatest values that fit", () => {
    const syncs = Array.from({ length: 15 }, () => ({ ...twoWay, serverUri: "u".repeat(255), futureUse: 15 }));
    const fields = { sessionId: 65535, serverId: "é".repeat(127), futureUse: 2 ** 27 - 1, bodyFutureUse: 15, syncs };
    const notification = createDsNotification(fields);
    expect(decodeDs(encodeDs(notification))).toEqual(notification);
  });

  it("vendor octets over the decoder's limit", () => {
    const notification = createDsNotification({ sessionId: 1, serverId: "s", vendor: new Uint8Array(65_536) });
    expect(errorOf(() => encodeDs(notification)).code).toBe("NOTIFICATION_TOO_LARGE");
  });
});
