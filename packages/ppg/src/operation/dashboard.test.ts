import { readFileSync } from "node:fs";
import { VirtualClock } from "@sip-push/sip/testing";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { PpgMetrics } from "./metrics.ts";
import { deliveryStates, sources } from "./testdata/events.ts";

const docker = (path: string): string => readFileSync(new URL(`../../../../docker/${path}`, import.meta.url), "utf8");
const docs = readFileSync(new URL("../../../../docs/operation.md", import.meta.url), "utf8");

const metrics = new PpgMetrics({
  store: { countByState: async () => deliveryStates(0) },
  sources,
  clock: new VirtualClock(),
});
/** What a scrape has: a histogram under three names. */
const exported: ReadonlySet<string> = new Set(
  metrics.names().flatMap((name) => [name, `${name}_bucket`, `${name}_sum`, `${name}_count`]),
);

const datasource = z.strictObject({ type: z.literal("prometheus"), uid: z.string() });
const target = z.looseObject({ refId: z.string(), datasource, expr: z.string().min(1), legendFormat: z.string() });
/** The part of Grafana's dashboard schema that we use. */
const dashboard = z.looseObject({
  uid: z.string().max(40),
  title: z.string(),
  schemaVersion: z.int(),
  panels: z.array(
    z.looseObject({
      id: z.int(),
      type: z.enum(["row", "timeseries", "stat"]),
      title: z.string(),
      gridPos: z.strictObject({ h: z.int(), w: z.int().max(24), x: z.int().max(23), y: z.int() }),
      targets: z.array(target).min(1).optional(),
    }),
  ),
  templating: z.looseObject({
    list: z.array(z.looseObject({ name: z.string(), query: z.looseObject({ query: z.string() }) })),
  }),
});
const { panels, templating } = dashboard.parse(JSON.parse(docker("grafana/dashboards/ppg.json")));
const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

describe("the Grafana dashboard", () => {
  it("asks for metrics that the gateway has", () => {
    const queries = [...expressions, ...templating.list.map(({ query }) => query.query)];
    const used = queries.flatMap((query) => query.match(/\bppg_\w+/g) ?? []);
    expect(used.length).toBeGreaterThan(30);
    expect(used.filter((name) => !exported.has(name))).toEqual([]);
  });

  it("shows every metric of our own", () => {
    const own = metrics.names().filter((name) => !/^ppg_(?:process|nodejs)_/.test(name));
    const all = expressions.join("\n");
    expect(own.filter((name) => !new RegExp(`\\b${name}(?:_bucket)?\\b`).test(all))).toEqual([]);
  });

  it("has its panels beside and below each other, each with an id of its own", () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
  });

  it("finds its data source by provisioning", () => {
    const { datasources } = parse(docker("grafana/provisioning/datasources/prometheus.yaml")) as {
      datasources: { uid: string; type: string }[];
    };
    const uids = new Set(panels.flatMap(({ targets = [] }) => targets.map((each) => each.datasource.uid)));
    expect([...uids]).toEqual([datasources[0]?.uid]);
    expect(parse(docker("grafana/provisioning/dashboards/ppg.yaml"))).toMatchObject({
      providers: [{ type: "file", options: { path: "/var/lib/grafana/dashboards" } }],
    });
  });
});

describe("docs/operation.md", () => {
  it("lists every metric of our own", () => {
    const own = metrics.names().filter((name) => !/^ppg_(?:process|nodejs)_/.test(name));
    expect(own.filter((name) => !docs.includes(`\`${name}\``))).toEqual([]);
  });
});
