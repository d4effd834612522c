import { VirtualClock } from "@sip-push/sip/testing";
import { describe, expect, it } from "vitest";
import { Health } from "./health.ts";

function rig({ register = false, answers = true }: { register?: boolean; answers?: boolean | "never" } = {}) {
  const clock = new VirtualClock();
  const state = { answers, asked: 0 };
  const store = {
    check: () => {
      state.asked++;
      if (state.answers === "never") return new Promise<void>(() => {});
      return state.answers ? Promise.resolve() : Promise.reject(new Error("password of db.internal is wrong"));
    },
  };
  return { clock, state, health: new Health({ store, clock, register }) };
}

describe("readiness", () => {
  it("comes when all is open, and goes when the gateway stops", async () => {
    const { health } = rig();
    expect(await health.ready()).toEqual({ ok: false, parts: { gateway: "starting", store: "ok", sip: "ok" } });
    health.opened();
    expect(await health.ready()).toEqual({ ok: true, parts: { gateway: "ok", store: "ok", sip: "ok" } });
    expect(await health.checkReady()).toBe(true);
    health.stopping();
    health.opened();
    expect((await health.ready()).parts["gateway"]).toBe("stopping");
    expect(await health.checkReady()).toBe(false);
  });

  it("needs the registration where one is asked for", async () => {
    const { health } = rig({ register: true });
    health.opened();
    expect((await health.ready()).parts["sip"]).toBe("not registered yet");
    health.registered();
    expect((await health.ready()).ok).toBe(true);
    health.registrationFailed("403 Forbidden");
    expect((await health.ready()).parts["sip"]).toBe("not registered: 403 Forbidden");
    expect(await health.checkReady()).toBe(false);
  });

  it("says when the gateway is registered for the first time, and at once where nobody asks for it", async () => {
    await rig().health.whenRegistered;
    const { health } = rig({ register: true });
    const seen: string[] = [];
    const waiting = health.whenRegistered.then(() => seen.push("registered"));
    await Promise.resolve();
    seen.push("answered");
    health.registered();
    await waiting;
    expect(seen).toEqual(["answered", "registered"]);
  });

  it("needs a store that answers, says so without its own words, and asks it once a second at most", async () => {
    const { health, state, clock } = rig({ answers: false });
    health.opened();
    const reports = await Promise.all([health.ready(), health.ready()]);
    expect(reports.map(({ parts }) => parts["store"])).toEqual(Array(2).fill("does not answer, or takes nothing"));
    expect(state.asked).toBe(1);
    expect(await health.checkReady()).toBe(false);
    state.answers = true;
    expect((await health.ready()).ok).toBe(false);
    await clock.advance(1_000);
    expect((await health.ready()).ok).toBe(true);
    expect(await health.checkReady()).toBe(true);
  });

  it("is looked at by who asks only for a yes or no, too", async () => {
    const { health, state, clock } = rig();
    health.opened();
    expect(await health.checkReady()).toBe(true);
    state.answers = false;
    await clock.advance(1_000);
    expect(await health.checkReady()).toBe(false);
  });

  it("does not wait for a store that hangs", async () => {
    const { health, clock } = rig({ answers: "never" });
    health.opened();
    const report = health.ready();
    await clock.advance(2_000);
    expect((await report).parts["store"]).toBe("does not answer in time");
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("liveness", () => {
  it("is there in every phase, whatever the store does", () => {
    const { health } = rig({ answers: "never" });
    expect(health.live().ok).toBe(true);
    health.stopping();
    expect(health.live()).toEqual({ ok: true, parts: { process: "stopping" } });
  });
});
