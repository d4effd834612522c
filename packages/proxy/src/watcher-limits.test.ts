import { expect, it } from "vitest";
import { ProxyBed } from "./testdata/proxy-bed.ts";
import { Watcher } from "./testdata/watcher.ts";

const ALICE = "sip:alice@example.test";

it("names every option of an event package that is out of its range", async () => {
  const wrong = ProxyBed.open({
    presence: { notifyIntervalMs: -1, maxBodyBytes: 0, maxSubscriptions: 0 },
    regEvent: { maxPerSubscriber: 0.5, notifyIntervalMs: 0, watchers: ["sip:ppg@example.test", "ppg"] },
  });
  await expect(wrong).rejects.toMatchObject({
    code: "PROXY_BAD_OPTION",
    problems: [
      "presence.notifyIntervalMs: a whole number, at least 0",
      "presence.maxBodyBytes: a whole number, at least 1",
      "presence.maxSubscriptions: a whole number, at least 1",
      "regEvent.maxPerSubscriber: a whole number, at least 1",
      "regEvent.watchers[1]: must be a sip:, sips: or tel: URI",
    ],
  });
});

it.each([
  ["all", { maxSubscriptions: 1 }, 503],
  ["one subscriber", { maxPerSubscriber: 1 }, 486],
] as const)("refuses subscriptions past the limit of %s", async (_, regEvent, statusCode) => {
  const bed = await ProxyBed.open({ regEvent });
  const agent = await bed.agent();
  expect((await new Watcher(agent, "reg", ALICE).subscribe()).statusCode).toBe(200);
  const refused = await new Watcher(agent, "reg", ALICE).subscribe();
  expect(refused.statusCode).toBe(statusCode);
  expect(refused.headers.get("Retry-After")).toBe("60");
  await bed.close();
});

it("lists the packages served in Allow-Events of the answer to OPTIONS (RFC 3903 §7)", async () => {
  const bed = await ProxyBed.open({ regEvent: false });
  const answer = await (await bed.agent()).ask({ method: "OPTIONS", requestUri: "sip:example.test" });
  expect(answer.headers.get("Allow-Events")).toBe("presence");
  await bed.close();
  const bare = await ProxyBed.open({ regEvent: false, presence: false });
  const none = await (await bare.agent()).ask({ method: "OPTIONS", requestUri: "sip:example.test" });
  expect(none.headers.has("Allow-Events")).toBe(false);
  await bare.close();
});
