import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConsoleRig, PASSWORD } from "./testdata/console-rig.ts";

let rig: ConsoleRig;
beforeEach(async () => {
  rig = await ConsoleRig.open();
});
afterEach(() => rig.close());

const login = (password: string, changes: object = {}) =>
  rig.app.inject({ method: "POST", url: "/console/api/session", payload: { name: "admin", password }, ...changes });

describe("login", () => {
  it("gives a session cookie that scripts and other sites do not see", async () => {
    const response = await login(PASSWORD);
    expect(response.statusCode).toBe(200);
    expect(response.json()).toEqual({ user: "admin", node: "ppg-1", maySubmit: true });
    expect(response.cookies).toEqual([
      {
        name: "sip-push-console-ppg-1",
        value: expect.any(String),
        path: "/console",
        httpOnly: true,
        sameSite: "Strict",
      },
    ]);
    expect(response.cookies[0]?.value).toMatch(/^[\w-]{43}$/);
  });

  it("refuses a wrong password and an unknown name alike", async () => {
    const wrong = await login("wrong");
    const unknown = await login("", { payload: { name: "nobody", password: PASSWORD } });
    for (const response of [wrong, unknown]) {
      expect(response.statusCode).toBe(401);
      expect(response.json()).toEqual({ message: "Name or password is wrong." });
      expect(response.cookies).toEqual([]);
    }
  });

  it("names the fields that are empty", async () => {
    const response = await login("", { payload: { name: "", password: "" } });
    expect(response.statusCode).toBe(422);
    expect(response.json<{ problems: { field: string }[] }>().problems.map(({ field }) => field)).toEqual([
      "name",
      "password",
    ]);
  });

  it("makes an address wait that fails again and again, with the right password too", async () => {
    for (let n = 0; n < 11; n++) expect((await login("wrong")).statusCode).toBe(401);
    const refused = await login(PASSWORD);
    expect(refused.statusCode).toBe(429);
    expect(refused.headers["retry-after"]).toBe("1");
    await rig.clock.advance(1_000);
    expect((await login(PASSWORD)).statusCode).toBe(200);
  });

  it("makes a name wait that many addresses guess at, but not where it was logged in from", async () => {
    const from = (remoteAddress: string, password: string) => login(password, { remoteAddress });
    expect((await from("192.0.2.1", PASSWORD)).statusCode).toBe(200);
    for (let n = 0; n < 101; n++) expect((await from(`198.51.100.${n % 20}`, "wrong")).statusCode).toBe(401);
    expect((await from("203.0.113.1", PASSWORD)).statusCode).toBe(429);
    expect((await from("192.0.2.1", PASSWORD)).statusCode).toBe(200);
    await rig.clock.advance(1_000);
    expect((await from("203.0.113.1", PASSWORD)).statusCode).toBe(200);
  });

  it("does not let one address alone make a name wait", async () => {
    for (let n = 0; n < 300; n++) {
      await login("wrong");
      await rig.clock.advance(60_000);
    }
    expect((await login(PASSWORD, { remoteAddress: "203.0.113.1" })).statusCode).toBe(200);
  });

  it("checks only two passwords at a time", async () => {
    const responses = await Promise.all(Array.from({ length: 5 }, () => login("wrong")));
    expect(responses.map(({ statusCode }) => statusCode).sort((a, b) => a - b)).toEqual([401, 401, 429, 429, 429]);
  });

  it("is asked for by everything else below the API, also by what is not there", async () => {
    const paths = ["deliveries", "overview", "changes", "pushes/1", "deliveries/1/timeline", "nothing"];
    for (const path of paths) {
      const response = await rig.app.inject({ url: `/console/api/${path}` });
      expect([path, response.statusCode]).toEqual([path, 401]);
    }
    for (const path of ["pushes", "pushes/1/cancel"]) {
      const response = await rig.app.inject({ method: "POST", url: `/console/api/${path}`, payload: {} });
      expect([path, response.statusCode]).toEqual([path, 401]);
    }
  });
});

describe("a session", () => {
  it("ends with logging out", async () => {
    const cookie = await rig.login();
    expect((await rig.ask(cookie, { url: "/console/api/session" })).statusCode).toBe(200);
    expect((await rig.ask(cookie, { method: "DELETE", url: "/console/api/session" })).statusCode).toBe(204);
    expect((await rig.ask(cookie, { url: "/console/api/session" })).statusCode).toBe(401);
  });

  it("ends when it is idle for half an hour, and lasts while it is used", async () => {
    const cookie = await rig.login();
    for (let n = 0; n < 3; n++) {
      await rig.clock.advance(29 * 60_000);
      expect((await rig.ask(cookie, { url: "/console/api/overview" })).statusCode).toBe(200);
    }
    await rig.clock.advance(30 * 60_000);
    expect((await rig.ask(cookie, { url: "/console/api/overview" })).statusCode).toBe(401);
  });

  it("ends after twelve hours however much it is used", async () => {
    const cookie = await rig.login();
    for (let n = 0; n < 24; n++) {
      expect((await rig.ask(cookie, { url: "/console/api/session" })).statusCode).toBe(200);
      await rig.clock.advance(29.9 * 60_000);
    }
    await rig.clock.advance(0.2 * 24 * 60_000);
    expect((await rig.ask(cookie, { url: "/console/api/session" })).statusCode).toBe(401);
  });

  it("is a new one with every login", async () => {
    const before = await rig.login();
    const again = await rig.ask(before, {
      method: "POST",
      url: "/console/api/session",
      payload: { name: "admin", password: PASSWORD },
    });
    expect(again.cookies.at(-1)?.value).not.toBe(before.split("=")[1]);
    expect((await rig.ask(before, { url: "/console/api/session" })).statusCode).toBe(401);
  });
});

describe("pages of other origins", () => {
  it.each([
    ["Sec-Fetch-Site", { "sec-fetch-site": "cross-site" }],
    ["a sibling site", { "sec-fetch-site": "same-site" }],
    ["Origin", { origin: "http://other.example.test" }],
    ["a garbled Origin", { origin: "null" }],
  ])("cannot log in, submit or cancel (%s)", async (_name, headers) => {
    const cookie = await rig.login();
    for (const url of ["session", "pushes", "pushes/1/cancel"].map((path) => `/console/api/${path}`)) {
      const response = await rig.ask(cookie, { method: "POST", url, payload: {}, headers });
      expect(response.statusCode).toBe(403);
    }
  });

  it("cannot send forms: only JSON is read", async () => {
    const cookie = await rig.login();
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"]) {
      const headers = { "content-type": type };
      const response = await rig.ask(cookie, { method: "POST", url: "/console/api/pushes", payload: "a=b", headers });
      expect([type, response.statusCode]).toEqual([type, 415]);
    }
  });

  it("our own page can", async () => {
    const headers = { "sec-fetch-site": "same-origin", origin: "http://localhost:80", host: "localhost:80" };
    expect((await login(PASSWORD, { headers })).statusCode).toBe(200);
  });
});

it("every answer keeps browsers from doing more than the page needs", async () => {
  for (const url of ["/console/", "/console/api/session", "/console/api/overview"]) {
    const { headers } = await rig.app.inject({ url });
    expect(headers["content-security-policy"]).toContain("default-src 'none'; script-src 'self';");
    expect(headers["content-security-policy"]).toContain("frame-ancestors 'none'");
    expect(headers["x-content-type-options"]).toBe("nosniff");
  }
});

it("says so when the page is not built", async () => {
  const response = await rig.app.inject({ url: "/console/" });
  expect(response.statusCode).toBe(503);
  expect(response.body).toContain("npm run build");
});
