import { type PushMessage, papDoctypes } from "@sip-push/pap";
import { describe, expect, it } from "vitest";
import { claimAs, outcome } from "../store/testdata/pushes.ts";
import { content, DOMAIN, entityOf, IntakeRig, initiator, plmn, pushOf, user } from "./testdata/intake-rig.ts";
import type { Initiator } from "./types.ts";
import { encodeUaProf } from "./ua-prof.ts";

const rig = new IntakeRig();
const at = (text: string): Date => new Date(`2026-${text}Z`);

const statusOf = async (pushId: string) => {
  const status = await rig.store.status({ initiator: "calendar", pushId });
  if (status === undefined) throw new Error("not stored");
  return status;
};

describe("push-message", () => {
  it("is answered 202 and 1001 when it is committed, in the name of the gateway", async () => {
    const { answer, message } = await rig.ask(pushOf("p1@pi"));
    expect(answer).toMatchObject({ httpStatus: 202, operation: "push-message", pushId: "p1@pi", papCode: 1001 });
    expect(answer.retryAfterSeconds).toBeNull();
    expect(message.operation).toEqual({
      kind: "push-response",
      pushId: "p1@pi",
      senderAddress: DOMAIN,
      senderName: "sip-push",
      replyTime: rig.clock.date(),
      progressNotes: [],
      responseResult: { code: 1001, desc: "Accepted for Processing" },
    });
    const status = await statusOf("p1@pi");
    expect(status.deliveries).toMatchObject([{ recipient: "sip:alice@example.test", state: "pending" }]);
    expect(rig.events).toEqual([expect.objectContaining({ event: "accepted", pushId: "p1@pi", recipients: 1 })]);
  });

  it.each(papDoctypes)("of PAP $version is answered with its DOCTYPE ($publicId)", async ({ version, publicId }) => {
    const { message } = await rig.ask(pushOf("p"), { version, publicId });
    expect(message).toMatchObject({ version, publicId, operation: { responseResult: { code: 1001 } } });
    const { applicationData } = (await statusOf("p")).push;
    const isUsual = papDoctypes.find((each) => each.version === version)?.publicId === publicId;
    expect(applicationData).toMatchObject(
      isUsual ? { papVersion: version } : { papVersion: version, papPublicId: publicId },
    );
  });

  it("keeps content, quality of service and what results need", async () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const push = pushOf("all", {
      deliverAfterTimestamp: at("01-01T01:00:00"),
      deliverBeforeTimestamp: at("01-01T02:00:00"),
      sourceReference: "mail",
      ppgNotifyRequestedTo: "HTTPS://PI.example.test/results?a=1#x",
      progressNotesRequested: true,
      qualityOfService: {
        priority: "high",
        deliveryMethod: "confirmed",
        network: "gsm",
        networkRequired: true,
        bearer: "packet data",
        bearerRequired: true,
      },
    });
    const capabilities = { contentType: "text/xml", body: encodeUaProf({ languages: ["de"] }) };
    await rig.push(push, {
      traceparent,
      capabilities,
      content: {
        ...content,
        contentEncoding: "gzip",
        contentDisposition: { type: "notification", params: new Map([["x", "a b"]]) },
        headers: [["Content-Language", "de"], ...(content.headers ?? [])],
      },
    });
    const { id } = (await statusOf("all")).push;
    expect(await rig.store.push(id)).toMatchObject({
      priority: "high",
      deliveryMethod: "confirmed",
      deliverAfterMs: at("01-01T01:00:00").getTime(),
      deliverBeforeMs: at("01-01T02:00:00").getTime(),
      notifyUrl: "https://pi.example.test/results?a=1",
      progressNotesRequested: true,
      contentType: "application/vnd.syncml.ds.notification",
      content: content.body,
      capabilities: new Uint8Array(capabilities.body),
      applicationData: {
        applicationId: "push.syncml",
        contentEncoding: "gzip",
        contentLanguage: "de",
        contentDisposition: 'notification;x="a b"',
        sourceReference: "mail",
        papVersion: "2.0",
        network: "GSM",
        networkRequired: true,
        bearer: "Packet Data",
        bearerRequired: true,
        qualityOfService: true,
        traceparent,
      },
    });
  });

  it("without quality of service or application gets the defaults of PAP, and no application", async () => {
    await rig.push(pushOf("bare"), {
      content: { contentType: "text/plain", body: new Uint8Array([65]) },
      traceparent: "00-00000000000000000000000000000000-0000000000000000-01",
    });
    expect((await statusOf("bare")).push).toMatchObject({
      priority: "medium",
      deliveryMethod: "notspecified",
      notifyUrl: null,
      applicationData: { applicationId: null, qualityOfService: false, network: null, traceparent: null },
    });
  });

  it("without X-Wap-Application-Id goes to the application that its type belongs to", async () => {
    await rig.push(pushOf("typed"), { content: { contentType: content.contentType, body: content.body } });
    expect((await statusOf("typed")).push.applicationData).toMatchObject({ applicationId: "push.syncml" });
  });

  it("may name its application twice, in any spelling, and its languages in several fields", async () => {
    const named = ["x-wap-application:push.syncml", "push.syncml"].map((id) => ["X-Wap-Application-Id", id] as const);
    const languages = ["de", "en"].map((language) => ["Content-Language", language] as const);
    await rig.push(pushOf("p"), { content: { ...content, headers: [...named, ...languages] } });
    expect((await statusOf("p")).push.applicationData).toMatchObject({
      applicationId: "push.syncml",
      contentLanguage: "de, en",
    });
  });

  it("keeps what else is said of its content, and nothing that SIP would take for its own", async () => {
    const contentHeaders = [
      ["Content-Location", "http://pi.test/a"],
      ["x-wap-content-uri", "http://pi.test/b"],
    ] as const;
    const headers = [...contentHeaders, ["Expires", "0"], ["Route", "<sip:evil.test>"]] as const;
    await rig.push(pushOf("p"), { content: { ...content, contentId: "1@pi", headers: [...headers] } });
    const { applicationData } = (await statusOf("p")).push;
    expect(applicationData).toMatchObject({ contentId: "1@pi", contentHeaders });
  });

  it("that names two applications is refused: who looks at the other one would take it for another push", async () => {
    const headers = ["push.syncml", "x-wap-application:mms.ua"].map((id) => ["X-Wap-Application-Id", id] as const);
    expect((await rig.push(pushOf("p"), { content: { ...content, headers } })).responseResult).toEqual({
      code: 2000,
      desc: 'X-Wap-Application-Id "push.syncml" and "mms.ua": give one',
    });
    expect(await rig.store.status({ initiator: "calendar", pushId: "p" })).toBeUndefined();
  });

  it("is told its progress when it asks for it: received, checked, stored", async () => {
    const { progressNotes } = await rig.push(pushOf("noted", { progressNotesRequested: true }));
    const time = rig.clock.date();
    expect(progressNotes).toEqual(["received", "checked", "stored"].map((stage) => ({ stage, time })));
    const refused = await rig.push(pushOf("noted", { progressNotesRequested: true }));
    expect(refused.progressNotes.map(({ stage }) => stage)).toEqual(["received", "checked"]);
  });

  it("lives as long as the gateway keeps a push when it says no deadline, or a later one", async () => {
    const week = rig.clock.date().getTime() + 604_800_000;
    await rig.push(pushOf("no deadline"));
    await rig.push(pushOf("late", { deliverBeforeTimestamp: at("12-31T00:00:00") }));
    expect((await statusOf("no deadline")).push.deliverBeforeMs).toBe(week);
    expect((await statusOf("late")).push.deliverBeforeMs).toBe(week);
  });
});

