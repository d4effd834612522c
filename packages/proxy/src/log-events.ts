import type { Logger } from "@sip-push/sip";
import type { ProxyEvents } from "./events.ts";

/** Logs what the proxy tells: `info` for what became of a request, `debug` for registrations. No bodies, no credentials. */
export function logEvents(events: ProxyEvents, logger: Logger): void {
  events.on("forwarded", (event) => {
    logger.info(event, `${event.method} ${event.requestUri} -> ${event.statusCode ?? "no answer"}`);
  });
  events.on("refused", (event) => {
    logger.info(event, `${event.method} ${event.requestUri} -> ${event.statusCode}, not forwarded`);
  });
  events.on("registered", ({ binding: { aor, contact }, expiresSeconds, refresh }) => {
    logger.debug({ aor, contact, expiresSeconds, refresh }, "registered");
  });
  events.on("unregistered", ({ binding: { aor, contact }, reason }) => {
    logger.debug({ aor, contact, reason }, "unregistered");
  });
}
