import { once } from "node:events";
import { Agent } from "node:http";
import { connect } from "node:net";
import { decodePap } from "@sip-push/pap";
import { VirtualClock } from "@sip-push/sip/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Answer, exchangeRaw, FrontRig, initiator, post, TOKEN } from "./testdata/front-rig.ts";

const MIB = 1_048_576;
const authorized = { authorization: `Bearer ${TOKEN}` };
const everyOctet = Uint8Array.from({ length: 256 }, (_, octet) => octet);

let rig: FrontRig;
beforeEach(() => {
  rig = new FrontRig();
});
afterEach(() => rig.close());

const codeOf = ({ headers, text }: Answer): number => {
  const { operation } = decodePap(headers["content-type"] ?? "", Buffer.from(text));
  return operation.kind === "badmessage-response" ? operation.code : Number.NaN;
};

const urlOf = async (...options: Parameters<FrontRig["open"]>): Promise<string> =>
  (await rig.open(...options)).addresses[0]?.url ?? "";

describe("the path of PAP", () => {
  it("hands the service what came, octet for octet, and answers what it says", async () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const headers = { ...authorized, "content-type": 'multipart/related; boundary="b"', traceparent };
    const answer = await post(await urlOf(), { headers, body: everyOctet });
    expect(answer).toMatchObject({ status: 202, headers: { "content-type": "application/xml" } });
    expect(answer.text).toContain('code="1001"');
    const { recipients, applications, notifyUrls, name } = initiator();
    expect(rig.service.requests).toEqual([
      {
        initiator: { name, recipients, applications, notifyUrls },
        contentType: 'multipart/related; boundary="b"',
        body: everyOctet,
        traceparent,
      },
    ]);
  });

  it("takes chunked bodies and those without a content type, and leaves a bad traceparent aside", async () => {
    const headers = { ...authorized, "transfer-encoding": "chunked", traceparent: "00-zz" };
    await post(await urlOf(), { headers, body: Buffer.alloc(300_000, 7) });
    expect(rig.service.requests[0]).toMatchObject({ contentType: null, traceparent: null });
    expect(rig.service.requests[0]?.body).toEqual(new Uint8Array(300_000).fill(7));
  });

  it("keeps a connection, and answers what was sent ahead in order", async () => {
    const { addresses } = await rig.open();
    const socket = connect(addresses[0]?.port ?? 0, "127.0.0.1");
    const ask = (body: string): string =>
      `POST /pap HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    rig.service.answer = { httpStatus: 202, contentType: "text/plain", body: Buffer.from("!") };
    socket.write(ask("one") + ask("two"));
    let text = "";
    while (text.split("HTTP/1.1 202").length < 3 || !text.endsWith("!"))
      text += String((await once(socket, "data"))[0]);
    socket.destroy();
    expect(rig.service.requests.map(({ body }) => Buffer.from(body).toString())).toEqual(["one", "two"]);
  });

  it("takes a target in absolute-form, and any expectation (RFC 9112 §3.2.2, RFC 9110 §10.1.1)", async () => {
    const front = await rig.open();
    const port = front.addresses[0]?.port ?? 0;
    const fields = `Host: a\r\nAuthorization: Bearer ${TOKEN}\r\nConnection: close\r\nContent-Length: 1\r\n`;
    const absolute = await exchangeRaw(port, `POST http://gateway.example.test/pap HTTP/1.1\r\n${fields}\r\nx`);
    expect(absolute).toMatch(/^HTTP\/1\.1 202 /);
    const elsewhere = await exchangeRaw(port, `POST http://gateway.example.test?pap HTTP/1.1\r\n${fields}\r\nx`);
    expect(elsewhere).toMatch(/^HTTP\/1\.1 404 /);
    const expecting = await exchangeRaw(port, `POST /pap HTTP/1.1\r\n${fields}Expect: more\r\n\r\nx`);
    expect(expecting).toMatch(/^HTTP\/1\.1 202 /);
  });

  it("says Retry-After when the service does", async () => {
    rig.service.answer = { httpStatus: 503, retryAfterSeconds: 7 };
    expect(await post(await urlOf())).toMatchObject({ status: 503, headers: { "retry-after": "7" } });
  });

  it("answers 405 with Allow to other methods, and a line to whoever looks (RFC 9110 §15.5.6)", async () => {
    const url = await urlOf();
    const answer = await post(url, { method: "GET", headers: {} });
    expect(answer).toMatchObject({ status: 405, headers: { allow: "POST" } });
    expect(answer.text).toMatch(/Push Access Protocol/);
    expect((await post(url, { method: "DELETE", headers: {} })).status).toBe(405);
  });

  it("takes a query behind the path, and answers 404 elsewhere: in PAP to who posts, in words to who looks", async () => {
    const url = await urlOf({ path: "/wap/push" });
    expect((await post(url, { path: "/wap/push?x=1" })).status).toBe(202);
    const posted = await post(url, { path: "/wap/pushing" });
    expect([posted.status, codeOf(posted)]).toEqual([404, 2000]);
    const looked = await post(url, { path: "/", method: "GET" });
    expect([looked.status, looked.headers["content-type"]]).toEqual([404, "text/plain; charset=utf-8"]);
    expect((await post(url, { path: "/%zz" })).status).toBe(400);
  });

  it("answers 503 and 4000 when the service fails, never 500", async () => {
    rig.service.handle = () => Promise.reject(new Error("a defect"));
    const answer = await post(await urlOf());
    expect([answer.status, codeOf(answer)]).toEqual([503, 4000]);
  });
});