type Row = readonly [name: string, code: number, push: Partial<PushMessage>, who?: Partial<Initiator>];
const quality = {
  priority: "low",
  deliveryMethod: "unconfirmed",
  networkRequired: false,
  bearerRequired: false,
} as const;

const rows: readonly Row[] = [
  ["no network that is offered", 3009, { qualityOfService: { ...quality, network: "TETRA", networkRequired: true } }],
  ["a network that there is not", 3009, { qualityOfService: { ...quality, network: "5G", networkRequired: true } }],
  ["no bearer that is offered", 3010, { qualityOfService: { ...quality, bearer: "SMS", bearerRequired: true } }],
  ["any network", 1001, { qualityOfService: { ...quality, network: "Any", networkRequired: true } }],
  ["a network, but unnamed", 1001, { qualityOfService: { ...quality, networkRequired: true, bearerRequired: true } }],
  ["a network that need not be", 1001, { qualityOfService: { ...quality, network: "TETRA", bearer: "SMS" } }],
  ["delivery before now (2001 as Kannel)", 2001, { deliverBeforeTimestamp: at("01-01T00:00:00") }],
  [
    "delivery after its end",
    2000,
    { deliverBeforeTimestamp: at("01-02T00:00:00"), deliverAfterTimestamp: at("01-03T00:00:00") },
  ],
  [
    "delivery in no time",
    2000,
    { deliverBeforeTimestamp: at("01-02T00:00:00"), deliverAfterTimestamp: at("01-02T00:00:00") },
  ],
  ["delivery in a year", 2000, { deliverAfterTimestamp: at("12-01T00:00:00") }],
  ["delivery in an hour", 1001, { deliverAfterTimestamp: at("01-01T01:00:00") }],
  ["results at no URL", 2000, { ppgNotifyRequestedTo: "pi.example.test/results" }],
  ["results at an FTP server", 2000, { ppgNotifyRequestedTo: "ftp://pi.example.test/" }],
  ["results at an endless URL", 2000, { ppgNotifyRequestedTo: `https://pi.example.test/${"a".repeat(2_048)}` }],
  [
    "results elsewhere, our name in the path",
    2001,
    { ppgNotifyRequestedTo: "https://evil.test/a.example.test/" },
    { notifyUrls: ["https://*.example.test/*"] },
  ],
  ["results with a password", 2000, { ppgNotifyRequestedTo: "https://a:b@pi.example.test/" }],
  [
    "results at a neighbour",
    2001,
    { ppgNotifyRequestedTo: "http://169.254.169.254/" },
    { notifyUrls: ["https://pi.example.test/*"] },
  ],
  [
    "results at a name that only begins like ours",
    2001,
    { ppgNotifyRequestedTo: "https://pi.example.test.evil/" },
    { notifyUrls: ["https://pi.example.test/*"] },
  ],
  [
    "results at our server",
    1001,
    { ppgNotifyRequestedTo: "https://PI.example.test/a" },
    { notifyUrls: ["https://Pi.example.test/*"] },
  ],
  ["an application of others", 2001, {}, { applications: ["wml.ua"] }],
  ["our application, by its URN", 1001, {}, { applications: ["x-wap-application:push.syncml"] }],
  ["a recipient of others", 2001, {}, { recipients: ["sip:*@other.test", "tel:+49*"] }],
  [
    "a recipient of others, our domain in a parameter",
    2001,
    { addresses: ["sip:a@evil.test;x=y.example.test"] },
    { recipients: ["sip:*@*.example.test"] },
  ],
  ["our recipients", 1001, {}, { recipients: ["SIP:*@Example.test"] }],
  [
    "a telephone, whose URI has parameters",
    1001,
    { addresses: [plmn("+4930123")] },
    { recipients: ["sip:+49*@example.test"] },
  ],
  ["a type without a rule", 2002, { addresses: [`WAPPUSH=1/TYPE=FLEX_MSISDN@${DOMAIN}`] }],
  ["a domain that is not ours", 2002, { addresses: ["WAPPUSH=a/TYPE=USER@other.test"] }],
  ["what is no address", 2002, { addresses: ["alice"] }],
  [
    "only bad addresses, one for rights",
    2002,
    { addresses: ["sip:a@other.test", "bad"] },
    { recipients: ["sip:*@example.test"] },
  ],
  ["nothing that can be replaced", 2004, { replacePushId: "none" }],
];

