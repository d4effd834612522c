import type { PpgEvent } from "@sip-push/ppg";
import { expect, it } from "vitest";
import { Attempts } from "./attempts.ts";

function attempt(recipient: string, sipStatus: number | null, number: number): PpgEvent {
  const push = { push: 1, pushId: "p@localhost", initiator: "demo", delivery: 1, callId: "c", atMs: 0, startedAtMs: 0 };
  return { event: "attempt", ...push, recipient, attempt: number, sipStatus, papCode: 1000, via: "message" };
}

const { signal } = new AbortController();

it("tells the last attempt of each recipient", async () => {
  const attempts = new Attempts();
  attempts.observe(attempt("sip:a@example.test", null, 1));
  attempts.observe(attempt("sip:a@example.test", 200, 2));
  attempts.observe(attempt("sip:b@example.test", 603, 1));
  expect(await attempts.of("p@localhost", "sip:a@example.test", signal)).toEqual({ sipStatus: 200, attempts: 2 });
  expect(await attempts.of("p@localhost", "sip:b@example.test", signal)).toEqual({ sipStatus: 603, attempts: 1 });
});

it("waits for an answer that the delivery report overtook", async () => {
  const attempts = new Attempts();
  const late = attempts.of("p@localhost", "sip:a@example.test", signal);
  attempts.observe(attempt("sip:a@example.test", 200, 1));
  expect(await late).toEqual({ sipStatus: 200, attempts: 1 });
});

it("waits no longer when the demo is stopped", async () => {
  const stop = new AbortController();
  const none = new Attempts().of("p@localhost", "sip:a@example.test", stop.signal);
  stop.abort();
  expect(await none).toEqual({ sipStatus: null, attempts: 0 });
});
