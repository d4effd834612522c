import type { FleetEvent, FleetStats } from "@sip-push/receiver";
import { expect, it } from "vitest";
import { FleetPrinter } from "./fleet-events.ts";
import type { Io } from "./io.ts";

const failed = (n: number): FleetEvent => ({
  event: "registration-failed",
  aor: `sip:h${n}@home.test`,
  sipStatus: n === 1 ? 503 : null,
  reason: "why",
  retryInMs: 1500,
});
const refused: FleetEvent = {
  event: "refused",
  aor: "sip:h1@home.test",
  from: "sip:ppg@home.test",
  callId: "c",
  contentType: null,
  length: 0,
  sipStatus: 488,
  reason: "no application\u001b[31m here",
};
const stats: FleetStats = {
  count: 3,
  registered: 2,
  registrationFailures: 1,
  pushes: 5,
  byApplication: { "push.syncml": 4, "": 1 },
  repeats: 0,
  duplicates: 0,
  wrongRecipient: 0,
  rejected: 1,
  reports: { sent: 2, failed: 0, dropped: 0 },
};

/** A printer, what it wrote, and its clock. */
function printing(settings: { json: boolean; each: boolean }) {
  const out: string[] = [];
  const err: string[] = [];
  const clock = { ms: 0 };
  const io = {
    stdout: { write: (text: string) => out.push(text) },
    stderr: { write: (text: string) => err.push(text) },
  };
  return { printer: new FleetPrinter(io as unknown as Io, settings, () => clock.ms), out, err, clock };
}

it("says one failure a second, whatever fails", () => {
  const { printer, out, clock } = printing({ json: false, each: false });
  for (let n = 1; n <= 100; n++) printer.event(failed(n));
  clock.ms = 1000;
  printer.event(failed(7));
  expect(out).toEqual([
    "could not register sip:h1@home.test: 503 why; again in 2 s\n",
    "could not register sip:h7@home.test: no answer why; again in 2 s\n",
  ]);
});

it("says what concerns one push only when asked, refusals on standard error and without control characters", () => {
  const quiet = printing({ json: true, each: false });
  quiet.printer.event(refused);
  expect([quiet.out, quiet.err]).toEqual([[], []]);
  const loud = printing({ json: true, each: true });
  loud.printer.event(refused);
  expect(loud.out).toEqual([]);
  expect(loud.err.join("")).toMatch(/^sip:h1@home\.test refused a push from sip:ppg@home\.test: 488 no application/);
  expect(loud.err.join("")).not.toContain("\u001b");
});

it("gives the counters as JSON, and on one line for people", () => {
  const json = printing({ json: true, each: false });
  json.printer.stats(stats);
  expect(JSON.parse(json.out.join(""))).toEqual({ event: "stats", ...stats });
  const text = printing({ json: false, each: false });
  text.printer.stats(stats);
  expect(text.out.join("")).toBe(
    "2 of 3 registered, 5 pushes (push.syncml 4, no application 1), 0 repeats, 0 duplicates, 0 for others, 1 rejected, 2 reports\n",
  );
});
