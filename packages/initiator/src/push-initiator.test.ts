import { once } from "node:events";
import { papVersions } from "@sip-push/pap";
import { describe, expect, it } from "vitest";
import { InitiatorError } from "./errors.ts";
import type { PushInitiatorOptions } from "./options.ts";
import { newPushId, PushInitiator } from "./push-initiator.ts";
import type { PushSubmission } from "./submission.ts";
import { accept, answering, notification, openGateway, openInitiator, submission } from "./testdata/gateway.ts";
import { ManualClock } from "./testdata/manual-clock.ts";

/** UAProf. */
const profile = new TextEncoder().encode('<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>');

type Asked = Parameters<typeof answering>[1] & object;

describe("an operation", () => {
  it.each(papVersions)(
    "in PAP %s is a document of that version, the content's octets untouched (PAP §8)",
    async (version) => {
      const asked: Asked = [];
      const { url } = await openGateway(answering(accept, asked));
      const outcome = await openInitiator(url, { version, productName: "calendar 1.0" }).push(submission());
      expect(outcome).toMatchObject({ kind: "answered", httpStatus: 202, papCode: 1001, pushId: "1@pi.example.test" });
      expect(outcome.description).toBe("Accepted for Processing");
      const { message, request } = asked[0] as Asked[number];
      expect(message).toMatchObject({ version, productName: "calendar 1.0" });
      expect(message.content?.body).toEqual(Buffer.from(notification));
      expect(message.content?.headers).toEqual([["X-Wap-Application-Id", "push.syncml"]]);
      expect([request.method, request.url]).toEqual(["POST", "/pap"]);
    },
  );

  it("push says all that a push may say", async () => {
    const asked: Asked = [];
    const { url } = await openGateway(answering(accept, asked));
    const push: PushSubmission = submission({
      addresses: ["WAPPUSH=+155519990730/TYPE=PLMN@ppg.example.test", "sip:bob@example.test"],
      quality: { priority: "high", deliveryMethod: "confirmed", network: "GSM", networkRequired: true },
      deliverAfter: new Date("2026-11-21T17:30:00Z"),
      deliverBefore: new Date("2026-11-22T17:30:00Z"),
      replace: { pushId: "0@pi.example.test", method: "pending-only" },
      sourceReference: "calendar of alice",
      notifyUrl: "http://127.0.0.1:8090/results",
      progressNotes: true,
      capabilities: { contentType: "application/xml", body: profile },
    });
    await openInitiator(url).push(push);
    const { operation, capabilities } = (asked[0] as Asked[number]).message;
    expect(operation).toEqual({
      kind: "push-message",
      pushId: "1@pi.example.test",
      addresses: push.addresses,
      qualityOfService: {
        priority: "high",
        deliveryMethod: "confirmed",
        network: "GSM",
        networkRequired: true,
        bearerRequired: false,
      },
      deliverAfterTimestamp: push.deliverAfter,
      deliverBeforeTimestamp: push.deliverBefore,
      replacePushId: "0@pi.example.test",
      replaceMethod: "pending-only",
      sourceReference: "calendar of alice",
      ppgNotifyRequestedTo: "http://127.0.0.1:8090/results",
      progressNotesRequested: true,
    });
    expect(capabilities?.body).toEqual(Buffer.from(profile));
  });

  it("cancel gives the result for each recipient", async () => {
    const cancelResults = [
      { code: 1000, addresses: ["sip:alice@example.test"] },
      { code: 2008, desc: "delivered", addresses: ["sip:bob@example.test"] },
    ];
    const asked: Asked = [];
    const { url } = await openGateway(
      answering(() => ({ kind: "cancel-response", pushId: "1@pi", cancelResults }), asked),
    );
    const addresses = ["sip:alice@example.test", "sip:bob@example.test"];
    const outcome = await openInitiator(url).cancel({ pushId: "1@pi", addresses });
    expect(outcome).toMatchObject({ kind: "answered", papCode: 1000, response: { cancelResults } });
    expect(asked[0]?.message.operation).toEqual({ kind: "cancel-message", pushId: "1@pi", addresses });
  });

  it("status gives the state of each recipient", async () => {
    const statusQueryResults = [{ messageState: "delivered", code: 1000, addresses: [] }] as const;
    const asked: Asked = [];
    const { url } = await openGateway(
      answering(() => ({ kind: "statusquery-response", pushId: "1@pi", statusQueryResults }), asked),
    );
    const outcome = await openInitiator(url).status({ pushId: "1@pi" });
    expect(outcome).toMatchObject({ kind: "answered", papCode: 1000, response: { statusQueryResults } });
    expect(asked[0]?.message.operation).toEqual({ kind: "statusquery-message", pushId: "1@pi", addresses: [] });
  });

  it("status takes the states of 1,000 recipients, each with a reason of its own", async () => {
    const statusQueryResults = Array.from({ length: 1_000 }, (_, index) => ({
      messageState: "pending" as const,
      code: 5028,
      desc: `${index} ${"reason ".repeat(30)}`,
      addresses: [`WAPPUSH=${"a".repeat(100)}${index}/TYPE=USER@ppg.example.test`],
    }));
    const { url } = await openGateway(
      answering(() => ({ kind: "statusquery-response", pushId: "1@pi", statusQueryResults })),
    );
    const outcome = await openInitiator(url).status({ pushId: "1@pi" });
    expect(outcome).toMatchObject({ kind: "answered", response: { statusQueryResults } });
  });

  it("queryCapabilities gives the capabilities entity, its octets untouched", async () => {
    const capabilities = { contentType: "application/xml", body: notification };
    const operation = { kind: "ccq-response", code: 1000, address: "sip:a@example.test" } as const;
    const asked: Asked = [];
    const { url } = await openGateway(answering(() => ({ operation, capabilities }), asked));
    const query = { address: "sip:a@example.test", applicationId: "push.syncml", queryId: "7" };
    const outcome = await openInitiator(url).queryCapabilities(query);
    expect(outcome).toMatchObject({ kind: "answered", papCode: 1000, description: "OK" });
    expect((outcome as { capabilities?: { body: Uint8Array } }).capabilities?.body).toEqual(Buffer.from(notification));
    const asks = { kind: "ccq-message", address: "sip:a@example.test", appId: "push.syncml", queryId: "7" };
    expect(asked[0]?.message.operation).toEqual(asks);
  });

  it.each<readonly [PushInitiatorOptions["credentials"], string | undefined]>([
    [undefined, undefined],
    [{ user: "calendar", password: "pässword:1" }, `Basic ${Buffer.from("calendar:pässword:1").toString("base64")}`],
    [{ token: "a.b-c" }, "Bearer a.b-c"],
  ])("with credentials %j has Authorization %s (RFC 7617, RFC 6750)", async (credentials, authorization) => {
    const asked: Asked = [];
    const { url } = await openGateway(answering(accept, asked));
    await openInitiator(url, credentials === undefined ? {} : { credentials }).push(submission());
    expect(asked[0]?.request.headers.authorization).toBe(authorization);
  });
});

