import { describe, expect, it } from "vitest";
import { errorOf, octetsOf, zeroDigestHex } from "../test/support.ts";
import { dmVectors, dsVectors, syncmlVectors } from "../test/vectors.ts";
import { decodeNotification, decodeNotificationAs, encodeNotification, guessFormat } from "./codec.ts";
import { createDmNotification } from "./dm.ts";
import { createDsNotification } from "./ds.ts";
import { notificationToJson } from "./json.ts";
import { applicationIdOf, contentTypeOf, formatOfContentType, notificationFormats } from "./media-types.ts";
import type { Notification } from "./types.ts";

const vectors: readonly { id: string; octets: Uint8Array; notification: Notification }[] = [
  ...dsVectors,
  ...dmVectors,
  ...syncmlVectors,
];

describe.each(vectors)("vector $id ($notification.format)", ({ octets, notification }) => {
  it("is decoded by its Content-Type and encoded by its format", () => {
    expect(decodeNotification(octets, contentTypeOf(notification))).toEqual(notification);
    expect(encodeNotification(notification)).toEqual(octets);
  });

  it("is recognized without a Content-Type", () => {
    expect(guessFormat(octets)).toBe(id(notification));
  });
});

/** DM vectors that state version 1.2 with vendor octets are DS notifications too. */
function id({ format, version }: Notification): string {
  return format === "dm-1.2" && version === "1.2" ? "ds-1.2" : format;
}

describe("media types", () => {
  it.each([
    ["application/vnd.syncml.ds.notification", "ds-1.2", "push.syncml"],
    ["application/vnd.syncml.notification", "dm-1.2", "syncml.dm"],
    ["application/vnd.syncml.dm.notification", "dm-1.2", "syncml.dm"],
    ["application/vnd.syncml+xml", "syncml-1.1-xml", "push.syncml"],
    ["application/vnd.syncml+wbxml", "syncml-1.1-wbxml", "push.syncml"],
  ] as const)("%s is %s for %s", (mediaType, format, applicationId) => {
    expect(formatOfContentType(mediaType)).toBe(format);
    expect(formatOfContentType(` ${mediaType.toUpperCase()} ; charset="UTF-8";x=1`)).toBe(format);
    expect(applicationIdOf({ format })).toBe(applicationId);
  });

  it("to send are one for each format", () => {
    expect(notificationFormats.map((format) => contentTypeOf({ format }))).toEqual([
      "application/vnd.syncml.ds.notification",
      "application/vnd.syncml.notification",
      "application/vnd.syncml+xml",
      "application/vnd.syncml+wbxml",
    ]);
  });

  it.each(["", "text/plain", "application/vnd.syncml.ds.notificationx", "application/vnd.syncml.dm+wbxml"])(
    "%j is not a notification's",
    (contentType) => {
      const error = errorOf(() => decodeNotification(new Uint8Array(0), contentType));
      expect(error).toMatchObject({
        code: "NOTIFICATION_UNSUPPORTED_CONTENT_TYPE",
        field: "contentType",
        offset: null,
      });
    },
  );
});

describe("guessing a format", () => {
  it("takes a DM notification with vendor octets that DS could read for what its version says", () => {
    const vendor = octetsOf("00 01");
    const version11 = encodeNotification(createDmNotification({ sessionId: 1, serverId: "m", vendor }));
    expect(guessFormat(version11)).toBe("dm-1.2");
    const version12 = encodeNotification(createDsNotification({ sessionId: 1, serverId: "m", vendor }));
    expect(guessFormat(version12)).toBe("ds-1.2");
  });

  it("takes a DS notification of version 1.1 without a session id for DS, as DM has none such", () => {
    expect(guessFormat(encodeNotification(createDsNotification({ version: "1.1", sessionId: 0, serverId: "" })))).toBe(
      "ds-1.2",
    );
  });

  it("gives up on anything else", () => {
    expect(guessFormat(new Uint8Array(0))).toBeNull();
    expect(guessFormat(octetsOf(`${zeroDigestHex} ffff`))).toBeNull();
    expect(guessFormat(new TextEncoder().encode("<SyncML/>"))).toBeNull();
  });
});

describe("encoding", () => {
  it.each(syncmlVectors)("makes no digest for a SyncML Package #0 ($id)", ({ notification }) => {
    const error = errorOf(() => encodeNotification(notification, { password: "p" }));
    expect(error).toMatchObject({ code: "NOTIFICATION_OUT_OF_RANGE", field: "password" });
  });

  it("takes an empty nonce when none is given, and another server identifier when one is", () => {
    const notification = createDsNotification({ sessionId: 1, serverId: "s" });
    const octets = encodeNotification(notification, { password: "p", nonce: "" });
    expect(encodeNotification(notification, { password: "p" })).toEqual(octets);
    expect(encodeNotification(notification, { password: "p", serverId: "s" })).toEqual(octets);
    expect(encodeNotification(notification, { password: "p", serverId: "t" })).not.toEqual(octets);
  });

  it("and all else refuses a format that does not exist", () => {
    const format = "ds-2.0" as "ds-1.2";
    const notification = { ...createDsNotification({ sessionId: 1, serverId: "s" }), format };
    for (const action of [
      () => encodeNotification(notification),
      () => decodeNotificationAs(new Uint8Array(0), format),
      () => notificationToJson(notification),
      () => contentTypeOf(notification),
      () => applicationIdOf(notification),
    ]) {
      expect(errorOf(action)).toMatchObject({ code: "NOTIFICATION_OUT_OF_RANGE", field: "format" });
    }
  });
});
