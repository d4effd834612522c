import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { Tally } from "./tally.ts";

const samples = async (registry: Registry): Promise<string[]> =>
  (await registry.metrics()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));

describe("a tally", () => {
  it("adds up by the values of its labels, and is the same each time it is asked", async () => {
    const registry = new Registry();
    const tally = new Tally(registry, "calls_total", "Calls", ["method", "code"]);
    tally.add(1, "GET", "200");
    tally.add(2, "GET", "404");
    tally.add(1, "GET", "200");
    tally.add(1, "PUT", "200");
    const expected = [
      'calls_total{method="GET",code="200"} 2',
      'calls_total{method="GET",code="404"} 2',
      'calls_total{method="PUT",code="200"} 1',
    ];
    expect(await samples(registry)).toEqual(expected);
    expect(await samples(registry)).toEqual(expected);
  });

  it("needs no labels, and is 0 then before anything came", async () => {
    const registry = new Registry();
    const plain = new Tally(registry, "plain_total", "Plain", []);
    new Tally(registry, "one_total", "One", ["state"]).add(3, "delivered");
    expect(await samples(registry)).toEqual(["plain_total 0", 'one_total{state="delivered"} 3']);
    plain.add(5);
    expect(await samples(registry)).toEqual(["plain_total 5", 'one_total{state="delivered"} 3']);
  });
});
