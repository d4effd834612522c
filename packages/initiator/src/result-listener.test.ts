import { once } from "node:events";
import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { request as requestTls } from "node:https";
import { connect } from "node:net";
import { buffer } from "node:stream/consumers";
import { decodePap, encodePap, type PapMessage, type PapOperation, papVersions } from "@sip-push/pap";
import { describe, expect, it, onTestFinished } from "vitest";
import { InitiatorError } from "./errors.ts";
import { ResultListener, type ResultListenerOptions } from "./result-listener.ts";
import type { PushResult } from "./results.ts";
import { pem } from "./testdata/pem.ts";

const listen = { address: "127.0.0.1", port: 0 };

async function open(options: Partial<ResultListenerOptions> = {}): Promise<ResultListener> {
  const listener = await ResultListener.open({ listen, ...options });
  onTestFinished(() => listener.close());
  return listener;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
}

interface Post {
  readonly contentType?: string;
  readonly body: Uint8Array | string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
  readonly ca?: string;
  readonly agent?: Agent;
}

/** One request on a connection of its own. */
async function post(
  url: string,
  { contentType = "application/xml", body, headers, method = "POST", ca, agent }: Post,
): Promise<Answer> {
  const options = { method, agent: agent ?? false, headers: { "content-type": contentType, ...headers } };
  const sent = url.startsWith("https") ? requestTls(url, { ...options, ca }) : request(url, options);
  sent.end(body);
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  const { statusCode = 0, headers: answered } = response;
  return { status: statusCode, headers: answered, body: await buffer(response) };
}

function result(more: Partial<PapOperation & { kind: "resultnotification-message" }> = {}): Post {
  const operation: PapOperation = {
    ...{ kind: "resultnotification-message", pushId: "1@pi", address: "sip:a@example.test" },
    ...{ messageState: "delivered", code: 1000, eventTime: new Date("2026-11-21T17:30:00Z") },
    ...more,
  };
  return encodePap({ version: "2.0", operation });
}

const papOf = ({ headers, body }: Answer): PapMessage => decodePap(headers["content-type"] ?? "", body);

/** A listener that keeps its results. */
async function keeping(options: Partial<ResultListenerOptions> = {}): Promise<{ url: string; results: PushResult[] }> {
  const results: PushResult[] = [];
  const { url } = await open({ onResult: (each) => void results.push(each), ...options });
  return { url, results };
}

