import { describe, expect, it } from "vitest";
import { errorOf, octetsOf } from "../test/support.ts";
import { dmVectors, dsVectors, syncmlVectors } from "../test/vectors.ts";
import { createDsNotification } from "./ds.ts";
import { credentialsFromJson, notificationFromJson, notificationToJson } from "./json.ts";

const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe("the JSON form of a notification (command-line contract)", () => {
  it("of DS 1.2 has these fields in this order", () => {
    const notification = createDsNotification({
      sessionId: 1,
      serverId: "ds.example.test",
      uiMode: "informative",
      syncs: [
        { syncType: "two-way", contentType: "text/x-vcard", serverUri: "./contacts" },
        { syncType: "refresh-from-server", contentType: null, serverUri: "" },
      ],
      vendor: octetsOf("00ff"),
    });
    expect(JSON.stringify(notificationToJson(notification))).toBe(
      '{"format":"ds-1.2","version":"1.2","uiMode":"informative","initiator":"server","sessionId":1,' +
        '"serverId":"ds.example.test","syncs":[' +
        '{"syncType":"two-way","alertCode":206,"contentType":"text/x-vcard","serverUri":"./contacts"},' +
        '{"syncType":"refresh-from-server","alertCode":210,"contentType":null,"serverUri":""}],' +
        '"vendor":"00ff","digest":"00000000000000000000000000000000"}',
    );
  });

  it("of DM 1.2 has these fields in this order", () => {
    expect(Object.keys(notificationToJson(dmVectors[0]?.notification ?? never()))).toEqual([
      "format",
      "version",
      "uiMode",
      "initiator",
      "sessionId",
      "serverId",
      "vendor",
      "digest",
    ]);
  });

  it("of SyncML 1.1 has these fields in this order", () => {
    expect(JSON.stringify(notificationToJson(syncmlVectors[0]?.notification ?? never()))).toBe(
      '{"format":"syncml-1.1-xml","version":"1.1","sessionId":"5","serverId":"http://ds.example.net/sync","syncs":[' +
        '{"syncType":"two-way","alertCode":206,"contentType":"text/x-vcard","serverUri":"./contacts"}]}',
    );
  });

  it.each([...dsVectors, ...dmVectors, ...syncmlVectors])("of vector $id reads back", ({ notification }) => {
    expect(notificationFromJson(json(notificationToJson(notification)))).toEqual(notification);
  });

  it("carries future-use bits that are not zero", () => {
    const syncs = [{ syncType: "two-way", contentType: "wsp:0x123456", serverUri: "c", futureUse: 3 } as const];
    const notification = createDsNotification({ sessionId: 1, serverId: "s", syncs, futureUse: 1, bodyFutureUse: 2 });
    expect(notificationFromJson(json(notificationToJson(notification)))).toEqual(notification);
  });
});

