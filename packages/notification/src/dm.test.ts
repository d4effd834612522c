import { describe, expect, it } from "vitest";
import { zeroDigestHex as digest, errorOf, octetsOf } from "../test/support.ts";
import { dmVectors } from "../test/vectors.ts";
import { createDmNotification, decodeDm, encodeDm, fromSyncmlSessionId, toSyncmlSessionId } from "./dm.ts";
import type { DmNotification } from "./types.ts";

describe.each(dmVectors)("DM 1.2 vector $id", ({ octets, notification, syncmlSessionId }) => {
  it("decodes to the notification", () => {
    expect(decodeDm(octets)).toEqual(notification);
  });

  it("is what the notification encodes to", () => {
    expect(encodeDm(notification)).toEqual(octets);
  });

  it("survives encoding and decoding", () => {
    expect(decodeDm(encodeDm(notification))).toEqual(notification);
  });

  it("is truncated at every octet before the vendor's with an error that names field and offset", () => {
    const end = octets.length - notification.vendor.length;
    for (let length = 0; length < end; length++) {
      const error = errorOf(() => decodeDm(octets.subarray(0, length)));
      expect(error.code).toBe("NOTIFICATION_TRUNCATED");
      expect(error.field).toMatch(/^(digest|version|futureUse|sessionId|serverId)$/);
      expect(error.offset).toBeLessThanOrEqual(length);
    }
    for (let length = end; length < octets.length; length++) {
      expect(decodeDm(octets.subarray(0, length)).vendor).toHaveLength(length - end);
    }
  });

  it("starts a session with the SyncML SessionID", () => {
    expect(toSyncmlSessionId(notification.sessionId)).toBe(syncmlSessionId);
    expect(fromSyncmlSessionId(syncmlSessionId)).toBe(notification.sessionId);
  });
});

describe("DM 1.2 General Package #0", () => {
  it("states version 1.1 by default, in 24 octets and the server identifier", () => {
    const octets = encodeDm(createDmNotification({ sessionId: 0x0a0b, serverId: "m" }));
    expect(octets).toEqual(octetsOf(`${digest} 02c8000000 0a0b 01 6d`));
  });

  it("accepts versions 1.1 and 1.2 only", () => {
    expect(decodeDm(octetsOf(`${digest} 0308000000 0001 00`)).version).toBe("1.2");
    const error = errorOf(() => decodeDm(octetsOf(`${digest} 0288000000 0001 00`)));
    expect(error).toMatchObject({ code: "NOTIFICATION_UNSUPPORTED_VERSION", field: "version", offset: 16 });
  });

  it("has no session id 0", () => {
    const error = errorOf(() => decodeDm(octetsOf(`${digest} 02c8000000 0000 00`)));
    expect(error).toMatchObject({ code: "NOTIFICATION_BAD_VALUE", field: "sessionId", offset: 21 });
    const encodeError = errorOf(() => encodeDm(createDmNotification({ sessionId: 0, serverId: "" })));
    expect(encodeError).toMatchObject({ code: "NOTIFICATION_OUT_OF_RANGE", field: "sessionId", offset: null });
  });

  it("keeps future-use bits that are not zero", () => {
    const octets = octetsOf(`${digest} 02c8000001 0001 00`);
    expect(decodeDm(octets).futureUse).toBe(1);
    expect(encodeDm(decodeDm(octets))).toEqual(octets);
  });

  it("refuses to encode a version of DS", () => {
    const version = "1.0" as DmNotification["version"];
    const error = errorOf(() => encodeDm(createDmNotification({ sessionId: 1, serverId: "", version })));
    expect(error).toMatchObject({ code: "NOTIFICATION_OUT_OF_RANGE", field: "version" });
  });
});

describe("the SyncML SessionID of a DM session (DM 1.2: upper-case hex without leading zeros)", () => {
  it.each([
    [1, "1"],
    [0x0a0b, "A0B"],
    [65535, "FFFF"],
  ])("of %i is %s", (sessionId, text) => {
    expect(toSyncmlSessionId(sessionId)).toBe(text);
    expect(fromSyncmlSessionId(text)).toBe(sessionId);
    expect(fromSyncmlSessionId(text.toLowerCase())).toBe(sessionId);
  });

  it.each(["", "0", "10000", "-1", "1g", " 1", "0x1"])("is not %j", (text) => {
    expect(errorOf(() => fromSyncmlSessionId(text))).toMatchObject({
      code: "NOTIFICATION_BAD_VALUE",
      field: "sessionId",
    });
  });

  it.each([0, 65536, 1.5, Number.NaN])("is not made of %d", (sessionId) => {
    expect(errorOf(() => toSyncmlSessionId(sessionId)).code).toBe("NOTIFICATION_OUT_OF_RANGE");
  });
});
