import { SipEndpoint, UasCore } from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { titleOf, tortureMessages, tortureOctets } from "./messages.ts";
import { onlyMessage, RawPeer, summaryOf } from "./wire.ts";

const target = { address: "192.0.2.200", port: 5060 };

/**
 * What a user agent server that takes MESSAGE answers; `null`: nothing. An INVITE is well-formed or not, but no method of
 * this server: 405 comes before anything its body or Accept would lead to (RFC 3261 §8.2.1).
 */
const answers: Readonly<Record<string, number | null>> = {
  wsinv: 405,
  intmeth: 501,
  esc01: 405,
  escnull: 405,
  esc02: 501,
  lwsdisp: 200,
  longreq: 405,
  dblreq: 405,
  semiuri: 200,
  transports: 200,
  mpart01: 200,
  unreason: null,
  noreason: null,
  badinv01: 400,
  clerr: 400,
  ncl: 400,
  scalar02: 400,
  scalarlg: null,
  quotbal: 400,
  ltgtruri: 400,
  lwsruri: 400,
  lwsstart: 400,
  trws: 400,
  escruri: 400,
  baddate: 405,
  regbadct: 400,
  badaspec: 400,
  baddn: 400,
  badvers: 505,
  mismatch01: 400,
  mismatch02: 400,
  bigcode: null,
  badbranch: 200,
  insuf: 400,
  unkscm: 416,
  novelsc: 416,
  unksm2: 405,
  bext01: 420,
  invut: 405,
  regaut01: 405,
  multi01: 400,
  mcl01: 400,
  bcast: null,
  zeromf: 200,
  cparam01: 405,
  cparam02: 405,
  regescrt: 405,
  sdp01: 405,
  inv2543: 405,
  test: null,
};

describe("RFC 4475: what a user agent server answers", () => {
  let peer: RawPeer;
  let server: SipEndpoint;
  const seen: string[] = [];

  beforeEach(async () => {
    seen.length = 0;
    peer = new RawPeer();
    const core = new UasCore({
      methods: {
        MESSAGE: (transaction) => {
          seen.push(transaction.request.method);
          transaction.reply(200);
        },
      },
    });
    server = await SipEndpoint.open({
      listen: [{ transport: "UDP", ...target }],
      onRequest: (transaction) => core.handle(transaction),
      clock: peer.clock,
      open: peer.network.open,
    });
  });

  afterEach(() => server.close());

  it("has a row for each message", () => {
    expect(Object.keys(answers)).toEqual(tortureMessages.map(({ name }) => name));
  });

  it.each(tortureMessages.map((message) => [titleOf(message), message.name] as const))("%s", async (_, name) => {
    const sent = await peer.exchange(tortureOctets(name), target);
    expect(summaryOf(sent)).toEqual(answers[name] === null ? [] : [answers[name]]);
  });

  it("§3.1.1.2 intmeth: the answer carries Call-ID, From and To with their odd signs, NUL too", async () => {
    const { headers } = onlyMessage(await peer.exchange(tortureOctets("intmeth"), target));
    const request = tortureOctets("intmeth").toString("latin1");
    for (const name of ["From", "Call-ID", "CSeq"]) expect(request).toContain(`${name}: ${headers.get(name)}\r\n`);
    expect(headers.get("To")).toContain(/^To: (.*)\r$/m.exec(request)?.[1]);
    expect(headers.get("Allow")).toContain("MESSAGE");
  });

  it("§3.1.1.11 mpart01: the MESSAGE is taken once", async () => {
    await peer.exchange(tortureOctets("mpart01"), target);
    expect(seen).toEqual(["MESSAGE"]);
  });

  it("§3.2.1 badbranch: the cookie alone is no transaction identifier, the RFC 2543 rules tell requests apart", async () => {
    const other = tortureOctets("badbranch").toString("latin1").replace("Call-ID: bad", "Call-ID: other");
    expect(summaryOf(await peer.exchange(tortureOctets("badbranch"), target))).toEqual([200]);
    const [again] = await peer.exchange(tortureOctets("badbranch"), target);
    expect(server.stats).toMatchObject({ retransmissionsAbsorbed: 1 });
    const second = onlyMessage(await peer.exchange(Buffer.from(other, "latin1"), target));
    expect(second.callId).toMatch(/^other/);
    expect(again?.octets).not.toEqual(second.encode());
  });

  it("§3.3.1 insuf: the 400 goes out although Call-ID, From and To are missing", async () => {
    const response = onlyMessage(await peer.exchange(tortureOctets("insuf"), target));
    expect([response.cseq, response.via.params.get("branch")]).toEqual([
      { seq: 193942, method: "INVITE" },
      "z9hG4bKkdj.insuf",
    ]);
  });

  it("§3.3.5 bext01: Unsupported names what is in Require, not what is in Proxy-Require", async () => {
    const { headers } = onlyMessage(await peer.exchange(tortureOctets("bext01"), target));
    expect(headers.list("Unsupported")).toEqual(["nothingSupportsThis", "nothingSupportsThisEither"]);
  });

  it("§3.1.2: a reason phrase tells what was wrong", async () => {
    const response = onlyMessage(await peer.exchange(tortureOctets("quotbal"), target));
    expect(response).toMatchObject({ statusCode: 400, reason: "Bad Request (To: quoted string never closes)" });
  });

  it("a malformed ACK gets no answer (RFC 3261 §17.2.1)", async () => {
    const ack = tortureOctets("quotbal").toString("latin1").replaceAll("INVITE", "ACK");
    expect(await peer.exchange(Buffer.from(ack, "latin1"), target)).toEqual([]);
  });
});
