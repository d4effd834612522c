import { CPIM_NAMESPACE, type CpimHeader, decodeCpim, decodeImdn, encodeCpim, imdnHeaders } from "@sip-push/bodies";
import { responseTo, type SipRequest } from "@sip-push/sip";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DS_TYPE, digestCredentials, NETWORK, ReceiverRig } from "../../../../test/support/receiver-rig.ts";

let rig: ReceiverRig;

beforeEach(async () => {
  rig = await ReceiverRig.start();
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

type Fields = ReadonlyArray<readonly [name: string, value: string]>;
const both = ["positive-delivery", "negative-delivery"] as const;
const field = (name: string, value: string, namespace = CPIM_NAMESPACE): CpimHeader => ({ name, value, namespace });
const IMDN = "urn:ietf:params:imdn";

/** A push in CPIM that asks for reports. */
function wrapped(messageId: string, asked: Parameters<typeof imdnHeaders>[1] = both, more: CpimHeader[] = []) {
  const headers = [
    field("From", "PSI <sip:psi@home.test>"),
    field("To", "<sip:bob@home.test>"),
    field("DateTime", "2026-01-01T00:00:00Z"),
    ...imdnHeaders(messageId, asked),
    ...more,
  ];
  const body = encodeCpim({ headers, content: { contentType: DS_TYPE, body: rig.notification() } });
  return { body, headers: [["Content-Type", "message/cpim"]] as Fields };
}

/** What the reports say, in order. */
const told = (): string[] =>
  rig.reports.map(({ body }) => {
    const { messageId, kind, status } = decodeImdn(decodeCpim(body).content.body);
    return `${messageId}: ${kind} ${status}`;
  });

const settle = (): Promise<void> => rig.clock.advance(100);

describe("a delivery report (RFC 5438 §7.2.1, §12.1.1)", () => {
  it("is a MESSAGE with an IMDN in CPIM, back to the sender of the push, which is handed over out of its envelope", async () => {
    await rig.open();
    const response = await rig.send(wrapped("m-1", both, [field("Subject", "sync")]));
    await settle();
    expect(response.statusCode).toBe(200);
    expect(rig.pushes[0]).toMatchObject({ contentType: DS_TYPE, reportsAsked: both, sipStatus: 200 });
    expect(rig.pushes[0]?.notification).not.toBeNull();
    const [report] = rig.reports as [SipRequest];
    expect(report.requestUri).toBe("sip:psi@home.test");
    expect(report.headers.get("To")).toBe("<sip:psi@home.test>");
    expect(report.headers.get("From")).toMatch(/^<sip:bob@home\.test>;tag=/);
    expect(report.headers.get("Content-Type")).toBe("message/cpim");
    expect(report.headers.has("P-Preferred-Identity")).toBe(false);
    const { headers, content } = decodeCpim(report.body);
    expect(content).toMatchObject({ contentType: "message/imdn+xml", contentDisposition: { type: "notification" } });
    expect(headers.map(({ name }) => name)).toEqual(["From", "To", "Message-ID"]);
    expect(headers[1]?.value).toBe("PSI <sip:psi@home.test>");
    expect(headers[2]?.value).not.toBe("m-1");
    expect(decodeImdn(content.body)).toEqual({
      messageId: "m-1",
      dateTime: "2026-01-01T00:00:00Z",
      recipientUri: "sip:bob@home.test",
      originalRecipientUri: null,
      subject: "sync",
      kind: "delivery",
      status: "delivered",
      extensions: [],
    });
  });

  it("names the original recipient, and says when the push came if its sender does not (§11.1.2, §11.1.4)", async () => {
    await rig.open();
    const headers = [...imdnHeaders("m", both), field("Original-To", "<sip:list@home.test>", IMDN)];
    const body = encodeCpim({ headers, content: { contentType: DS_TYPE, body: rig.notification() } });
    await rig.send({ body, headers: [["Content-Type", "message/cpim"]] });
    await settle();
    const cpim = decodeCpim(rig.reports[0]?.body ?? new Uint8Array());
    expect(decodeImdn(cpim.content.body)).toMatchObject({
      dateTime: expect.stringMatching(/^2026-01-01T00:00:00/),
      recipientUri: "sip:bob@home.test",
      originalRecipientUri: "sip:list@home.test",
    });
    expect(cpim.headers[1]?.value).toBe("<sip:psi@home.test>");
  });

  it("goes back through the intermediaries that recorded themselves, topmost first (§7.2.1)", async () => {
    await rig.open();
    const hops = ["<sip:a@relay.test>", "Relay <sip:b@relay.test>"];
    await rig.send(
      wrapped(
        "m",
        both,
        hops.map((hop) => field("IMDN-Record-Route", hop, IMDN)),
      ),
    );
    await settle();
    expect(rig.reports[0]?.requestUri).toBe("sip:a@relay.test");
    const { headers } = decodeCpim(rig.reports[0]?.body ?? new Uint8Array());
    expect(headers.filter(({ name }) => name === "IMDN-Route").map(({ value }) => value)).toEqual(hops);
    expect(headers.some(({ name }) => name === "IMDN-Record-Route")).toBe(false);
  });

  it("in the role of a terminal says who it is, and takes the route that the registrar gave (RFC 3325 §9.2, RFC 3608 §5)", async () => {
    rig.registrar = (request) => {
      const contacts = request.headers.getAll("Contact").map((contact) => ["Contact", contact] as const);
      return responseTo(request, 200, { headers: [...contacts, ["Service-Route", "<sip:orig@scscf.test;lr>"]] });
    };
    await rig.open({ register: true, role: "gm" });
    await settle();
    await rig.send(wrapped("m"));
    await settle();
    expect(rig.reports[0]?.headers.get("P-Preferred-Identity")).toBe("<sip:bob@home.test>");
    expect(rig.reports[0]?.headers.getAll("Route")).toEqual(["<sip:orig@scscf.test;lr>"]);
  });
});

describe("what is reported", () => {
  it.each<[string, Parameters<typeof imdnHeaders>[1]]>([
    ["is nothing that nobody asked for", []],
    ["is no success to who asks for failures only", ["negative-delivery"]],
    ["is nothing about display", ["display"]],
    ["is no processing: an endpoint must not (§7.2.1)", ["processing"]],
  ])("%s", async (_, asked) => {
    await rig.open();
    expect((await rig.send(wrapped("m", asked))).statusCode).toBe(200);
    await settle();
    expect(told()).toEqual([]);
  });

  it("is nothing when the answer refused the push (§12.1.3.1)", async () => {
    await rig.open({ handlers: { default: () => ({ statusCode: 603 }) } });
    expect((await rig.send(wrapped("m"))).statusCode).toBe(603);
    await settle();
    expect(told()).toEqual([]);
  });

  it("is nothing about a push that did not pass the checks", async () => {
    await rig.open({ applications: ["syncml.dm"] });
    expect((await rig.send(wrapped("m"))).statusCode).toBe(415);
    await settle();
    expect(told()).toEqual([]);
  });

  it.each<[string, () => Promise<boolean>, string[]]>([
    ["delivered", () => Promise.resolve(true), ["m: delivery delivered"]],
    ["failed", () => Promise.resolve(false), ["m: delivery failed"]],
    ["an error", () => Promise.reject(new Error("lost")), ["m: delivery error"]],
    ["nothing while it is not known", () => new Promise(() => {}), []],
  ])("after 202 is %s, as the handler says later", async (_, delivered, expected) => {
    await rig.open({ handlers: { default: () => ({ statusCode: 202, delivered: delivered() }) } });
    expect((await rig.send(wrapped("m"))).statusCode).toBe(202);
    await settle();
    expect(told()).toEqual(expected);
  });

  it("ends with its time: a fate that comes later is nobody's", async () => {
    let say: (delivered: boolean) => void = () => {};
    const delivered = new Promise<boolean>((resolve) => (say = resolve));
    const receiver = await rig.open({
      reports: { fateTimeoutMs: 1000 },
      handlers: { default: () => ({ statusCode: 202, delivered }) },
    });
    await rig.send(wrapped("m"));
    await rig.clock.advance(1000);
    say(true);
    await settle();
    expect(told()).toEqual([]);
    expect(receiver.reportStats).toEqual({ sent: 0, failed: 0, dropped: 0 });
  });

  it("is processing too, once, where the receiver stores for others and its handler is slow (§8.1)", async () => {
    const handlers = { default: () => ({ delayMs: 3000 }) };
    await rig.open({ reports: { processingAfterMs: 1000 }, handlers });
    await rig.send(wrapped("m", ["processing", "positive-delivery"]));
    await settle();
    expect(told()).toEqual(["m: processing processed", "m: delivery delivered"]);
  });

  it("is once per message, however often it comes (§7.2.1)", async () => {
    await rig.open();
    const request = { ...wrapped("m"), callId: "c", fromTag: "t" };
    await rig.send(request);
    await rig.send(request);
    await rig.send(request);
    // Another request, and another session: the same Message-ID.
    await rig.send(wrapped("m"));
    await settle();
    expect(rig.pushes.length).toBe(2);
    expect(told()).toEqual(["m: delivery delivered"]);
  });

  it.each([true, false])(
    "of another message of the same session is what the first came to: %s",
    async (isDelivered) => {
      let say: (delivered: boolean) => void = () => {};
      const delivered = new Promise<boolean>((resolve) => (say = resolve));
      await rig.open({ handlers: { default: () => ({ statusCode: 202, delivered }) } });
      const first = wrapped("m-1");
      const { content } = decodeCpim(first.body);
      const again = encodeCpim({
        headers: [field("From", "<sip:psi@home.test>"), ...imdnHeaders("m-2", both)],
        content,
      });
      await rig.send(first);
      expect((await rig.send({ body: again, headers: first.headers })).statusCode).toBe(202);
      await settle();
      expect(told()).toEqual([]);
      say(isDelivered);
      await settle();
      const status = isDelivered ? "delivered" : "failed";
      expect(rig.pushes.length).toBe(1);
      expect(told()).toEqual([`m-1: delivery ${status}`, `m-2: delivery ${status}`]);
    },
  );
});

describe("no report", () => {
  it("for an IMDN, whatever it asks (§7.2.1)", async () => {
    await rig.open({ applications: ["*"] });
    const body = encodeCpim({
      headers: imdnHeaders("m", both),
      content: { contentType: "message/imdn+xml", body: Buffer.from("<imdn/>") },
    });
    expect((await rig.send({ body, headers: [["Content-Type", "message/cpim"]] })).statusCode).toBe(200);
    await settle();
    expect(told()).toEqual([]);
  });

  it.each([
    ["when policy is never", { reports: "never" }, {}],
    ["to who is not trusted: a hop outside the core", { proxy: "sip:192.0.2.77" }, {}],
    ["to nobody (§12.1.1)", {}, { from: "sip:anonymous@anonymous.invalid" }],
    ["to a URI that no request can go to", {}, { from: "sip:psi@home.test?x=y" }],
  ] as const)("%s", async (_, options, init) => {
    await rig.open(options);
    expect((await rig.send({ ...wrapped("m"), ...init })).statusCode).toBe(200);
    await settle();
    expect(rig.pushes.length).toBe(1);
    expect(told()).toEqual([]);
  });

  it.each([
    ["without a Message-ID", [field("Disposition-Notification", "positive-delivery", IMDN)]],
    ["with one too long to repeat", imdnHeaders("m".repeat(257), both)],
    ["with a route that cannot be gone back", [...imdnHeaders("m", both), field("IMDN-Record-Route", "<a b>", IMDN)]],
    ["with a route to no SIP address", [...imdnHeaders("m", both), field("IMDN-Record-Route", "<im:a@b>", IMDN)]],
  ])("to a request %s", async (_, headers) => {
    await rig.open();
    const body = encodeCpim({ headers, content: { contentType: DS_TYPE, body: rig.notification() } });
    expect((await rig.send({ body, headers: [["Content-Type", "message/cpim"]] })).statusCode).toBe(200);
    await settle();
    expect(told()).toEqual([]);
  });

  it("to a forger, who is answered 200 and told nothing", async () => {
    await rig.open({ digest: { credentials: () => digestCredentials, onInvalid: "drop" } });
    expect((await rig.send(wrapped("m"))).statusCode).toBe(200);
    await settle();
    expect(told()).toEqual([]);
  });

  it("says forbidden, once, when policy is forbid (§14.2)", async () => {
    await rig.open({ reports: "forbid" });
    await rig.send(wrapped("m"));
    await rig.send(wrapped("m"));
    await settle();
    expect(told()).toEqual(["m: delivery forbidden"]);
  });
});

describe("the address of a report", () => {
  it("is the asserted identity where From is another: reports are not bounced to third parties (§14)", async () => {
    await rig.open();
    const push = wrapped("m");
    const asserted = [...push.headers, ["P-Asserted-Identity", "<sip:ppg@home.test>"]] as const;
    await rig.send({ ...push, headers: asserted, from: "sip:victim@home.test" });
    await settle();
    expect(rig.reports.map(({ requestUri }) => requestUri)).toEqual(["sip:ppg@home.test"]);
  });

  it("is From where that is among the asserted identities (§12.1.3.1)", async () => {
    await rig.open();
    const push = wrapped("m");
    const asserted = [...push.headers, ["P-Asserted-Identity", "<tel:+1>, <sip:psi@home.test>"]] as const;
    await rig.send({ ...push, headers: asserted });
    await settle();
    expect(rig.reports.map(({ requestUri }) => requestUri)).toEqual(["sip:psi@home.test"]);
  });

  it("may be that of a sender on the white list, whatever hop it came over", async () => {
    const trustedPpgs = [{ address: NETWORK }];
    await rig.open({ trustedPpgs, trustedHops: ["10.0.0.1"] });
    await rig.send(wrapped("m"));
    await settle();
    expect(told()).toEqual(["m: delivery delivered"]);
  });
});

it("any sequence of requests for reports gets one delivery report per Message-ID at most", async () => {
  const receiver = await rig.open();
  let round = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(3), { maxLength: 8 }), async (ids) => {
      round++;
      const before = rig.reports.length;
      for (const id of ids) expect((await rig.send(wrapped(`${round}-${id}`))).statusCode).toBe(200);
      await settle();
      expect(rig.reports.length - before).toBe(new Set(ids).size);
    }),
    { numRuns: 20 },
  );
  expect(receiver.reportStats.sent).toBe(rig.reports.length);
});
