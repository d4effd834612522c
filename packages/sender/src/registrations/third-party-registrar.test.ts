import { encodeMultipart } from "@sip-push/bodies";
import { createRequest, type RequestSender, responseTo, type SipResponse, TrustDomain } from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CORE, HERE, PeerRig } from "../testdata/peer-rig.ts";
import type { RegistrationNews } from "./registration-news.ts";
import { ThirdPartyRegistrar, type ThirdPartyRegistrarOptions } from "./third-party-registrar.ts";

const BOB = "sip:bob@home.test";
const PSI = "sip:push-psi@home.test";
const SCSCF = "sip:scscf.home.test";

let rig: PeerRig;
let news: RegistrationNews[];
let registrar: ThirdPartyRegistrar;

beforeEach(() => {
  rig = new PeerRig();
  news = [];
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

async function start(options: Partial<ThirdPartyRegistrarOptions> = {}): Promise<RequestSender> {
  registrar = new ThirdPartyRegistrar({
    trust: new TrustDomain([CORE]),
    tell: (each) => news.push(each),
    ...options,
  });
  await rig.endpoint(HERE, { REGISTER: (transaction) => registrar.handle(transaction) });
  return rig.sender(CORE);
}

interface ThirdParty {
  readonly to?: string;
  readonly expires?: string;
  readonly contact?: string;
  readonly callId?: string;
  readonly cseq?: number;
  readonly contentType?: string;
  readonly body?: Uint8Array;
}

function register(sender: RequestSender, change: ThirdParty = {}): Promise<SipResponse> {
  const { to = BOB, expires = "600", contact = `<${SCSCF}>`, callId = "1", cseq = 1, contentType, body } = change;
  const headers: Array<[string, string]> = [];
  if (expires !== "") headers.push(["Expires", expires]);
  if (contact !== "") headers.push(["Contact", contact]);
  if (contentType !== undefined) headers.push(["Content-Type", contentType]);
  return rig.send(sender, {
    method: "REGISTER",
    requestUri: PSI,
    from: SCSCF,
    to,
    callId,
    cseq,
    headers,
    ...(body === undefined ? {} : { body }),
  });
}

const handsetRegister = (contact: string): ReturnType<typeof createRequest> => {
  const request = createRequest({
    method: "REGISTER",
    requestUri: "sip:home.test",
    from: BOB,
    callId: "handset",
    cseq: 7,
    headers: [
      ["Contact", contact],
      ["Expires", "600"],
    ],
  });
  request.headers.prepend("Via", "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1");
  return request;
};

const tagged = '<sip:bob@192.0.2.9>;+sip.instance="<urn:uuid:1>";+g.oma.pusheventapp="push.syncml"';

describe("a third-party REGISTER (TS 24.229 §5.4.1.7, §5.7.1.1)", () => {
  it("tells who is registered and how long, and is answered as by a registrar (RFC 3261 §10.3 (8))", async () => {
    const response = await register(await start());
    expect(response.statusCode).toBe(200);
    expect(response.headers.get("Contact")).toBe(`<${SCSCF}>;expires=600`);
    expect(response.headers.get("Expires")).toBe("600");
    expect(news).toEqual([
      { kind: "registered", aor: BOB, source: "third-party", contacts: null, expiresSeconds: 600, fresh: true },
    ]);
    expect(registrar.stats).toEqual({ accepted: 1, refused: 0 });
  });

  it("tells with Expires 0 that the user is gone", async () => {
    const response = await register(await start(), { expires: "0" });
    expect(response.statusCode).toBe(200);
    expect(response.headers.has("Contact")).toBe(false);
    expect(news).toEqual([{ kind: "unregistered", aor: BOB, source: "third-party" }]);
  });

  it.each([
    ["the parameter of its Contact", { contact: `<${SCSCF}>;expires=60` }, 60],
    ["an hour without any (RFC 3261 §10.2.1.1)", { expires: "" }, 3600],
    ["Expires when there is no Contact", { contact: "" }, 600],
  ])("lives by %s", async (_, change, expiresSeconds) => {
    expect((await register(await start(), change)).statusCode).toBe(200);
    expect(news).toMatchObject([{ kind: "registered", expiresSeconds }]);
  });

  it("is 403 from outside the trust domain, and no news", async () => {
    const sender = await start({ trust: new TrustDomain(["198.51.100.1"]) });
    expect((await register(sender)).statusCode).toBe(403);
    expect(news).toEqual([]);
    expect(registrar.stats).toEqual({ accepted: 0, refused: 1 });
  });

  it("is 404 when To names no user", async () => {
    expect((await register(await start(), { to: "sip:home.test" })).statusCode).toBe(404);
    expect(news).toEqual([]);
  });

  it("fails when a later one of the same Call-ID has come (RFC 3261 §10.3 (7))", async () => {
    const sender = await start();
    await register(sender, { cseq: 2 });
    expect((await register(sender, { cseq: 1, expires: "0" })).statusCode).toBe(500);
    expect((await register(sender, { cseq: 1, callId: "2" })).statusCode).toBe(200);
    expect(news.map(({ kind }) => kind)).toEqual(["registered", "registered"]);
  });

  it("fails when it was overtaken by the one that says that the user is gone (RFC 3261 §10.3 (7))", async () => {
    const sender = await start();
    await register(sender, { cseq: 1 });
    await register(sender, { cseq: 3, expires: "0" });
    expect((await register(sender, { cseq: 2 })).statusCode).toBe(500);
    expect((await register(sender, { cseq: 4 })).statusCode).toBe(200);
    expect(news.map(({ kind }) => kind)).toEqual(["registered", "unregistered", "registered"]);
  });

  it("is remembered for no more users than the limit", async () => {
    const sender = await start({ maxUsers: 1 });
    await register(sender, { cseq: 2 });
    await register(sender, { cseq: 2, to: "sip:alice@home.test" });
    expect((await register(sender, { cseq: 1 })).statusCode).toBe(200);
    expect((await register(sender, { cseq: 3, to: "sip:alice@home.test", expires: "0" })).statusCode).toBe(200);
  });
});

describe("what an S-CSCF encloses (TS 24.229 §5.4.1.7A)", () => {
  it("as message/sip: the handset's REGISTER tells its contact", async () => {
    const body = handsetRegister(tagged).encode();
    await register(await start(), { contentType: "message/sip", body });
    expect(news).toMatchObject([
      {
        partial: true,
        contacts: [
          {
            uri: "sip:bob@192.0.2.9",
            instance: "urn:uuid:1",
            applications: ["push.syncml"],
            expiresSeconds: 600,
            callId: "handset",
            cseq: 7,
          },
        ],
      },
    ]);
  });

  it("as multipart/mixed: the 200 tells all contacts, with their GRUUs (RFC 5627 §5.3)", async () => {
    const request = handsetRegister(tagged);
    const answer = responseTo(request, 200, {
      headers: [
        ["Contact", `${tagged};pub-gruu="sip:bob@home.test;gr=1";expires=300`],
        ["Contact", "<sip:bob@192.0.2.10>;expires=100"],
      ],
    });
    const parts = [request, answer].map((message) => ({ contentType: "message/sip", body: message.encode() }));
    await register(await start(), encodeMultipart({ subtype: "mixed", params: new Map(), parts }));
    expect(news).toMatchObject([
      {
        contacts: [
          { publicGruu: "sip:bob@home.test;gr=1", applications: ["push.syncml"], expiresSeconds: 300 },
          { uri: "sip:bob@192.0.2.10", applications: [], expiresSeconds: 100 },
        ],
      },
    ]);
  });

  it.each([
    ["message/sip", "garbage"],
    ["message/sip", "REGISTER sip:home.test SIP/2.0\r\nContact: <sip:a@b>\r\n\r\n"],
    ["message/sip", "REGISTER sip:home.test SIP/2.0\r\nCSeq: 1 REGISTER\r\nContact: <sip:a@b>\r\n\r\n"],
    ["multipart/mixed;boundary=x", "--x\r\n"],
    ["application/3gpp-ims+xml", "<ims-3gpp/>"],
  ])("as %s, %j: is left out when it cannot be read", async (contentType, text) => {
    const body = new TextEncoder().encode(text);
    expect((await register(await start(), { contentType, body })).statusCode).toBe(200);
    expect(news).toMatchObject([{ kind: "registered", contacts: null }]);
  });

  it("is left out when it is too large", async () => {
    const sender = await start({ maxBodyBytes: 100 });
    await register(sender, { contentType: "message/sip", body: handsetRegister(tagged).encode() });
    expect(news).toMatchObject([{ contacts: null }]);
  });
});
