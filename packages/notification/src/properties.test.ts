import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dmVectors, dsVectors, syncmlVectors } from "../test/vectors.ts";
import { decodeNotificationAs, encodeNotification, guessFormat } from "./codec.ts";
import { verifyDigest } from "./digest.ts";
import { NotificationError } from "./errors.ts";
import { notificationFromJson, notificationToJson } from "./json.ts";
import { notificationFormats } from "./media-types.ts";
import { forbiddenCharacterIndex } from "./syncml-tree.ts";
import { syncTypes } from "./tables.ts";
import {
  type DmNotification,
  type DsNotification,
  MAX_NOTIFICATION_OCTETS,
  type Notification,
  type SyncAlert,
  type SyncmlNotification,
} from "./types.ts";
import { contentTypeOfWspCode } from "./wsp-content-types.ts";

const octetCount = (text: string): number => new TextEncoder().encode(text).length;
const text8 = fc.string({ unit: "grapheme", maxLength: 80 }).filter((text) => octetCount(text) <= 255);
const xmlText = fc
  .string({
    unit: fc.oneof(
      fc.constantFrom("<", ">", "&", '"', "'", "\r", "\n", "\t", " ", "]"),
      fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 }),
    ),
  })
  .filter((text) => forbiddenCharacterIndex(text) < 0);
/** Left out half of the time, as decoding leaves out zero. */
const bits = (count: number): fc.Arbitrary<number | undefined> =>
  fc.option(fc.integer({ min: 1, max: 2 ** count - 1 }), { nil: undefined });

/** Drops the keys whose value is `undefined`. */
function compact<Row extends object>(row: Row): { [Key in keyof Row]: Exclude<Row[Key], undefined> } {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined)) as never;
}

const syncType = fc.constantFrom(...syncTypes);
const trigger = {
  uiMode: fc.constantFrom("not-specified", "background", "informative", "user-interaction"),
  initiator: fc.constantFrom("client", "server"),
  serverId: text8,
  vendor: fc.uint8Array({ maxLength: 40 }),
  digest: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  futureUse: bits(27),
} as const;
const dsSync = fc
  .record({
    syncType,
    contentType: fc
      .oneof(fc.constantFrom(0, 3, 6, 7, 0x305, 0x309), fc.integer({ min: 0, max: 0xffffff }))
      .map(contentTypeOfWspCode),
    serverUri: text8,
    futureUse: bits(4),
  })
  .map((sync): SyncAlert => compact(sync));
const ds: fc.Arbitrary<DsNotification> = fc
  .record({
    format: fc.constant("ds-1.2" as const),
    version: fc.constantFrom("1.0", "1.1", "1.2"),
    ...trigger,
    sessionId: fc.integer({ min: 0, max: 0xffff }),
    syncs: fc.array(dsSync, { maxLength: 15 }),
    bodyFutureUse: bits(4),
  })
  .map(compact);
const dm: fc.Arbitrary<DmNotification> = fc
  .record({
    format: fc.constant("dm-1.2" as const),
    version: fc.constantFrom("1.1", "1.2"),
    ...trigger,
    sessionId: fc.integer({ min: 1, max: 0xffff }),
  })
  .map(compact);
const syncml: fc.Arbitrary<SyncmlNotification> = fc
  .record({
    format: fc.constantFrom("syncml-1.1-xml", "syncml-1.1-wbxml"),
    version: fc.constantFrom("1.0", "1.1", "1.2"),
    sessionId: xmlText,
    serverId: xmlText,
    syncs: fc.array(
      fc.record({ syncType, contentType: xmlText.map((text) => (text === "" ? null : text)), serverUri: xmlText }),
      { maxLength: 20 },
    ),
    syncType,
    msgId: fc.option(
      xmlText.filter((text) => text !== "1"),
      { nil: undefined },
    ),
    target: fc.option(
      xmlText.filter((text) => text !== "/"),
      { nil: undefined },
    ),
  })
  .map((row) => compact({ ...row, syncType: row.syncs.length === 0 ? row.syncType : undefined }) as SyncmlNotification);
const notifications: fc.Arbitrary<Notification> = fc.oneof(ds, dm, syncml);