describe("a result notification", () => {
  it.each(papVersions)("of PAP %s is handed over and answered 1000 in kind", async (version) => {
    const { url, results } = await keeping({ path: "/results" });
    expect(new URL(url).pathname).toBe("/results");
    const operation = decodePap("application/xml", result().body as Uint8Array).operation;
    const answer = await post(url, encodePap({ version, operation }));
    expect(answer.status).toBe(202);
    const ok = { kind: "resultnotification-response", pushId: "1@pi", code: 1000, address: "sip:a@example.test" };
    expect(papOf(answer)).toMatchObject({ version, operation: ok });
    const told = { pushId: "1@pi", address: "sip:a@example.test", messageState: "delivered", code: 1000 };
    expect(results).toEqual([{ ...told, eventTime: new Date("2026-11-21T17:30:00Z"), isRepetition: false }]);
  });

  it("in a multipart/related with one part is read as well (RFC 2387)", async () => {
    const { url, results } = await keeping();
    const { body } = result();
    const text = `--b\r\nContent-Type: application/xml\r\n\r\n${Buffer.from(body).toString()}\r\n--b--\r\n`;
    const answer = await post(url, {
      contentType: 'multipart/related; boundary=b; type="application/xml"',
      body: text,
    });
    expect(papOf(answer).operation).toMatchObject({ kind: "resultnotification-response", code: 1000 });
    expect(results.length).toBe(1);
  });

  it("that comes again is answered again, and not handed over again", async () => {
    const { url, results } = await keeping();
    await post(url, result());
    expect(papOf(await post(url, result())).operation).toMatchObject({ code: 1000 });
    await post(url, result({ address: "sip:b@example.test" }));
    await post(url, result({ messageState: "unknown", code: 4000 }));
    expect(results.map(({ address, messageState }) => [address, messageState])).toEqual([
      ["sip:a@example.test", "delivered"],
      ["sip:b@example.test", "delivered"],
      ["sip:a@example.test", "unknown"],
    ]);
  });

  it("that comes again is handed over and marked with `repetitions`", async () => {
    const { url, results } = await keeping({ repetitions: true });
    await post(url, result());
    await post(url, result());
    expect(results.map(({ isRepetition }) => isRepetition)).toEqual([false, true]);
  });

  it("is forgotten when there is no room: the oldest first", async () => {
    const { url, results } = await keeping({ limits: { maxRemembered: 2 } });
    for (const pushId of ["1@pi", "2@pi", "3@pi", "3@pi", "1@pi"]) await post(url, result({ pushId }));
    expect(results.map(({ pushId }) => pushId)).toEqual(["1@pi", "2@pi", "3@pi", "1@pi"]);
  });

  it("is answered after the application has it, and 503 when that fails, so that it comes again", async () => {
    const taken = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    let calls = 0;
    const { url } = await open({
      onResult: async () => {
        begun.resolve();
        if (++calls === 1) throw new Error("the disk is full");
        await taken.promise;
      },
    });
    const failed = await post(url, result());
    expect([failed.status, failed.headers["retry-after"]]).toEqual([503, "5"]);
    await begun.promise;
    let isAnswered = false;
    const again = post(url, result()).finally(() => {
      isAnswered = true;
    });
    await post(url, { body: "" }); // a whole round trip passes meanwhile
    expect(isAnswered).toBe(false);
    taken.resolve();
    expect((await again).status).toBe(202);
    expect(calls).toBe(2);
  });

  it("that comes again while the application works on it is handed over once, and both are answered", async () => {
    const taken = Promise.withResolvers<void>();
    let calls = 0;
    const { url } = await open({
      onResult: async () => {
        calls += 1;
        await taken.promise;
      },
    });
    const answers = [post(url, result()), post(url, result())];
    await post(url, { body: "" }); // a whole round trip passes meanwhile
    expect(calls).toBe(1);
    taken.resolve();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([202, 202]);
    await post(url, result());
    expect(calls).toBe(1);
  });

  it("that comes again while the application works on it comes later when that fails", async () => {
    const taken = Promise.withResolvers<void>();
    let calls = 0;
    const { url } = await open({ onResult: () => (++calls === 1 ? taken.promise : Promise.resolve()) });
    const answers = [post(url, result()), post(url, result())];
    await post(url, { body: "" }); // a whole round trip passes meanwhile
    taken.reject(new Error("the disk is full"));
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([503, 503]);
    expect((await post(url, result())).status).toBe(202);
    expect(calls).toBe(2);
  });

  it("of several pushes is read with `for await`, and answered as it is taken", async () => {
    const listener = await open();
    const answers = ["1@pi", "2@pi", "3@pi"].map((pushId) => post(listener.url, result({ pushId })));
    const read = new Set<string>();
    for await (const { pushId } of listener) {
      read.add(pushId);
      if (read.size === 3) break;
    }
    expect(read).toEqual(new Set(["1@pi", "2@pi", "3@pi"]));
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([202, 202, 202]);
  });
});

describe("what is no result notification", () => {
  it.each<readonly [what: string, sent: Post, code: number]>([
    ["truncated", { body: Buffer.from(result().body).subarray(0, -9) }, 2000],
    ["empty", { body: "" }, 2000],
    ["no XML", { contentType: "text/plain", body: "hello" }, 2000],
    ["a multipart without its boundary", { contentType: "multipart/related; boundary=x", body: "--y\r\n" }, 2000],
    ["of a later version", { body: '<!DOCTYPE pap PUBLIC "-//OMA//DTD PAP 3.0//EN" "x"><pap/>' }, 3002],
    ["an entity bomb", { body: '<!DOCTYPE pap [<!ENTITY a "&a;">]><pap>&a;</pap>' }, 2000],
    [
      "a push",
      encodePap({
        version: "2.0",
        content: { contentType: "text/plain", body: Buffer.from("hello") },
        operation: {
          ...{ kind: "push-message", pushId: "1@pi", addresses: ["sip:a@b.test"] },
          ...{ replaceMethod: "all", progressNotesRequested: false },
        },
      }),
      2000,
    ],
  ])("%s: a badmessage-response", async (_, sent, code) => {
    const { url, results } = await keeping();
    const answer = await post(url, sent);
    expect(answer.status).toBe(202);
    expect(papOf(answer).operation).toMatchObject({ kind: "badmessage-response", code });
    expect(results).toEqual([]);
  });

  it.each<readonly [what: string, path: string, sent: Post, status: number]>([
    ["too large by its Content-Length", "/", { body: Buffer.alloc(70_000) }, 413],
    ["too large in chunks", "/", { body: Buffer.alloc(70_000), headers: { "transfer-encoding": "chunked" } }, 413],
    ["to another path", "/else", result(), 404],
    ["with another method", "/", { ...result(), method: "PUT" }, 405],
  ])("%s: no PAP", async (_, path, sent, status) => {
    const { url, results } = await keeping();
    expect((await post(new URL(path, url).href, sent)).status).toBe(status);
    expect(results).toEqual([]);
  });

  it("a request that never ends is cut off, and leaves nothing behind", async () => {
    const { url } = await keeping();
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n<?xml");
    await once(socket, "ready");
    socket.destroy();
    expect((await post(url, result())).status).toBe(202);
  });

  it("more than maxPending at one time is told to come again", async () => {
    const begun = Promise.withResolvers<void>();
    const taken = Promise.withResolvers<void>();
    const { url } = await open({
      limits: { maxPending: 1 },
      onResult: () => {
        begun.resolve();
        return taken.promise;
      },
    });
    const first = post(url, result());
    await begun.promise;
    const second = await post(url, result({ pushId: "2@pi" }));
    expect([second.status, second.headers["retry-after"]]).toEqual([503, "5"]);
    taken.resolve();
    expect((await first).status).toBe(202);
  });
});

