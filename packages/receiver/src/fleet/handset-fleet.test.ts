import { CPIM_NAMESPACE, decodeCpim, decodeImdn, encodeCpim, imdnHeaders } from "@sip-push/bodies";
import type { RequestInit } from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DS_TYPE, ds, HANDSET } from "../../../../test/support/receiver-rig.ts";
import type { HandsetStats } from "./handset.ts";
import { FleetBed } from "./testdata/fleet-bed.ts";

let bed: FleetBed;

beforeEach(async () => {
  bed = await FleetBed.start();
});

afterEach(async () => {
  expect(await bed.rig.stop()).toBe(0);
});

/** A push to handset `n`, with its Request-URI as the registrar or nobody wrote it. */
const push = async (n: number | string, init: Partial<RequestInit> = {}): Promise<number> => {
  const to = `sip:h${n}@home.test`;
  const { statusCode } = await bed.rig.send({ requestUri: to, to, ...ds(bed.rig.notification()), ...init });
  return statusCode;
};

describe("pushes to a fleet", () => {
  it("are answered, handed over with who got them, and counted: in all, by handset and by application", async () => {
    const got: Array<[string | null, HandsetStats["aor"]]> = [];
    const fleet = await bed.open({
      register: false,
      applications: ["push.syncml", "x.app"],
      onPush: ({ applicationId }, { aor }) => void got.push([applicationId, aor]),
    });
    expect([await push(1), await push(3), await push(3)]).toEqual([200, 200, 200]);
    const text = { body: Buffer.from("hello"), headers: [["Content-Type", "text/plain"]] as const };
    expect(await push(2, text)).toBe(200);
    expect(got).toEqual([
      ["push.syncml", "sip:h1@home.test"],
      ["push.syncml", "sip:h3@home.test"],
      ["push.syncml", "sip:h3@home.test"],
      [null, "sip:h2@home.test"],
    ]);
    expect(fleet.stats).toMatchObject({ pushes: 4, byApplication: { "push.syncml": 3, "": 1 }, duplicates: 0 });
    expect(fleet.handsets.map(({ pushes }) => pushes)).toEqual([1, 1, 2]);
    expect(bed.rig.registers).toEqual([]);
  });

  it("reach a handset by its Contact, whatever the host", async () => {
    const fleet = await bed.open({ register: false });
    expect(await push(2, { requestUri: "sip:h2@192.0.2.2:5060;transport=udp" })).toBe(200);
    expect(fleet.stats).toMatchObject({ pushes: 1, wrongRecipient: 0 });
  });

  it("for nobody of it are 404 and counted; so are those which came to another than their To says", async () => {
    const fleet = await bed.open({ register: false });
    expect(await push(4)).toBe(404);
    expect(await push(1, { to: "sip:h2@home.test" })).toBe(200);
    expect(await push(1, { to: "sip:somebody@home.test" })).toBe(200);
    expect(await push(1, { to: "tel:+1" })).toBe(200);
    expect(fleet.stats).toMatchObject({ pushes: 3, wrongRecipient: 2 });
  });

  it("with one session go to each handset, and to none of them twice (OMA DM 1.2 Notification)", async () => {
    const fleet = await bed.open({ register: false });
    const body = bed.rig.notification();
    expect([await push(1, ds(body)), await push(2, ds(body)), await push(2, ds(body))]).toEqual([200, 200, 200]);
    expect(fleet.stats).toMatchObject({ pushes: 2, repeats: 1, duplicates: 0 });
  });

  it("that the application got before are duplicates, by Call-ID", async () => {
    const fleet = await bed.open({ register: false });
    const callId = "attempt";
    for (const cseq of [1, 2]) expect(await push(1, { callId, cseq, fromTag: "t" })).toBe(200);
    expect(await push(2, { callId, cseq: 1, fromTag: "u" })).toBe(200);
    expect(fleet.stats).toMatchObject({ pushes: 3, duplicates: 1, repeats: 0 });
    expect(fleet.handsets.map(({ duplicates }) => duplicates)).toEqual([1, 0, 0]);
  });

  it("or by body, for a sender whose bodies all differ", async () => {
    const fleet = await bed.open({ register: false, applications: ["x.app"], duplicatesBy: "body" });
    const headers = [
      ["Content-Type", "text/x"],
      ["Accept-Contact", '*;+g.oma.pusheventapp="x.app"'],
    ] as const;
    for (const text of ["a", "b", "a"]) expect(await push(1, { body: Buffer.from(text), headers })).toBe(200);
    expect(await push(2, { body: Buffer.from("a"), headers })).toBe(200);
    expect(fleet.stats).toMatchObject({ pushes: 4, duplicates: 1 });
  });

  it("that repeat a request to the same handset are answered like the first, and handed over once", async () => {
    const fleet = await bed.open({ register: false });
    const same = { callId: "c", cseq: 7, fromTag: "t", ...ds(bed.rig.notification()) };
    expect([await push(1, same), await push(1, same), await push(2, same)]).toEqual([200, 200, 200]);
    expect(fleet.stats).toMatchObject({ pushes: 2, repeats: 1, duplicates: 0 });
  });

  it("for an application that is not there are refused as a receiver does, and told with the handset", async () => {
    const fleet = await bed.open({ register: false });
    const headers = [
      ["Content-Type", DS_TYPE],
      ["Accept-Contact", '*;+g.oma.pusheventapp="other"'],
    ] as const;
    expect(await push(2, { headers })).toBe(488);
    expect(fleet.stats).toMatchObject({ pushes: 0, rejected: 1 });
    expect(fleet.handsets[1]?.rejected).toBe(1);
    expect(bed.events.at(-1)).toMatchObject({ event: "refused", aor: "sip:h2@home.test", sipStatus: 488 });
  });

  it("from those who may not push are 403", async () => {
    const fleet = await bed.open({ register: false, trustedPpgs: [{ address: "sip:ppg@home.test" }] });
    expect([await push(1), await push(1, { from: "sip:ppg@home.test" })]).toEqual([403, 403]);
    expect(fleet.stats).toMatchObject({ pushes: 0, rejected: 2 });
  });

  it("are answered with what the fleet was told to answer, and are rejected then", async () => {
    const fleet = await bed.open({ register: false, answer: 486 });
    expect([await push(1), await push(1)]).toEqual([486, 486]);
    expect(fleet.stats).toMatchObject({ pushes: 0, rejected: 2, duplicates: 0 });
  });

  it("are put off while it closes: 480; other methods are told what there is", async () => {
    const fleet = await bed.open();
    await bed.rig.clock.advance(1000);
    const options = await bed.rig.send({ method: "OPTIONS", requestUri: "sip:h1@home.test" });
    expect([options.statusCode, options.headers.get("Allow")]).toEqual([200, "MESSAGE, OPTIONS"]);
    const contact = `<sip:h1@${HANDSET}:5060>;+g.oma.pusheventapp="push.syncml"`;
    expect(options.headers.get("Contact"), "FACTS 1.3: what it has").toBe(contact);
    expect((await bed.rig.send({ method: "SUBSCRIBE", requestUri: "sip:h1@home.test" })).statusCode).toBe(405);
    bed.answerWith(() => undefined);
    const closing = fleet.close();
    expect(await push(1)).toBe(480);
    await bed.rig.clock.until(closing);
    expect(fleet.stats.pushes).toBe(0);
  });

  it("survive an observer that throws", async () => {
    const fleet = await bed.open({
      register: false,
      onPush: () => {
        throw new Error("mine");
      },
      onEvent: () => {
        throw new Error("mine, too");
      },
    });
    expect([await push(1), await push(9), await push(1, { body: Buffer.from([1]) })]).toEqual([200, 404, 400]);
    expect(fleet.stats).toMatchObject({ pushes: 1, rejected: 1 });
  });
});

