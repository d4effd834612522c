import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConsoleRig, PASSWORD } from "./testdata/console-rig.ts";

const PROXY = "10.0.0.1";

let rig: ConsoleRig;
beforeEach(async () => {
  rig = await ConsoleRig.open({}, [PROXY]);
});
afterEach(() => rig.close());

const login = (remoteAddress: string, client: string, password = PASSWORD, proto = "https") =>
  rig.app.inject({
    method: "POST",
    url: "/console/api/session",
    payload: { name: "admin", password },
    remoteAddress,
    headers: { "x-forwarded-for": client, "x-forwarded-proto": proto },
  });

describe("the console behind a proxy that ends TLS", () => {
  it("marks its cookie Secure where a trusted proxy says that TLS was used, there only", async () => {
    const isSecure = async (...args: Parameters<typeof login>) => (await login(...args)).cookies[0]?.secure ?? false;
    expect(await isSecure(PROXY, "192.0.2.1")).toBe(true);
    expect(await isSecure(PROXY, "192.0.2.1", PASSWORD, "http")).toBe(false);
    expect(await isSecure("10.0.0.2", "192.0.2.1")).toBe(false);
  });

  it("lets the address wait that guesses, not the proxy's; who is no proxy cannot name another", async () => {
    for (let n = 0; n < 11; n++) await login(PROXY, `198.51.100.${n}, 192.0.2.1`, "wrong");
    expect((await login(PROXY, "192.0.2.1")).statusCode).toBe(429);
    expect((await login(PROXY, "192.0.2.2")).statusCode).toBe(200);
    for (let n = 0; n < 11; n++) await login("203.0.113.9", `192.0.2.${n + 10}`, "wrong");
    expect((await login("203.0.113.9", "192.0.2.99")).statusCode).toBe(429);
    expect((await login(PROXY, "192.0.2.10")).statusCode).toBe(200);
  });
});
