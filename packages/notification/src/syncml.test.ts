import { describe, expect, it } from "vitest";
import { errorOf } from "../test/support.ts";
import { syncmlVectors } from "../test/vectors.ts";
import { createSyncmlNotification, decodeSyncml, encodeSyncml } from "./syncml.ts";
import { alertCodeOf, clientAlertCodeOf, syncTypeOfAlertCode, syncTypes } from "./tables.ts";
import type { SyncAlert, SyncmlNotification } from "./types.ts";

const formats = ["syncml-1.1-xml", "syncml-1.1-wbxml"] as const;
const text = (octets: Uint8Array): string => new TextDecoder().decode(octets);

describe.each(syncmlVectors)("SyncML 1.1 Package #0 vector $id", ({ octets, notification }) => {
  it("decodes to the notification", () => {
    expect(decodeSyncml(octets, notification.format)).toEqual(notification);
  });

  it("is what the notification encodes to", () => {
    expect(encodeSyncml(notification)).toEqual(octets);
  });

  it("survives encoding and decoding", () => {
    expect(decodeSyncml(encodeSyncml(notification), notification.format)).toEqual(notification);
  });

  it("is truncated at every octet with an error that names field and offset", () => {
    // The XML's final newline may be missing.
    const end = text(octets).trimEnd().length === octets.length ? octets.length : octets.length - 1;
    for (let length = 0; length < end; length++) {
      const error = errorOf(() => decodeSyncml(octets.subarray(0, length), notification.format));
      expect(error.code).toBe("NOTIFICATION_TRUNCATED");
      expect(error.field).toMatch(/^(document|wbxml\.\w+|SyncML(\/\w+)*)$/);
      expect(error.offset).toBeLessThanOrEqual(length);
    }
  });
});

describe.each(formats)("a Package #0 as %s", (format) => {
  const roundTrip = (notification: SyncmlNotification): SyncmlNotification =>
    decodeSyncml(encodeSyncml(notification), format);
  const make = (fields: Partial<SyncmlNotification>): SyncmlNotification =>
    createSyncmlNotification({ sessionId: "5", serverId: "http://ds.example.net", ...fields, format });

  it.each(["1.0", "1.1", "1.2"] as const)("states SyncML %s", (version) => {
    expect(roundTrip(make({ version })).version).toBe(version);
  });

  it("has one Alert for each run of syncs of one type, in their order", () => {
    const sync = (syncType: SyncAlert["syncType"], serverUri: string): SyncAlert => ({
      syncType,
      contentType: null,
      serverUri,
    });
    const syncs = [sync("two-way", "a"), sync("two-way", "b"), sync("refresh-from-server", "c"), sync("two-way", "d")];
    const octets = encodeSyncml(make({ syncs }));
    expect(decodeSyncml(octets, format).syncs).toEqual(syncs);
    expect(text(octets).match(/2(06|10)/g)).toEqual(["206", "210", "206"]);
  });

  it.each(syncTypes)("without syncs asks for all datastores: %s", (syncType) => {
    expect(roundTrip(make({ syncs: [], syncType }))).toEqual(make({ syncType }));
  });

  it("keeps a MsgID and a Target that are not the usual ones", () => {
    const notification = make({ msgId: "2", target: "IMEI:1" });
    expect(roundTrip(notification)).toEqual(notification);
    expect(roundTrip(make({ msgId: "1", target: "/" }))).toEqual(make({}));
  });

  it("keeps text exactly: markup, white space, line ends and UTF-8", () => {
    const serverUri = " <a>&amp;]]>\"'\r\n\r\t\u{1F4C7}é ";
    const notification = make({ syncs: [{ syncType: "two-way", contentType: "a&b", serverUri }], sessionId: "" });
    expect(roundTrip(notification)).toEqual(notification);
  });

  it.each([
    ["a NUL", { serverId: "a\0b" }, "serverId"],
    ["a lone surrogate", { sessionId: "\udc00" }, "sessionId"],
    ["a control character", { target: "\u0001" }, "target"],
    ["a noncharacter", { msgId: "\uffff" }, "msgId"],
    ["an unknown version", { version: "2.0" as "1.2" }, "version"],
    [
      "an unknown sync type",
      { syncs: [{ syncType: "x" as "two-way", contentType: null, serverUri: "" }] },
      "syncs[0].syncType",
    ],
    [
      "a NUL in a URI",
      { syncs: [{ syncType: "two-way" as const, contentType: null, serverUri: "\0" }] },
      "syncs[0].serverUri",
    ],
    [
      "an empty content type",
      { syncs: [{ syncType: "two-way" as const, contentType: "", serverUri: "" }] },
      "syncs[0].contentType",
    ],
  ])("refuses to encode %s and names the field", (_, fields, field) => {
    expect(errorOf(() => encodeSyncml(make(fields)))).toMatchObject({
      code: "NOTIFICATION_OUT_OF_RANGE",
      field,
      offset: null,
    });
  });

  it("refuses to encode more than the decoder's limit", () => {
    expect(errorOf(() => encodeSyncml(make({ serverId: "x".repeat(65_536) }))).code).toBe("NOTIFICATION_TOO_LARGE");
  });

  it("refuses to decode more than the limit", () => {
    const octets = encodeSyncml(make({}));
    expect(decodeSyncml(octets, format, { maxOctets: octets.length }).sessionId).toBe("5");
    const error = errorOf(() => decodeSyncml(octets, format, { maxOctets: octets.length - 1 }));
    expect(error).toMatchObject({ code: "NOTIFICATION_TOO_LARGE", offset: octets.length - 1 });
  });
});

