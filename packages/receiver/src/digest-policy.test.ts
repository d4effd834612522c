import { createDmNotification, encodeNotification } from "@sip-push/notification";
import { type RequestInit } from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { digestCredentials, ds, ReceiverRig, udp } from "../../../test/support/receiver-rig.ts";

let rig: ReceiverRig;

beforeEach(async () => {
  rig = await ReceiverRig.start();
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

describe("digest of a notification", () => {
  const digest = { credentials: () => digestCredentials };

  it("is valid with the password and nonce of its server, looked up at once or later", async () => {
    await rig.open({ digest });
    await rig.send(ds(rig.notification({}, true)));
    await rig.open({ listen: [udp("192.0.2.3")], digest: { credentials: async () => digestCredentials } });
    await rig.send(ds(rig.notification({}, true)), "192.0.2.3");
    expect(rig.pushes.map((push) => push.digest)).toEqual(["valid", "valid"]);
  });

  it("leaves the handler what its look-up left of handlerTimeoutMs, for the sender waits no longer (RFC 3261 §17.1.2.2)", async () => {
    const found = Promise.withResolvers<typeof digestCredentials>();
    rig.clock.schedule(15_000, () => found.resolve(digestCredentials));
    await rig.open({
      digest: { credentials: () => found.promise },
      handlers: { default: () => new Promise(() => {}) },
    });
    const startMs = rig.clock.now();
    const response = await rig.send(ds(rig.notification({}, true)));
    expect([response.statusCode, rig.clock.now() - startMs]).toEqual([500, expect.closeTo(20_000, -2)]);
    expect(rig.pushes).toMatchObject([{ digest: "valid", sipStatus: 500 }]);
  });

  it("that is invalid is answered 200 and dropped when the policy says drop: a forger learns nothing", async () => {
    await rig.open({ digest: { ...digest, onInvalid: "drop" } });
    const response = await rig.send(ds(rig.notification()));
    expect([response.statusCode, response.reason]).toEqual([200, "OK"]);
    expect(rig.pushes).toEqual([]);
    expect(rig.events.at(-1)).toMatchObject({ event: "refused", sipStatus: 200, reason: "digest invalid" });
  });

  it("that is invalid is handed over, marked, when the policy says accept", async () => {
    await rig.open({ digest: { ...digest, onInvalid: "accept" } });
    await rig.send(ds(rig.notification()));
    expect(rig.pushes[0]?.digest).toBe("invalid");
  });

  it("of a DM notification may use the zero nonce, when the policy says so", async () => {
    const body = encodeNotification(createDmNotification({ sessionId: 1, serverId: "dm.test" }), {
      password: "secret",
      nonce: new Uint8Array(4),
    });
    const dm: Partial<RequestInit> = { body, headers: [["Content-Type", "application/vnd.syncml.notification"]] };
    await rig.open({ applications: ["syncml.dm"], digest });
    expect((await rig.send(dm)).statusCode).toBe(403);
    await rig.open({
      listen: [udp("192.0.2.3")],
      applications: ["syncml.dm"],
      digest: { ...digest, zeroNonces: ["octets"] },
    });
    expect((await rig.send(dm, "192.0.2.3")).statusCode).toBe(200);
  });

  describe("with a look-up that never ends", () => {
    const credentials = () => new Promise<undefined>(() => {});

    it("is answered 500 in bounded time, as a handler is", async () => {
      const receiver = await rig.open({ digest: { credentials }, limits: { handlerTimeoutMs: 5000 } });
      expect((await rig.send(ds(rig.notification()))).statusCode).toBe(500);
      expect(rig.clock.now()).toBeLessThan(6000);
      expect(receiver.stats.inFlight).toBe(0);
    });

    it("counts as in flight, and past maxInFlight there is no other: 486", async () => {
      const receiver = await rig.open({ digest: { credentials }, limits: { maxInFlight: 1 } });
      const first = rig.send(ds(rig.notification()));
      await rig.clock.advance(100);
      expect(receiver.stats.inFlight).toBe(1);
      expect((await rig.send(ds(rig.notification()))).statusCode).toBe(486);
      expect((await first).statusCode).toBe(500);
    });

    it("is answered 480 when the receiver closes", async () => {
      const receiver = await rig.open({ digest: { credentials } });
      const running = rig.send(ds(rig.notification()));
      await rig.clock.advance(100);
      await receiver.close();
      expect((await running).statusCode).toBe(480);
    });
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error("store is down");
      },
    ],
    ["rejects", () => Promise.reject(new Error("store is down"))],
  ])("whose look-up %s is answered 500, and the receiver goes on", async (_, lookUp) => {
    await rig.open({ digest: { credentials: lookUp } });
    expect((await rig.send(ds(rig.notification()))).statusCode).toBe(500);
    expect((await rig.send({})).statusCode).toBe(200);
  });
});
