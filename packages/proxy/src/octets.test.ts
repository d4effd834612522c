import { createRequest } from "@sip-push/sip";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Agent, ProxyBed, RawPeer, responseOf } from "./testdata/proxy-bed.ts";

let bed: ProxyBed;
let alice: Agent;

beforeEach(async () => {
  bed = await ProxyBed.open();
  alice = await bed.handset("alice", { transport: "TCP" });
});

afterEach(() => bed.close());

const ALICE = "sip:alice@example.test";
/** What a proxy may change or add. RFC 3261 §16.6, RFC 3325 §5, RFC 5393 §5.3.3. */
const TOUCHED =
  /^(?:via|v|max-(?:forwards|breadth)|route|record-route|proxy-authorization|p-asserted-identity|p-preferred-identity)\s*:/i;

/** Header lines and body of the last message that went to `port`. */
function lastTo(port: number): { lines: string[]; body: Buffer } {
  const packet = bed.network.sent.filter(({ to }) => to.port === port).at(-1);
  const octets = Buffer.from(packet?.octets ?? []);
  const end = octets.indexOf("\r\n\r\n");
  return { lines: linesOf(octets.toString("latin1", 0, end)), body: octets.subarray(end + 4) };
}

/** Header fields as written, folds in them. */
function linesOf(head: string): string[] {
  return head
    .split(/\r\n(?![ \t])/)
    .slice(1)
    .filter((line) => !TOUCHED.test(line));
}

const nameChar = fc.constantFrom(..."abcXYZ019-.!%*_+`'~".split(""));
const name = fc.array(nameChar, { minLength: 1, maxLength: 12 }).map((chars) => `X${chars.join("")}`);
/** Any octet that may stand in a value, and folds. */
const value = fc
  .array(
    fc.oneof(
      fc
        .integer({ min: 0x20, max: 0xff })
        .filter((c) => c !== 0x7f)
        .map((c) => String.fromCharCode(c)),
      fc.constant("\r\n\t"),
    ),
    {
      maxLength: 20,
    },
  )
  .map((chars) => `:${chars.join("")}x`);
const field = fc.tuple(name, fc.constantFrom("", " ", "\t"), value).map((parts) => parts.join(""));
const known = fc.constantFrom(
  "c: application/vnd.syncml.ds.notification",
  "SUBJECT :   a\r\n b",
  "Accept-Contact: *;audio ,\t*;video",
  "Date:Thu, 01 Jan 2026 00:00:00 GMT",
  "k:a,b ,c",
);

describe("what passes unchanged", () => {
  test("every octet of the body and every header field that a proxy need not touch, in its order", async () => {
    const raw = await RawPeer.open(bed, 6500);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(field, known), { maxLength: 8 }),
        fc.uint8Array({ maxLength: 600 }),
        async (fields, body) => {
          const head = raw.head(
            "MESSAGE",
            ALICE,
            fields.filter((each, i) => !/^[ck]:/.test(each) || fields.indexOf(each) === i),
          );
          await raw.send(head, body);
          const arrived = lastTo(alice.listening.port);
          const sent = linesOf(head.replace(/\r?\n/g, "\r\n"));
          expect(arrived.lines).toEqual([...sent, `Content-Length: ${body.length}`]);
          expect(arrived.body.equals(Buffer.from(body))).toBe(true);
        },
      ),
      { numRuns: 150 },
    );
  });

  test("the body of the answer, all 256 octets", async () => {
    const body = Uint8Array.from({ length: 256 }, (_, i) => i);
    alice.answer = (transaction) =>
      transaction.reply(415, {
        body,
        headers: [
          ["Accept", "a/b"],
          ["X-Odd", '\u00ff "x'],
        ],
      });
    const sender = await bed.agent();
    const response = await sender.ask({ requestUri: ALICE });
    expect([response.statusCode, response.headers.get("Accept"), response.headers.get("X-Odd")]).toEqual([
      415,
      "a/b",
      '\u00ff "x',
    ]);
    expect(Buffer.from(response.body).equals(Buffer.from(body))).toBe(true);
  });

  test("a body larger than a datagram goes over TCP as it is", async () => {
    const sender = await bed.agent("TCP");
    const body = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 7) & 0xff);
    const request = createRequest({ method: "MESSAGE", requestUri: ALICE, from: "sip:sender@other.test", body });
    expect(responseOf(await sender.send(request)).statusCode).toBe(200);
    expect(Buffer.from(alice.received[0]?.body ?? []).equals(Buffer.from(body))).toBe(true);
  });
});
