import { describe, expect, it } from "vitest";
import { mayGoInward } from "./parts.ts";

const initiator = (...notifyUrls: string[]) => ({ name: "calendar", recipients: [], applications: [], notifyUrls });

describe("results to private addresses", () => {
  it.each([
    ["http://pi.internal:8090/*", "http://pi.internal:8090/results", true],
    ["http://pi.internal:8090/*", "http://pi.internal:8091/results", false],
    ["http://pi.internal:*/*", "http://pi.internal:8090/results", false],
    ["https://*.example.test/*", "https://pi.example.test/results", false],
    ["http://127.0.0.1:*/*", "http://127.0.0.1:49152/results", true],
    ["*", "http://127.0.0.1:49152/results", false],
    ["https://*", "https://pi.example.test/", false],
  ])("go there by %s to %s, as the operator wrote it in full: %s", (pattern, url, expected) => {
    expect(mayGoInward(initiator(pattern), url)).toBe(expected);
    expect(mayGoInward(initiator("*", pattern), url)).toBe(expected);
  });

  it("do not go for who is not there, nor to what is no URL", () => {
    expect(mayGoInward(undefined, "http://127.0.0.1/")).toBe(false);
    expect(mayGoInward(initiator("http://127.0.0.1/*"), "127.0.0.1")).toBe(false);
  });
});
