import { describe, expect, it } from "vitest";
import { namesOrigin, notifyMatcherOf, notifyPatternProblem } from "./notify-urls.ts";

const matches = (pattern: string, url: string): boolean => notifyMatcherOf([pattern])(new URL(url).href);

describe("patterns of notify URLs", () => {
  it.each([
    ["https://pi.example.test/*", "https://pi.example.test/results?for=1", true],
    ["HTTPS://Pi.example.test/*", "https://pi.example.test/results", true],
    ["https://pi.example.test/*", "https://pi.example.test:8443/results", false],
    ["https://pi.example.test/*", "https://pi.example.test.evil.test/results", false],
    ["*", "https://anybody.test/", true],
  ])("%j matches %j: %s", (pattern, url, expected) => {
    expect(matches(pattern, url)).toBe(expected);
  });

  it.each([
    ["http://127.0.0.1:*/*", "http://127.0.0.1:49152/results"],
    ["http://127.0.0.1:*/*", "http://127.0.0.1/"],
    ["http://127.0.0.1:*/*", "http://127.0.0.1:80/results?a=b#c"],
    ["http://Pi.example.test:*/results*", "http://PI.example.test:8090/results/1"],
    ["http://[::1]:*/*", "http://[::1]:8090/"],
    ["https://pi.example.test:*/results", "https://pi.example.test:1/results"],
  ])("%j, any port, matches %j", (pattern, url) => {
    expect(matches(pattern, url)).toBe(true);
  });

  it.each([
    ["http://127.0.0.1:*/*", "https://127.0.0.1:8090/results"],
    ["http://127.0.0.1:*/*", "http://127.0.0.2:8090/results"],
    ["http://127.0.0.1:*/*", "http://127.0.0.1:80@evil.test/results"],
    ["http://127.0.0.1:*/*", "http://127.0.0.1@evil.test:80/results"],
    ["http://127.0.0.1:*/*", "http://user:1@127.0.0.1:8090/results"],
    ["http://127.0.0.1:*/*", "http://127.0.0.1.evil.test:8090/results"],
    ["http://127.0.0.1:*/*", "http://evil.test/http://127.0.0.1:1/results"],
    ["http://127.0.0.1:*/*", "http://127.0.0.1:1%2f@evil.test/"],
    ["http://[::1]:*/*", "http://[::1:1]:8090/"],
    ["http://pi.example.test:*/results", "http://pi.example.test:8090/other"],
  ])("%j does not match %j", (pattern, url) => {
    expect(matches(pattern, url)).toBe(false);
  });

  it.each([
    ["*", "http://127.0.0.1:8080/x", true],
    ["https://*", "https://pi.test/x", true],
    ["HTTPS://PI.example.test/*", "https://pi.example.test/r?q", true],
    ["https://pi.example.test:443/*", "https://pi.example.test/r", true],
    ["http://pi.example.test:8080/*", "http://pi.example.test:8080/r", true],
    ["http://pi.example.test:8080/*", "http://pi.example.test/r", false],
    ["https://pi.example.test", "https://pi.example.test/", true],
    ["https://pi.example.test", "https://pi.example.test/r", false],
    ["https://pi.example.test/Results", "https://pi.example.test/results", false],
    ["https://pi.example.test/results/*", "https://pi.example.test/results/../admin", false],
    ["https://pi.example.test/results/*", "https://pi.example.test/results/%2e%2E/admin", false],
    ["https://*.example.test/*", "https://a.example.test/x", true],
    ["https://*.example.test/*", "https://a.b.example.test/x", true],
    ["https://*.example.test/*", "https://example.test/x", false],
    ["https://*.example.test/*", "https://.example.test/x", false],
    ["https://*.example.test/*", "https://notexample.test/x", false],
    ["https://*.example.test/*", "https://a.example.test.evil.test/x", false],
    ["https://*.example.test/*", "https://a.example.test:8443/x", false],
    ["https://*.example.test:*/*", "https://a.example.test:8443/x", true],
    ["https://*.example.test/*", "https://a.example.test@evil.test/x", false],
    ["https://*.example.test/*", "https://evil.test/a.example.test/", false],
    ["https://*.example.test/*", "https://evil.test?a.example.test/", false],
    ["https://*/results", "https://evil.test/other/results", false],
    ["http://127.0.0.1:*/r", "http://127.0.0.1:4711/r", true],
    ["http://127.0.0.1:*/r", "http://127.0.0.1.evil.test/r", false],
    ["*.example.test/r", "https://pi.example.test/r", true],
  ])("%j is compared piece by piece with %j: %s", (pattern, url, expected) => {
    expect(matches(pattern, url)).toBe(expected);
  });

  it("match when one of them does, whichever kind it is", () => {
    const mayNotify = notifyMatcherOf(["https://pi.example.test/*", "http://127.0.0.1:*/a*", "http://127.0.0.1:*/b*"]);
    expect(["https://pi.example.test/", "http://127.0.0.1:9/a", "http://127.0.0.1:9/b/1"].every(mayNotify)).toBe(true);
    expect(mayNotify("http://127.0.0.1:9/c")).toBe(false);
    expect(notifyMatcherOf([])("http://127.0.0.1:9/a")).toBe(false);
  });
});

describe("a pattern of notify URLs in the configuration", () => {
  it.each([
    "*",
    "https://*",
    "https://pi.example.test/*",
    "HTTPS://Pi.example.test/results*?for=*",
    "http://127.0.0.1:*/*",
    "http://[::1]:8090/",
    "https://*.example.test/*",
    "https://*.pi.example.test:8443/results",
    "https://*.example.test:*/*",
    "http://localhost:8090/*",
  ])("may be %s", (pattern) => expect(notifyPatternProblem(pattern)).toBeUndefined());

  it.each([
    ["https://*.test/*", "first label"],
    ["https://*/*", "first label"],
    ["http://*:*/", "first label"],
    ["https://*example.test/*", "first label"],
    ["https://pi.*.test/*", "first label"],
    ["https://pi.example.*/*", "first label"],
    ["https://*.*.example.test/*", "first label"],
    ["http://*.0.0.1/*", "first label"],
    ["https://pi.example.test*/", "first label"],
    ["https://pi.example.test*", "a slash after it"],
    ["https://pi.example.test", "a slash after it"],
    ["http://a:8*/", "no pattern"],
    ["http://a:70000/", "no pattern"],
    ["http://user@pi.example.test/*", "no pattern"],
    ["https://pi.example.test/#*", "no pattern"],
    ["ftp://pi.example.test/*", "no pattern"],
    ["*.example.test/*", "no pattern"],
    ["http://127.1/*", "write as 127.0.0.1"],
    ["https://b\u00fcro.example.test/*", "write as xn--bro-hoa.example.test"],
  ])("may not be %s", (pattern, problem) => expect(notifyPatternProblem(pattern)).toContain(problem));

  it.each([
    ["https://pi.example.test/*", true],
    ["http://pi.example.test:8090/*", true],
    ["http://127.0.0.1:*/*", true],
    ["http://[::1]:*/*", true],
    ["http://pi.example.test:*/*", false],
    ["https://*.example.test/*", false],
    ["https://*", false],
    ["*", false],
  ])("%s says where it leads: %s", (pattern, expected) => expect(namesOrigin(pattern)).toBe(expected));
});