describe("any notification", () => {
  it("survives encoding and decoding", () => {
    fc.assert(
      fc.property(notifications, (notification) => {
        expect(decodeNotificationAs(encodeNotification(notification), notification.format)).toEqual(notification);
      }),
      { numRuns: 500 },
    );
  });

  it("survives JSON", () => {
    fc.assert(
      fc.property(notifications, (notification) => {
        const json: unknown = JSON.parse(JSON.stringify(notificationToJson(notification)));
        expect(notificationFromJson(json)).toEqual(notification);
      }),
      { numRuns: 300 },
    );
  });

  it("is truncated with a coded error anywhere before its vendor octets", () => {
    fc.assert(
      fc.property(notifications, fc.nat(), (notification, cut) => {
        const octets = encodeNotification(notification);
        // Behind an XML document a newline follows, which may be missing.
        const tail =
          "vendor" in notification ? notification.vendor.length : Number(notification.format === "syncml-1.1-xml");
        const length = cut % (octets.length - tail);
        expect(outcomeOf(octets.subarray(0, length), notification.format)).toMatch(
          /^NOTIFICATION_(TRUNCATED|BAD_UTF8)$/,
        );
      }),
      { numRuns: 500 },
    );
  });

  it("has a digest that its own credentials verify and others do not", () => {
    const credentials = fc.record({ password: fc.string(), nonce: fc.uint8Array({ maxLength: 20 }) });
    fc.assert(
      fc.property(fc.oneof(ds, dm), credentials, fc.string({ minLength: 1 }), (notification, own, more) => {
        const octets = encodeNotification(notification, own);
        expect(verifyDigest(octets, own)).toBe("valid");
        expect(verifyDigest(octets, { ...own, password: own.password + more })).toBe("invalid");
      }),
    );
  });

  it("of DS fits in 4180 octets and its vendor's", () => {
    fc.assert(
      fc.property(ds, (notification) => {
        expect(encodeNotification(notification).length - notification.vendor.length).toBeLessThanOrEqual(4180);
      }),
    );
  });
});

/** `decoded`, or the code of the error; whatever else is thrown is thrown on. */
function outcomeOf(octets: Uint8Array, format: Notification["format"]): string {
  try {
    decodeNotificationAs(octets, format);
    return "decoded";
  } catch (error) {
    if (!(error instanceof NotificationError)) throw error;
    expect(error.field).not.toBe("");
    expect(error.offset).toBeGreaterThanOrEqual(0);
    expect(error.offset).toBeLessThanOrEqual(octets.length);
    return error.code;
  }
}

describe("any octets", () => {
  it("are decoded or refused with a coded error that names field and offset", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300, size: "max" }),
        fc.constantFrom(...notificationFormats),
        (octets, format) => {
          expect(outcomeOf(octets, format)).toMatch(/^(decoded|NOTIFICATION_\w+)$/);
        },
      ),
      { numRuns: 2000 },
    );
  });

  const rows = [...dsVectors.filter(({ octets }) => octets.length < 200), ...dmVectors, ...syncmlVectors];
  const change = fc.record({
    at: fc.nat(),
    octet: fc.nat(255),
    kind: fc.constantFrom("set", "insert", "remove", "cut"),
  });

  it.each(rows)(
    "that are the vector $id with changes are decoded or refused, and what decodes can be encoded",
    (row) => {
      const outcomes = new Set<string>();
      fc.assert(
        fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
          let octets = Array.from(row.octets);
          for (const { at, octet, kind } of changes) {
            const index = at % (octets.length + 1);
            if (kind === "cut") octets = octets.slice(0, Math.max(index, octets.length - 8));
            else octets.splice(index, kind === "insert" ? 0 : 1, ...(kind === "remove" ? [] : [octet]));
          }
          const changed = Uint8Array.from(octets);
          const { format } = row.notification;
          const outcome = outcomeOf(changed, format);
          outcomes.add(outcome);
          if (outcome !== "decoded") return;
          const decoded = decodeNotificationAs(changed, format);
          const encoded = encodeNotification(decoded);
          expect(decodeNotificationAs(encoded, format)).toEqual(decoded);
          // DS and DM have one form only; SyncML documents have many.
          if (!format.startsWith("syncml")) expect(encoded).toEqual(changed);
        }),
        { numRuns: 1000 },
      );
      expect(outcomes.has("decoded")).toBe(true);
      expect(outcomes.size).toBeGreaterThan(2);
    },
  );

  it("are looked at by guessFormat without an error", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (octets) => {
        expect([null, ...notificationFormats]).toContain(guessFormat(octets));
      }),
    );
  });

  it("over the limit are refused unread, in every format", () => {
    for (const format of notificationFormats) {
      expect(outcomeOf(new Uint8Array(MAX_NOTIFICATION_OCTETS + 1), format)).toBe("NOTIFICATION_TOO_LARGE");
    }
  });
});
