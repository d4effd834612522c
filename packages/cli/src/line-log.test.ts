import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { Io } from "./io.ts";
import { openLog } from "./line-log.ts";

function rig(level = "info") {
  const writes: string[] = [];
  const stderr = { write: (text: string) => writes.push(text) };
  return { writes, log: openLog({ stderr } as unknown as Io, { level, base: { node: "ppg-1" } }) };
}

describe("the log of a gateway", () => {
  it("writes the lines of one turn of the event loop together, in order", async () => {
    const { writes, log } = rig();
    for (const pushId of ["a", "b", "c"]) log.logger.info({ pushId }, "push ended");
    expect(writes).toEqual([]);
    await turn();
    expect(writes).toHaveLength(1);
    const lines = writes[0]
      ?.trim()
      .split("\n")
      .map((line) => JSON.parse(line) as object);
    expect(lines).toEqual(
      ["a", "b", "c"].map((pushId) => ({
        level: 30,
        time: expect.any(String),
        node: "ppg-1",
        pushId,
        msg: "push ended",
      })),
    );
  });

  it("holds no more than some of them", () => {
    const { writes, log } = rig();
    for (let i = 0; i < 2_000; i++) log.logger.info({ i }, "x".repeat(100));
    expect(writes.length).toBeGreaterThan(2);
  });

  it("writes at its end what it holds, and then each line at once", () => {
    const { writes, log } = rig();
    log.logger.info({}, "one");
    log.flush();
    expect(writes).toHaveLength(1);
    log.logger.info({}, "two");
    expect(writes).toHaveLength(2);
  });

  it("is silent below its level", async () => {
    const { writes, log } = rig("warn");
    log.logger.info({}, "one");
    await turn();
    log.flush();
    expect(writes).toEqual([]);
  });
});
