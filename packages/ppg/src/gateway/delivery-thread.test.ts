import { getEventListeners } from "node:events";
import { readFile } from "node:fs/promises";
import { silentLogger } from "@sip-push/sip";
import { expect, it } from "vitest";
import { freePort } from "../../../../test/support/free-port.ts";
import { readPpgConfig } from "../config/read-config.ts";
import { DeliveryThread } from "./delivery-thread.ts";

it("a delivering thread that waits for its database gives up when it is told to", async () => {
  const text = `
name: ppg-1
database: postgres://ppg@127.0.0.1:${await freePort()}/ppg
databaseWaitSeconds: 600
domain: ppg.example.test
http: { listen: "http://127.0.0.1:0" }
initiators: [{ name: calendar, password: { env: PASSWORD }, recipients: "*" }]
sip: { from: "sip:ppg@example.test", listen: "udp:127.0.0.1:0" }
`;
  const config = await readPpgConfig(text, { env: { PASSWORD: "secret" }, readFile, directory: "." });
  const stop = new AbortController();
  const opening = DeliveryThread.open({
    config,
    owner: "ppg-1",
    // That of the thread is its own.
    store: {} as never,
    logger: { ...silentLogger, warn: () => stop.abort() },
    observe: () => {},
    onRegistration: () => {},
    signal: stop.signal,
  });
  await expect(opening).rejects.toMatchObject({ name: "GatewayError", code: "GATEWAY_STORE" });
  expect(getEventListeners(stop.signal, "abort")).toEqual([]);
});
