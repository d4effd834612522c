import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { PpgFront } from "./front.ts";
import { exchangeRaw, FrontRig, TOKEN } from "./testdata/front-rig.ts";

const push = (body: string): string =>
  `POST /pap HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const answers = (text: string): string[] =>
  [...text.matchAll(/^HTTP\/1\.1 ([0-9]{3}) [^]*?^Connection: ([a-z-]*)/gim)].map(
    ([, status, connection]) => `${status} ${connection}`,
  );

let rig: FrontRig;
let front: PpgFront;
let port: number;
beforeEach(async () => {
  rig = new FrontRig();
  front = await rig.open({ limits: { maxBodyBytes: 100 } });
  port = front.addresses[0]?.port ?? 0;
});
afterEach(() => rig.close());

const pushed = (): string[] => rig.service.requests.map(({ body }) => Buffer.from(body).toString());

describe("a push that is sent ahead", () => {
  it.each([
    ["a look at the path", "GET /pap HTTP/1.1\r\nHost: a\r\n\r\n", "405 close"],
    ["one without credentials", "POST /pap HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", "401 close"],
    ["one that is too large", push("x".repeat(101)), "413 close"],
    ["two hosts", "POST /pap HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 1\r\n\r\nx", "400 close"],
  ])("behind %s, whose answer ends the connection, is not done (RFC 9112 §9.6)", async (_, first, answer) => {
    expect(answers(await exchangeRaw(port, first + push("behind")))).toEqual([answer]);
    expect(pushed()).toEqual([]);
    expect(front.stats).toMatchObject({ active: 0, bufferedBytes: 0 });
  });

  it("and is under way when the front closes is answered, as is the one before it", async () => {
    const release = rig.service.hold();
    const text = exchangeRaw(port, push("one") + push("two"));
    while (rig.service.requests.length < 2) await rig.service.arrival();
    const closed = front.close();
    release();
    expect(answers(await text)).toEqual(["202 keep-alive", "202 close"]);
    await closed;
  });

  it("and is done before the front closes keeps no connection when the one before it is done", async () => {
    const first = Promise.withResolvers<void>();
    const second = Promise.withResolvers<void>();
    const handle = rig.service.handle.bind(rig.service);
    rig.service.handle = async (request) => {
      const answer = await handle(request);
      if (Buffer.from(request.body).toString() === "one") await first.promise;
      else second.resolve();
      return answer;
    };
    const text = exchangeRaw(port, push("one") + push("two"));
    await second.promise;
    while (front.stats.answered < 1) await new Promise((resolve) => setImmediate(resolve));
    const closed = front.close();
    first.resolve();
    expect(answers(await text)).toEqual(["202 keep-alive", "202 keep-alive"]);
    await closed;
  });
});
