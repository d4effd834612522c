import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StoreError } from "./errors.ts";
import { startThread } from "./sqlite-line.ts";
import type { ThreadCall, ThreadReply, ThreadRequest } from "./sqlite-messages.ts";
import { SqliteStore } from "./sqlite-store.ts";
import { SqliteThread } from "./sqlite-thread.ts";
import type { PpgStore } from "./store.ts";
import { claimAs, outcome, pushIds, submission, t0 } from "./testdata/pushes.ts";
import type { TakenBack, WorkKind } from "./types.ts";

const unavailable = { name: "StoreError", code: "STORE_UNAVAILABLE", retryable: true };
const closed = { name: "StoreError", code: "STORE_CLOSED" };
const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const pushes = (prefix: string, count: number) => range(count).map((index) => submission(`${prefix}${index}`));

let folder: string;
/** To be closed, the last first. */
let open: { close(): Promise<void> }[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sip-push-ppg-"));
  open = [];
});
afterEach(async () => {
  for (const each of open.reverse()) await each.close();
  rmSync(folder, { recursive: true });
});

function closeLater<T extends { close(): Promise<void> }>(each: T): T {
  open.push(each);
  return each;
}

const openOwner = async (): Promise<SqliteStore> => closeLater(await SqliteStore.open(folder));
const connect = async (link: () => Promise<MessagePort>): Promise<SqliteStore> =>
  closeLater(await SqliteStore.connect(link));

async function openBoth(): Promise<{ owner: SqliteStore; linked: SqliteStore }> {
  const owner = await openOwner();
  return { owner, linked: await connect(() => owner.link()) };
}

/** Why the call failed. */
const endOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => "answered",
    (error: unknown) => error,
  );

/** Resolves when it has heard of such work. */
function heard(store: PpgStore, of: WorkKind): Promise<void> {
  return new Promise((resolve) => {
    const stop = store.onWork(of, () => {
      stop();
      resolve();
    });
  });
}

describe("SQLite store with a link to it", () => {
  it("answers each side what it asked for, however many ask at the same time", async () => {
    const sides = Object.entries(await openBoth());
    const asks = sides.flatMap(([name, store]) =>
      range(300).map(async (index) => {
        const pushId = `${name}${index}`;
        const [result] = await store.submit([submission(pushId)], t0 + index);
        const [status, other] = await Promise.all([
          store.status({ initiator: "pi", pushId }),
          store.status({ initiator: "pi", pushId: "nobody's" }),
        ]);
        expect(result?.result).toBe("accepted");
        expect(other).toBeUndefined();
        return [pushId, status?.push.pushId, status?.push.acceptedAtMs];
      }),
    );
    const expected = sides.flatMap(([name]) =>
      range(300).map((index) => [`${name}${index}`, `${name}${index}`, t0 + index]),
    );
    expect(await Promise.all(asks)).toEqual(expected);
  });

  it("fails a call for its own mistake only, on the side that made it", async () => {
    const { owner, linked } = await openBoth();
    const mistaken = linked.settleNotifications([null] as never);
    const [failed, ...fine] = await Promise.allSettled([
      mistaken,
      owner.submit([submission("p")], t0),
      linked.submit([submission("q")], t0),
    ]);
    expect(failed).toMatchObject({ status: "rejected", reason: { code: "STORE_UNAVAILABLE" } });
    expect(fine).toMatchObject([
      { status: "fulfilled", value: [{ result: "accepted" }] },
      { status: "fulfilled", value: [{ result: "accepted" }] },
    ]);
  });

  it("serves several links", async () => {
    const { owner, linked } = await openBoth();
    const third = await connect(() => owner.link());
    const sides = [owner, linked, third];
    await Promise.all(sides.map((store, index) => store.submit([submission(`p${index}`)], t0)));
    const counts = await Promise.all(sides.map((store) => store.countByState()));
    expect(counts.map(({ pending }) => pending)).toEqual([3, 3, 3]);
  });

  it.each([
    ["owner", "linked"],
    ["linked", "owner"],
  ] as const)("tells both of work that the %s submits, and the other claims it", async (from, other) => {
    const sides = await openBoth();
    const news = Promise.all([heard(sides.owner, "deliveries"), heard(sides.linked, "deliveries")]);
    await sides[from].submit([submission("p", { notifyUrl: "http://pi.example.com/" })], t0);
    await news;
    const claimed = await sides[other].claim(claimAs("n1"));
    expect(pushIds(claimed)).toEqual(["p"]);
    expect(await sides[from].claim(claimAs("n2"))).toEqual([]);

    const results = Promise.all([heard(sides.owner, "results"), heard(sides.linked, "results")]);
    await sides[other].advance(claimed.map((each) => outcome(each)));
    await results;
    expect(await sides[from].claimNotifications(claimAs("n2", t0 + 50))).toMatchObject([{ pushId: "p" }]);
  });

  it("tells of each delivery that was taken back once, to one of both", async () => {
    const { owner, linked } = await openBoth();
    const told: TakenBack[] = [];
    for (const store of [owner, linked]) store.onTakenBack((taken) => void told.push(...taken));
    const ids = range(200).map((index) => `p${index}`);
    await owner.submit(
      ids.map((pushId) => submission(pushId)),
      t0,
    );
    // Both cancel all: each delivery once with success.
    await Promise.all(
      ids.flatMap((pushId) => [owner, linked].map((store) => store.cancel({ initiator: "pi", pushId }, t0 + 1))),
    );
    // What was sent before an answer has come before it.
    await Promise.all([owner.countByState(), linked.countByState()]);
    expect(told.map(({ pushId }) => pushId).sort()).toEqual(ids.sort());
  });

  it("commits what became of deliveries although nothing else comes", async () => {
    const { owner, linked } = await openBoth();
    await owner.submit(pushes("p", 100), t0);
    const claimed = await linked.claim(claimAs("n1"));
    for (const [index, store] of [owner, linked].entries()) {
      await owner.submit(pushes(`more${index}-`, 100), t0);
      const advanced = await store.advance(claimed.slice(50 * index, 50 * (index + 1)).map((each) => outcome(each)));
      expect(advanced.map(({ result }) => result)).toEqual(Array.from({ length: 50 }, () => "done"));
    }
    expect((await owner.countByState()).delivered).toBe(100);
  });

  it("gives links only where the database is", async () => {
    const { linked } = await openBoth();
    await expect(linked.link()).rejects.toBeInstanceOf(TypeError);
  });
});

