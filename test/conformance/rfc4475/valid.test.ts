import {
  decodeMessage,
  decodeText,
  isSound,
  paramValue,
  parseMediaType,
  parseNameAddr,
  parseVia,
  rejectionOf,
  type SipMessage,
  SipRequest,
  SipResponse,
  type SipUri,
  type Uri,
} from "@sip-push/sip";
import { describe, expect, it } from "vitest";
import { tortureMessages, tortureOctets } from "./messages.ts";

function request(name: string): SipRequest {
  const message = decodeMessage(tortureOctets(name));
  if (!(message instanceof SipRequest)) throw new Error(`${name} is no request`);
  return message;
}

function response(name: string): SipResponse {
  const message = decodeMessage(tortureOctets(name));
  if (!(message instanceof SipResponse)) throw new Error(`${name} is no response`);
  return message;
}

function sip(uri: Uri): SipUri {
  if (uri.scheme !== "sip" && uri.scheme !== "sips") throw new Error("no SIP URI");
  return uri;
}

const vias = (message: SipMessage): ReturnType<typeof parseVia>[] => message.headers.list("Via").map(parseVia);
const contacts = (message: SipMessage): ReturnType<typeof parseNameAddr>[] =>
  message.headers.list("Contact").map((value) => parseNameAddr(value, "Contact"));

