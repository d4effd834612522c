import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConsoleRig } from "./testdata/console-rig.ts";

describe("the page", () => {
  let rig: ConsoleRig;
  beforeEach(async () => {
    rig = await ConsoleRig.open({
      "index.html": "<title>page</title>",
      "assets/a-1234.js": "let a;",
      ".built-of": "x",
    });
  });
  afterEach(() => rig.close());

  it("needs no login, and is the same for every path that is no file", async () => {
    for (const url of ["/console/", "/console/pushes/17", "/console/overview?x=1", "/console/no-such-page"]) {
      const response = await rig.app.inject({ url });
      expect([url, response.statusCode, response.body]).toEqual([url, 200, "<title>page</title>"]);
      expect(response.headers["cache-control"]).toBe("no-cache");
    }
  });

  it("is found without the slash too", async () => {
    const response = await rig.app.inject({ url: "/console" });
    expect([response.statusCode, response.headers.location]).toEqual([302, "/console/"]);
  });

  it("has files that browsers keep", async () => {
    const response = await rig.app.inject({ url: "/console/assets/a-1234.js" });
    expect([response.statusCode, response.body]).toEqual([200, "let a;"]);
    expect(response.headers["cache-control"]).toBe("public, max-age=31536000, immutable");
    expect(response.headers["content-type"]).toMatch(/^(?:text|application)\/javascript/);
    expect(response.headers["x-content-type-options"]).toBe("nosniff");
  });

  it.each(["assets/gone.js", "assets/../../data/ppg.sqlite", "assets/..%2f..%2fdata%2fppg.sqlite", ".built-of"])(
    "has nothing else: %s",
    async (path) => {
      const response = await rig.app.inject({ url: `/console/${path}` });
      expect(response.body).not.toMatch(/SQLite|^x$/);
    },
  );
});