describe("closing of the linked store", () => {
  it("answers what it had asked for, and leaves the other working", async () => {
    const { owner, linked } = await openBoth();
    const asked = [linked.submit(pushes("p", 300), t0), ...range(50).map(() => linked.countByState())];
    await linked.close();
    expect(await Promise.all(asked)).toHaveLength(51);
    await expect(linked.countByState()).rejects.toMatchObject(closed);
    await owner.submit([submission("q")], t0);
    expect(await owner.countByState()).toMatchObject({ pending: 301 });
    const another = await connect(() => owner.link());
    expect(await another.countByState()).toMatchObject({ pending: 301 });
  });

  it("tells its listeners nothing more", async () => {
    const { owner, linked } = await openBoth();
    const heardOf: string[] = [];
    linked.onWork("deliveries", () => heardOf.push("deliveries"));
    linked.onTakenBack(() => heardOf.push("taken back"));
    await linked.close();
    await owner.submit([submission("p")], t0);
    await owner.cancel({ initiator: "pi", pushId: "p" }, t0);
    expect(heardOf).toEqual([]);
  });
});

describe("closing of the store that has the database", () => {
  it("ends the calls of the linked one; what was answered is kept", async () => {
    const { owner, linked } = await openBoth();
    const submitAll = (prefix: string) =>
      Promise.allSettled(range(20).map((index) => linked.submit(pushes(`${prefix}${index}-`, 20), t0)));
    const early = submitAll("early");
    // Those go at the end of this turn; the next ones when they are answered, if they are.
    await nextTurn();
    const late = submitAll("late");
    await owner.close();
    const ends = [...(await early), ...(await late)];
    const answered = ends.filter(({ status }) => status === "fulfilled").length;
    for (const end of ends) if (end.status === "rejected") expect(end.reason).toBeInstanceOf(StoreError);
    // This one may still find the old link, whose end is news on its way.
    expect(await endOf(linked.countByState())).toBeInstanceOf(StoreError);
    await expect(linked.countByState()).rejects.toMatchObject(closed);
    await linked.close();
    const reopened = await openOwner();
    expect((await reopened.countByState()).pending).toBeGreaterThanOrEqual(20 * answered);
  });

  it("ends a link that was just being given, and gives none after it", async () => {
    const owner = await openOwner();
    const linked = await connect(() => {
      const given = owner.link();
      void owner.close();
      return given;
    });
    // Whether that one is still answered is chance.
    await endOf(linked.countByState());
    await owner.close();
    expect(await endOf(linked.countByState())).toBeInstanceOf(StoreError);
    await expect(owner.link()).rejects.toMatchObject(closed);
    await expect(linked.countByState()).rejects.toMatchObject(closed);
  });

  it("fails the calls of the linked one as unavailable when it is given no other link for that reason", async () => {
    const owner = await openOwner();
    let isOpen = true;
    const linked = await connect(async () => {
      if (!isOpen) throw new StoreError("STORE_UNAVAILABLE", "it is closing");
      return owner.link();
    });
    isOpen = false;
    await owner.close();
    const ends = range(3).map(() => endOf(linked.countByState()));
    expect(await Promise.all(ends)).toMatchObject([unavailable, unavailable, unavailable]);
  });
});

