import type { ReceiverEvent } from "@sip-push/receiver";
import { describe, expect, it } from "vitest";
import { receiverEventToJson, receiverEventToText } from "./receiver-events.ts";

const aor = "sip:alice@example.test";
const to = "sip:push@example.test";
const applications = ["push.syncml", "mms.ua"];

describe("an event of receive", () => {
  it.each<readonly [event: ReceiverEvent, json: object | undefined, text: string]>([
    [
      { event: "listening", uri: "sip:alice@127.0.0.1" },
      { event: "listening", uri: "sip:alice@127.0.0.1" },
      "listening as sip:alice@127.0.0.1; Ctrl-C ends it",
    ],
    // The contract has neither the contact nor the push notification service, whose id of the device is a secret (RFC 8599 §4).
    [
      {
        ...{ event: "registered", aor, contact: "sip:alice@127.0.0.1", expiresSeconds: 60 },
        pushNotificationService: { provider: "fcm", prid: "secret", param: null },
      },
      { event: "registered", aor, expiresSeconds: 60 },
      "registered sip:alice@example.test for 60 s",
    ],
    [
      { event: "registration-failed", aor, sipStatus: 401, reason: "Unauthorized", retryInMs: 1500 },
      { event: "registration-failed", sipStatus: 401, reason: "Unauthorized" },
      "could not register sip:alice@example.test: 401 Unauthorized; trying again in 1.5 s",
    ],
    [{ event: "unregistered", aor }, undefined, "unregistered sip:alice@example.test"],
    [
      { event: "subscribed", to, applicationId: "mms.ua", expiresSeconds: 60 },
      { event: "subscribed", to, applicationId: "mms.ua", expiresSeconds: 60 },
      "subscribed to mms.ua of sip:push@example.test for 60 s",
    ],
    [
      { event: "subscription-ended", to, applications, reason: null, retryInMs: 0 },
      { event: "subscription-ended", to, applications, reason: null, retryInMs: 0 },
      "the subscription to sip:push@example.test ended: no reason given; trying again in 0.0 s",
    ],
    [
      { event: "subscription-failed", to, applications, sipStatus: null, reason: "no answer", retryInMs: null },
      { event: "subscription-failed", to, applications, sipStatus: null, reason: "no answer", retryInMs: null },
      "could not subscribe to sip:push@example.test: no answer",
    ],
    [
      { event: "published", to: aor, operation: "refresh", expiresSeconds: 60 },
      { event: "published", to: aor, operation: "refresh", expiresSeconds: 60 },
      "published to sip:alice@example.test (refresh) for 60 s",
    ],
    [
      { event: "publication-failed", to: aor, sipStatus: 489, reason: "Bad Event", retryInMs: 2000 },
      { event: "publication-failed", to: aor, sipStatus: 489, reason: "Bad Event", retryInMs: 2000 },
      "could not publish to sip:alice@example.test: 489 Bad Event; trying again in 2.0 s",
    ],
    [
      {
        event: "report-sent",
        to,
        messageId: "m",
        disposition: "delivered",
        outcome: "sent",
        sipStatus: 202,
        reason: "Accepted",
      },
      {
        event: "report-sent",
        to,
        messageId: "m",
        disposition: "delivered",
        outcome: "sent",
        sipStatus: 202,
        reason: "Accepted",
      },
      "report of m to sip:push@example.test, delivered: sent, 202 Accepted",
    ],
    [
      { event: "referred", from: to, assertedIdentity: null, target: to, applications, sipStatus: 202, reason: null },
      { event: "referred", from: to, assertedIdentity: null, target: to, applications, sipStatus: 202, reason: null },
      "sip:push@example.test refers to sip:push@example.test for push.syncml, mms.ua: 202 accepted",
    ],
    [
      {
        event: "referred",
        from: to,
        assertedIdentity: to,
        target: null,
        applications: [],
        sipStatus: 489,
        reason: "no",
      },
      {
        event: "referred",
        from: to,
        assertedIdentity: to,
        target: null,
        applications: [],
        sipStatus: 489,
        reason: "no",
      },
      "sip:push@example.test refers to nothing for no application: 489 no",
    ],
    [
      { event: "refused", from: to, callId: "1", contentType: null, length: 0, sipStatus: 415, reason: "no" },
      undefined,
      "refused a push from sip:push@example.test: 415 no",
    ],
  ])("%j", (event, json, text) => {
    expect(receiverEventToJson(event)).toEqual(json);
    expect(receiverEventToText(event)).toBe(text);
  });
});
