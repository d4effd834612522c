import { describe, expect, it } from "vitest";
import { checkOptions, type DispatcherOptions, hostOf } from "./options.ts";

describe("options of a dispatcher", () => {
  it.each([
    ["sip:bob@Example.TEST;user=phone", "example.test"],
    ["sips:bob@example.test:5061?x=y", "example.test:5061"],
    ["sip:bob@[2001:db8::1]:5060", "[2001:db8::1]:5060"],
    ["sip:example.test", "example.test"],
    ["tel:+491", "tel:+491"],
  ])("%s goes to %s", (recipient, host) => {
    expect(hostOf(recipient)).toBe(host);
  });

  it.each(["concurrency", "leaseMs", "claimBatch"] as const)("%s is a whole number from 1 on", (name) => {
    const options = (value: number) => ({ [name]: value }) as unknown as DispatcherOptions;
    for (const bad of [0, -1, 1.5, Number.NaN]) expect(() => checkOptions(options(bad))).toThrow(name);
    expect(() => checkOptions(options(1))).not.toThrow();
  });
});