describe("a gateway", () => {
  it.each([
    [undefined, 401],
    [`Basic ${Buffer.from("ppg:guess").toString("base64")}`, 401],
    ["Bearer x", 401],
    [`Basic ${Buffer.from("ppg:secret").toString("base64")}`, 202],
  ])("that shows %s is answered %i", async (authorization, status) => {
    const { url, results } = await keeping({ credentials: { user: "ppg", password: "secret" } });
    const headers = authorization === undefined ? {} : { authorization };
    const answer = await post(url, { ...result(), headers });
    expect(answer.status).toBe(status);
    expect(answer.headers["www-authenticate"] !== undefined).toBe(status === 401);
    expect(results.length).toBe(status === 202 ? 1 : 0);
  });

  it("finds a path with a query only with that query", async () => {
    const { url, results } = await keeping({ path: "/results?key=5up" });
    expect((await post(url, result())).status).toBe(202);
    for (const wrong of ["/results", "/results?key=", "/results?key=5up&x"]) {
      expect((await post(new URL(wrong, url).href, result())).status).toBe(404);
    }
    expect(results.length).toBe(1);
  });

  it("comes over https", async () => {
    const { url, results } = await keeping({ tls: { cert: pem("server.crt"), key: pem("server.key") } });
    expect(url).toMatch(/^https:/);
    expect((await post(url, { ...result(), ca: pem("authority.crt") })).status).toBe(202);
    expect(results.length).toBe(1);
  });
});

describe("close()", () => {
  it("waits for the application, ends the reader, and answers 503 to what nobody read", async () => {
    const listener = await open();
    const unread = post(listener.url, result());
    const reader = listener[Symbol.asyncIterator]();
    await reader.next();
    const next = reader.next();
    expect((await unread).status).toBe(202);
    await listener.close();
    await listener.close();
    expect(await next).toEqual({ value: undefined, done: true });
    await expect(post(listener.url, result())).rejects.toThrow("ECONNREFUSED");
  });

  it("lets a result end that the application works on", async () => {
    const begun = Promise.withResolvers<void>();
    const taken = Promise.withResolvers<void>();
    const listener = await open({
      onResult: () => {
        begun.resolve();
        return taken.promise;
      },
    });
    const agent = new Agent({ keepAlive: true });
    const answer = post(listener.url, { ...result(), agent });
    // Connections that will never say what they want do not keep it from closing.
    const idle = await Promise.all(
      ["", "POST / HT", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n<"].map(async (text) => {
        const socket = connect(Number(new URL(listener.url).port), "127.0.0.1").on("error", () => undefined);
        await once(socket, "connect");
        socket.write(text);
        return socket;
      }),
    );
    await begun.promise;
    const ended = idle.map((socket) => new Promise((resolve) => socket.once("close", resolve)));
    const closed = listener.close();
    taken.resolve();
    expect((await answer).status).toBe(202);
    await Promise.all([closed, ...ended]);
    agent.destroy();
  });

  it("answers 503 to a result that nobody read", async () => {
    const waiting = Promise.withResolvers<void>();
    const logger = { debug: () => waiting.resolve(), warn: () => undefined };
    const listener = await open({ logger });
    const answer = post(listener.url, result());
    await waiting.promise;
    await listener.close();
    expect((await answer).status).toBe(503);
  });
});

it("what cannot be opened is an InitiatorError", async () => {
  const { url } = await open();
  const taken = { address: "127.0.0.1", port: Number(new URL(url).port) };
  const failed = { code: "INITIATOR_LISTEN_FAILED", field: "listen", retryable: true };
  await expect(ResultListener.open({ listen: taken })).rejects.toMatchObject(failed);
  await expect(ResultListener.open({ listen, path: "x" })).rejects.toThrow("path: begins with /");
  const tls = { cert: "x", key: "x" };
  await expect(ResultListener.open({ listen, tls })).rejects.toThrow(InitiatorError);
});