describe("reading JSON", () => {
  const least = { format: "ds-1.2", sessionId: 1, serverId: "s" };

  it("fills in what is left out", () => {
    expect(notificationFromJson(least)).toEqual(createDsNotification({ sessionId: 1, serverId: "s" }));
    expect(notificationFromJson({ ...least, format: "dm-1.2" })).toMatchObject({ version: "1.1", initiator: "server" });
    expect(notificationFromJson({ ...least, format: "syncml-1.1-xml", sessionId: "1" })).toEqual({
      format: "syncml-1.1-xml",
      version: "1.1",
      sessionId: "1",
      serverId: "s",
      syncs: [],
      syncType: "two-way",
    });
  });

  it("takes a sync type by name or by alert code", () => {
    const syncs = [
      { syncType: "two-way", serverUri: "a" },
      { alertCode: 209, serverUri: "b" },
    ];
    expect(notificationFromJson({ ...least, syncs })).toMatchObject({
      syncs: [
        { syncType: "two-way", contentType: null },
        { syncType: "one-way-from-server", contentType: null },
      ],
    });
  });

  const sync = { syncType: "two-way", serverUri: "c" };
  it.each<[unknown, string]>([
    [null, "notification"],
    [[], "notification"],
    ["{}", "notification"],
    [{}, "format"],
    [{ ...least, format: "ds-2.0" }, "format"],
    [{ ...least, format: "toString" }, "format"],
    [{ format: "ds-1.2", serverId: "s" }, "sessionId"],
    [{ format: "ds-1.2", sessionId: 1 }, "serverId"],
    [{ ...least, sessionId: "1" }, "sessionId"],
    [{ ...least, serverId: 5 }, "serverId"],
    [{ ...least, serverID: "s" }, "serverID"],
    [{ ...least, version: "2.0" }, "version"],
    [{ ...least, uiMode: null }, "uiMode"],
    [{ ...least, initiator: "user" }, "initiator"],
    [{ ...least, vendor: "0" }, "vendor"],
    [{ ...least, digest: "zz" }, "digest"],
    [{ ...least, syncs: {} }, "syncs"],
    [{ ...least, syncs: [sync, null] }, "syncs[1]"],
    [{ ...least, syncs: [sync, { syncType: "two-way" }] }, "syncs[1].serverUri"],
    [{ ...least, syncs: [{ serverUri: "c" }] }, "syncs[0].syncType"],
    [{ ...least, syncs: [{ ...sync, syncType: "slow" }] }, "syncs[0].syncType"],
    [{ ...least, syncs: [{ ...sync, alertCode: 200 }] }, "syncs[0].alertCode"],
    [{ ...least, syncs: [{ ...sync, alertCode: 207 }] }, "syncs[0].alertCode"],
    [{ ...least, syncs: [{ ...sync, contentType: 7 }] }, "syncs[0].contentType"],
    [{ ...least, syncs: [{ ...sync, uri: "c" }] }, "syncs[0].uri"],
    [{ ...least, format: "dm-1.2", version: "1.0" }, "version"],
    [{ ...least, format: "dm-1.2", syncs: [] }, "syncs"],
    [{ ...least, format: "syncml-1.1-xml" }, "sessionId"],
    [{ ...least, format: "syncml-1.1-xml", sessionId: "1", syncs: [sync], syncType: "two-way" }, "syncType"],
    [{ ...least, format: "syncml-1.1-wbxml", sessionId: "1", digest: "" }, "digest"],
  ])("refuses %j", (value, field) => {
    const error = errorOf(() => notificationFromJson(value));
    expect(error).toMatchObject({ code: "NOTIFICATION_BAD_JSON", field, offset: null });
    expect(error.message.startsWith(`${field}: `)).toBe(true);
  });

  it.each<[object, string]>([
    [{ ...least, sessionId: 65536 }, "sessionId"],
    [{ ...least, digest: "00" }, "digest"],
    [{ ...least, syncs: [sync, { ...sync, serverUri: "u".repeat(256) }] }, "syncs[1].serverUri"],
    [{ ...least, syncs: [{ ...sync, contentType: "image/png" }] }, "syncs[0].contentType"],
    [{ ...least, format: "dm-1.2", sessionId: 0 }, "sessionId"],
    [{ ...least, format: "syncml-1.1-xml", sessionId: "\0" }, "sessionId"],
    [{ ...least, format: "syncml-1.1-xml", sessionId: "1", syncs: [{ ...sync, futureUse: 1 }] }, "syncs[0].futureUse"],
  ])("refuses what cannot be encoded: %j", (value, field) => {
    expect(errorOf(() => notificationFromJson(value))).toMatchObject({ code: "NOTIFICATION_OUT_OF_RANGE", field });
  });

  it("leaves password and nonce to credentialsFromJson", () => {
    const value = { ...least, password: "p", nonce: "n" };
    expect(notificationFromJson(value)).toEqual(createDsNotification({ sessionId: 1, serverId: "s" }));
    expect(credentialsFromJson(value)).toEqual({ password: "p", nonce: "n" });
    expect(credentialsFromJson({ password: "" })).toEqual({ password: "", nonce: "" });
    expect(credentialsFromJson(least)).toBeUndefined();
    expect(errorOf(() => credentialsFromJson({ nonce: "n" })).field).toBe("nonce");
    expect(errorOf(() => credentialsFromJson({ password: 1 })).field).toBe("password");
  });
});

function never(): never {
  throw new Error("a vector is missing");
}
