import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { claimAs, outcome, retryLater, submission } from "../store/testdata/pushes.ts";
import { ConsoleRig, testPushForm } from "./testdata/console-rig.ts";
import type { DeliveryListView, DeliveryTimelineView, PushView, SubmitView } from "./views.ts";

let rig: ConsoleRig;
let cookie: string;
beforeEach(async () => {
  rig = await ConsoleRig.open();
  cookie = await rig.login();
});
afterEach(() => rig.close());

const recipient = (user: string) => ({ address: `sip:${user}@example.test`, recipient: `sip:${user}@example.test` });

async function accept(pushId: string, users: readonly string[] = ["alice"], changes: object = {}): Promise<number> {
  const [result] = await rig.store.submit(
    [submission(pushId, { recipients: users.map(recipient), ...changes })],
    rig.nowMs,
  );
  if (result?.result !== "accepted") throw new Error(`${pushId}: ${result?.result}`);
  return result.id;
}

const list = (query = "") => rig.get<DeliveryListView>(cookie, `deliveries?${query}`);
const timelineOf = (id: number) => rig.get<DeliveryTimelineView>(cookie, `deliveries/${id}/timeline`);
const pushIdsOf = ({ deliveries }: DeliveryListView): string[] => deliveries.map(({ pushId }) => pushId);

describe("the list", () => {
  it("has the newest delivery first, with words for its code", async () => {
    await accept("one");
    await accept("two");
    const { deliveries, next } = await list();
    expect(deliveries.map(({ pushId, state, papCode, papText }) => ({ pushId, state, papCode, papText }))).toEqual([
      { pushId: "two", state: "pending", papCode: 1001, papText: "Accepted for Processing" },
      { pushId: "one", state: "pending", papCode: 1001, papText: "Accepted for Processing" },
    ]);
    expect(next).toBeNull();
  });

  it.each([
    ["pushId=two", ["two"]],
    ["recipient=sip%3Abob%40example.test", ["two"]],
    ["recipient=SIP%3Abob%40EXAMPLE.test", ["two"]],
    ["recipient=WAPPUSH%3Dbob%2FTYPE%3DUSER%40ppg.example.test", ["two"]],
    ["initiator=other", ["three"]],
    ["initiator=pi&state=pending", ["two"]],
    ["state=delivered", ["one"]],
    ["state=&pushId=%20&recipient=", ["three", "two", "one"]],
    ["pushId=none", []],
  ])("filters by %s", async (query, expected) => {
    await accept("one");
    const [claimed] = await rig.store.claim(claimAs("node", rig.nowMs));
    if (claimed !== undefined) await rig.store.advance([outcome(claimed)]);
    await accept("two", ["bob"]);
    await accept("three", ["carol"], { initiator: "other" });
    expect(pushIdsOf(await list(query))).toEqual(expected);
  });

  it("has the address of what is rejected, and finds it by that in any spelling", async () => {
    const nobody = "WAPPUSH=x/TYPE=NONE@ppg.example.test";
    const addresses = ["sip:alice@example.test", "sip:zoe@ELSEWHERE.example.com", nobody];
    const payload = testPushForm({ addresses });
    await rig.ask(cookie, { method: "POST", url: "/console/api/pushes", payload });
    const { deliveries } = await list("state=rejected");
    expect(deliveries.map((each) => [each.address, each.recipient, each.papCode])).toEqual([
      [nobody, nobody, 2002],
      ["sip:zoe@ELSEWHERE.example.com", "sip:zoe@elsewhere.example.com", 2001],
    ]);
    for (const asked of [nobody, "SIP:zoe@Elsewhere.example.com"]) {
      const found = await list(`recipient=${encodeURIComponent(asked)}`);
      expect(found.deliveries.map(({ state }) => state)).toEqual(["rejected"]);
    }
  });

  it("has the address where an older gateway kept no recipient", async () => {
    const rejected = { papCode: 2002, reason: "is no address" };
    await accept("one", [], { recipients: [recipient("alice"), { address: "nobody", recipient: "", rejected }] });
    expect((await list("state=rejected")).deliveries).toMatchObject([{ address: "nobody", recipient: "nobody" }]);
  });

  it("comes in pages", async () => {
    for (const pushId of ["one", "two", "three"]) await accept(pushId);
    const first = await list("limit=2");
    expect(pushIdsOf(first)).toEqual(["three", "two"]);
    expect(pushIdsOf(await list(`limit=2&after=${first.next}`))).toEqual(["one"]);
  });

  it.each([
    ["state=gone", "There is no such state."],
    ["limit=0", "Too small"],
    ["limit=1000", "Too big"],
    ["after=x", "Invalid input"],
    ["pushId=a&pushId=b", "Invalid input"],
    [`pushId=${"x".repeat(2_000)}`, "This is longer than 1024 characters."],
    ["recipient=a%00b", "This has characters that nothing has."], // PostgreSQL does not even look for them
  ])("refuses %.30s", async (query, message) => {
    const response = await rig.ask(cookie, { url: `/console/api/deliveries?${query}` });
    expect(response.statusCode).toBe(422);
    const field = query.split("=", 1)[0];
    expect(response.json()).toEqual({ problems: [{ field, message: expect.stringContaining(message) }] });
  });
});

