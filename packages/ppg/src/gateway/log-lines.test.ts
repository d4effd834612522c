import { Socket } from "node:net";
import { type Logger, silentLogger } from "@sip-push/sip";
import { describe, expect, it } from "vitest";
import { logLevels } from "../config/types.ts";
import { type LogLine, lineLogger, loggerFrom, writeLine } from "./log-lines.ts";

const levels = ["trace", "debug", "info", "warn", "error"] as const;

/** What another thread gets of it. */
function sent(...given: readonly object[]): object[] {
  const lines: LogLine[] = [];
  const logger = lineLogger((line) => lines.push(line));
  for (const fields of given) logger.info(fields, "");
  return structuredClone(lines).map(([, fields]) => fields);
}

const refused = (): Error => Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED", port: 5060 });

describe("lines for the log of another thread", () => {
  it.each([
    ["trace", ["trace", "debug", "info", "warn", "error"]],
    ["debug", ["debug", "info", "warn", "error"]],
    ["info", ["info", "warn", "error"]],
    ["warn", ["warn", "error"]],
    ["error", ["error"]],
    ["fatal", []],
    ["silent", []],
  ] as const)("are sent from %s on: %j", (from, expected) => {
    const said: string[] = [];
    const logger = loggerFrom(
      from,
      lineLogger(([level]) => said.push(level)),
    );
    for (const level of levels) logger[level]({}, "a line");
    expect(said).toEqual(expected);
    expect(levels.filter((level) => logger.isLevelEnabled?.(level))).toEqual(expected);
  });

  it("know all levels that can be configured", () => {
    expect([...logLevels]).toEqual([...levels, "fatal", "silent"]);
  });

  it("are written there with their level, fields and message", () => {
    const written: unknown[] = [];
    const log: Logger = Object.fromEntries(
      levels.map((level) => [level, (...given: unknown[]) => written.push([level, ...given])]),
    ) as unknown as Logger;
    const logger = lineLogger((line) => writeLine({ ...silentLogger, ...log }, structuredClone(line)));
    for (const level of levels) logger[level]({ n: 1, nested: { list: ["a", null] } }, `a line of ${level}`);
    expect(written).toEqual(
      levels.map((level) => [level, { n: 1, nested: { list: ["a", null] } }, `a line of ${level}`]),
    );
  });

  it("tell errors whole: what they are, where they came from, their own members and their causes", () => {
    const cause = refused();
    const err = new TypeError("no connection", { cause });
    expect(sent({ err })).toEqual([
      {
        err: {
          type: "TypeError",
          message: "no connection",
          stack: err.stack,
          cause: {
            ...{ type: "Error", message: "connect ECONNREFUSED", stack: cause.stack },
            ...{ code: "ECONNREFUSED", port: 5060 },
          },
        },
      },
    ]);
  });

  it("are without what has no form", () => {
    expect(sent({ on: () => {}, nothing: undefined, symbol: Symbol("s"), n: 1 })).toEqual([{ n: 1 }]);
  });

  it("never fail for what is logged: a socket, a circle, a big number, a member that throws", () => {
    const circle: Record<string, unknown> = { n: 1 };
    circle["self"] = circle;
    const throws = {
      get member(): string {
        throw new Error("not now");
      },
    };
    const [fields] = sent({ socket: new Socket(), circle, big: 10n ** 20n, throws, n: 2 });
    expect(fields).toEqual({
      socket: expect.anything(),
      circle: expect.stringContaining("Circular"),
      big: "100000000000000000000n",
      throws: expect.stringContaining("member"),
      n: 2,
    });
  });

  it("never fail for an error: with a circle among its members, or its own cause", () => {
    const holder: Record<string, unknown> = {};
    const err = Object.assign(refused(), { holder });
    holder["err"] = err;
    err.cause = err;
    const [fields] = sent({ err });
    expect(fields).toMatchObject({
      err: { type: "Error", message: "connect ECONNREFUSED", code: "ECONNREFUSED", holder: expect.anything() },
    });
  });
});
