import { describe, expect, it } from "vitest";
import { createLogger, type Io } from "./io.ts";

function loggingIo(env: Record<string, string>): { readonly io: Io; readonly lines: string[] } {
  const lines: string[] = [];
  const io: Io = {
    stdout: { write: () => expect.unreachable("logs go to standard error") },
    stderr: { write: (text) => lines.push(text) },
    env,
    stop: new AbortController().signal,
    readFile: () => Promise.reject(new Error("no files")),
    writeOctets: () => {},
  };
  return { io, lines };
}

describe("the log", () => {
  it("has warnings and errors for people", () => {
    const { io, lines } = loggingIo({});
    const logger = createLogger(io);
    logger.info({}, "nothing");
    logger.warn({ port: 5060, target: { address: "127.0.0.1" } }, "slow");
    logger.error({ err: new Error("broken") }, "failed");
    logger.warn({}, "plain");
    expect(lines).toEqual([
      'sip-push: warning: slow (port 5060, target {"address":"127.0.0.1"})\n',
      "sip-push: error: failed (problem broken)\n",
      "sip-push: warning: plain\n",
    ]);
  });

  it("has JSON lines from the level on that SIP_PUSH_LOG names", () => {
    const { io, lines } = loggingIo({ SIP_PUSH_LOG: "info" });
    const logger = createLogger(io);
    logger.debug({}, "nothing");
    logger.info({ port: 5060 }, "something");
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { level: 30, time: expect.any(Number) as number, port: 5060, msg: "something" },
    ]);
  });

  it("is refused at a level that there is not", () => {
    expect(() => createLogger(loggingIo({ SIP_PUSH_LOG: "loud" }).io)).toThrow(
      'SIP_PUSH_LOG: "loud" is none of trace, debug, info, warn, error, fatal, silent',
    );
  });
});