describe("limits", () => {
  it("refuses a body that is announced too large before it is sent (413, 2000)", async () => {
    const url = await urlOf({ limits: { maxBodyBytes: 1_000 } });
    let continued = false;
    const headers = { ...authorized, "content-length": "1001", expect: "100-continue" };
    const answer = await post(url, {
      headers,
      body: Buffer.alloc(1_001),
      onContinue: () => {
        continued = true;
      },
    });
    expect([answer.status, codeOf(answer), continued]).toEqual([413, 2000, false]);
    expect(rig.service.requests).toEqual([]);
  });

  it("says 100 (Continue) to who may send (RFC 9110 §10.1.1)", async () => {
    let continued = false;
    const answer = await post(await urlOf(), {
      headers: { ...authorized, expect: "100-continue" },
      onContinue: () => {
        continued = true;
      },
    });
    expect([answer.status, continued]).toEqual([202, true]);
  });

  it.each([
    ["announced", { ...authorized, "content-length": String(4 * MIB) }],
    ["chunked", { ...authorized, "transfer-encoding": "chunked" }],
  ])("answers a body that is too large though it is still coming (%s)", async (_, headers) => {
    const front = await rig.open();
    const doctype = '<!DOCTYPE pap PUBLIC "-//WAPFORUM//DTD PAP//EN" "http://www.wapforum.org/DTD/pap_1.0.dtd">';
    const answer = await post(front.addresses[0]?.url ?? "", { headers, body: doctype.padEnd(4 * MIB) });
    expect([answer.status, codeOf(answer)]).toEqual([413, 2000]);
    // In kind, and with what can be quoted of it.
    expect(decodePap("application/xml", Buffer.from(answer.text))).toMatchObject({
      version: "1.0",
      operation: { badMessageFragment: expect.stringContaining(doctype) },
    });
    expect(front.stats).toMatchObject({ active: 0, bufferedBytes: 0, refused: { tooLarge: 1 } });
  });

  it("is heard by a peer that does not listen before it has said all", async () => {
    const { addresses } = await rig.open();
    const socket = connect(addresses[0]?.port ?? 0, "127.0.0.1").pause();
    const head = `POST /pap HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Length: ${8 * MIB}\r\n\r\n`;
    const { promise: said, resolve, reject } = Promise.withResolvers<void>();
    socket.on("error", reject);
    socket.write(head);
    socket.write(Buffer.alloc(8 * MIB), (error) => (error ? reject(error) : resolve()));
    await said;
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
    });
    await once(socket.resume(), "close");
    expect(text).toMatch(/^HTTP\/1\.1 413 /);
  });

  it("takes a body of exactly the limit", async () => {
    expect((await post(await urlOf({ limits: { maxBodyBytes: 5 } }), { body: "12345" })).status).toBe(202);
  });

  it("refuses encoded bodies (415), and takes identity", async () => {
    const url = await urlOf();
    expect((await post(url, { headers: { ...authorized, "content-encoding": "gzip" } })).status).toBe(415);
    expect((await post(url, { headers: { ...authorized, "content-encoding": "identity" } })).status).toBe(202);
  });

  it("refuses what is more than may be under way (503, 4001, Retry-After)", async () => {
    const url = await urlOf({ limits: { maxConcurrent: 1 } });
    const release = rig.service.hold();
    const arrived = rig.service.arrival();
    const first = post(url);
    await arrived;
    const second = await post(url);
    expect([second.status, codeOf(second), second.headers["retry-after"]]).toEqual([503, 4001, "1"]);
    release();
    expect((await first).status).toBe(202);
    expect((await post(url)).status).toBe(202);
  });

  it("refuses bodies that there is no room for beside those under way", async () => {
    const front = await rig.open({ limits: { maxBodyBytes: 1_000, maxBufferedBytes: 1_500 } });
    const url = front.addresses[0]?.url ?? "";
    const release = rig.service.hold();
    const arrived = rig.service.arrival();
    const first = post(url, { body: Buffer.alloc(1_000) });
    await arrived;
    expect(front.stats.bufferedBytes).toBe(1_000);
    expect((await post(url, { body: Buffer.alloc(501) })).status).toBe(503);
    const chunked = { headers: { ...authorized, "transfer-encoding": "chunked" }, body: Buffer.alloc(501) };
    expect((await post(url, chunked)).status).toBe(503);
    release();
    expect((await first).status).toBe(202);
    expect(front.stats.bufferedBytes).toBe(0);
  });

  it("closes connections that are too many, and counts them", async () => {
    const front = await rig.open({ limits: { maxConnections: 1 } });
    const port = front.addresses[0]?.port ?? 0;
    const first = connect(port, "127.0.0.1");
    await once(first, "connect");
    const second = connect(port, "127.0.0.1");
    await once(second.resume(), "close");
    expect(front.stats.droppedConnections).toBe(1);
    first.destroy();
  });

  it("refuses what comes faster than an initiator's rate (429, 4001, Retry-After), by the clock", async () => {
    const clock = new VirtualClock();
    const url = await urlOf({ clock, initiators: [initiator({ rate: { perSecond: 0.5, burst: 2 } })] });
    expect([(await post(url)).status, (await post(url)).status]).toEqual([202, 202]);
    const third = await post(url);
    expect([third.status, codeOf(third), third.headers["retry-after"]]).toEqual([429, 4001, "2"]);
    await clock.advance(2_000);
    expect([(await post(url)).status, (await post(url)).status]).toEqual([202, 429]);
  });
});

