import { VirtualClock } from "@sip-push/sip/testing";
import { describe, expect, it } from "vitest";
import { PpgMetrics } from "./metrics.ts";
import { accepted, attempt, deliveryStates, notified, sources, state } from "./testdata/events.ts";

function rig(counts: () => Promise<Record<string, number>> = async () => ({})) {
  const clock = new VirtualClock();
  let asked = 0;
  const store = {
    countByState: async () => {
      asked++;
      return { ...deliveryStates(0), ...(await counts()) };
    },
  };
  const metrics = new PpgMetrics({ store, sources, clock });
  const value = async (name: string): Promise<string | undefined> => {
    const { body } = await metrics.text();
    return body
      .split("\n")
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length + 1);
  };
  return { clock, metrics, value, asked: () => asked };
}

describe("metrics of a gateway", () => {
  it("count a push from accepting to its result", async () => {
    const { metrics, value } = rig();
    metrics.observe(accepted({ recipients: 3, elapsedMs: 4 }));
    metrics.observe(attempt({ sipStatus: 480, startedAtMs: 1_000, atMs: 1_020 }));
    metrics.observe(attempt({ sipStatus: null, via: null }));
    metrics.observe(state({ from: "pending", to: "sending" }));
    metrics.observe(state({ from: "sending", to: "delivered", acceptedAtMs: 1_000, atMs: 3_000 }));
    metrics.observe(notified({ elapsedMs: 20 }));
    expect(await value('ppg_pushes_accepted_total{initiator="calendar"}')).toBe("1");
    expect(await value("ppg_recipients_accepted_total")).toBe("3");
    expect(await value('ppg_accept_seconds_bucket{le="0.005"}')).toBe("1");
    expect(await value('ppg_accept_seconds_bucket{le="0.0025"}')).toBe("0");
    expect(await value('ppg_attempts_total{sip_status="480",via="message"}')).toBe("1");
    expect(await value('ppg_attempts_total{sip_status="none",via="none"}')).toBe("1");
    expect(await value('ppg_deliveries_finished_total{state="delivered"}')).toBe("1");
    expect(await value("ppg_delivery_seconds_sum")).toBe("2");
    expect(await value('ppg_notifications_total{verdict="accepted"}')).toBe("1");
    expect(await value("ppg_notify_seconds_sum")).toBe("0.02");
  });

  it("count operations by element and class, and what is no element as one", async () => {
    const { metrics, value } = rig();
    const answered = { event: "answered", initiator: "calendar", pushId: null, atMs: 0, elapsedMs: 1 } as const;
    metrics.observe(accepted({}));
    metrics.observe({ ...answered, operation: "push-message", papCode: 2007 });
    metrics.observe({ ...answered, operation: "bad-message", papCode: 2000 });
    for (const operation of ["a", "b"]) metrics.observe({ ...answered, operation, papCode: 4001 });
    expect(await value('ppg_pap_operations_total{operation="push-message",code_class="success"}')).toBe("1");
    expect(await value('ppg_pap_operations_total{operation="push-message",code_class="client_error"}')).toBe("1");
    expect(await value('ppg_pap_operations_total{operation="bad-message",code_class="client_error"}')).toBe("1");
    expect(await value('ppg_pap_operations_total{operation="other",code_class="service_failure"}')).toBe("2");
  });

  it("have no label that grows with pushes, recipients or what a peer writes", async () => {
    const { metrics } = rig();
    const lines = async (): Promise<number> => (await metrics.text()).body.split("\n").length;
    metrics.observe(accepted({}));
    metrics.observe(attempt({ sipStatus: 999 }));
    metrics.observe(state({ to: "delivered" }));
    const before = await lines();
    for (let i = 0; i < 500; i++) {
      const of = { pushId: `p${i}@pi`, push: i };
      metrics.observe({ ...accepted({}), ...of });
      metrics.observe({ ...attempt({ sipStatus: 1_000 + i }), ...of, recipient: `sip:u${i}@h${i}.test` });
      metrics.observe({ ...state({ to: "delivered" }), ...of, reason: `zz-${i}` });
    }
    expect(await lines()).toBe(before);
    expect((await metrics.text()).body).not.toMatch(/p1@pi|sip:u1|zz-1/);
  });

  it("ask the store for its counts at most once a second, also when many scrape at once", async () => {
    const { clock, value, asked } = rig(async () => ({ pending: 7 }));
    expect(await Promise.all([value('ppg_deliveries{state="pending"}'), value("ppg_store_up")])).toEqual(["7", "1"]);
    expect(asked()).toBe(1);
    await clock.advance(999);
    await value("ppg_store_up");
    expect(asked()).toBe(1);
    await clock.advance(1);
    await value("ppg_store_up");
    expect(asked()).toBe(2);
  });

  it("ask the delivering side once a scrape, and for each anew", async () => {
    let asked = 0;
    const deliveries = async () => ({ inFlight: ++asked, brokenDestinations: 0, watched: 0, subscriptions: asked });
    const store = { countByState: async () => deliveryStates(0) };
    const metrics = new PpgMetrics({ store, sources: { ...sources, deliveries }, clock: new VirtualClock() });
    for (const scrape of [1, 2]) {
      const { body } = await metrics.text();
      expect(body).toMatch(new RegExp(`^ppg_attempts_in_flight ${scrape}$`, "m"));
      expect(body).toMatch(new RegExp(`^ppg_sip_subscriptions ${scrape}$`, "m"));
    }
  });

  it("are there without the store, and say that it is away", async () => {
    const { value } = rig(() => Promise.reject(new Error("away")));
    expect(await value("ppg_store_up")).toBe("0");
    expect(await value('ppg_deliveries{state="pending"}')).toBeUndefined();
    expect(await value("ppg_attempts_in_flight")).toBe("5");
  });

  it("do not wait for a store that hangs: who scrapes gives up, and would see nothing at all", async () => {
    const { clock, value } = rig(() => new Promise(() => {}));
    const up = value("ppg_store_up");
    await clock.advance(2_000);
    expect(await up).toBe("0");
    expect(clock.pendingTimers).toBe(0);
  });

  it("ask whether the gateway is ready, since nobody else may", async () => {
    const store = { countByState: async () => deliveryStates(0) };
    const ready = async (): Promise<boolean> => false;
    const metrics = new PpgMetrics({ store, sources: { ...sources, ready }, clock: new VirtualClock() });
    expect((await metrics.text()).body).toMatch(/^ppg_ready 0$/m);
  });

  it("tell of the front, the dispatcher and the SIP side as they are now", async () => {
    const { value } = rig();
    expect(await value('ppg_http_refused_total{reason="tooFast"}')).toBe("4");
    expect(await value("ppg_breakers_open")).toBe("1");
    expect(await value("ppg_sip_registered")).toBe("1");
    expect(await value("ppg_ready")).toBe("1");
    expect(Number(await value("ppg_nodejs_eventloop_lag_p99_seconds"))).toBeGreaterThanOrEqual(0);
  });
});
