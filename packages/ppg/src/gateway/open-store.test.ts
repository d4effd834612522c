import { silentLogger } from "@sip-push/sip";
import { VirtualClock } from "@sip-push/sip/testing";
import { describe, expect, it } from "vitest";
import type { PpgConfig } from "../config/types.ts";
import { StoreError, type StoreErrorCode } from "../store/errors.ts";
import type { PpgStore } from "../store/store.ts";
import { openStore } from "./open-store.ts";

const store = {} as PpgStore;
const postgres: PpgConfig["database"] = { kind: "postgres", url: "postgres://ppg@db/ppg", maxConnections: 8 };

/** Opens a store that fails so, time after time, before it is there. */
function rig(failures: readonly StoreErrorCode[], database = postgres, signal?: AbortSignal) {
  const clock = new VirtualClock();
  const triedAtMs: number[] = [];
  const warnings: object[] = [];
  const opening = openStore(
    { database, databaseWaitSeconds: 20, dataDirectory: "." },
    {
      clock,
      logger: { ...silentLogger, warn: (fields) => warnings.push(fields) },
      signal,
      open: async () => {
        const code = failures[triedAtMs.push(clock.now()) - 1];
        if (code !== undefined) throw new StoreError(code, "connection refused");
        return store;
      },
    },
  );
  opening.catch(() => {});
  return { clock, triedAtMs, warnings, opening };
}

const unavailable = (times: number): StoreErrorCode[] => Array<StoreErrorCode>(times).fill("STORE_UNAVAILABLE");

describe("a database that does not answer at start", () => {
  it("is waited for, with a line in the log each time", async () => {
    const { clock, triedAtMs, warnings, opening } = rig(unavailable(4));
    await clock.advance(8_000);
    expect(await opening).toBe(store);
    expect(triedAtMs).toEqual([0, 500, 1_500, 3_500, 7_500]);
    expect(warnings[0]).toEqual({ problem: "connection refused", secondsLeft: 20 });
    expect(warnings).toHaveLength(4);
    expect(clock.pendingTimers).toBe(0);
  });

  it("is given up after the time that is configured", async () => {
    const { clock, triedAtMs, opening } = rig(unavailable(100));
    await clock.advance(60_000);
    await expect(opening).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(triedAtMs.at(-1)).toBe(20_000);
    expect(clock.pendingTimers).toBe(0);
  });

  it("is given up when the gateway is told to stop", async () => {
    const stop = new AbortController();
    const { clock, triedAtMs, opening } = rig(unavailable(100), postgres, stop.signal);
    await clock.advance(600);
    stop.abort();
    await expect(opening).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(triedAtMs).toEqual([0, 500]);
    expect(clock.pendingTimers).toBe(0);
  });

  it.each<readonly [StoreErrorCode, PpgConfig["database"]]>([
    ["STORE_TOO_NEW", postgres],
    ["STORE_IN_USE", { kind: "sqlite" }],
    ["STORE_UNAVAILABLE", { kind: "sqlite" }],
  ])("is not waited for when waiting does not help: %s of %j", async (code, database) => {
    const { triedAtMs, opening } = rig([code], database);
    await expect(opening).rejects.toMatchObject({ code });
    expect(triedAtMs).toEqual([0]);
  });
});
