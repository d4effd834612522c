import { createDmNotification, createDsNotification, createSyncmlNotification } from "@sip-push/notification";
import type { PushEvent } from "@sip-push/receiver";
import { SipHeaders } from "@sip-push/sip";
import { describe, expect, it } from "vitest";
import { describeNotification, describePush, printable, table } from "./text.ts";

const contacts = { syncType: "two-way", serverUri: "./contacts", contentType: "text/x-vcard" } as const;

describe("a table", () => {
  it("has columns as wide as their longest cell, and no blanks at the end of a line", () => {
    expect(table([["to", "state"], ["sip:é@x", "delivered"], ["b"]])).toBe(
      "to       state\n───────  ─────────\nsip:é@x  delivered\nb\n",
    );
  });
});

describe("text of a peer", () => {
  it.each([
    ["\u001b[2Jhello", "\ufffd[2Jhello"],
    ["a\nb\rc", "a\ufffdb\ufffdc"],
    ["\u009b31m", "\ufffd31m"],
    ["\u202eevil\u2066", "\ufffdevil\ufffd"],
    ["Grüße 你好", "Grüße 你好"],
  ])("%j is printed without what a terminal obeys", (text, printed) => {
    expect(printable(text)).toBe(printed);
  });

  it("is printed so in a table too", () => {
    expect(table([["a"], ["\u001b[2J"]])).not.toContain("\u001b");
  });
});

describe("a notification on one line", () => {
  it.each([
    [
      createDsNotification({ serverId: "ds", sessionId: 7, uiMode: "informative", syncs: [contacts] }),
      "ds-1.2 from ds, session 7, informative: two-way ./contacts (text/x-vcard)",
    ],
    [createDsNotification({ serverId: "ds\u0007", sessionId: 7 }), "ds-1.2 from ds\ufffd, session 7: all datastores"],
    [
      createDmNotification({ serverId: "dm", sessionId: 9, uiMode: "user-interaction" }),
      "dm-1.2 from dm, session 9, user-interaction",
    ],
    [
      createSyncmlNotification({ format: "syncml-1.1-xml", serverId: "http://ds", sessionId: "5", syncs: [contacts] }),
      "syncml-1.1-xml from http://ds, session 5: two-way ./contacts (text/x-vcard)",
    ],
  ])("%#", (notification, line) => {
    expect(describeNotification(notification)).toBe(line);
  });
});

describe("a push on one line", () => {
  const push: PushEvent = {
    event: "push",
    from: "sip:ppg@example.test",
    assertedIdentity: null,
    applicationId: null,
    contentType: "text/plain",
    body: new Uint8Array(5),
    length: 5,
    sha256: "",
    via: "message",
    callId: "1",
    notification: null,
    digest: "unchecked",
    deliverBefore: null,
    expired: false,
    priority: null,
    subject: null,
    contentEncoding: null,
    contentLanguage: null,
    contentDisposition: null,
    parts: [],
    reportsAsked: [],
    pushResource: null,
    partHeaders: null,
    headers: SipHeaders.of(),
    sipStatus: 200,
  };

  it("says what came from whom and how it was answered", () => {
    expect(describePush(push)).toBe("push from sip:ppg@example.test: text/plain, 5 octets; answered 200");
  });

  it("says when it came in a subscription", () => {
    expect(describePush({ ...push, via: "notify" })).toBe(
      "subscribed push from sip:ppg@example.test: text/plain, 5 octets; answered 200",
    );
  });

  it("says whom it is for, and what the notification asks", () => {
    const notification = createDsNotification({ serverId: "ds", sessionId: 7 });
    expect(describePush({ ...push, applicationId: "push.syncml", notification, digest: "valid", sipStatus: 603 })).toBe(
      "push from sip:ppg@example.test for push.syncml: text/plain, 5 octets; ds-1.2 from ds, session 7: all datastores; " +
        "digest valid; answered 603",
    );
  });
});