describe("operation", () => {
  it("serves health and metrics, and takes a probe that rejects as not well", async () => {
    const url = await urlOf({
      operation: {
        listen: null,
        live: () => Promise.reject(new Error("stuck")),
        ready: () => ({ ok: true, parts: { store: "sqlite" } }),
        metrics: async () => ({ contentType: "text/plain; version=0.0.4", body: "pushes 1\n" }),
      },
    });
    const get = (path: string): Promise<Answer> => post(url, { method: "GET", path, headers: {} });
    const live = await get("/health/live");
    expect([live.status, JSON.parse(live.text)]).toEqual([503, { ok: false, parts: { probe: "stuck" } }]);
    const ready = await get("/health/ready");
    expect([ready.status, JSON.parse(ready.text)]).toEqual([200, { ok: true, parts: { store: "sqlite" } }]);
    expect(await get("/metrics")).toMatchObject({
      status: 200,
      text: "pushes 1\n",
      headers: { "content-type": "text/plain; version=0.0.4" },
    });
  });

  it("serves them on a listener of their own, and then nowhere else", async () => {
    const front = await rig.open({ operation: { listen: { secure: false, host: "127.0.0.1", port: 0 } } });
    const get = (url: string | undefined): Promise<Answer> => post(url ?? "", { method: "GET", path: "/health/live" });
    expect((await get(front.operationAddress?.url)).status).toBe(200);
    expect((await get(front.addresses[0]?.url)).status).toBe(404);
    expect((await post(front.operationAddress?.url ?? "")).status).toBe(404);
  });

  it("takes routes of others; one that fails is 503, never 500", async () => {
    const url = await urlOf({
      register: (site) => {
        site.get("/console", async () => "hello");
        site.get("/broken", async () => {
          throw new Error("a defect");
        });
        site.post("/api", (request, reply) => void reply.send({ got: request.body }));
      },
    });
    expect(await post(url, { method: "GET", path: "/console" })).toMatchObject({ status: 200, text: "hello" });
    const headers = { "content-type": "application/json" };
    expect((await post(url, { path: "/api", headers, body: '{"a":1}' })).text).toBe('{"got":{"a":1}}');
    expect((await post(url, { path: "/api", headers, body: "{" })).status).toBe(400);
    expect((await post(url, { method: "GET", path: "/broken" })).status).toBe(503);
  });
});

