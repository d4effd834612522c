import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SipResponse } from "../message/index.ts";
import { createRequest } from "../user-agent/request.ts";
import type { Subscription } from "./notifier-options.ts";
import { type Fields, NotifierBench, usual } from "./testdata/notifier-bench.ts";
import { HANDSET, SERVER } from "./testdata/rig.ts";

let bench: NotifierBench;
let adopted: Subscription | undefined;

beforeEach(async () => {
  bench = new NotifierBench();
  await bench.open({
    package: "refer",
    initialNotifications: () => [{ contentType: "message/sipfrag", body: Buffer.from("SIP/2.0 100 Trying\r\n") }],
  });
  bench.server.handle = (transaction) => {
    if (transaction.request.method === "SUBSCRIBE") bench.notifier.handle(transaction);
    else adopted = bench.notifier.adopt(transaction, { expiresSeconds: 60, headers: [["Supported", "norefersub"]] });
  };
});

afterEach(async () => {
  expect(await bench.rig.close()).toBe(0);
});

const refer = (headers: Fields = [usual[1] as Fields[number]], toTag?: string): Promise<SipResponse> =>
  bench.send(
    createRequest({
      method: "REFER",
      requestUri: `sip:bob@${SERVER}`,
      from: "sip:alice@example.test",
      headers,
      ...(toTag === undefined ? {} : { toTag }),
    }),
  );

const bodies = (): string[] => bench.handset.received.map(({ request }) => Buffer.from(request.body).toString());

describe("a subscription that a REFER makes (RFC 3515 §2.4.4)", () => {
  it("is answered 202 with a Contact and no Expires, and notified at once", async () => {
    const response = await refer();
    await bench.rig.clock.advance(10);
    expect(response.statusCode).toBe(202);
    expect(response.headers.has("Contact")).toBe(true);
    expect(response.headers.has("Expires")).toBe(false);
    expect(response.headers.get("Supported")).toBe("norefersub");
    expect(bodies()).toEqual(["SIP/2.0 100 Trying\r\n"]);
    expect(bench.handset.received[0]?.request.headers.get("Event")).toBe("refer");
    expect(bench.states).toEqual(["active;expires=60"]);
  });

  it("ends with a NOTIFY that says what came of it", async () => {
    await refer();
    const last = { contentType: "message/sipfrag", body: Buffer.from("SIP/2.0 200 OK\r\n") };
    expect(bench.notifier.terminate(adopted?.id ?? "", "noresource", undefined, last)).toBe(true);
    await bench.rig.clock.advance(10);
    expect(bodies()).toEqual(["SIP/2.0 100 Trying\r\n", "SIP/2.0 200 OK\r\n"]);
    expect(bench.states.at(-1)).toBe("terminated;reason=noresource");
    expect(bench.notifier.size).toBe(0);
  });

  it("runs out by itself", async () => {
    await refer();
    await bench.rig.clock.advance(62_000);
    expect(bench.states.at(-1)).toBe("terminated;reason=timeout");
    expect(bench.notifier.size).toBe(0);
  });

  it("can be ended by its subscriber with SUBSCRIBE in its dialog", async () => {
    const made = await refer();
    const event: Fields[number] = ["Event", "refer"];
    const ended = await bench.again(made, 2, [event, usual[1] as Fields[number], ["Expires", "0"]]);
    await bench.rig.clock.advance(10);
    expect(ended.statusCode).toBe(200);
    expect(bench.states.at(-1)).toBe("terminated;reason=timeout");
  });

  it("is refused within a dialog (RFC 6665 §4.5.2) and without a Contact", async () => {
    expect((await refer(undefined, "x")).statusCode).toBe(403);
    expect((await refer([["Subject", HANDSET]])).statusCode).toBe(400);
    expect(adopted).toBeUndefined();
    expect(bench.handset.received).toEqual([]);
  });
});
