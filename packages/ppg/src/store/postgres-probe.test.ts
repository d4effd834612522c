import { VirtualClock } from "@sip-push/sip/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { describeWithPeers } from "../../../../test/support/describe-with-peers.ts";
import { PostgresCluster } from "../../../../test/support/postgres-cluster.ts";
import { answersAnew } from "./postgres-probe.ts";
import { PostgresSockets } from "./postgres-sockets.ts";
import { PostgresStore } from "./postgres-store.ts";
import { submission, t0 } from "./testdata/pushes.ts";

/** Of this process. */
const openSockets = (): number => process.getActiveResourcesInfo().filter((each) => each === "TCPSocketWrap").length;

describe("a server that is asked on a new connection", () => {
  it("does not answer where there is none", async () => {
    const nobody = { connectionString: "postgres://ppg@127.0.0.1:1/none" };
    expect(await answersAnew(nobody, new PostgresSockets(), new AbortController().signal)).toBe(false);
  });
});

describeWithPeers("a PostgreSQL that is asked on a new connection", ["postgresql"], () => {
  let cluster: PostgresCluster;
  let url: string;
  let given: AbortController;
  let before: number;
  beforeAll(async () => {
    cluster = await PostgresCluster.start();
    url = await cluster.makeDatabase();
  });
  afterAll(() => cluster.stop());
  beforeEach(() => {
    given = new AbortController();
    before = openSockets();
  });
  afterEach(async () => {
    cluster.thaw();
    await expect.poll(openSockets).toBe(before);
  });

  const ask = (connectionString: string): Promise<boolean> =>
    answersAnew({ connectionString }, new PostgresSockets(), given.signal);

  it("answers, be it with a refusal", async () => {
    expect(await Promise.all([ask(url), ask(`${url}-that-is-not-there`)])).toEqual([true, true]);
  });

  it("does not answer while it stands still, until that is given up", async () => {
    cluster.freeze();
    const answers = ask(url);
    await expect.poll(openSockets).toBe(before + 1);
    given.abort();
    expect(await answers).toBe(false);
  });

  it("is silent for its store when it stands still, and is there again when it goes on", async () => {
    const clock = new VirtualClock();
    const store = await PostgresStore.open(url, { clock });
    cluster.freeze();
    const submitting = store.submit([submission("p")], t0).catch((error: unknown) => error);
    await clock.advance(6_000);
    expect(await submitting).toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true });
    // Nobody waits for what has no hope.
    await expect(store.check()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    cluster.thaw();
    // When it is asked next.
    await clock.advance(1_000);
    const check = (): Promise<string> =>
      store.check().then(
        () => "there",
        () => "silent",
      );
    await expect.poll(check).toBe("there");
    expect(await store.submit([submission("p")], t0)).toMatchObject([
      { result: expect.stringMatching(/accepted|duplicate/) },
    ]);
    await store.close();
  });
});
