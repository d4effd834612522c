import { SipProxy, type SipProxyOptions, UserDirectory } from "@sip-push/proxy";
import { parseNameAddr, type SipMessage, SipRequest, staticResolver } from "@sip-push/sip";
import { afterEach, describe, expect, it } from "vitest";
import { titleOf, tortureMessages, tortureOctets } from "./messages.ts";
import { onlyMessage, RawPeer, summaryOf } from "./wire.ts";

const target = { address: "192.0.2.200", port: 5060 };
const handset = { address: "192.0.2.50", port: 5060 };
const open: SipProxy[] = [];

afterEach(async () => {
  for (const proxy of open.splice(0)) await proxy.close();
});

async function bed(options: Partial<SipProxyOptions> = {}): Promise<{ peer: RawPeer; proxy: SipProxy }> {
  const peer = new RawPeer();
  const proxy = await SipProxy.open({
    listen: [{ transport: "UDP", ...target }],
    domains: ["example.com", "example.net", "example.org", "registrar.example.com"],
    resolver: staticResolver({}),
    clock: peer.clock,
    open: peer.network.open,
    ...options,
  });
  open.push(proxy);
  return { peer, proxy };
}

let registered = 0;

/** Registers the handset as `aor`. */
async function register(peer: RawPeer, aor: string): Promise<void> {
  registered++;
  const text = [
    "REGISTER sip:example.com SIP/2.0",
    `Via: SIP/2.0/UDP 192.0.2.50;branch=z9hG4bKr${registered}`,
    `From: <${aor}>;tag=1`,
    `To: <${aor}>`,
    `Call-ID: r${registered}`,
    "CSeq: 1 REGISTER",
    "Contact: <sip:here@192.0.2.50>",
    "",
    "",
  ];
  expect(summaryOf(await peer.exchange(Buffer.from(text.join("\r\n")), target, { from: handset }))).toEqual([200]);
}

/** What the handset gets when `name` goes through a proxy where `aor` is registered. */
async function forwarded(name: string, aor: string, octets = tortureOctets(name)): Promise<SipRequest> {
  const { peer } = await bed();
  await register(peer, aor);
  const message = onlyMessage(await peer.exchange(octets, target));
  if (!(message instanceof SipRequest)) throw new Error(`${name}: not forwarded, answered ${message.statusCode}`);
  return message;
}

/** Fields as they came, but for those that a proxy has to touch. */
const untouched = (message: SipMessage): string[] =>
  message.headers
    .serialize()
    .split(/\r\n(?![ \t])/)
    .filter((line) => !/^(?:via|v|max-(?:forwards|breadth)|content-length|l|record-route)[ \t]*:/i.test(line));

describe("RFC 4475: what a proxy and registrar answers", () => {
  /**
   * Nobody is registered; `null`: nothing is sent. 405 to INVITE: this proxy serves non-INVITE methods. 403: it does not relay
   * to where the Route leads.
   */
  const answers: Readonly<Record<string, number | null>> = {
    wsinv: 405,
    intmeth: 404,
    esc01: 405,
    escnull: 200,
    esc02: 404,
    lwsdisp: 404,
    longreq: 405,
    dblreq: 200,
    semiuri: 404,
    transports: 404,
    mpart01: 403,
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
    badbranch: 404,
    insuf: 400,
    unkscm: 416,
    novelsc: 416,
    unksm2: 400,
    bext01: 420,
    invut: 405,
    regaut01: 200,
    multi01: 400,
    mcl01: 400,
    bcast: null,
    // OPTIONS: RFC 3261 §16.3 (3) lets a proxy answer it itself instead of 483.
    zeromf: 200,
    cparam01: 200,
    cparam02: 200,
    regescrt: 200,
    sdp01: 405,
    inv2543: 405,
    test: null,
  };

  it("has a row for each message", () => {
    expect(Object.keys(answers)).toEqual(tortureMessages.map(({ name }) => name));
  });

  it.each(tortureMessages.map((message) => [titleOf(message), message.name] as const))("%s", async (_, name) => {
    const { peer } = await bed();
    const sent = await peer.exchange(tortureOctets(name), target, { waitMs: 40_000 });
    expect(summaryOf(sent)).toEqual(answers[name] === null ? [] : [answers[name]]);
  });

  it("§3.3.5 bext01: Unsupported names what is in Proxy-Require, not what is in Require", async () => {
    const { peer } = await bed();
    const { headers } = onlyMessage(await peer.exchange(tortureOctets("bext01"), target));
    expect(headers.list("Unsupported")).toEqual(["noProxiesSupportThis", "norDoAnyProxiesSupportThis"]);
  });

  it("§3.3.10 bcast: a response that nobody asked for goes to no broadcast address", async () => {
    const { peer } = await bed();
    expect(await peer.exchange(tortureOctets("bcast"), target, { waitMs: 1000 })).toEqual([]);
  });

  it("§3.3.11 zeromf: another method is answered 483 and not forwarded", async () => {
    const { peer } = await bed();
    await register(peer, "sip:user@example.com");
    const text = tortureOctets("zeromf").toString("latin1").replaceAll("OPTIONS", "MESSAGE");
    expect(summaryOf(await peer.exchange(Buffer.from(text, "latin1"), target))).toEqual([483]);
  });
});