describe("SQLite store whose thread dies", () => {
  const start = async () => {
    const thread = await SqliteThread.open((listener) =>
      startThread({ directory: folder, lookupInMemory: 1_000 }, listener),
    );
    closeLater(thread);
    let links = 0;
    const linked = await connect(async () => {
      links += 1;
      return (await thread.line()).link();
    });
    return { thread, linked, links: () => links };
  };

  it("fails the calls that a linked one had under way; its next one goes by a new link", async () => {
    const { thread, linked, links } = await start();
    const many = pushes("p", 5_000);
    const lost = Promise.all([linked.submit(many, t0), linked.countByState()].map(endOf));
    // They go at the end of this turn.
    await nextTurn();
    await (await thread.line()).terminate();
    expect(await lost).toMatchObject([unavailable, unavailable]);
    expect(links()).toBe(1);
    const again = await linked.submit([submission("q"), ...many], t0);
    expect(again.map(({ result }) => result).filter((result) => result !== "duplicate")[0]).toBe("accepted");
    expect(await linked.countByState()).toMatchObject({ pending: 5_001 });
    expect(await thread.call("countByState")).toMatchObject({ pending: 5_001 });
    expect(links()).toBe(2);
  });

  it("tells both sides that there may be work: news of it may have been lost", async () => {
    const { thread, linked } = await start();
    const news = (["deliveries", "results"] as const).flatMap((kind) => [
      new Promise<void>((resolve) => void thread.onWork(kind, resolve)),
      heard(linked, kind),
    ]);
    await (await thread.line()).terminate();
    await expect(Promise.all(news)).resolves.toHaveLength(4);
  });
});

/** Plays the thread of the database for one link. */
class PlayedThread {
  readonly link: MessagePort;
  readonly #port: MessagePort;
  readonly #requests: ThreadRequest[] = [];
  #wanting: ((request: ThreadRequest) => void) | undefined;