describe("connections", () => {
  it("are kept and no more than the limit", async () => {
    const asked: Asked = [];
    const { url, sockets } = await openGateway(answering(accept, asked));
    const initiator = openInitiator(url, { limits: { maxConnections: 2 } });
    const ids = Array.from({ length: 20 }, (_, index) => `${index}@pi`);
    const outcomes = await Promise.all(ids.map((pushId) => initiator.push(submission({ pushId }))));
    expect(outcomes.map(({ pushId }) => pushId)).toEqual(ids);
    expect(outcomes.every(({ kind }) => kind === "answered")).toBe(true);
    await initiator.push(submission());
    expect(asked.length).toBe(21);
    expect(sockets.length).toBe(2);
  });

  it("bear maxInFlight operations; one more is not sent", async () => {
    const { url } = await openGateway(() => undefined);
    const initiator = openInitiator(url, { limits: { maxInFlight: 2 } });
    const first = [initiator.push(submission()), initiator.push(submission())];
    expect(await initiator.push(submission())).toMatchObject({ kind: "failed", reason: "busy", retryable: true });
    await initiator.close();
    expect(await Promise.all(first)).toMatchObject([{ reason: "aborted" }, { reason: "aborted" }]);
  });

  it("end with close(), after which nothing can be asked", async () => {
    const { url, sockets } = await openGateway(answering(accept));
    const initiator = openInitiator(url);
    await initiator.push(submission());
    const ended = once(sockets[0] as (typeof sockets)[number], "close");
    await initiator.close();
    await initiator.close();
    await ended;
    await expect(initiator.push(submission())).rejects.toMatchObject({ code: "INITIATOR_CLOSED", retryable: false });
  });
});