describe("one push", () => {
  it("tells what it is, without its octets", async () => {
    const deliverBeforeMs = rig.nowMs + 60_000;
    const id = await accept("one", ["alice"], { deliverBeforeMs, applicationData: { applicationId: "push.syncml" } });
    const push = await rig.get<PushView>(cookie, `pushes/${id}`);
    expect(push).toMatchObject({
      pushId: "one",
      initiator: "pi",
      acceptedAtMs: rig.nowMs,
      contentOctets: 5,
      applicationId: "push.syncml",
      deliverBeforeMs,
    });
    expect(JSON.stringify(push)).not.toContain('"content":');
  });

  it("has a timeline with the time each attempt took", async () => {
    await accept("one");
    const nowMs = rig.nowMs;
    const [first] = await rig.store.claim(claimAs("node-1", nowMs));
    if (first === undefined) throw new Error("nothing to claim");
    await rig.store.advance([{ ...retryLater(first, nowMs + 5_000), attemptStartedAtMs: nowMs, atMs: nowMs + 20 }]);
    const [second] = await rig.store.claim(claimAs("node-2", nowMs + 5_000));
    if (second === undefined) throw new Error("nothing to claim");
    await rig.store.advance([outcome(second, { attemptStartedAtMs: nowMs + 5_000, atMs: nowMs + 5_040 })]);
    const { entries } = await timelineOf(first.id);
    expect(entries.filter(({ attemptMs }) => attemptMs !== null)).toEqual([
      expect.objectContaining({ state: "retry-wait", sipStatus: 503, papCode: 4001, attemptMs: 20, node: "node-1" }),
      expect.objectContaining({ state: "delivered", sipStatus: 200, papCode: 1000, attemptMs: 40, node: "node-2" }),
    ]);
  });

  it("has an empty timeline before anything happened to it", async () => {
    await accept("one");
    const id = (await list()).deliveries[0]?.id ?? 0;
    expect(await timelineOf(id)).toEqual({ entries: [], notification: null });
  });

  it("tells how telling its initiator goes", async () => {
    await accept("one", ["alice"], { notifyUrl: "https://pi.example.test/results" });
    const [claimed] = await rig.store.claim(claimAs("node", rig.nowMs));
    if (claimed === undefined) throw new Error("nothing to claim");
    const notification = async () => (await timelineOf(claimed.id)).notification;
    expect(await notification()).toBeNull();
    await rig.store.advance([outcome(claimed)]);
    expect(await notification()).toMatchObject({ state: "queued", attempts: 0, settledAtMs: null });
    const [result] = await rig.store.claimNotifications(claimAs("node", rig.nowMs + 1_000));
    if (result === undefined) throw new Error("no result to tell");
    const atMs = rig.nowMs + 1_500;
    await rig.store.settleNotifications([{ notification: result, verdict: "accepted", atMs }]);
    expect(await notification()).toEqual({ state: "accepted", attempts: 1, nextAtMs: null, settledAtMs: atMs });
  });

  it.each(["pushes/7", "pushes/x", "deliveries/7/timeline", "deliveries/-1/timeline", "pushes/99999999999999999999"])(
    "is not there (%s)",
    async (path) => {
      expect((await rig.ask(cookie, { url: `/console/api/${path}` })).statusCode).toBe(404);
    },
  );
});

describe("cancelling", () => {
  const cancel = (id: number | string, payload: object = {}) =>
    rig.ask(cookie, { method: "POST", url: `/console/api/pushes/${id}/cancel`, payload });

  it("takes the whole push back, whoever's it is", async () => {
    const id = await accept("one", ["alice", "bob"]);
    const response = await cancel(id);
    expect(response.json<{ addresses: unknown[] }>().addresses).toEqual([
      { address: "sip:alice@example.test", verdict: "cancelled" },
      { address: "sip:bob@example.test", verdict: "cancelled" },
    ]);
    expect((await list("state=cancelled")).deliveries).toHaveLength(2);
  });

  it("takes one address back", async () => {
    const id = await accept("one", ["alice", "bob"]);
    await cancel(id, { addresses: ["sip:bob@example.test"] });
    expect((await list("state=cancelled")).deliveries.map(({ address }) => address)).toEqual(["sip:bob@example.test"]);
  });

  it("says of what is delivered that it is too late (PAP 2008)", async () => {
    const id = await accept("one");
    const [claimed] = await rig.store.claim(claimAs("node", rig.nowMs));
    if (claimed !== undefined) await rig.store.advance([outcome(claimed)]);
    expect((await cancel(id)).json()).toEqual({
      addresses: [{ address: "sip:alice@example.test", verdict: "notPossible" }],
    });
  });

  it("refuses what it does not know", async () => {
    const id = await accept("one");
    expect((await cancel(77)).statusCode).toBe(404);
    expect((await cancel(id, { addresses: [] })).statusCode).toBe(422);
    expect((await cancel(id, { addresses: [1] })).statusCode).toBe(422);
    expect((await list("state=pending")).deliveries).toHaveLength(1);
  });
});

