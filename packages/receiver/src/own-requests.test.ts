import { parseUri, type RequestSender, type SendOptions, type SipRequest, type SipUri } from "@sip-push/sip";
import { describe, expect, it } from "vitest";
import { OwnRequests, type OwnRequestsOptions } from "./own-requests.ts";

const proxy = parseUri("sip:pcscf.home.test") as SipUri;
const { signal } = new AbortController();

/** What leaves for the options given. */
function sent(options: Partial<OwnRequestsOptions>): { request: SipRequest; options: SendOptions } {
  let left: { request: SipRequest; options: SendOptions } | undefined;
  const sender = {
    send: (request: SipRequest, how: SendOptions) => {
      left = { request, options: how };
      return Promise.resolve({ kind: "failure" });
    },
  };
  const own = new OwnRequests({
    sender: sender as unknown as RequestSender,
    aor: "sip:bob@home.test",
    role: "plain",
    registration: undefined,
    proxy: undefined,
    credentials: undefined,
    ...options,
  });
  void own.send({ method: "MESSAGE", requestUri: "sip:psi@home.test", headers: [["Subject", "x"]] }, signal);
  if (left === undefined) throw new Error("nothing was sent");
  return left;
}

describe("a request of the receiver", () => {
  it("is from its user, to where the Request-URI leads", () => {
    const { request, options } = sent({});
    expect([...request.headers].map(([name]) => name)).toEqual(
      "Max-Forwards From To Call-ID CSeq Subject Content-Length".split(" "),
    );
    expect(request.headers.get("From")).toMatch(/^<sip:bob@home\.test>;tag=/);
    expect(options).toEqual({ signal });
  });

  it("says who asks in the role of a terminal (RFC 3325 §9.2), and goes to the proxy", () => {
    const { request, options } = sent({ role: "gm", proxy });
    expect(request.headers.get("P-Preferred-Identity")).toBe("<sip:bob@home.test>");
    expect(options).toEqual({ signal, nextHop: proxy });
  });

  it("goes the way of the registration, if there is one (RFC 3608 §5)", () => {
    const identities: (string | undefined)[] = [];
    const registration = {
      route: (identity?: string) => {
        identities.push(identity);
        return { headers: [["Route", "<sip:orig@scscf.test;lr>"] as const], sending: {} };
      },
    };
    const { request, options } = sent({ role: "gm", proxy, registration });
    expect(request.headers.get("Route")).toBe("<sip:orig@scscf.test;lr>");
    expect(options).toEqual({ signal });
    sent({ registration });
    expect(identities).toEqual(["sip:bob@home.test", undefined]);
  });

  it.each([
    ["its own, when it is among those registered", ["sip:bobby@home.test", "sip:bob@HOME.test"], "sip:bob@home.test"],
    [
      "the default one of those registered otherwise (TS 24.229 §5.1.2A)",
      ["sip:bobby@home.test"],
      "sip:bobby@home.test",
    ],
    ["its own, when what is listed is no URI", ["<", "sip:bob@home.test"], "sip:bob@home.test"],
  ])("prefers %s", (_, associatedUris, identity) => {
    const identities: (string | undefined)[] = [];
    const route = (preferred?: string) => {
      identities.push(preferred);
      return { headers: [], sending: {} };
    };
    sent({ role: "gm", registration: { route, associatedUris } });
    expect(identities).toEqual([identity]);
  });

  it("is left to a registration over several flows to send (RFC 5626 §4.3)", () => {
    const left: unknown[] = [];
    const registration = {
      route: () => ({ headers: [], sending: {} }),
      send: (request: SipRequest, options?: SendOptions, identity?: string) => {
        left.push([request.method, request.headers.get("Subject"), options, identity]);
        return Promise.resolve({
          kind: "failure" as const,
          code: "SIP_CLOSED" as const,
          reason: "",
          retryable: false,
          attempts: 0,
        });
      },
    };
    const own = new OwnRequests({
      sender: {} as RequestSender,
      aor: "sip:bob@home.test",
      role: "gm",
      registration,
      proxy,
      credentials: undefined,
    });
    void own.send({ method: "MESSAGE", requestUri: "sip:psi@home.test", headers: [["Subject", "x"]] }, signal);
    expect(left).toEqual([["MESSAGE", "x", { signal }, "sip:bob@home.test"]]);
  });

  it("is told in pieces to subscriptions and publications", () => {
    const flow = { transport: "TCP" } as unknown as NonNullable<ReturnType<OwnRequests["way"]>["flow"]>;
    const headers = [
      ["Route", "<sip:a;lr>, <sip:b;lr>"],
      ["P-Access-Network-Info", "3GPP-E-UTRAN-FDD"],
    ] as const;
    const own = new OwnRequests({
      sender: {} as RequestSender,
      aor: "sip:bob@home.test",
      role: "plain",
      registration: { route: () => ({ headers, sending: { flow } }) },
      proxy,
      credentials: undefined,
    });
    expect(own.way()).toEqual({ routeSet: [headers[0][1]], headers: [headers[1]], flow, nextHop: undefined });
  });
});
