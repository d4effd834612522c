import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import type { RunningProcess } from "../support/process.ts";
import { eventOf, type Line, linesOf, startCliWith } from "./command-line.ts";
import { ComposedTopology, type NodeName } from "./composed-topology.ts";

const HANDSETS = 100;
/** Deliveries that a node has under way at a time: so few that neither can have all the work to itself. */
const CONCURRENCY = 4;
const handsets = Array.from({ length: HANDSETS }, (_, n) => `sip:handset${n + 1}@example.test`);
const nodes = ["ppg-1", "ppg-2"] as const;
/** For a machine that has much else to do: in a few seconds otherwise. */
const WATCH_SECONDS = 60;
const WAIT_MS = 30_000;
const timeout = 180_000;
const delivered = { event: "result", messageState: "delivered", papCode: 1000 };

describeWithPeers(
  "The topology of docker/compose.yaml from installed programs",
  ["kamailio", "postgresql", "prometheus"],
  () => {
    let topology: ComposedTopology;
    let fleet: RunningProcess;
    /** Recipients of all pushes so far. */
    let pushed = 0;

    beforeAll(async () => {
      const few = { SIP_PUSH_DELIVERY_CONCURRENCY: String(CONCURRENCY) };
      topology = await ComposedTopology.start({ FLEET_COUNT: String(HANDSETS) }, few);
      fleet = topology.startCommand("fleet");
      await eventOf(fleet, "registered");
    }, timeout);

    afterAll(() => topology?.stop());

    /** A confirmed push, and who waits for what becomes of it; results come to the machine that runs the containers. */
    function push(node: NodeName, to: readonly string[]): RunningProcess {
      pushed += to.length;
      return startCliWith(
        { SIP_PUSH_PASSWORD: "demo-calendar" },
        ...["push", "--json", "--ppg", `${topology.node(node).http}/pap`, "--user", "calendar"],
        ...["--ds-server", "sync.example.test", "--ds-sync", "two-way:./contacts", "--method", "confirmed"],
        ...["--watch", String(WATCH_SECONDS), "--notify-listen", topology.hostEndpoint],
        ...to.flatMap((uri) => ["--to", uri]),
      );
    }

    /** What an initiator heard until all was told, by event. */
    async function outcome(initiator: RunningProcess): Promise<Record<"accepted" | "results", readonly Line[]>> {
      const exit = await initiator.waitForExit(WATCH_SECONDS * 1_000 + WAIT_MS);
      const lines = linesOf(initiator.stdout);
      expect(exit, initiator.output).toEqual({ code: 0, signal: null });
      const named = (event: string): Line[] => lines.filter((line) => line["event"] === event);
      return { accepted: named("accepted"), results: named("result") };
    }

    async function metric(node: NodeName, name: string): Promise<number> {
      const response = await fetch(`${topology.node(node).operation}/metrics`);
      const text = await response.text();
      const values = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "gm"))];
      return values.reduce((sum, [, value]) => sum + Number(value), 0);
    }

    it("brings the push of `run push` to two handsets, and their reports back as results", async () => {
      const { accepted, results } = await outcome(topology.startCommand("push"));
      pushed += results.length;
      expect(accepted).toMatchObject([{ papCode: 1001 }]);
      expect(results.toSorted((a, b) => String(a["address"]).localeCompare(String(b["address"])))).toMatchObject([
        { ...delivered, address: "sip:handset1@example.test" },
        { ...delivered, address: "WAPPUSH=handset2/TYPE=USER@ppg.example.test" },
      ]);
    });

    it("shares the work: what one node took is delivered by both, and all of it told", { timeout }, async () => {
      const before = await Promise.all(nodes.map((node) => metric(node, "ppg_attempts_total")));
      const { results } = await outcome(push("ppg-1", handsets));
      expect(results).toHaveLength(HANDSETS);
      expect(new Set(results.map(({ address }) => address))).toEqual(new Set(handsets));
      const after = await Promise.all(nodes.map((node) => metric(node, "ppg_attempts_total")));
      const attempts = after.map((count, index) => count - (before[index] ?? 0));
      expect(attempts.reduce((sum, count) => sum + count, 0)).toBe(HANDSETS);
      expect(Math.min(...attempts)).toBeGreaterThan(0);
    });

    it("is healthy for Docker when both nodes are ready", async () => {
      expect(await Promise.all(nodes.map((node) => topology.healthOf(node)))).toEqual([0, 0]);
    });

    it("lets the user of the console log in at both nodes, and nobody else", async () => {
      for (const node of nodes) {
        const { http } = topology.node(node);
        const page = await fetch(`${http}/console/`);
        expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
        const login = (password: string): Promise<Response> =>
          fetch(`${http}/console/api/session`, {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: JSON.stringify({ name: "calendar", password }),
          });
        expect(await (await login("demo-console")).json()).toEqual({ user: "calendar", node, maySubmit: true });
        expect((await login("demo-calendar")).status).toBe(401);
      }
    });

    it("is scraped by Prometheus, which understands every query of the Grafana dashboard", { timeout }, async () => {
      await outcome(push("ppg-2", handsets.slice(0, 2)));
      const prometheus = await topology.startPrometheus();
      const query = async (
        text: string,
      ): Promise<{ status: string; data: { result: { value: [number, string] }[] } }> => {
        const response = await fetch(`${prometheus}/api/v1/query?${new URLSearchParams({ query: text }).toString()}`);
        return (await response.json()) as Awaited<ReturnType<typeof query>>;
      };
      await vi.waitUntil(async () => (await query("sum(up) == 2")).data.result.length > 0, { timeout: WAIT_MS });
      const ready = await query("sum(ppg_ready) + sum(ppg_store_up) + sum(ppg_sip_registered)");
      expect(ready.data.result[0]?.value[1]).toBe("6");
      const pushes = await query('sum(ppg_pushes_accepted_total{initiator="calendar"})');
      expect(Number(pushes.data.result[0]?.value[1])).toBeGreaterThan(0);
      for (const expression of dashboardQueries()) {
        expect(await query(expression), expression).toMatchObject({ status: "success" });
      }
    });

    it("loses nothing when a node is stopped: the other does what it left, and each handset gets each push once", {
      timeout,
    }, async () => {
      const done = await metric("ppg-2", "ppg_attempts_total");
      // Nobody answers, so that there is work when the node is stopped.
      topology.core.killGroup("SIGSTOP");
      const initiator = push("ppg-1", handsets);
      await eventOf(initiator, "accepted");
      await vi.waitUntil(async () => (await metric("ppg-1", "ppg_attempts_in_flight")) > 0, { timeout: WAIT_MS });
      const stopped = topology.node("ppg-1").process.stop();
      await vi.waitUntil(() => isGone(`${topology.node("ppg-1").http}/pap`), { timeout: WAIT_MS });
      topology.core.killGroup("SIGCONT");
      expect(await stopped).toEqual({ code: 0, signal: null });
      expect(await topology.healthOf("ppg-1")).toBe(1);

      const { results } = await outcome(initiator);
      expect(results.filter((line) => line["messageState"] !== "delivered")).toEqual([]);
      expect(results).toHaveLength(HANDSETS);
      expect(new Set(results.map(({ address }) => address))).toEqual(new Set(handsets));
      expect((await metric("ppg-2", "ppg_attempts_total")) - done).toBeGreaterThanOrEqual(HANDSETS - CONCURRENCY);
      const { results: later } = await outcome(push("ppg-2", handsets.slice(0, 2)));
      expect(later).toMatchObject([delivered, delivered]);

      await fleet.stop();
      const counted = {
        event: "stats",
        count: HANDSETS,
        pushes: pushed,
        duplicates: 0,
        wrongRecipient: 0,
        rejected: 0,
      };
      expect(linesOf(fleet.stdout).at(-1)).toMatchObject(counted);
    });
  },
);

async function isGone(url: string): Promise<boolean> {
  return fetch(url).then(
    () => false,
    () => true,
  );
}

/** Of the dashboard, with what Grafana puts in place of its variables. */
function dashboardQueries(): string[] {
  const path = new URL("../../docker/grafana/dashboards/ppg.json", import.meta.url);
  const { panels } = JSON.parse(readFileSync(path, "utf8")) as { panels: { targets?: { expr: string }[] }[] };
  const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  return queries.map((query) => query.replaceAll("$__rate_interval", "1m").replaceAll(/\$\{?\w+\}?/g, ".*"));
}
