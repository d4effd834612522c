import { once } from "node:events";
import { connect } from "node:net";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { PpgFront } from "./front.ts";
import { exchangeRaw, FrontRig, post, TOKEN } from "./testdata/front-rig.ts";

const head = `POST /pap HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${TOKEN}\r\n`;
const quick = { headersTimeoutMs: 100, requestTimeoutMs: 150, timeoutCheckMs: 10 };

let rig: FrontRig;
let front: PpgFront;
let port: number;
beforeEach(async () => {
  rig = new FrontRig();
  front = await rig.open({ limits: quick });
  port = front.addresses[0]?.port ?? 0;
});
afterEach(() => rig.close());

const statuses = (text: string): string[] =>
  [...text.matchAll(/^HTTP\/1\.1 ([0-9]{3})/gm)].map((match) => match[1] ?? "");

describe("what is no HTTP, or comes too slowly, gets an answer and an end", () => {
  it.each([
    ["no request at all", ["\0\x01\x02\r\n\r\n"], ["400"]],
    ["a TLS handshake", [Buffer.from("160301020001000", "hex")], ["400"]],
    ["a broken request line", ["POST\r\n\r\n"], ["400"]],
    ["HTTP/2", ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], ["400"]],
    ["no Host", ["POST /pap HTTP/1.1\r\n\r\n"], ["400"]],
    ["a header field without a name", [`${head}: x\r\n\r\n`], ["400"]],
    ["a control character in a field", [`${head}X: a\x01b\r\n\r\n`], ["400"]],
    ["two hosts (RFC 9112 §3.2)", [`${head}Host: b\r\nContent-Length: 1\r\n\r\nx`], ["400"]],
    ["two credentials", [`${head}authorization: Basic eDp5\r\nContent-Length: 1\r\n\r\nx`], ["400"]],
    ["two content types", [`${head}Content-Type: a/b\r\ncontent-type: c/d\r\nContent-Length: 1\r\n\r\nx`], ["400"]],
    ["a line that ends with LF alone", [`${head}X: a\nContent-Length: 1\r\n\r\nx`], ["400"]],
    ["a field on two lines (RFC 9112 §5.2)", [`${head}X: a\r\n b\r\nContent-Length: 1\r\n\r\nx`], ["400"]],
    ["a blank before the colon", [`${head}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`], ["400"]],
    ["a length that is none", [`${head}Content-Length: ten\r\n\r\n`], ["400"]],
    ["two lengths", [`${head}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`], ["400"]],
    [
      "a length and chunks (request smuggling)",
      [`${head}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
      ["400"],
    ],
    ["a transfer coding that is none", [`${head}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`], ["400"]],
    ["header fields without end", [`${head}X: ${"x".repeat(20_000)}\r\n\r\n`], ["431"]],
    ["many header fields", [head, ...Array.from({ length: 4_000 }, (_, each) => `X${each}: y\r\n`), "\r\n"], ["431"]],
    ["a chunk size that is none", [`${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n`], ["400"]],
    ["a chunk size beyond all numbers", [`${head}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n`], ["400"]],
    ["a chunk longer than it says", [`${head}Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n`], ["400"]],
    [
      "chunk extensions without end",
      [`${head}Transfer-Encoding: chunked\r\n\r\n1;${"x".repeat(20_000)}\r\na\r\n`],
      ["413"],
    ],
    ["header fields that do not come to an end (slowloris)", [head], ["408"]],
    ["nothing", [], ["408"]],
    ["a body that stays away", [`${head}Content-Length: 10\r\n\r\nabc`], ["408"]],
    ["chunks that stay away", [`${head}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`], ["408"]],
  ])("%s", async (_, octets, expected) => {
    const text = await exchangeRaw(port, ...octets);
    expect(statuses(text)).toEqual(expected);
    expect(text.toLowerCase()).toContain("connection: close");
    expect(text).toMatch(/^date: \w{3}, \d\d \w{3} \d{4} [0-9:]{8} GMT\r$/im); // RFC 9110 §6.6.1
    expect(rig.service.requests).toEqual([]);
    expect(front.stats).toMatchObject({ active: 0, bufferedBytes: 0 });
    expect((await post(front.addresses[0]?.url ?? "")).status).toBe(202);
  });

  it("answers with PAP where it is about a push", async () => {
    const text = await exchangeRaw(port, `${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n`);
    expect(text).toMatch(/Content-Type: application\/xml[^]*badmessage-response code="2000"/);
  });

  it("behind a push that is under way: that is answered, and then the connection ends", async () => {
    const release = rig.service.hold();
    const arrived = rig.service.arrival();
    const answer = exchangeRaw(port, `${head}Content-Length: 1\r\n\r\nx`, "garbage\r\n\r\n");
    await arrived;
    release();
    expect(statuses(await answer)).toEqual(["202"]);
  });

  it("a peer that goes away while it sends leaves nothing behind", async () => {
    const socket = connect(port, "127.0.0.1");
    socket.write(`${head}Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n`);
    await once(socket, "data");
    socket.write("half of it");
    socket.resetAndDestroy();
    await once(socket, "close");
    while (front.stats.active > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(front.stats.bufferedBytes).toBe(0);
    expect(rig.service.requests).toEqual([]);
  });

  it("a peer that ends its side in the middle gets 400", async () => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
    });
    socket.end(`${head}Content-Length: 1000\r\n\r\nhalf of it`);
    await once(socket, "end");
    socket.destroy();
    expect(statuses(text)).toEqual(["400"]);
  });

  it("any octets at all: an answer or an end, and the next push is taken", async () => {
    const pieces = fc.oneof(
      fc.constantFrom(
        head,
        "Content-Length: 3\r\n",
        "Transfer-Encoding: chunked\r\n",
        "\r\n",
        "3\r\nabc\r\n",
        "0\r\n\r\n",
      ),
      fc.string({ maxLength: 40 }),
      fc.uint8Array({ maxLength: 40 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(pieces, { minLength: 1, maxLength: 8 }), async (octets) => {
        const text = await exchangeRaw(port, ...octets);
        expect(statuses(text)).not.toContain("500");
        expect(front.stats).toMatchObject({ active: 0, bufferedBytes: 0 });
      }),
      { numRuns: 40 },
    );
    expect((await post(front.addresses[0]?.url ?? "")).status).toBe(202);
  });
});
