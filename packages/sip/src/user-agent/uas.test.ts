import { describe, expect, it } from "vitest";
import { MemoryNetwork, TransactionRig, VirtualClock } from "../testing/index.ts";
import type { ServerTransaction } from "../transaction/index.ts";
import { createRequest, type RequestInit } from "./request.ts";
import { UasCore } from "./uas.ts";

const listen = { transport: "UDP", address: "192.0.2.2", port: 5060 } as const;

async function answersTo(
  inits: ReadonlyArray<Partial<RequestInit>>,
  message: (transaction: ServerTransaction) => void = (transaction) => transaction.reply(200),
): Promise<Array<{ statusCode: number; header: (name: string) => string | undefined }>> {
  const clock = new VirtualClock();
  const network = new MemoryNetwork({ clock });
  const server = await TransactionRig.open(network, listen);
  const client = await TransactionRig.open(network, { ...listen, address: "192.0.2.1" });
  const core = new UasCore({ methods: { MESSAGE: message }, accept: ["text/plain"], optionTags: ["path"] });
  server.onRequest = (transaction) => core.handle(transaction);
  const flow = await client.transport.flowTo(listen);
  const told = inits.map((init) =>
    client.send(
      createRequest({ method: "MESSAGE", requestUri: "sip:bob@192.0.2.2", from: "sip:alice@192.0.2.1", ...init }),
      flow,
    ),
  );
  await clock.advance(100);
  const responses = told.flat().flatMap((each) => ("response" in each ? [each.response] : []));
  await client.close();
  await server.close();
  return responses.map(({ statusCode, headers }) => ({ statusCode, header: (name) => headers.get(name) }));
}

describe("what every UAS checks first (RFC 3261 §8.2)", () => {
  it.each([
    ["a method without a handler 405", "PUBLISH", 405],
    ["a method that nobody knows 501", "RE%47IST%45R", 501],
  ])("refuses %s, with Allow (§8.2.1, §21.5.2)", async (_, method, statusCode) => {
    const [answer] = await answersTo([{ method }]);
    expect(answer?.statusCode).toBe(statusCode);
    expect(answer?.header("Allow")).toBe("MESSAGE, OPTIONS");
  });

  it("refuses an unknown URI scheme 416 (§8.2.2.1)", async () => {
    const [answer] = await answersTo([{ requestUri: "nobodyKnowsThisScheme:totally", to: "sip:bob@192.0.2.2" }]);
    expect(answer?.statusCode).toBe(416);
  });

  it("refuses unknown option tags 420, naming them in Unsupported (§8.2.2.3)", async () => {
    const [answer] = await answersTo([{ headers: [["Require", "path, nothingSupportsThis"]] }]);
    expect([answer?.statusCode, answer?.header("Unsupported")]).toEqual([420, "nothingSupportsThis"]);
  });

  it("refuses a request that came by two paths 482 while the first is under way (§8.2.2.2)", async () => {
    const same = { callId: "x", fromTag: "t", cseq: 1 };
    const answers = await answersTo([same, same], () => {});
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([482]);
  });

  it("answers OPTIONS with what it can do (§11.2)", async () => {
    const [answer] = await answersTo([{ method: "OPTIONS" }]);
    expect(answer?.statusCode).toBe(200);
    expect(["Allow", "Accept", "Supported", "Accept-Encoding"].map((name) => answer?.header(name))).toEqual([
      "MESSAGE, OPTIONS",
      "text/plain",
      "path",
      "identity",
    ]);
  });
});

describe("methods off the wire", () => {
  it.each(["constructor", "toString", "__proto__"])("%s is no handler: 501 (RFC 3261 §21.5.2)", async (method) => {
    const [answer] = await answersTo([{ method }]);
    expect(answer?.statusCode).toBe(501);
  });

  it("CANCEL without an INVITE is 481, whatever it requires (RFC 3261 §9.2, §8.2.2.3)", async () => {
    const [answer] = await answersTo([{ method: "CANCEL", headers: [["Require", "nothingSupportsThis"]] }]);
    expect(answer?.statusCode).toBe(481);
  });

  it("a request with a To tag is never taken for a merged one (RFC 3261 §8.2.2.2)", async () => {
    const same = { callId: "x", fromTag: "t", toTag: "d", cseq: 1 };
    const seen: ServerTransaction[] = [];
    const answers = await answersTo([same, same], (transaction) => void seen.push(transaction));
    expect([answers, seen.length]).toEqual([[], 2]);
  });
});
