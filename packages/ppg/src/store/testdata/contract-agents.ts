import { describe, expect, it } from "vitest";
import type { StoreRig } from "./rig.ts";

async function all<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const each of iterable) list.push(each);
  return list;
}

const dialog = {
  callId: "c",
  localTag: "id",
  remoteTag: "r",
  localUri: "sip:p@example.com",
  remoteUri: "sip:h@example.com",
  localSeq: 7,
  remoteSeq: null,
  routeSet: ["<sip:proxy.example.com;lr>"],
  remoteTarget: "sip:h@192.0.2.1",
  secure: false,
};

const subscription = (id: string, eventPackage = "oma-push") => ({
  id,
  package: eventPackage,
  eventId: null,
  eventParams: [["app", "\u00e9"]] as const,
  state: "active" as const,
  dialog: { ...dialog, localTag: id },
  expiresAt: "2026-01-01T01:00:00.000Z",
  resource: "sip:p@example.com",
  subscriber: "sip:h@example.com",
  accept: [],
  applicationData: { a: [1, null] },
});

/** What the sender keeps in the same database. */
export function describeAgents(rig: StoreRig): void {
  describe("sender's stores", () => {
    it("keep subscriptions per package over a restart, replace and delete them (RFC 6665)", async () => {
      const many = Array.from({ length: 1_203 }, (_, index) => subscription(`s${index}`));
      const { subscriptions } = rig.store;
      await Promise.all([...many, subscription("other", "reg")].map((record) => subscriptions.put(record)));
      await subscriptions.put({ ...subscription("s0"), state: "pending" });
      await subscriptions.delete("s1");
      await subscriptions.delete("never-there");
      const store = await rig.reopen();
      const loaded = await all(store.subscriptions.load("oma-push"));
      expect(new Set(loaded.map(({ id }) => id)).size).toBe(1_202);
      expect(loaded).toHaveLength(1_202);
      expect(loaded.find(({ id }) => id === "s0")).toEqual({ ...subscription("s0"), state: "pending" });
      expect(await all(store.subscriptions.load("reg"))).toEqual([subscription("other", "reg")]);
    });

    it("keep learnt capabilities per user over a restart", async () => {
      const user = (aor: string, source: "options" | "refusal") => ({
        aor,
        records: [
          {
            source,
            handset: null,
            facts: {},
            refused: {},
            learntAt: "2026-01-01T00:00:00.000Z",
            expiresAt: "2026-01-02T00:00:00.000Z",
          },
        ],
      });
      const put = (each: ReturnType<typeof user>) => rig.store.capabilities.put(each as never);
      await put(user("sip:a@example.com", "options"));
      await put(user("sip:b@example.com", "options"));
      await put(user("sip:b@example.com", "refusal"));
      await rig.store.capabilities.delete("sip:a@example.com");
      const store = await rig.reopen();
      expect(await all(store.capabilities.load())).toEqual([user("sip:b@example.com", "refusal")]);
    });
  });
}