describe("a SyncML message is a Package #0 only with", () => {
  const header =
    "<SyncHdr><VerDTD>1.1</VerDTD><VerProto>SyncML/1.1</VerProto><SessionID>5</SessionID><MsgID>1</MsgID>" +
    "<Target><LocURI>/</LocURI></Target><Source><LocURI>s</LocURI></Source></SyncHdr>";
  const item = "<Item><Source><LocURI>c</LocURI></Source></Item>";
  const alert = `<Alert><CmdID>1</CmdID><Data>206</Data>${item}</Alert>`;
  const decode = (body: string): SyncmlNotification =>
    decodeSyncml(new TextEncoder().encode(`<SyncML>${body}</SyncML>`), "syncml-1.1-xml");

  it.each([
    ["a SyncHdr", `<SyncBody>${alert}</SyncBody>`, "SyncHdr"],
    ["a VerDTD", `${header.replace(/<VerDTD>.*<\/VerDTD>/, "")}<SyncBody>${alert}</SyncBody>`, "version"],
    ["a SessionID", `${header.replace(/<SessionID>5<\/SessionID>/, "")}<SyncBody>${alert}</SyncBody>`, "sessionId"],
    ["a Source", `${header.replace(/<Source>.*<\/Source>/, "")}<SyncBody>${alert}</SyncBody>`, "serverId"],
    ["a SyncBody", header, "syncs"],
    ["an Alert", `${header}<SyncBody><Final/></SyncBody>`, "syncs"],
    ["a server alert", `${header}<SyncBody>${alert.replace("206", "200")}</SyncBody>`, "syncs"],
    ["an alert code in digits", `${header}<SyncBody>${alert.replace("206", "0xCE")}</SyncBody>`, "syncs"],
    ["a source in each Item", `${header}<SyncBody>${alert.replace(item, "<Item/>")}</SyncBody>`, "syncs[0].serverUri"],
  ])("%s", (_, body, field) => {
    const error = errorOf(() => decode(body));
    expect(error).toMatchObject({ code: "NOTIFICATION_BAD_SYNCML", field });
    expect(error.offset).toBeTypeOf("number");
  });

  it("the root SyncML", () => {
    const error = errorOf(() => decodeSyncml(new TextEncoder().encode("<DevInf/>"), "syncml-1.1-xml"));
    expect(error).toMatchObject({ code: "NOTIFICATION_BAD_SYNCML", field: "SyncML", offset: 0 });
  });

  it("a known version", () => {
    const error = errorOf(() => decode(`${header.replace("1.1", "2.0")}<SyncBody>${alert}</SyncBody>`));
    expect(error).toMatchObject({ code: "NOTIFICATION_UNSUPPORTED_VERSION", field: "version" });
  });

  it("and may leave a content type empty", () => {
    const empty = alert.replace("</Source>", "</Source><Meta><Type/></Meta>");
    expect(decode(`${header}<SyncBody>${empty}</SyncBody>`).syncs[0]?.contentType).toBeNull();
  });

  it("and may hold other commands, other alerts and a missing MsgID, Target or Final", () => {
    const lean = header.replace(/<MsgID>.*<\/Target>/, "");
    const other = "<Alert><CmdID>2</CmdID><Data>100</Data></Alert><Put><CmdID>3</CmdID></Put>";
    expect(decode(`${lean}<SyncBody>${other}${alert}</SyncBody>`)).toEqual({
      format: "syncml-1.1-xml",
      version: "1.1",
      sessionId: "5",
      serverId: "s",
      syncs: [{ syncType: "two-way", contentType: null, serverUri: "c" }],
    });
  });
});

describe("alert codes (SyncML representation protocol)", () => {
  it.each([
    ["two-way", 206, 200],
    ["one-way-from-client", 207, 202],
    ["refresh-from-client", 208, 203],
    ["one-way-from-server", 209, 204],
    ["refresh-from-server", 210, 205],
  ] as const)("%s is alerted with %i and opened with %i", (syncType, serverAlertCode, clientAlertCode) => {
    expect(alertCodeOf(syncType)).toBe(serverAlertCode);
    expect(clientAlertCodeOf(syncType)).toBe(clientAlertCode);
    expect(syncTypeOfAlertCode(serverAlertCode)).toBe(syncType);
  });

  it("have no other server alerts", () => {
    const others = [...Array(300).keys()].filter((code) => code < 206 || code > 210);
    expect(others.map(syncTypeOfAlertCode).filter((syncType) => syncType !== null)).toEqual([]);
  });
});