describe("RFC 4475: what a proxy forwards", () => {
  it.each([
    ["§3.1.1.2", "intmeth", "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com"],
    ["§3.1.1.6", "lwsdisp", "sip:user@example.com"],
    ["§3.1.1.9", "semiuri", "sip:user;par=u%40example.net@example.com"],
    ["§3.1.1.10", "transports", "sip:user@example.com"],
    ["§3.2.1", "badbranch", "sip:user@example.com"],
  ])("%s %s: every field it need not touch is as it came", async (_, name, aor) => {
    const original = tortureOctets(name);
    const message = await forwarded(name, aor);
    const [line = "", ...lines] = (original.toString("latin1").split("\r\n\r\n")[0] ?? "").split(/\r\n(?![ \t])/);
    expect([message.method, message.requestUri]).toEqual([line.split(" ")[0], "sip:here@192.0.2.50"]);
    for (const field of untouched(message).filter((each) => each !== "")) expect(lines).toContain(field);
    expect(untouched(message)).toHaveLength(
      lines.filter((each) => !/^(?:via|v|max-forwards|l|content-length)[ \t]*:/i.test(each)).length + 1,
    );
  });

  it("§3.1.1.10 transports: the Via values below ours are all there", async () => {
    const { headers } = await forwarded("transports", "sip:user@example.com");
    expect(headers.list("Via").map((via) => via.split(";")[0])).toEqual([
      "SIP/2.0/UDP 192.0.2.200:5060",
      "SIP/2.0/UDP t1.example.com",
      "SIP/2.0/SCTP t2.example.com",
      "SIP/2.0/TLS t3.example.com",
      "SIP/2.0/UNKNOWN t4.example.com",
      "SIP/2.0/TCP t5.example.com",
    ]);
  });

  it("§3.1.1.11 mpart01: the binary body is as it came", async () => {
    const withoutRoute = Buffer.from(
      tortureOctets("mpart01")
        .toString("latin1")
        .replace(/Route: .*\r\n/, ""),
      "latin1",
    );
    const message = await forwarded("mpart01", "sip:kumiko@example.org", withoutRoute);
    expect(Buffer.from(message.body).equals(tortureOctets("mpart01").subarray(-553))).toBe(true);
    expect(message.headers.get("Max-Forwards")).toBe("69");
  });
});

describe("RFC 4475: what a registrar keeps", () => {
  const contactsOf = (message: SipMessage): Array<readonly [uri: string, params: string[]]> =>
    message.headers.list("Contact").map((value) => {
      const { uriText, params } = parseNameAddr(value, "Contact");
      return [uriText, [...params.keys()].filter((name) => name !== "expires")] as const;
    });

  /** Contacts in the answer to `name`, and in that to a fetch afterwards. */
  async function contactsAfter(name: string): Promise<ReturnType<typeof contactsOf>[]> {
    const { peer } = await bed();
    const text = tortureOctets(name).toString("latin1");
    const fetch = text
      .replace(/(?:Contact|M):.*\r\n/g, "")
      .replace(/branch=\w+/, "branch=z9hG4bKfetch")
      .replace(/CSeq: \d+/, "CSeq: 99999999");
    const answer = onlyMessage(await peer.exchange(tortureOctets(name), target));
    const again = onlyMessage(await peer.exchange(Buffer.from(fetch, "latin1"), target));
    return [contactsOf(answer), contactsOf(again)];
  }

  it("§3.1.1.4 escnull: two contacts of a user with an escaped NUL", async () => {
    for (const contacts of await contactsAfter("escnull")) {
      expect(contacts.map(([uri]) => uri).toSorted()).toEqual([
        "sip:%00%00@host5.example.com",
        "sip:%00@host5.example.com",
      ]);
    }
  });

  it("§3.3.12 cparam01: a parameter of the field is none of the URI", async () => {
    for (const [contact] of await contactsAfter("cparam01"))
      expect(contact?.[0]).toBe("sip:+19725552222@gw1.example.net");
  });

  it("§3.3.13 cparam02: a parameter of the URI is kept in it", async () => {
    for (const [contact] of await contactsAfter("cparam02")) {
      expect(contact?.[0]).toBe("sip:+19725552222@gw1.example.net;unknownparam");
    }
  });

  it("§3.3.14 regescrt: an escaped header of the URI is kept in it", async () => {
    for (const [contact] of await contactsAfter("regescrt")) {
      expect(contact?.[0]).toBe("sip:user@example.com?Route=%3Csip:sip.example.com%3E");
    }
  });

  it("§3.3.7 regaut01: an unknown scheme is ignored without authentication, and challenged with it", async () => {
    const free = await bed();
    expect(summaryOf(await free.peer.exchange(tortureOctets("regaut01"), target))).toEqual([200]);
    const guarded = await bed({ users: new UserDirectory([{ username: "j.user", secret: { password: "secret" } }]) });
    const answer = onlyMessage(await guarded.peer.exchange(tortureOctets("regaut01"), target));
    expect(answer).toMatchObject({ statusCode: 401 });
    expect(answer.headers.get("WWW-Authenticate")).toMatch(/^Digest /);
  });
});