describe("a test push", () => {
  const submit = (form: object, as = cookie) =>
    rig.ask(as, { method: "POST", url: "/console/api/pushes", payload: form });

  it("is accepted as a push of the initiator with the user's name", async () => {
    const response = await submit(testPushForm({ priority: "high", deliverBefore: "2026-01-02T00:00:00.000Z" }));
    const answer = response.json<SubmitView>();
    expect(answer).toMatchObject({ papCode: 1001, papText: "Accepted for Processing" });
    expect(answer.pushId).toMatch(/@console\.example\.test$/);
    const push = await rig.get<PushView>(cookie, `pushes/${answer.push}`);
    expect(push).toMatchObject({
      initiator: "admin",
      pushId: answer.pushId,
      contentType: "application/vnd.syncml.ds.notification",
      applicationId: "push.syncml",
      priority: "high",
      deliverBeforeMs: Date.UTC(2026, 0, 2),
    });
  });

  it.each([
    [
      { kind: "text", contentType: "text/plain;charset=utf-8", text: "grüß" },
      "text/plain;charset=utf-8",
      "6772c3bcc39f",
    ],
    [
      { kind: "hex", contentType: "application/octet-stream", hex: "00 7f:80 FF" },
      "application/octet-stream",
      "007f80ff",
    ],
  ])("may hold %o", async (content, contentType, octets) => {
    const { push } = (await submit(testPushForm({ content, applicationId: "" }))).json<SubmitView>();
    const stored = await rig.store.push(push ?? 0);
    expect(stored?.contentType).toBe(contentType);
    expect(Buffer.from(stored?.content ?? []).toString("hex")).toBe(octets);
  });

  it("has to do with the initiator's rights: the answer says what it may not do (PAP 2001)", async () => {
    const response = await submit(testPushForm({ addresses: ["sip:alice@elsewhere.example.com"] }));
    expect(response.statusCode).toBe(200);
    expect(response.json()).toMatchObject({ papCode: 2001, papText: "Forbidden", push: null });
  });

  it("is not for users without an initiator", async () => {
    const guest = await rig.login("guest");
    const response = await submit(testPushForm(), guest);
    expect(response.statusCode).toBe(403);
    expect(response.json<{ message: string }>().message).toContain("guest");
  });

  const ds = { kind: "ds", serverId: "ds.example.test", sessionId: 1, uiMode: "informative", syncs: [] };
  it.each([
    ["addresses", { addresses: [] }],
    ["addresses.1", { addresses: ["sip:alice@example.test", "alice"] }],
    ["addresses", { addresses: Array.from({ length: 101 }, (_, n) => `sip:u${n}@example.test`) }],
    ["deliveryMethod", { deliveryMethod: "fast" }],
    ["priority", { priority: "urgent" }],
    ["deliverBefore", { deliverBefore: "tomorrow" }],
    ["applicationId", { applicationId: "a b\r\nX: y" }],
    ["content.serverId", { content: { ...ds, serverId: "" } }],
    ["content.sessionId", { content: { ...ds, sessionId: 65_536 } }],
    ["content.sessionId", { content: { ...ds, sessionId: null } }],
    [
      "content.syncs.0.contentType",
      { content: { ...ds, syncs: [{ syncType: "two-way", contentType: "x/none", serverUri: "" }] } },
    ],
    ["content.hex", { content: { kind: "hex", contentType: "text/plain", hex: "123" } }],
    ["content.contentType", { content: { kind: "text", contentType: "text", text: "" } }],
    ["content.kind", { content: { kind: "video" } }],
  ])("names the field %s when it is wrong", async (field, changes) => {
    const response = await submit(testPushForm(changes));
    expect(response.statusCode).toBe(422);
    const { problems } = response.json<{ problems: { field: string; message: string }[] }>();
    expect(problems.map((each) => each.field)).toContain(field);
    for (const { message } of problems) expect(message).toMatch(/^[A-Z"].*/);
  });

  it.each([["null"], ["[]"], ["{}"], ["1"], ['{"addresses":{"length":1}}']])("refuses %s", async (payload) => {
    const headers = { "content-type": "application/json" };
    const response = await rig.ask(cookie, { method: "POST", url: "/console/api/pushes", payload, headers });
    expect(response.statusCode).toBe(422);
  });
});