describe("push-message that asks for", () => {
  const cases = rows.map(([name, code, changes, who = {}]) => ({ name, code, changes, who }));
  it.each(cases)("$name is answered $code", async ({ code, changes, who }) => {
    const { responseResult } = await rig.push(pushOf("p", changes), { initiator: initiator(who) });
    expect(responseResult.code).toBe(code);
    expect(responseResult.desc).not.toBe("");
    const stored = await rig.store.status({ initiator: "calendar", pushId: "p" });
    expect(stored === undefined).toBe(code !== 1001);
    expect(rig.events.map(({ event }) => event)).toEqual([code === 1001 ? "accepted" : "answered"]);
  });

  it.each([
    ["an application id that is none", { headers: [["X-Wap-Application-Id", "a b"]] as const }, 2000],
    [
      "a number as the name of an application",
      { headers: [["X-Wap-Application-Id", "x-wap-application:7"]] as const },
      2000,
    ],
    [
      "a URN inside a URN",
      { headers: [["X-Wap-Application-Id", "x-wap-application:x-wap-application:push.syncml"]] as const },
      2000,
    ],
    ["a content type that is none", { contentType: "text", headers: [] }, 2000],
    ["a content coding that is none", { contentEncoding: "g zip" }, 2000],
    ["header fields that are too long", { headers: [["Content-Location", "a".repeat(4_096)]] as const }, 2000],
    ["more octets than are taken", { body: new Uint8Array(1_025) }, 2000],
    ["as many octets as are taken", { body: new Uint8Array(1_024) }, 1001],
  ])("%s is answered by code", async (_, changes, code) => {
    const intake = rig.open({ limits: { maxContentOctets: 1_024 } });
    const answer = await intake.handle(rig.request(pushOf("p"), { content: { ...content, ...changes } }));
    expect(answer.papCode).toBe(code);
  });

  it("results at a host that cannot be reached is answered 2001, each time, and nothing is kept", async () => {
    const notifyUrls = ["http://*.example.test/*"];
    const asked: string[] = [];
    const intake = rig.open({ mayReach: ({ name }, url) => asked.push(`${name} ${url}`) === 0 });
    const push = pushOf("p", { ppgNotifyRequestedTo: "http://PI.example.test/results" });
    for (const _ of [1, 2]) {
      const answer = await intake.handle(rig.request(push, { initiator: initiator({ notifyUrls }) }));
      expect(answer.papCode).toBe(2001);
    }
    expect(asked).toEqual(Array(2).fill("calendar http://pi.example.test/results"));
    expect(await rig.store.status({ initiator: "calendar", pushId: "p" })).toBeUndefined();
  });

  it("content whose Content-Disposition is a media type is answered 2000", async () => {
    const contentDisposition = { type: "inline", params: new Map() };
    const { contentType, body } = entityOf(pushOf("p"), { content: { ...content, contentDisposition } });
    const changed = Buffer.from(Buffer.from(body).toString("latin1").replace("inline", "in/ine"), "latin1");
    const { answer } = await rig.ask(pushOf("p"), { contentType, body: changed });
    expect(answer.papCode).toBe(2000);
  });

  it.each([
    [1, 3005],
    [2, 2000],
    [3, 1001],
  ])("three addresses, where %i may be, is answered %i", async (maxAddresses, code) => {
    const intake = rig.open({ limits: { maxAddresses } });
    const answer = await intake.handle(rig.request(pushOf("p", { addresses: ["a", "b", "c"].map(user) })));
    expect(answer.papCode).toBe(code);
  });
});

