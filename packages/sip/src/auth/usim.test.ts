import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { milenageOf } from "./aka.ts";
import { AuthenticationCentre, vectorOf } from "./authentication-centre.ts";
import { fromSqn, MAX_JUMP, MAX_SQN, nextSqn, SLOTS } from "./sequence-number.ts";
import { Usim, type UsimAnswer } from "./usim.ts";
import { usimFile } from "./usim-store.ts";

// TS 35.208 §4.3.1.
const k = "465b5ce8b199b49faa5f0a2ee238a6bc";
const op = "cdc202d5123e20f62b6d676ac72cb318";
const rand = Buffer.from("23553cbe9637a89d218ae64dae47bf35", "hex");
const amf = Buffer.from("b9b9", "hex");
const functions = milenageOf({ k, op });

const sqnOf = (seq: number, slot = 0): number => seq * SLOTS + slot;
const challenge = (usim: Usim, sqn: number): UsimAnswer =>
  usim.authenticate(rand, vectorOf(functions, rand, fromSqn(sqn), amf).autn);

describe("a USIM (TS 33.102 §6.3.3)", () => {
  test("answers RES, CK and IK of TS 35.208 §4.3.1", () => {
    const answer = challenge(new Usim({ k, op }), sqnOf(1));
    expect(answer).toEqual({
      kind: "response",
      res: Buffer.from("a54211d5e3ba50bf", "hex"),
      ck: Buffer.from("b40ba9a3c58b2a05bbf0d987b21bf8cb", "hex"),
      ik: Buffer.from("f769bcd751044604127672711c6d3441", "hex"),
    });
  });

  test("refuses every AUTN that is not the network's, whatever octet is wrong, and forgets it", () => {
    const usim = new Usim({ k, op });
    const { autn } = vectorOf(functions, rand, fromSqn(sqnOf(1)), amf);
    for (const index of autn.keys()) {
      const forged = Buffer.from(autn);
      forged[index] = (forged[index] as number) ^ 0x01;
      expect(usim.authenticate(rand, forged)).toEqual({ kind: "wrong-mac" });
    }
    expect(usim.authenticate(rand, autn).kind).toBe("response");
  });

  const accepts = (usim: Usim, sqn: number): boolean => challenge(usim, sqn).kind === "response";

  test("takes no challenge twice", () => {
    const usim = new Usim({ k, op });
    expect([accepts(usim, sqnOf(1)), accepts(usim, sqnOf(1))]).toEqual([true, false]);
  });

  test("takes them out of order when their slots differ, and not when they are the same (§C.2.2)", () => {
    const usim = new Usim({ k, op });
    expect([sqnOf(9, 1), sqnOf(8, 0), sqnOf(8, 1), sqnOf(10, 1)].map((sqn) => accepts(usim, sqn))).toEqual([
      true,
      true,
      false,
      true,
    ]);
  });

  test("lets SEQ jump by 2^28 and no further (§C.2.1)", () => {
    expect(accepts(new Usim({ k, op }), sqnOf(MAX_JUMP))).toBe(true);
    expect(accepts(new Usim({ k, op }), sqnOf(MAX_JUMP + 1))).toBe(false);
    expect(accepts(new Usim({ k, op }), MAX_SQN)).toBe(false);
  });

  test("tells the highest SQN it has seen in AUTS, concealed and signed with an AMF of zero (§6.3.3)", () => {
    const usim = new Usim({ k, op });
    challenge(usim, sqnOf(7, 3));
    challenge(usim, sqnOf(5, 4));
    const answer = challenge(usim, sqnOf(5, 4));
    const { macS } = functions.f1(rand, fromSqn(sqnOf(7, 3)), new Uint8Array(2));
    const sqn = fromSqn(sqnOf(7, 3)).map((octet, i) => octet ^ (functions.f2345(rand).akStar[i] as number));
    expect(answer).toEqual({ kind: "synchronization-failure", auts: Buffer.concat([sqn, macS]) });
  });

  test("takes every challenge of an authentication centre, in any order within the 32 last", async () => {
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(Array.from({ length: SLOTS }, (_, i) => i)), async (order) => {
        const centre = new AuthenticationCentre({ subscriber: () => ({ id: "alice", k, op }) });
        const vectors = [];
        for (let i = 0; i < SLOTS; i++) vectors.push(await centre.vector("alice", "home.test"));
        const usim = new Usim({ k, op });
        for (const index of order) {
          const vector = vectors[index] ?? expect.unreachable("no vector");
          expect(usim.authenticate(vector.rand, vector.autn)).toMatchObject({ kind: "response", res: vector.xres });
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe("an authentication centre (TS 33.102 §6.3)", () => {
  const subscriber = { id: "alice", k, op };

  test("follows a USIM that has seen more, by its AUTS", async () => {
    const centre = new AuthenticationCentre({ subscriber: () => subscriber });
    const usim = new Usim({ k, op });
    challenge(usim, sqnOf(5000, 1));
    const first = (await centre.vector("a", "r")) ?? expect.unreachable("no vector");
    const answer = usim.authenticate(first.rand, first.autn);
    if (answer.kind !== "synchronization-failure") expect.unreachable(answer.kind);
    expect(await centre.resynchronize("a", "r", first.rand, answer.auts)).toBe(true);
    const next = (await centre.vector("a", "r")) ?? expect.unreachable("no vector");
    expect(usim.authenticate(next.rand, next.autn)).toMatchObject({ kind: "response", res: next.xres });
  });

  test("is not set back by an old AUTS (§6.3.5)", async () => {
    const store = new Map([["alice", sqnOf(100, 4)]]);
    const centre = new AuthenticationCentre({ subscriber: () => subscriber, store });
    const usim = new Usim({ k, op });
    const answer = challenge(usim, 0);
    if (answer.kind !== "synchronization-failure") expect.unreachable(answer.kind);
    expect(await centre.resynchronize("a", "r", rand, answer.auts)).toBe(true);
    expect(store.get("alice")).toBe(sqnOf(100, 4));
  });

  test("comes back when it is further ahead than a USIM follows", async () => {
    const store = new Map([["alice", sqnOf(MAX_JUMP + 10)]]);
    const centre = new AuthenticationCentre({ subscriber: () => subscriber, store });
    const usim = new Usim({ k, op });
    const far = (await centre.vector("a", "r")) ?? expect.unreachable("no vector");
    const answer = usim.authenticate(far.rand, far.autn);
    if (answer.kind !== "synchronization-failure") expect.unreachable(answer.kind);
    await centre.resynchronize("a", "r", far.rand, answer.auts);
    const near = (await centre.vector("a", "r")) ?? expect.unreachable("no vector");
    expect(usim.authenticate(near.rand, near.autn).kind).toBe("response");
  });

  test("does not believe an AUTS of anybody else, or for another RAND", async () => {
    const store = new Map<string, number>();
    const centre = new AuthenticationCentre({
      subscriber: (name) => (name === "alice" ? subscriber : undefined),
      store,
    });
    const answer = challenge(new Usim({ k, op }), 0);
    if (answer.kind !== "synchronization-failure") expect.unreachable(answer.kind);
    const forged = Buffer.from(answer.auts);
    forged[0] = (forged[0] as number) ^ 0x80;
    expect(await centre.resynchronize("alice", "r", rand, forged)).toBe(false);
    expect(await centre.resynchronize("alice", "r", Buffer.alloc(16), answer.auts)).toBe(false);
    expect(await centre.resynchronize("nobody", "r", rand, answer.auts)).toBe(false);
    expect(store.size).toBe(0);
    expect(await centre.vector("nobody", "r")).toBeUndefined();
  });

  test("starts behind the SQN of the subscriber, and says when a key or SQN is none", async () => {
    const store = new Map<string, number>();
    const centre = (change: object): AuthenticationCentre =>
      new AuthenticationCentre({ subscriber: () => ({ ...subscriber, ...change }), store });
    await centre({ sqn: 64 }).vector("a", "r");
    expect(store.get("alice")).toBe(nextSqn(64));
    await expect(centre({ amf: "0" }).vector("a", "r")).rejects.toMatchObject({ field: "amf" });
    await expect(centre({ k: "0" }).vector("a", "r")).rejects.toMatchObject({ field: "k" });
    store.clear();
    await expect(centre({ sqn: -1 }).vector("a", "r")).rejects.toMatchObject({ code: "AKA_BAD_STATE", field: "sqn" });
    await expect(centre({ sqn: MAX_SQN }).vector("a", "r")).rejects.toMatchObject({ field: "sqn" });
  });
});

describe("the state of a USIM", () => {
  const folder = mkdtempSync(join(tmpdir(), "usim-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  test("survives a restart in a file that only its owner reads", () => {
    const path = join(folder, "state.json");
    expect(challenge(new Usim({ k, op, store: usimFile(path) }), sqnOf(3, 2)).kind).toBe("response");
    const restarted = new Usim({ k, op, store: usimFile(path) });
    expect(challenge(restarted, sqnOf(3, 2)).kind).toBe("synchronization-failure");
    expect(challenge(restarted, sqnOf(4, 2)).kind).toBe("response");
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test("that cannot be saved keeps the answer back, and the challenge good", () => {
    let full = true;
    const store = {
      load: () => undefined,
      save: () => {
        if (full) throw new Error("no space left");
      },
    };
    const usim = new Usim({ k, op, store });
    expect(() => challenge(usim, sqnOf(1))).toThrow("no space left");
    full = false;
    expect(challenge(usim, sqnOf(1)).kind).toBe("response");
  });

  test.each(["{}", "[]", "no JSON", '{"sqns":[1]}', JSON.stringify({ sqns: Array(SLOTS).fill(-1) })])(
    "%s is none, and is not taken for a new one",
    (text) => {
      const path = join(folder, "bad.json");
      writeFileSync(path, text);
      expect(() => new Usim({ k, op, store: usimFile(path) })).toThrow(
        expect.objectContaining({ name: "AkaError", code: "AKA_BAD_STATE" }),
      );
    },
  );
});
