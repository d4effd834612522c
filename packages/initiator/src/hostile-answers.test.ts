import type { RequestListener } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { encodePap, type PapOperation } from "@sip-push/pap";
import { describe, expect, it, onTestFinished } from "vitest";
import type { PushInitiator } from "./push-initiator.ts";
import { accept, answering, openGateway, openInitiator, submission } from "./testdata/gateway.ts";
import { pem } from "./testdata/pem.ts";

const accepted = encodePap({
  version: "2.0",
  operation: { kind: "push-response", pushId: "1@pi.example.test", progressNotes: [], responseResult: { code: 1001 } },
});
const xml = { "content-type": "application/xml" };

/** Answers with that. */
function plain(status: number, headers: Readonly<Record<string, string>>, body: string | Uint8Array): RequestListener {
  return (request, response) => {
    request.resume();
    response.writeHead(status, headers).end(body);
  };
}

function says(operation: PapOperation): RequestListener {
  return answering(() => operation);
}

describe("what a gateway answers is an outcome, whatever it is", () => {
  it.each<readonly [what: string, answer: RequestListener, outcome: object]>([
    [
      "truncated XML",
      plain(202, xml, accepted.body.subarray(0, -20)),
      { kind: "failed", reason: "bad-answer", httpStatus: 202 },
    ],
    ["no octets", plain(200, xml, ""), { kind: "failed", reason: "bad-answer", description: "the answer is empty" }],
    ["a web page", plain(200, { "content-type": "text/html" }, "<html>"), { kind: "failed", reason: "bad-answer" }],
    ["no Content-Type", plain(202, {}, accepted.body), { kind: "failed", reason: "bad-answer" }],
    [
      "a multipart without its boundary",
      plain(202, { "content-type": 'multipart/related; type="application/xml"; boundary=x' }, accepted.body),
      { kind: "failed", reason: "bad-answer" },
    ],
    [
      "an entity bomb",
      plain(202, xml, '<?xml version="1.0"?><!DOCTYPE pap [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><pap>&c;</pap>'),
      { kind: "failed", reason: "bad-answer" },
    ],
    [
      "2 MiB",
      plain(202, xml, Buffer.alloc(2_097_152, 0x20)),
      { kind: "failed", reason: "bad-answer", httpStatus: 202 },
    ],
    [
      "an answer about another push",
      says({ kind: "push-response", pushId: "2@pi", progressNotes: [], responseResult: { code: 1001 } }),
      { kind: "failed", reason: "bad-answer", description: "the answer is about another push" },
    ],
    [
      "an answer to something else",
      says({ kind: "cancel-response", pushId: "1@pi.example.test", cancelResults: [{ code: 1000, addresses: [] }] }),
      { kind: "failed", reason: "bad-answer", description: "a cancel-response is no push-response" },
    ],
    [
      "a request",
      says({ kind: "statusquery-message", pushId: "1@pi.example.test", addresses: [] }),
      { reason: "bad-answer" },
    ],
    [
      "a badmessage-response",
      says({ kind: "badmessage-response", code: 2000, desc: "what?", badMessageFragment: "<pap" }),
      { kind: "refused", papCode: 2000, description: "what?", badMessageFragment: "<pap", retryable: false },
    ],
    [
      "a badmessage-response that quotes nothing",
      says({ kind: "badmessage-response", code: 2000, badMessageFragment: "" }),
      { kind: "refused", papCode: 2000, badMessageFragment: null },
    ],
    [
      "a refusal",
      says({ kind: "push-response", pushId: "1@pi.example.test", progressNotes: [], responseResult: { code: 2007 } }),
      { kind: "refused", papCode: 2007, description: "Duplicate Push ID", retryable: false },
    ],
    [
      "PAP 4001 with HTTP 503 and Retry-After",
      plain(
        503,
        { ...xml, "retry-after": "7" },
        encodePap({ version: "2.0", operation: { kind: "badmessage-response", code: 4001 } }).body,
      ),
      { kind: "refused", httpStatus: 503, papCode: 4001, retryAfterSeconds: 7, retryable: true },
    ],
    [
      "401",
      plain(401, { "www-authenticate": "Basic" }, ""),
      { kind: "refused", httpStatus: 401, papCode: null, retryable: false },
    ],
    [
      "429 without PAP",
      plain(429, { "retry-after": "30" }, "slow down"),
      { kind: "refused", httpStatus: 429, papCode: null, retryAfterSeconds: 30, retryable: true },
    ],
    [
      "500",
      plain(500, {}, "oops"),
      { kind: "refused", httpStatus: 500, description: "the gateway failed", retryable: false },
    ],
    ["418", plain(418, {}, ""), { kind: "refused", httpStatus: 418, description: "HTTP status 418" }],
    [
      "a redirection, which is not followed",
      plain(307, { location: "http://127.0.0.1:9/elsewhere" }, ""),
      { kind: "refused", httpStatus: 307, description: "the gateway is at http://127.0.0.1:9/elsewhere" },
    ],
    [
      "a connection that ends in the middle",
      (_, response) => {
        response.writeHead(202, { ...xml, "content-length": "1000" });
        response.write("<?xml", () => response.destroy());
      },
      { kind: "failed", reason: "disconnected", httpStatus: 202, retryable: true },
    ],
    [
      "a connection that ends at once",
      (request) => request.socket.destroy(),
      { kind: "failed", reason: "disconnected" },
    ],
    [
      "header fields of 100 KiB",
      plain(202, { ...xml, "x-long": "x".repeat(102_400) }, accepted.body),
      { kind: "failed", reason: "bad-answer" },
    ],
  ])("%s", async (_, answer, outcome) => {
    const { url } = await openGateway(answer);
    expect(await openInitiator(url).push(submission())).toMatchObject(outcome);
  });

  it("503 to a cancellation or a status query, which says of no recipient what came of it", async () => {
    const no = { code: 4001, addresses: [] };
    const cancelled = { kind: "cancel-response", pushId: "1@pi", cancelResults: [no] } as const;
    const statusQueryResults = [{ ...no, messageState: "unknown" }] as const;
    const status = { kind: "statusquery-response", pushId: "1@pi", statusQueryResults } as const;
    const refused = { kind: "refused", httpStatus: 503, papCode: 4001, retryAfterSeconds: 5, retryable: true };
    const initiatorTo = async (operation: PapOperation): Promise<PushInitiator> => {
      const { body } = encodePap({ version: "2.0", operation });
      return openInitiator((await openGateway(plain(503, { ...xml, "retry-after": "5" }, body))).url);
    };
    expect(await (await initiatorTo(cancelled)).cancel({ pushId: "1@pi" })).toMatchObject(refused);
    expect(await (await initiatorTo(status)).status({ pushId: "1@pi" })).toMatchObject(refused);
  });

  it("text that is no HTTP", async () => {
    const server = createServer((socket) => socket.once("data", () => socket.end("hello\r\n\r\n")));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    expect(await openInitiator(url).push(submission())).toMatchObject({ kind: "failed", reason: "bad-answer" });
  });

  it("nobody there", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise<void>((resolve) => server.close(() => resolve()));
    const outcome = await openInitiator(`http://127.0.0.1:${port}/`).push(submission());
    expect(outcome).toMatchObject({ kind: "failed", reason: "unreachable", httpStatus: null, retryable: true });
  });

  it("the next operation is not harmed by any of it", async () => {
    let count = 0;
    const good = answering(accept);
    const { url } = await openGateway((request, response) => {
      if (count++ === 0) plain(202, xml, Buffer.alloc(2_097_152))(request, response);
      else good(request, response);
    });
    const initiator = openInitiator(url, { limits: { maxConnections: 1 } });
    expect(await initiator.push(submission())).toMatchObject({ kind: "failed" });
    expect(await initiator.push(submission())).toMatchObject({ kind: "answered" });
  });
});

