import { encodeCpim, encodeImdn, imdnHeaders } from "@sip-push/bodies";
import { createRequest } from "@sip-push/sip";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ReadReports, readReports } from "./read-reports.ts";

const read = (body: Uint8Array, contentType: string, contentEncoding?: string): ReadReports => {
  const headers: Array<[string, string]> = [["Content-Type", contentType]];
  if (contentEncoding !== undefined) headers.push(["Content-Encoding", contentEncoding]);
  const request = createRequest({ method: "MESSAGE", requestUri: "sip:a@b", from: "sip:c@d", headers, body });
  return readReports(request, 4096);
};

const statusOf = (result: ReadReports): number => (result.kind === "refused" ? result.refusal.statusCode : 200);

const report = encodeCpim({
  headers: imdnHeaders("report-1"),
  content: {
    contentType: "message/imdn+xml",
    body: encodeImdn({
      messageId: "1",
      dateTime: "2026-01-01T00:00:00Z",
      recipientUri: null,
      originalRecipientUri: null,
      subject: null,
      kind: "delivery",
      status: "delivered",
      extensions: [],
    }),
  },
});

describe("a MESSAGE that claims to be a report", () => {
  it("is read or refused, and never throws, whatever its octets are", () => {
    const types = ["message/cpim", "message/imdn+xml", "Message/CPIM;charset=x", "multipart/mixed;boundary=x", "", "x"];
    const codings = [undefined, "gzip", "deflate", "deflate, gzip", "gzip,gzip,gzip", "identity", "br", ","];
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 5000 }),
        fc.constantFrom(...types),
        fc.constantFrom(...codings),
        (body, type, coding) => {
          expect([200, 400, 413, 415]).toContain(statusOf(read(body, type, coding)));
        },
      ),
    );
  });

  it("is refused at every truncation, and read when it is whole", () => {
    const last = new TextDecoder().decode(report).lastIndexOf("</imdn>") + "</imdn>".length;
    for (let length = 0; length < last; length++) {
      expect(statusOf(read(report.subarray(0, length), "message/cpim")), String(length)).toBeGreaterThanOrEqual(400);
    }
    expect(read(report, "message/cpim")).toMatchObject({ kind: "reports", imdns: [{ messageId: "1" }] });
  });

  it("is read with any octet of it changed, or refused", () => {
    fc.assert(
      fc.property(fc.nat(report.length - 1), fc.nat(255), (at, octet) => {
        const changed = report.slice();
        changed[at] = octet;
        expect([200, 400, 413, 415]).toContain(statusOf(read(changed, "message/cpim")));
      }),
    );
  });
});