describe("RFC 4475 §3.1.1: valid messages are taken", () => {
  it.each(tortureMessages.filter(({ group }) => group === "valid"))("§$section $name is sound", ({ name }) => {
    const message = decodeMessage(tortureOctets(name));
    expect(message.flaw).toBeUndefined();
    if (message instanceof SipRequest) expect(rejectionOf(message)).toBeUndefined();
    else expect(isSound(message)).toBe(true);
  });

  it("§3.1.1.1 wsinv: folding, odd blanks, compact forms and mixed lists are read", () => {
    const message = request("wsinv");
    expect([message.method, message.requestUri]).toEqual(["INVITE", "sip:vivekg@chair-dnrc.example.com;unknownparam"]);
    expect(sip(message.uri).params).toEqual(new Map([["unknownparam", null]]));
    expect([message.to.uriText, message.to.params.get("tag")]).toEqual([
      "sip:vivekg@chair-dnrc.example.com",
      "1918181833n",
    ]);
    expect([message.from.displayName, message.from.params.get("tag")]).toEqual(['J Rosenberg \\"', "98asjd8"]);
    expect(message.headers.get("Max-Forwards")).toBe("0068");
    expect(message.cseq).toEqual({ seq: 9, method: "INVITE" });
    expect(vias(message)).toEqual([
      { transport: "UDP", host: "192.0.2.2", params: new Map([["branch", "390skdjuw"]]) },
      { transport: "TCP", host: "spindle.example.com", params: new Map([["branch", "z9hG4bK9ikj8"]]) },
      { transport: "UDP", host: "192.168.255.111", params: new Map([["branch", "z9hG4bK30239"]]) },
    ]);
    expect(message.headers.get("Subject")).toBe("");
    expect(message.headers.get("NewFangledHeader")).toBe("newfangled value continued newfangled value");
    expect(message.headers.get("UnknownHeaderWithUnusualValue")).toBe(";;,,;;,;");
    expect(message.headers.list("Route")).toEqual(["<sip:services.example.com;lr;unknownwith=value;unknown-no-value>"]);
    expect(contacts(message)).toMatchObject([
      {
        displayName: 'Quoted string ""',
        uriText: "sip:jdrosen@example.com",
        params: new Map([
          ["newparam", "newvalue"],
          ["secondparam", null],
          ["q", "0.33"],
        ]),
      },
    ]);
    expect(message.body).toHaveLength(150);
  });

  it("§3.1.1.2 intmeth: each sign of token, user and quoted-pair is itself, NUL too", () => {
    const message = request("intmeth");
    expect(message.method).toBe("!interesting-Method0123456789_*+`.%indeed'~");
    expect(message.cseq).toEqual({ seq: 139122385, method: message.method });
    const { user, password, host } = sip(message.uri);
    expect([user, password, host]).toEqual([
      "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*",
      "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)",
      "example.com",
    ]);
    expect(message.via.params.get("branch")).toBe("z9hG4bK-.!%66*_+`'~");
    expect(message.to.displayName).toBe("BEL:\u0007 NUL:\u0000 DEL:\u007f");
    expect(message.from.displayName).toBe("token1~` token2'+_ token3*%!.-");
    expect(message.from.params.get("tag")).toBe("_token~1'+`*%!-.");
    expect(decodeText(paramValue(message.from.params, "fromparam''~+*_!.-%") ?? "")).toBe("работающий");
    expect(message.callId).toBe("intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{");
    expect(decodeText(message.headers.get("extensionHeader-!.%*+_`'~") ?? "")).toBe("\ufeff大停電");
  });

  it("§3.1.1.3 esc01: escapes mean their character, once", () => {
    const message = request("esc01");
    expect(sip(message.uri)).toMatchObject({ user: "sips%3Auser%40example.com", host: "example.net" });
    expect(sip(message.from.uri).user).toBe("I%20have%20spaces");
    // `%6C%72` is `lr`, `n%61me` is `name`; the value says `value%41`, which is not `valueA`.
    expect(sip(contacts(message)[0]?.uri as Uri).params).toEqual(
      new Map([
        ["lr", null],
        ["name", "v%61lue%25%34%31"],
      ]),
    );
    expect(message.callId).toBe("esc01.239409asdfakjkn23onasd0-3234");
  });

  it("§3.1.1.4 escnull: two contacts that differ by a NUL, none cut short", () => {
    const message = request("escnull");
    expect(sip(message.to.uri).user).toBe("null-%00-null");
    expect(contacts(message).map(({ uri }) => sip(uri).user)).toEqual(["%00", "%00%00"]);
  });

  it("§3.1.1.5 esc02: % is no escape in methods, names and display names", () => {
    const message = request("esc02");
    expect(message.method).toBe("RE%47IST%45R");
    expect([message.to.displayName, message.from.displayName]).toEqual(["%Z%45", "%Z%45"]);
    expect(contacts(message).map(({ uriText }) => uriText)).toEqual([
      "sip:alias1@host1.example.com",
      "sip:alias3@host3.example.com",
    ]);
    expect(message.headers.getAll("C%6Fntact")).toEqual(["<sip:alias2@host2.example.com>"]);
  });

  it("§3.1.1.6 lwsdisp: no blank is needed between the display name and <", () => {
    expect(request("lwsdisp").from).toMatchObject({ displayName: "caller", uriText: "sip:caller@example.com" });
  });

  it("§3.1.1.7 longreq: long names and values, and 34 Via fields in any case", () => {
    const message = request("longreq");
    expect(message.to.displayName).toBe(`I have a user name of ${"extreme".repeat(10)} proportion`);
    expect([...sip(message.to.uri).params.keys()].map((name) => name.length)).toEqual([13, 109, 128]);
    expect(message.from.params.get("tag")).toBe(`12${"982".repeat(50)}424`);
    expect(message.callId).toBe(`longreq.one${"really".repeat(20)}longcallid`);
    expect(vias(message).map(({ host }) => host)).toEqual([
      ...Array.from({ length: 33 }, (_, i) => `sip${33 - i}.example.com`),
      "host.example.com",
    ]);
    expect(message.body).toHaveLength(150);
  });

  it("§3.1.1.8 dblreq: the INVITE behind a REGISTER in one datagram is noise", () => {
    const message = request("dblreq");
    expect([message.method, message.body.length]).toEqual(["REGISTER", 0]);
    expect(Buffer.from(message.encode()).toString()).not.toContain("INVITE");
  });

  it("§3.1.1.9 semiuri: the user part holds a semicolon and an escaped @", () => {
    const { user, host, params } = sip(request("semiuri").uri);
    expect([user, host, params.size]).toEqual(["user;par=u%40example.net", "example.com", 0]);
  });

  it("§3.1.1.10 transports: known and unknown transports", () => {
    expect(vias(request("transports")).map(({ transport }) => transport)).toEqual([
      "UDP",
      "SCTP",
      "TLS",
      "UNKNOWN",
      "TCP",
    ]);
  });

  it("§3.1.1.11 mpart01: the body with its NULs is cut by Content-Length", () => {
    const message = request("mpart01");
    const type = parseMediaType(message.headers.get("Content-Type") ?? "");
    expect([type.type, type.params.get("boundary")]).toEqual(["multipart/mixed", "7a9cbec02ceef655"]);
    expect(message.body).toHaveLength(553);
    expect(message.body).toContain(0);
    expect(Buffer.from(message.body).toString("latin1").endsWith("--7a9cbec02ceef655--\r\n")).toBe(true);
  });

  it("§3.1.1.12 unreason: a reason phrase in UTF-8", () => {
    const message = response("unreason");
    expect(message.statusCode).toBe(200);
    expect(decodeText(message.reason)).toBe("= 2**3 * 5**2 но сто девяносто девять - простое");
  });

  it("§3.1.1.13 noreason: an empty reason phrase, with or without the blank before it", () => {
    expect([response("noreason").statusCode, response("noreason").reason]).toEqual([100, ""]);
    const liberal = Buffer.from(
      tortureOctets("noreason").toString("latin1").replace("SIP/2.0 100 ", "SIP/2.0 100"),
      "latin1",
    );
    expect(decodeMessage(liberal)).toMatchObject({ statusCode: 100, reason: "" });
  });
});