describe("over TLS", () => {
  const server = { cert: pem("server.crt"), key: pem("server.key") };
  const ca = pem("authority.crt");

  it("a gateway is believed by the given authority, and shown the client's certificate", async () => {
    const mutual = { ...server, ca, requestCert: true, rejectUnauthorized: true };
    const { url } = await openGateway(answering(accept), mutual);
    const client = { ca, cert: pem("client.crt"), key: pem("client.key") };
    expect(await openInitiator(url, { tls: client }).push(submission())).toMatchObject({ kind: "answered" });
    // TLS 1.3: the client is done before the server looks, and learns of it by an alert or by the end of the connection.
    const reason = expect.stringMatching(/^(untrusted|disconnected)$/) as string;
    const without = await openInitiator(url, { tls: { ca } }).push(submission());
    expect(without).toMatchObject({ kind: "failed", reason, httpStatus: null });
  });

  it.each([
    ["without that authority", "server", {}],
    ["that signed itself", "untrusted", { ca }],
    ["that has expired", "expired", { ca }],
    ["of another name", "wrong-name", { ca }],
  ])("a certificate %s is not believed, and nothing is sent", async (_, name, tls) => {
    const asked: NonNullable<Parameters<typeof answering>[1]> = [];
    const credentials = { cert: pem(`${name}.crt`), key: pem(`${name}.key`) };
    const { url } = await openGateway(answering(accept, asked), credentials);
    const outcome = await openInitiator(url, { tls }).push(submission());
    expect(outcome).toMatchObject({ kind: "failed", reason: "untrusted", httpStatus: null, retryable: false });
    expect(asked).toEqual([]);
  });
});