describe("push-message to several addresses", () => {
  it("of which some are bad goes to the others; the bad ones get a result of their own", async () => {
    const addresses = [user("alice"), "nobody", "tel:+4930", user("bob")];
    const notify = { ppgNotifyRequestedTo: "https://pi.example.test/" };
    const { responseResult } = await rig.push(pushOf("some", { addresses, ...notify }), {
      initiator: initiator({ recipients: ["sip:*@example.test"] }),
    });
    expect(responseResult.code).toBe(1001);
    const problem = '"nobody" is no WAPPUSH address and no SIP, SIPS or tel URI';
    expect(responseResult.desc).toBe(`accepted for 2 of 4 addresses; ${problem}`);
    const { deliveries } = await statusOf("some");
    expect(deliveries.map(({ address, state, papCode }) => [address, state, papCode])).toEqual([
      [user("alice"), "pending", 1001],
      ["nobody", "rejected", 2002],
      ["tel:+4930", "rejected", 2001],
      [user("bob"), "pending", 1001],
    ]);
    const [result] = await rig.store.claimNotifications({
      owner: "n",
      limit: 10,
      nowMs: rig.clock.date().getTime(),
      leaseMs: 1,
    });
    expect(result).toMatchObject({ address: "nobody", messageState: "rejected", papCode: 2002 });
  });

  it("counts as accepted only those that it goes to, and tells of the others as of all that end", async () => {
    const addresses = [user("alice"), "nobody", "tel:+4930", "sip:carol:hunter2@example.test"];
    await rig.push(pushOf("some", { addresses }), { initiator: initiator({ recipients: ["sip:*@example.test"] }) });
    const { push, deliveries } = await statusOf("some");
    const of = { push: push.id, pushId: "some", initiator: "calendar", atMs: push.acceptedAtMs };
    const rejected = { event: "state", ...of, from: "pending", to: "rejected", sipStatus: null, acceptedAtMs: of.atMs };
    const [, nobody, forbidden, carol] = deliveries;
    expect(rig.events).toEqual([
      { event: "accepted", ...of, recipients: 1, elapsedMs: expect.any(Number) },
      { ...rejected, delivery: nobody?.id, recipient: "nobody", papCode: 2002, reason: nobody?.reason },
      {
        ...rejected,
        delivery: forbidden?.id,
        recipient: forbidden?.recipient,
        papCode: 2001,
        reason: forbidden?.reason,
      },
      // A log is no place for passwords.
      { ...rejected, delivery: carol?.id, recipient: "sip:carol@example.test", papCode: 2002, reason: carol?.reason },
    ]);
    expect(carol?.recipient).toBe("sip:carol:hunter2@example.test");
  });

  it.each([
    ["nobody", '"nobody" is no WAPPUSH address and no SIP, SIPS or tel URI'],
    ["sip:a:b@example.test", '"sip:a:b@example.test" holds a password'],
  ])("of which none can be taken is answered 2002, and what the first is: %s", async (address, problem) => {
    const { responseResult } = await rig.push(pushOf("none", { addresses: [address, "noone"] }));
    expect(responseResult).toEqual({ code: 2002, desc: `${problem} (none of 2 addresses can be taken)` });
  });

  it("with the same recipient twice comes once, and both addresses have a result", async () => {
    const addresses = [
      plmn("+4930"),
      plmn("+49-30"),
      plmn("+4930"),
      "sip:%2B4930@EXAMPLE.test;user=phone",
      "sip:+4930@EXAMPLE.test;user=Phone",
    ];
    const { responseResult } = await rig.push(pushOf("twice", { addresses }));
    expect(responseResult.desc).toMatch(/^accepted for 1 of 4 addresses; .* the same recipient as /);
    const { deliveries } = await statusOf("twice");
    expect(deliveries.map(({ recipient, state }) => [recipient, state])).toEqual([
      ["sip:+4930@example.test;user=phone", "pending"],
      ["sip:+4930@example.test;user=phone", "rejected"],
      ["sip:%2B4930@example.test;user=phone", "rejected"],
      ["sip:+4930@example.test;user=phone", "rejected"],
    ]);
  });
});

