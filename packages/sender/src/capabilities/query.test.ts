import type { RequestSender, ServerTransaction } from "@sip-push/sip";
import { parseUri, type SipRequest, type SipUri } from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CORE, HERE, PeerRig } from "../testdata/peer-rig.ts";
import { CapabilityBook } from "./capability-book.ts";
import { type CapabilityAnswer, type CapabilityQuery, queryCapabilities } from "./query.ts";

const BOB = "sip:bob@home.test";

let rig: PeerRig;
let sender: RequestSender;
let book: CapabilityBook;

beforeEach(async () => {
  rig = new PeerRig();
  sender = await rig.sender(HERE);
  book = new CapabilityBook({ clock: rig.clock });
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

function ask(change: Partial<CapabilityQuery> = {}, signal?: AbortSignal): Promise<CapabilityAnswer> {
  const nextHop = parseUri(`sip:${CORE}`) as SipUri;
  const query = { target: BOB, from: "sip:psi@home.test", book, ...change };
  return rig.clock.until(queryCapabilities(sender, query, { nextHop, ...(signal === undefined ? {} : { signal }) }));
}

/** A core that answers OPTIONS so, and the requests it got. */
async function core(answer: (transaction: ServerTransaction) => void): Promise<SipRequest[]> {
  const seen: SipRequest[] = [];
  await rig.endpoint(CORE, {
    OPTIONS: (transaction) => {
      seen.push(transaction.request);
      answer(transaction);
    },
  });
  return seen;
}

describe("OPTIONS (RFC 3261 §11)", () => {
  it("asks a handset that has the application, and enters what it says", async () => {
    const seen = await core((transaction) =>
      transaction.reply(200, {
        headers: [
          ["Accept", "text/plain"],
          ["Allow", "MESSAGE"],
          ["Contact", '<sip:bob@192.0.2.9>;+sip.instance="<urn:uuid:1>";+g.oma.pusheventapp="push.syncml"'],
        ],
      }),
    );
    const answer = await ask({
      applicationId: "push.syncml",
      headers: [["P-Asserted-Identity", "<sip:psi@home.test>"]],
    });
    expect(answer).toMatchObject({
      kind: "answered",
      sipStatus: 200,
      learnt: { handset: "urn:uuid:1", facts: { applications: ["push.syncml"], mediaTypes: ["text/plain"] } },
    });
    expect(book.lookup(BOB)).toMatchObject([{ handset: "urn:uuid:1", facts: { methods: ["MESSAGE"] } }]);
    const [request] = seen;
    expect(request?.requestUri).toBe(BOB);
    expect(request?.headers.get("Accept-Contact")).toBe('*;+g.oma.pusheventapp="push.syncml";require;explicit');
    expect(request?.headers.get("Accept")).toBe("application/sdp");
    expect(request?.headers.get("P-Asserted-Identity")).toBe("<sip:psi@home.test>");
    expect(request?.headers.get("Max-Forwards")).toBe("70");
  });

  it("asks any handset without an application", async () => {
    const seen = await core((transaction) => transaction.reply(200));
    expect(await ask()).toMatchObject({ kind: "answered", learnt: { handset: null } });
    expect(seen[0]?.headers.has("Accept-Contact")).toBe(false);
  });

  it.each([
    [480, "Temporarily Unavailable"],
    [603, "Decline"],
  ])("that is answered %s says so, and teaches nothing", async (statusCode, reason) => {
    await core((transaction) => transaction.reply(statusCode, { headers: [["Retry-After", "7"]] }));
    expect(await ask()).toEqual({ kind: "refused", sipStatus: statusCode, reason, retryAfterSeconds: 7 });
    expect(book.stats.users).toBe(0);
  });

  it("that nobody answers, or that the caller gives up, fails", async () => {
    await core(() => {});
    expect(await ask()).toMatchObject({ kind: "failed", code: "SIP_TIMEOUT", retryable: true });
    expect(await ask({}, AbortSignal.abort())).toMatchObject({ kind: "failed", code: "SIP_ABORTED" });
  });
});