describe("delivery reports of a fleet (RFC 5438 §7.2.1)", () => {
  const field = (name: string, value: string) => ({ name, value, namespace: CPIM_NAMESPACE });
  const asking = (n: number) => {
    const headers = [
      field("From", "<sip:psi@home.test>"),
      field("To", `<sip:h${n}@home.test>`),
      field("DateTime", "2026-01-01T00:00:00Z"),
      ...imdnHeaders("m-1", ["positive-delivery"]),
    ];
    const body = encodeCpim({ headers, content: { contentType: DS_TYPE, body: bed.rig.notification() } });
    return { body, headers: [["Content-Type", "message/cpim"]] as const };
  };

  it("are each of the handset that got the push, also when two got one message", async () => {
    const fleet = await bed.open({ register: false });
    expect([await push(1, asking(1)), await push(2, asking(2))]).toEqual([200, 200]);
    await bed.rig.clock.advance(100);
    expect(bed.rig.reports.map(({ from }) => from.uriText)).toEqual(["sip:h1@home.test", "sip:h2@home.test"]);
    const told = bed.rig.reports.map(({ body }) => decodeImdn(decodeCpim(body).content.body));
    expect(told).toMatchObject([1, 2].map((n) => ({ recipientUri: `sip:h${n}@home.test`, status: "delivered" })));
    expect(fleet.stats.reports).toEqual({ sent: 2, failed: 0, dropped: 0 });
  });

  it("go the way that the registrar gave (RFC 3608 §6.1)", async () => {
    const { registrar } = bed.rig;
    bed.answerWith((request) => {
      const response = registrar(request);
      response?.headers.add("Service-Route", "<sip:192.0.2.1;lr>");
      return response;
    });
    await bed.open();
    await bed.rig.clock.advance(1000);
    await push(2, asking(2));
    await bed.rig.clock.advance(100);
    expect(bed.rig.reports.map(({ headers }) => headers.get("Route"))).toEqual(["<sip:192.0.2.1;lr>"]);
  });

  it("are not sent when the fleet is told to send none, nor to who is not trusted", async () => {
    const fleet = await bed.open({ register: false, reports: "never" });
    expect(await push(1, asking(1))).toBe(200);
    await bed.rig.clock.until(fleet.close());
    await bed.open({ register: false, trustedHops: ["192.0.2.77"] });
    expect(await push(1, asking(1))).toBe(200);
    await bed.rig.clock.advance(100);
    expect(bed.rig.reports).toEqual([]);
  });
});
