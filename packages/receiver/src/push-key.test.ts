import { createRequest, newCallId } from "@sip-push/sip";
import { VirtualClock } from "@sip-push/sip/testing";
import { describe, expect, it } from "vitest";
import { SharedAnswer } from "./answer.ts";
import { carriers } from "./carrier.ts";
import { pushKey } from "./push-key.ts";
import { RecentMap } from "./recent-map.ts";
import type { ScreenedPush } from "./screening.ts";
import { heapBytes } from "./testdata/heap.ts";

const defaults = {
  callId: "c",
  from: "sip:psi@home.test",
  body: "one",
  recipient: "sip:bob@home.test",
  applicationId: "push.syncml",
  contentType: "text/plain",
};

function keyOf(changes: Partial<typeof defaults>): string {
  const { callId, from, body, recipient, ...push } = { ...defaults, ...changes };
  const request = createRequest({ method: "MESSAGE", requestUri: "sip:bob@home.test", from, callId });
  const screened = { ...push, body: Buffer.from(body) } as unknown as ScreenedPush;
  return pushKey(request, carriers.message, screened, recipient) ?? "";
}

describe("the key of a push", () => {
  it("is the same for the same Call-ID, sender, recipient, application and content", () => {
    expect(keyOf({})).toBe(keyOf({}));
  });

  it.each([
    { callId: "d" },
    { from: "sip:other@home.test" },
    { body: "two" },
    { recipient: "sip:carol@home.test" },
    { applicationId: "mms.ua" },
    { contentType: "text/html" },
  ])("is another for %j", (change) => {
    expect(keyOf(change)).not.toBe(keyOf({}));
  });

  it("has 20 octets, however long what it is made of", () => {
    expect(keyOf({ callId: "c".repeat(1000), body: "b".repeat(10_000) }).length).toBe(20);
  });
});

it("a push that is remembered costs less than 256 octets", () => {
  const pushes = 20_000;
  const map = new RecentMap<SharedAnswer>(new VirtualClock(), 3_600_000, pushes);
  const before = heapBytes();
  for (let n = 0; n < pushes; n++) {
    const answer = new SharedAnswer();
    answer.give(() => {});
    answer.settle({ statusCode: 200, headers: [] });
    map.set(keyOf({ callId: newCallId(), recipient: `sip:handset${n}@home.test` }), answer);
  }
  const octets = (heapBytes() - before) / pushes;
  expect(map.size).toBe(pushes);
  expect(octets).toBeLessThan(256);
});
