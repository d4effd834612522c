import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkPush, deadlineOf, type PushMessage, validityUntil } from "./push-message.ts";

const push: PushMessage = {
  applicationId: "push.syncml",
  contentType: "application/octet-stream",
  body: new Uint8Array(4),
};
const now = new Date("2026-01-01T00:00:00.400Z");

describe("input of a push: what is wrong is named, before anything is sent", () => {
  it.each([
    [{ applicationId: "99" }, "PUSH_BAD_APPLICATION_ID", "applicationId"],
    [{ contentType: "octets" }, "PUSH_BAD_CONTENT_TYPE", "contentType"],
    [{ contentType: "a/b\r\nX: y" }, "PUSH_BAD_CONTENT_TYPE", "contentType"],
    [{ body: "text" as unknown as Uint8Array }, "PUSH_BAD_BODY", "body"],
    [{ body: new Uint8Array(11) }, "PUSH_BODY_TOO_LARGE", "body"],
    [{ contentEncoding: "g zip" }, "PUSH_BAD_HEADER", "contentEncoding"],
    [{ contentLanguage: "en\r\n" }, "PUSH_BAD_HEADER", "contentLanguage"],
    [{ deliverBefore: new Date(Number.NaN) }, "PUSH_BAD_EXPIRY", "deliverBefore"],
    [{ deliverBefore: "2026-01-01" as unknown as Date }, "PUSH_BAD_EXPIRY", "deliverBefore"],
    [{ expiresSeconds: 0 }, "PUSH_BAD_EXPIRY", "expiresSeconds"],
    [{ expiresSeconds: 1.5 }, "PUSH_BAD_EXPIRY", "expiresSeconds"],
    [{ expiresSeconds: 2 ** 31 }, "PUSH_BAD_EXPIRY", "expiresSeconds"],
    [{ expiresSeconds: 60, deliverBefore: now }, "PUSH_BAD_EXPIRY", "expiresSeconds"],
    [{ priority: "high" as "urgent" }, "PUSH_BAD_HEADER", "priority"],
    [{ contentDisposition: ";x" }, "PUSH_BAD_HEADER", "contentDisposition"],
    [{ contentDisposition: "render;x=\r\n" }, "PUSH_BAD_HEADER", "contentDisposition"],
    [{ report: "maybe" as "none" }, "PUSH_BAD_REPORT", "report"],
    [{ reportDispositions: [] }, "PUSH_BAD_REPORT", "reportDispositions"],
    [{ reportDispositions: ["display" as "processing"] }, "PUSH_BAD_REPORT", "reportDispositions"],
    [{ headers: [["Content-Disposition", "render"]] as const }, "PUSH_BAD_HEADER", 'headers["Content-Disposition"]'],
    [{ headers: [["bad name", "x"]] as const }, "PUSH_BAD_HEADER", 'headers["bad name"]'],
    [{ headers: [["m", "<sip:a@b>"]] as const }, "PUSH_BAD_HEADER", 'headers["m"]'],
    [{ headers: [["o", "presence"]] as const }, "PUSH_BAD_HEADER", 'headers["o"]'],
    [{ headers: [["Subscription-State", "terminated"]] as const }, "PUSH_BAD_HEADER", 'headers["Subscription-State"]'],
    [{ headers: [["X-A", "a\nb"]] as const }, "PUSH_BAD_HEADER", 'headers["X-A"]'],
  ])("%j -> %s naming %s", (change, code, field) => {
    expect(() => checkPush({ ...push, ...change }, { maxBodyBytes: 10 })).toThrow(
      expect.objectContaining({ code, field }),
    );
  });

  it("takes a push with a disposition that asks for reports", () => {
    const report = { report: "receiver", reportDispositions: ["positive-delivery", "processing"] } as const;
    expect(() => checkPush({ ...push, ...report, contentDisposition: "attachment;filename=a" })).not.toThrow();
  });

  it("takes a push in every spelling of its application, and one without any", () => {
    for (const applicationId of ["0x05", "x-wap-application:push.syncml", null]) {
      expect(() => checkPush({ ...push, applicationId })).not.toThrow();
    }
  });
});

describe("Expires and Date (RFC 3428 §4)", () => {
  it("counts expiresSeconds from the moment the push is given", () => {
    expect(deadlineOf({ ...push, expiresSeconds: 60 }, now)).toEqual(new Date("2026-01-01T00:01:00.400Z"));
    expect(deadlineOf({ ...push, deliverBefore: now }, new Date(0))).toBe(now);
    expect(deadlineOf(push, now)).toBeUndefined();
  });

  it("writes whole seconds that end at the deadline at the latest", () => {
    const deadline = new Date("2026-01-01T00:01:00.900Z");
    expect(validityUntil(deadline, now)).toEqual({ date: "Thu, 01 Jan 2026 00:00:00 GMT", expiresSeconds: 60 });
  });

  it("never reaches beyond the deadline, and never sends Expires: 0, which would mean that it does not expire", () => {
    fc.assert(
      fc.property(fc.integer({ min: -5000, max: 10_000_000 }), fc.integer({ min: 0, max: 999 }), (leftMs, fraction) => {
        const at = new Date(1_800_000_000_000 + fraction);
        const deadline = new Date(at.getTime() + leftMs);
        const validity = validityUntil(deadline, at);
        if (validity === undefined) {
          expect(leftMs).toBeLessThan(1000);
          return;
        }
        const end = Date.parse(validity.date) + validity.expiresSeconds * 1000;
        expect(end).toBeLessThanOrEqual(deadline.getTime());
        expect(deadline.getTime() - end).toBeLessThan(1000);
        expect(validity.expiresSeconds).toBeGreaterThan(0);
      }),
    );
  });
});