  constructor() {
    const { port1, port2 } = new MessageChannel();
    this.link = port1;
    this.#port = port2;
    port2.on("message", (request: ThreadRequest) => {
      if (this.#wanting === undefined) this.#requests.push(request);
      else this.#wanting(request);
      this.#wanting = undefined;
    });
  }

  /** What comes next. */
  async request(): Promise<ThreadRequest> {
    return this.#requests.shift() ?? new Promise((want) => (this.#wanting = want));
  }

  async calls(): Promise<readonly ThreadCall[]> {
    const request = await this.request();
    if (request === "close" || "link" in request) throw new Error("no calls");
    return request;
  }

  answer(calls: readonly ThreadCall[], value: unknown): void {
    const results = calls.map(([number]) => [number, value, null] as const);
    this.#port.postMessage({ reply: "results", results, worked: [], takenBack: [] } satisfies ThreadReply, []);
  }

  close(): void {
    this.#port.close();
  }
}

describe("linked store", () => {
  /** A store with the links that it has asked for. */
  async function play(): Promise<{ linked: SqliteStore; threads: PlayedThread[] }> {
    const threads: PlayedThread[] = [];
    const linked = await SqliteStore.connect(async () => {
      const thread = new PlayedThread();
      threads.push(thread);
      return thread.link;
    });
    closeLater({
      close: async () => {
        for (const thread of threads) thread.close();
        await linked.close();
      },
    });
    return { linked, threads };
  }

  it("sends what is asked for while calls are under way together, once those are answered", async () => {
    const { linked, threads } = await play();
    const first = linked.nextDueAtMs();
    const calls = await threads[0]?.calls();
    const later = [linked.nextDueAtMs(), linked.nextDueAtMs()];
    await nextTurn();
    threads[0]?.answer(calls ?? [], 1);
    const rest = await threads[0]?.calls();
    threads[0]?.answer(rest ?? [], 2);
    expect([calls?.length, rest?.length]).toEqual([1, 2]);
    expect(await Promise.all([first, ...later])).toEqual([1, 2, 2]);
  });

  it("sends all that was asked for before it says that it is closed, and waits for the answers", async () => {
    const { linked, threads } = await play();
    const [thread] = threads;
    const first = linked.nextDueAtMs();
    const calls = [...((await thread?.calls()) ?? [])];
    const second = linked.nextDueAtMs();
    const closing = linked.close();
    calls.push(...((await thread?.calls()) ?? []));
    expect(await thread?.request()).toBe("close");
    thread?.answer(calls, 3);
    thread?.close();
    await closing;
    expect(await Promise.all([first, second])).toEqual([3, 3]);
  });

  it("loses with a link what went by it; what had not gone yet goes by the next", async () => {
    const { linked, threads } = await play();
    const lost = endOf(linked.nextDueAtMs());
    await threads[0]?.calls();
    const kept = linked.nextDueAtMs();
    threads[0]?.close();
    expect(await lost).toMatchObject(unavailable);
    await expect.poll(() => threads.length).toBe(2);
    threads[1]?.answer((await threads[1].calls()) ?? [], 7);
    expect(await kept).toBe(7);
  });

  it("gets the answers that were sent before the link ended", async () => {
    const { linked, threads } = await play();
    const asked = linked.nextDueAtMs();
    threads[0]?.answer((await threads[0].calls()) ?? [], 5);
    threads[0]?.close();
    expect(await asked).toBe(5);
  });

  it("asks for no link when it is closed after its link has ended, and for none while nothing is asked for", async () => {
    const { linked, threads } = await play();
    const lost = endOf(linked.nextDueAtMs());
    await threads[0]?.calls();
    threads[0]?.close();
    expect(await lost).toMatchObject(unavailable);
    await linked.close();
    await expect(linked.nextDueAtMs()).rejects.toMatchObject(closed);
    expect(threads).toHaveLength(1);
  });

  it("rejects a call with why there is no link, and asks for one again for the next", async () => {
    const owner = await openOwner();
    const problem = new StoreError("STORE_UNAVAILABLE", "no link today");
    const answers: (() => Promise<MessagePort>)[] = [
      () => owner.link(),
      () => Promise.reject(problem),
      () => owner.link(),
    ];
    let ended: MessagePort | undefined;
    const linked = await connect(async () => {
      const port = await answers.shift()?.();
      if (port === undefined) throw new Error("asked too often");
      ended ??= port;
      return port;
    });
    expect(await linked.countByState()).toMatchObject({ pending: 0 });
    const gone = new Promise((resolve) => ended?.once("close", resolve));
    ended?.close();
    await gone;
    const refused = await Promise.allSettled([linked.countByState(), linked.nextDueAtMs()]);
    expect(refused).toEqual([
      { status: "rejected", reason: problem },
      { status: "rejected", reason: problem },
    ]);
    expect(await linked.countByState()).toMatchObject({ pending: 0 });
    expect(answers).toEqual([]);
  });

  it("is not made when there is no link at first", async () => {
    const problem = new StoreError("STORE_UNAVAILABLE", "no link today");
    await expect(SqliteStore.connect(() => Promise.reject(problem))).rejects.toBe(problem);
  });
});

describe("a thread that cannot open the database", () => {
  it("ends without a word once that was said: the next one, already on its way, is left alone", async () => {
    const missing = join(folder, "missing");
    const directories = [folder, missing, folder];
    const thread = await SqliteThread.open((listener) =>
      startThread({ directory: directories.shift() ?? folder, lookupInMemory: 1_000 }, listener),
    );
    closeLater(thread);
    await (await thread.line()).terminate();
    await expect(thread.call("countByState")).rejects.toMatchObject(unavailable);
    expect(await thread.call("countByState")).toMatchObject({ pending: 0 });
    expect(await thread.call("nextDueAtMs")).toBeUndefined();
    expect(directories).toEqual([]);
  });
});