describe("RFC 4475 §3.2, §3.3, §3.4: what is well-formed is taken whatever it asks", () => {
  it.each([
    "badbranch",
    "unkscm",
    "novelsc",
    "unksm2",
    "bext01",
    "invut",
    "regaut01",
    "zeromf",
    "cparam01",
    "cparam02",
    "regescrt",
    "sdp01",
    "inv2543",
  ])("%s is sound", (name) => expect(rejectionOf(request(name))).toBeUndefined());

  it("§3.3.2 unkscm, §3.3.3 novelsc: the Request-URI of another scheme is kept as it is", () => {
    expect(request("unkscm").uri).toEqual({ scheme: "other", text: "nobodyKnowsThisScheme:totallyopaquecontent" });
    expect(request("novelsc").uri).toEqual({ scheme: "other", text: "soap.beep://192.0.2.103:3002" });
  });

  it("§3.3.4 unksm2: other schemes in To, From and Contact", () => {
    const message = request("unksm2");
    const uris = [message.to.uri, message.from.uri, contacts(message)[0]?.uri];
    expect(uris).toEqual(
      ["isbn:2983792873", "http://www.example.com", "name:John_Smith"].map((text) => ({ scheme: "other", text })),
    );
  });

  it("§3.3.5 bext01: option tags of both fields", () => {
    const { headers } = request("bext01");
    expect(headers.list("Require")).toEqual(["nothingSupportsThis", "nothingSupportsThisEither"]);
    expect(headers.list("Proxy-Require")).toEqual(["noProxiesSupportThis", "norDoAnyProxiesSupportThis"]);
  });

  it("§3.3.10 bcast: two Via values, the second of the broadcast address", () => {
    const message = response("bcast");
    expect(isSound(message)).toBe(true);
    expect(vias(message).map(({ host }) => host)).toEqual(["192.0.2.198", "255.255.255.255"]);
  });

  it("§3.3.12 cparam01: a parameter behind a bare URI belongs to the field", () => {
    const [contact] = contacts(request("cparam01"));
    expect([contact?.params.has("unknownparam"), sip(contact?.uri as Uri).params.has("unknownparam")]).toEqual([
      true,
      false,
    ]);
  });

  it("§3.3.13 cparam02: a parameter within < > belongs to the URI", () => {
    const [contact] = contacts(request("cparam02"));
    expect([contact?.params.has("unknownparam"), sip(contact?.uri as Uri).params.has("unknownparam")]).toEqual([
      false,
      true,
    ]);
  });

  it("§3.3.14 regescrt: the escaped header stays in the contact URI", () => {
    const [contact] = contacts(request("regescrt"));
    expect(sip(contact?.uri as Uri).headers).toEqual([["Route", "%3Csip:sip.example.com%3E"]]);
    expect(contact?.uriText).toBe("sip:user@example.com?Route=%3Csip:sip.example.com%3E");
  });

  it("§3.4.1 inv2543: without Content-Length the body is the rest of the datagram", () => {
    const message = request("inv2543");
    expect([message.body.length, message.via.params.get("branch"), message.from.params.get("tag")]).toEqual([
      105,
      undefined,
      undefined,
    ]);
  });
});