describe("an operation is given up", () => {
  it.each(["before a connection is there", "while the answer comes"])("when its time is over, %s", async (when) => {
    const clock = new ManualClock();
    const begun = Promise.withResolvers<void>();
    const { url } = await openGateway((_, response) => {
      if (when.startsWith("while")) response.writeHead(202, { "content-type": "application/xml" }).write("<?xml");
      begun.resolve();
    });
    const limits = { maxConnections: 1 };
    const initiator = openInitiator(url, { clock, timeoutMs: 2_000, limits });
    const outcome = initiator.push(submission());
    const queued = initiator.push(submission());
    await begun.promise;
    clock.fireAll();
    const timeout = {
      kind: "failed",
      reason: "timeout",
      description: "no whole answer within 2000 ms",
      retryable: true,
    };
    expect(await outcome).toMatchObject(timeout);
    expect(await queued).toMatchObject({ ...timeout, httpStatus: null });
    expect(clock.pendingTimers).toBe(0);
  });

  it("by the caller, before and after it was sent", async () => {
    const begun = Promise.withResolvers<void>();
    const { url } = await openGateway(() => begun.resolve());
    const initiator = openInitiator(url);
    const early = AbortSignal.abort();
    expect(await initiator.push(submission(), { signal: early })).toMatchObject({ kind: "failed", reason: "aborted" });
    const caller = new AbortController();
    const outcome = initiator.push(submission(), { signal: caller.signal });
    await begun.promise;
    caller.abort();
    expect(await outcome).toMatchObject({ kind: "failed", reason: "aborted", httpStatus: null });
  });
});

describe("bad input is an InitiatorError that names the field", () => {
  it.each<readonly [Partial<PushInitiatorOptions>, string]>([
    [{ url: "ppg" }, "url: is no http: or https: URL"],
    [{ url: "ftp://ppg.example.test/" }, "url: is no http: or https: URL"],
    [{ url: "http://user:secret@ppg.example.test/" }, "url: has a user or a password in it"],
    [{ credentials: { user: "a:b", password: "" } }, "credentials.user: has a colon"],
    [{ credentials: { user: "a", password: "\n" } }, "credentials.password: has a control character"],
    [{ credentials: { token: "a b" } }, "credentials.token: is no bearer token"],
    [{ tls: { cert: "x" } }, "tls: a certificate and its key go together"],
    [{ tls: { ca: "x", cert: "x", key: "x" } }, "tls: holds no PEM"],
    [{ version: "2.2" as "2.1" }, "version: is none of 2.1, 2.0, 1.0"],
    [{ timeoutMs: 0 }, "timeoutMs: is no whole number above 0"],
    [{ limits: { maxConnections: 0.5 } }, "limits.maxConnections: is no whole number above 0"],
    [{ limits: { maxInFlight: -1 } }, "limits.maxInFlight: is no whole number above 0"],
  ])("option %j", (options, message) => {
    const open = (): PushInitiator => new PushInitiator({ url: "http://127.0.0.1:9/", ...options });
    expect(open).toThrow(message);
    expect(open).toThrow(InitiatorError);
  });

  it.each<readonly [Partial<PushSubmission>, string]>([
    [{ pushId: "" }, "pushId: "],
    [{ addresses: [] }, "addresses: "],
    [{ addresses: [""] }, "addresses: "],
    [{ quality: { priority: "urgent" as "high" } }, "quality.priority: "],
    [{ deliverBefore: new Date(Number.NaN) }, "deliverBefore: "],
    [{ replace: { pushId: " " } }, "replace: "],
    [{ content: { contentType: "a\r\nb: c", body: notification } }, "content: "],
    [
      {
        content: {
          contentType: "a/b",
          body: notification,
          applicationId: "x",
          headers: [["x-wap-application-id", "y"]],
        },
      },
      "content.headers: X-Wap-Application-Id stands among them already",
    ],
  ])("push %j", async (push, message) => {
    const initiator = openInitiator("http://127.0.0.1:9/");
    const outcome = initiator.push(submission(push));
    await expect(outcome).rejects.toThrow(InitiatorError);
    await expect(outcome).rejects.toThrow(message);
  });

  it("replace in PAP 1.0, which has none", async () => {
    const initiator = openInitiator("http://127.0.0.1:9/", { version: "1.0" });
    const push = submission({ replace: { pushId: "0@pi" } });
    await expect(initiator.push(push)).rejects.toMatchObject({ code: "INITIATOR_BAD_PUSH", field: "replace" });
  });

  it("a domain that makes no push-id", () => {
    expect(newPushId("pi.example.test")).toMatch(/^[0-9a-f-]{36}@pi\.example\.test$/);
    expect(newPushId("a")).not.toBe(newPushId("a"));
    expect(() => newPushId("a\nb")).toThrow("domain: makes no push-id");
  });
});
