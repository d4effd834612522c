import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SubscriptionRecord, SubscriptionStore } from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { subscriptionFile } from "./subscription-file.ts";

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sip-push-"));
  path = join(folder, "subscriptions.json");
});

afterEach(() => rm(folder, { recursive: true }));

const record = (id: string, localSeq = 1): SubscriptionRecord => ({
  id,
  package: "oma-push",
  eventId: null,
  eventParams: [["event-app-id", '"urn:x"']],
  state: "active",
  dialog: {
    callId: `call-${id}`,
    localTag: id,
    remoteTag: "r",
    localUri: "<sip:push@example.test>",
    remoteUri: "<sip:alice@example.test>",
    localSeq,
    remoteSeq: 7,
    routeSet: [],
    remoteTarget: "sip:alice@127.0.0.1:9",
    secure: false,
  },
  expiresAt: "2030-01-01T00:00:00.000Z",
  resource: "sip:push@example.test",
  subscriber: "sip:alice@example.test",
  accept: [],
  applicationData: { applications: ["push.syncml"] },
});

async function all(store: SubscriptionStore, eventPackage = "oma-push"): Promise<SubscriptionRecord[]> {
  const records: SubscriptionRecord[] = [];
  for await (const each of store.load(eventPackage)) records.push(each);
  return records;
}

describe("the file of --subscriptions", () => {
  it("gives back to the next run what this one put there, and not what it took away", async () => {
    const store = await subscriptionFile("--subscriptions", path);
    expect(await all(store)).toEqual([]);
    await Promise.all([store.put(record("a")), store.put(record("b")), store.put(record("a", 9))]);
    await store.delete("b");
    await store.delete("never there");
    const next = await subscriptionFile("--subscriptions", path);
    expect(await all(next)).toEqual([record("a", 9)]);
    expect(await all(next, "presence")).toEqual([]);
    expect(await readdir(folder)).toEqual(["subscriptions.json"]);
  });

  it("is whole after every write, whatever else is being written", async () => {
    const store = await subscriptionFile("--subscriptions", path);
    const ids = Array.from({ length: 20 }, (_, index) => `s${index}`);
    await Promise.all(
      ids.map(async (id) => {
        await store.put(record(id));
        expect(await readFile(path, "utf8")).toContain(`"id":"${id}"`);
      }),
    );
    expect(await all(await subscriptionFile("--subscriptions", path))).toHaveLength(20);
  });

  it("that cannot be written fails that write, and not the next", async () => {
    const store = await subscriptionFile("--subscriptions", path);
    await rm(folder, { recursive: true });
    await expect(store.put(record("a"))).rejects.toThrow("ENOENT");
    folder = await mkdtemp(join(tmpdir(), "sip-push-"));
    const other = await subscriptionFile("--subscriptions", join(folder, "other.json"));
    await other.put(record("b"));
    expect(await all(other)).toHaveLength(1);
  });

  it.each(["", "[]", "{}", '{"subscriptions":{}}', '{"subscriptions":[null]}', '{"subscriptions":[{"id":1}]}'])(
    "that holds %j is refused",
    async (text) => {
      await writeFile(path, text);
      await expect(subscriptionFile("--subscriptions", path)).rejects.toThrow(
        `--subscriptions: ${path}: holds no subscriptions`,
      );
    },
  );
});