describe("close", () => {
  it("is not ready any more, refuses what comes, answers what is under way, and ends", async () => {
    const front = await rig.open({ operation: { listen: null } });
    const url = front.addresses[0]?.url ?? "";
    const agent = new Agent({ keepAlive: true, maxSockets: 3 });
    const release = rig.service.hold();
    const arrived = rig.service.arrival();
    const underWay = post(url, { agent });
    await arrived;
    const slow = connect(front.addresses[0]?.port ?? 0, "127.0.0.1");
    slow.write("GET /health/ready HTTP/1.1\r\nHost: a\r\n");
    const other = connect(front.addresses[0]?.port ?? 0, "127.0.0.1");
    other.write(`POST /pap HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${TOKEN}\r\n`);
    await Promise.all([once(slow, "connect"), once(other, "connect")]);
    // Both have sent octets, so they are no idle connections once the server has read them: one more request is a proof of that.
    await post(url, { method: "GET", path: "/health/live" });
    const closed = front.close();
    slow.write("\r\n");
    other.write("Content-Length: 1\r\n\r\nx");
    const [ready, refused] = await Promise.all([once(slow, "data"), once(other, "data")]);
    expect(String(ready[0])).toMatch(/^HTTP\/1\.1 503 [^]*connection: close/i);
    expect(String(refused[0])).toMatch(/^HTTP\/1\.1 503 [^]*connection: close[^]*4001/i);
    release();
    const answer = await underWay;
    expect([answer.status, answer.headers.connection]).toEqual([202, "close"]);
    await closed;
    await front.close();
    agent.destroy();
    await expect(post(url)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it("cuts what does not end within the limit", async () => {
    const clock = new VirtualClock();
    const front = await rig.open({ clock });
    rig.service.hold();
    const arrived = rig.service.arrival();
    const cut = post(front.addresses[0]?.url ?? "").catch((error: Error & { code?: string }) => error.code);
    await arrived;
    const closed = front.close(30_000);
    void front.close(3_000); // shortens it
    await clock.advance(3_000);
    expect(await cut).toBe("ECONNRESET");
    await closed;
    expect(clock.pendingTimers).toBe(0);
  });
});
