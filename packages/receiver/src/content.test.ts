import { deflateSync, gzipSync } from "node:zlib";
import { type BodyPart, CPIM_NAMESPACE, type CpimHeader, encodeCpim, encodeMultipart } from "@sip-push/bodies";
import type { RequestInit } from "@sip-push/sip";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DS_TYPE, ds, ReceiverRig } from "../../../test/support/receiver-rig.ts";
import { contentHeadersOf, type IncomingPush, type PushEvent, type PushReceiverOptions } from "./index.ts";

let rig: ReceiverRig;

beforeEach(async () => {
  rig = await ReceiverRig.start();
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

const binary = Uint8Array.from({ length: 256 }, (_, i) => i);
const bodyOf = (push: IncomingPush | undefined): Buffer => Buffer.from(push?.body ?? []);

/** A MESSAGE with this body, to a receiver that has `x.app` and takes everything. */
function message(body: Uint8Array, contentType: string, headers: RequestInit["headers"] = []): Partial<RequestInit> {
  return { body, headers: [["Content-Type", contentType], ...headers] };
}

describe("content codings (RFC 3261 §20.12)", () => {
  it("are taken off: the notification is read, length and hash are those of the decoded octets", async () => {
    await rig.open();
    const body = rig.notification();
    const response = await rig.send({
      ...ds(body, [["Content-Encoding", "deflate, gzip"]]),
      body: gzipSync(deflateSync(body)),
    });
    expect(response.statusCode).toBe(200);
    expect(bodyOf(rig.pushes[0]).equals(Buffer.from(body))).toBe(true);
    expect(rig.pushes[0]).toMatchObject({
      contentEncoding: "deflate, gzip",
      length: body.length,
      contentType: DS_TYPE,
    });
    expect(rig.pushes[0]?.notification).not.toBeNull();
  });

  it("that say nothing are none", async () => {
    await rig.open();
    expect((await rig.send(ds(rig.notification(), [["Content-Encoding", "Identity"]]))).statusCode).toBe(200);
    expect(rig.pushes[0]?.contentEncoding).toBeNull();
  });

  it("that unfold beyond the limit get 413, and those that cannot be undone 400", async () => {
    await rig.open({ limits: { maxBodyBytes: 1000 } });
    const gzip = [["Content-Encoding", "gzip"]] as const;
    expect((await rig.send(ds(gzipSync(new Uint8Array(1001)), gzip))).statusCode).toBe(413);
    expect((await rig.send(ds(binary, gzip))).statusCode).toBe(400);
  });

  it("are not undone for those who may not push", async () => {
    await rig.open({ trustedPpgs: [{ address: "sip:other@home.test" }] });
    const response = await rig.send(ds(binary, [["Content-Encoding", "gzip"]]));
    expect(response.statusCode).toBe(403);
  });

  it("are undone for those who may push something else, who then get 403", async () => {
    const applications = [{ applicationId: "syncml.dm" }];
    await rig.open({ trustedPpgs: [{ address: "sip:psi@home.test", addressType: "from", applications }] });
    const body = gzipSync(rig.notification());
    expect((await rig.send(ds(body, [["Content-Encoding", "gzip"]]))).statusCode).toBe(403);
  });
});

describe("Content-Disposition (RFC 3261 §8.2.3, §20.11)", () => {
  it.each([
    ["render", 200],
    ["attachment;filename=a.bin", 200],
    ["session", 415],
    ["by-reference;handling=required", 415],
    ["by-reference;handling=optional", 200],
    ["Alert ; Handling=Required", 200],
    [";", 400],
  ])("%j is answered %i", async (disposition, statusCode) => {
    await rig.open();
    const response = await rig.send(ds(rig.notification(), [["Content-Disposition", disposition]]));
    expect(response.statusCode).toBe(statusCode);
    if (statusCode === 415) expect(response.headers.get("Accept")).toContain(DS_TYPE);
  });

  it("is shown to the application", async () => {
    await rig.open();
    await rig.send(ds(rig.notification(), [["Content-Disposition", 'attachment;filename="a b"']]));
    expect(rig.pushes[0]?.contentDisposition).toEqual({ type: "attachment", params: new Map([["filename", "a b"]]) });
  });
});

describe("a multipart push (RFC 2046 §5.1)", () => {
  const params = new Map<string, string>();
  const dsPart = (): { contentType: string; body: Uint8Array } => ({ contentType: DS_TYPE, body: rig.notification() });
  const note = { contentType: "text/plain", body: Buffer.from("a note") };

  const send = (multipart: Parameters<typeof encodeMultipart>[0], headers: RequestInit["headers"] = []) => {
    const { contentType, body } = encodeMultipart(multipart);
    return rig.send(message(body, contentType, headers));
  };

  it.each(["base64", "quoted-printable", "binary"] as const)("keeps all octets of a part in %s", async (coding) => {
    await rig.open({ applications: ["x.app"] });
    const part = { contentType: "application/octet-stream", body: binary, transferEncoding: coding };
    expect((await send({ subtype: "mixed", params, parts: [part, note] })).statusCode).toBe(200);
    expect(bodyOf(rig.pushes[0]).equals(Buffer.from(binary))).toBe(true);
    expect(rig.pushes[0]).toMatchObject({
      contentType: "application/octet-stream",
      applicationId: "x.app",
      length: 256,
    });
    expect(rig.pushes[0]?.parts.map(({ contentType }) => contentType)).toEqual([
      "application/octet-stream",
      "text/plain",
    ]);
  });

  it("of mixed parts is the first that an application takes, a text before it notwithstanding", async () => {
    await rig.open();
    const png = { contentType: "image/png", body: binary };
    const parts = [note, png, dsPart()];
    expect((await send({ subtype: "mixed", params, parts })).statusCode).toBe(200);
    expect(rig.pushes[0]).toMatchObject({ contentType: DS_TYPE, applicationId: "push.syncml" });
    expect(rig.pushes[0]?.notification).not.toBeNull();
    expect(rig.pushes[0]?.parts.length).toBe(3);
  });

  it("of related parts is the root that start names (RFC 2387 §3.2), and nothing else", async () => {
    await rig.open();
    const root = { contentType: "image/png", contentId: "root@x", body: binary };
    const related = { subtype: "related", params: new Map([["start", "<root@x>"]]), parts: [dsPart(), root] };
    expect((await send(related)).statusCode).toBe(415);
    const reversed = { ...related, parts: [root, { ...dsPart(), contentId: "ds@x" }] };
    expect((await send({ ...reversed, params: new Map([["start", "<ds@x>"]]) })).statusCode).toBe(200);
    expect(rig.pushes.map(({ contentType }) => contentType)).toEqual([DS_TYPE]);
  });

  it("of alternatives is the last that is taken (RFC 2046 §5.1.4)", async () => {
    await rig.open({ applications: [{ applicationId: "x.app", contentTypes: ["a/one", "a/two"] }] });
    const part = (contentType: string) => ({ contentType, body: Buffer.from(contentType) });
    await send({ subtype: "alternative", params, parts: [part("a/one"), part("a/two"), part("a/three")] });
    expect(bodyOf(rig.pushes[0]).toString()).toBe("a/two");
  });

  it("may hold the push in a multipart inside", async () => {
    await rig.open();
    const inner = { subtype: "related", params, parts: [dsPart(), note] };
    const wrapped = { contentType: "multipart/related", body: new Uint8Array(), multipart: inner };
    await send({ subtype: "mixed", params, parts: [note, wrapped] });
    expect(rig.pushes[0]?.contentType).toBe(DS_TYPE);
    expect(rig.pushes[0]?.parts.length).toBe(3);
  });

  it("goes to the application that the header fields of the part name, unless the request names one", async () => {
    await rig.open({ applications: ["x.app", "y.app"] });
    const part = { contentType: "a/b", body: binary, headers: [["X-Wap-Application-Id", "y.app"]] as const };
    await send({ subtype: "mixed", params, parts: [part] });
    await send({ subtype: "mixed", params, parts: [part] }, [["X-Wap-Application-Id", "x.app"]]);
    expect(rig.pushes.map(({ applicationId }) => applicationId)).toEqual(["y.app", "x.app"]);
  });

  it("has its part decoded and its language told", async () => {
    await rig.open();
    const body = rig.notification();
    const part = {
      contentType: DS_TYPE,
      contentEncoding: "gzip",
      body: gzipSync(body),
      headers: [["Content-Language", "fi"]] as const,
    };
    await send({ subtype: "mixed", params, parts: [part] });
    expect(bodyOf(rig.pushes[0]).equals(Buffer.from(body))).toBe(true);
    expect(rig.pushes[0]).toMatchObject({ contentEncoding: "gzip", contentLanguage: "fi" });
  });

  const required = { type: "render", handling: "required", params };
  it.each<[string, Partial<PushReceiverOptions>, () => Parameters<typeof encodeMultipart>[0], number]>([
    [
      "no part that is taken",
      {},
      () => ({ subtype: "mixed", params, parts: [{ contentType: "image/png", body: binary }] }),
      415,
    ],
    [
      "a part that insists to be understood and is not",
      {},
      () => ({
        subtype: "mixed",
        params,
        parts: [dsPart(), { contentType: "image/png", body: binary, contentDisposition: required }],
      }),
      415,
    ],
    [
      "an application that is not here",
      { applications: ["syncml.dm"] },
      () => ({
        subtype: "mixed",
        params,
        parts: [{ ...dsPart(), headers: [["X-Wap-Application-Id", "push.syncml"] as const] }],
      }),
      488,
    ],
    [
      "a malformed notification",
      {},
      () => ({ subtype: "mixed", params, parts: [{ contentType: DS_TYPE, body: binary.subarray(0, 5) }] }),
      400,
    ],
  ])("with %s is refused", async (_, options, multipart, statusCode) => {
    await rig.open(options);
    expect((await send(multipart())).statusCode).toBe(statusCode);
    expect(rig.pushes).toEqual([]);
  });

  it.each([
    ["without a boundary", "multipart/mixed", "--x\r\n\r\na\r\n--x--"],
    ["without its end", "multipart/mixed;boundary=x", "--x\r\n\r\na\r\n"],
    ["without parts", "multipart/mixed;boundary=x", "nothing"],
  ])("%s is malformed: 400", async (_, contentType, text) => {
    await rig.open({ applications: ["*"] });
    expect((await rig.send(message(Buffer.from(text), contentType))).statusCode).toBe(400);
  });

  it("of too many parts gets 413", async () => {
    await rig.open();
    const parts = Array.from({ length: 65 }, () => note);
    expect((await send({ subtype: "mixed", params, parts })).statusCode).toBe(413);
  });
});

describe("a push in message/cpim (RFC 3862)", () => {
  const send = (headers: readonly CpimHeader[], content: BodyPart) =>
    rig.send(message(encodeCpim({ headers, content }), "message/cpim"));

  it("is what the envelope holds: a multipart, coded, with a language", async () => {
    await rig.open();
    const body = rig.notification();
    const part = {
      contentType: DS_TYPE,
      contentEncoding: "gzip",
      body: gzipSync(body),
      headers: [["Content-Language", "fi"]] as const,
    };
    const { contentType, body: parts } = encodeMultipart({ subtype: "mixed", params: new Map(), parts: [part] });
    expect((await send([], { contentType, body: parts })).statusCode).toBe(200);
    expect((await send([], { ...part, body: gzipSync(rig.notification()) })).statusCode).toBe(200);
    expect(bodyOf(rig.pushes[0]).equals(Buffer.from(body))).toBe(true);
    expect(rig.pushes.map(({ contentLanguage, parts: { length } }) => [contentLanguage, length])).toEqual([
      ["fi", 1],
      ["fi", 0],
    ]);
    expect(rig.pushes[0]?.reportsAsked).toEqual([]);
  });

  it("is refused for what it holds", async () => {
    await rig.open();
    expect((await send([], { contentType: "image/png", body: binary })).statusCode).toBe(415);
    expect((await send([], { contentType: DS_TYPE, body: binary.subarray(0, 3) })).statusCode).toBe(400);
    expect((await rig.send(message(Buffer.from("nonsense"), "message/cpim"))).statusCode).toBe(400);
    const contentDisposition = { type: "session", params: new Map<string, string>() };
    expect((await send([], { contentType: DS_TYPE, body: rig.notification(), contentDisposition })).statusCode).toBe(
      415,
    );
  });

  it.each([
    ["DateTime, imdn.Message-ID", 200],
    ["Locale.MustRenderKanji", 415],
  ])("that requires %s is answered %i (RFC 3862 §4.7)", async (value, statusCode) => {
    await rig.open();
    const header = { name: "Require", namespace: CPIM_NAMESPACE, value };
    expect((await send([header], { contentType: DS_TYPE, body: rig.notification() })).statusCode).toBe(statusCode);
  });
});

describe("push control information", () => {
  it("is shown: priority, subject, language, deliver-before, and every header field", async () => {
    await rig.open();
    await rig.send(
      ds(rig.notification(), [
        ["Priority", "Urgent"],
        ["Subject", "Kalenteri päivittyi"],
        ["Content-Language", "fi"],
        ["Date", "Thu, 01 Jan 2026 00:00:00 GMT"],
        ["Expires", "60"],
        ["X-Extra", "1"],
      ]),
    );
    expect(rig.pushes[0]).toMatchObject({
      priority: "urgent",
      subject: "Kalenteri päivittyi",
      contentLanguage: "fi",
      deliverBefore: new Date("2026-01-01T00:01:00Z"),
      contentEncoding: null,
    });
    expect(rig.pushes[0]?.headers.get("x-extra")).toBe("1");
  });

  it.each([
    ["sip:bob@192.0.2.2;pn-provider=acme;pn-prid=a%3Ab;pn-param=t", { provider: "acme", prid: "a:b", param: "t" }],
    ["sip:bob@192.0.2.2;pn-provider=acme", { provider: "acme", prid: null, param: null }],
    ["sip:bob@192.0.2.2;pn-provider;pn-prid=x", null],
    ["sip:bob@192.0.2.2;pn-prid=x", null],
    ["tel:+12;pn-provider=acme", null],
  ])("of the Contact %s (RFC 8599 §4.1.1)", async (requestUri, pushResource) => {
    await rig.open();
    await rig.send({ ...ds(rig.notification()), requestUri, to: "sip:bob@home.test" });
    expect(rig.pushes[0]?.pushResource).toEqual(pushResource);
  });
});

it("no body makes the receiver throw: each push gets one answer, and is handed over or refused", async () => {
  const receiver = await rig.open({ applications: ["*"] });
  const types = ["multipart/mixed;boundary=b", "message/cpim", "multipart/related", "text/plain", DS_TYPE];
  const codings = ["identity", "gzip", "deflate", "br", ","];
  const piece = fc.constantFrom(
    ..."--b|--b--|\r\n|\r\n\r\n|From: <sip:a@b>|NS: imdn <urn:ietf:params:imdn>|imdn.Message-ID: 1|:|Content-Type: ".split(
      "|",
    ),
    "imdn.Disposition-Notification: positive-delivery, negative-delivery",
    "Content-Type: message/cpim",
    "Content-Transfer-Encoding: base64",
    "Content-Disposition: x;handling=required",
    "\0\xff",
  );
  const octets = fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    fc.array(piece, { maxLength: 12 }).map((pieces) => Buffer.from(pieces.join(""), "latin1")),
  );
  let sent = 0;
  await fc.assert(
    fc.asyncProperty(
      octets,
      fc.constantFrom(...types),
      fc.constantFrom(...codings),
      fc.constantFrom("render", "x;handling=optional", '"', ""),
      async (body, contentType, coding, disposition) => {
        const coded = coding === "gzip" ? gzipSync(body) : body;
        const response = await rig.send(
          message(coded, contentType, [
            ["Content-Encoding", coding],
            ["Content-Disposition", disposition],
          ]),
        );
        sent++;
        expect(response.statusCode).not.toBe(500);
        expect(receiver.stats.pushes + receiver.stats.refused + receiver.stats.repeats).toBe(sent);
      },
    ),
    { numRuns: 300 },
  );
});

describe("header fields of content", () => {
  const fields = [
    ["Content-ID", "<1@pi.test>"],
    ["Content-Location", "http://pi.test/a"],
    ["X-Wap-Content-URI", "http://pi.test/b"],
  ] as const;
  const told = (): unknown => contentHeadersOf(rig.pushes.at(-1) as PushEvent);

  it("are those of the request, coded or not, and no others of it", async () => {
    await rig.open();
    const body = rig.notification();
    await rig.send(ds(body, fields));
    expect(told()).toEqual(fields);
    await rig.send({ ...ds(body, [...fields, ["Content-Encoding", "gzip"]]), body: gzipSync(body), callId: "2" });
    expect(told()).toEqual(fields);
  });

  it("are those of the content in an envelope, not of the envelope", async () => {
    await rig.open();
    const [, ...headers] = fields;
    const content: BodyPart = { contentType: DS_TYPE, contentId: "1@pi.test", headers, body: rig.notification() };
    const from: CpimHeader = { name: "From", namespace: CPIM_NAMESPACE, value: "<sip:ppg@home.test>" };
    const to: CpimHeader = { name: "To", namespace: CPIM_NAMESPACE, value: "<sip:bob@home.test>" };
    const body = encodeCpim({ headers: [from, to], content });
    const response = await rig.send(message(body, "message/cpim", [["Content-Location", "http://other.test/"]]));
    expect([response.statusCode, told()]).toEqual([200, fields]);
  });
});