describe("push-id and replacement", () => {
  it("used before is answered 2007, but is another's own", async () => {
    await rig.push(pushOf("p"));
    expect((await rig.push(pushOf("p"))).responseResult.code).toBe(2007);
    const other = await rig.push(pushOf("p"), { initiator: initiator({ name: "other" }) });
    expect(other.responseResult.code).toBe(1001);
  });

  it("pending-only goes to those for whom it can be taken back, and is 2008 when there are none", async () => {
    await rig.push(pushOf("old", { addresses: [user("alice"), user("bob")] }));
    const [first] = await rig.store.claim(claimAs("n", rig.clock.date().getTime(), 1));
    if (first === undefined) throw new Error("one delivery");
    await rig.store.advance([outcome(first)]);
    const replace = { replacePushId: "old", replaceMethod: "pending-only" } as const;
    const some = await rig.push(pushOf("new", { ...replace, addresses: [user("alice"), user("bob")] }));
    const reason = `${JSON.stringify(user("alice"))} the push to replace is done there, or the handset or a relay has it`;
    expect(some.responseResult).toEqual({ code: 1001, desc: `accepted for 1 of 2 addresses; ${reason}` });
    expect((await statusOf("old")).deliveries.map(({ state }) => state)).toEqual(["delivered", "cancelled"]);
    const none = await rig.push(pushOf("newer", { ...replace, addresses: [user("alice")] }));
    const desc =
      "no address waits for the push to replace: it is done, goes elsewhere, or the handset or a relay has it";
    expect(none.responseResult).toEqual({ code: 2008, desc });
  });

  it("all goes to those too who have the old one", async () => {
    await rig.push(pushOf("old"));
    const [first] = await rig.store.claim(claimAs("n", rig.clock.date().getTime(), 1));
    if (first === undefined) throw new Error("one delivery");
    await rig.store.advance([outcome(first)]);
    const { responseResult } = await rig.push(pushOf("new", { replacePushId: "old" }));
    expect(responseResult.code).toBe(1001);
    expect((await statusOf("new")).deliveries).toHaveLength(1);
  });
});
