import type { FastifyInstance } from "fastify";
import type { LiveChanges } from "./live-changes.ts";
import type { OpenBreakers } from "./open-breakers.ts";
import type { ConsoleOptions } from "./options.ts";
import type { RateRing } from "./rate-ring.ts";
import { securityHeaders } from "./security.ts";
import type { OverviewView } from "./views.ts";

/** What the overview is made of. */
interface Gauges {
  readonly rates: RateRing;
  readonly breakers: OpenBreakers;
}

/** `GET /console/api/overview`, and `GET /console/api/changes` as Server-Sent Events. */
export function liveRoutes(app: FastifyInstance, options: ConsoleOptions, live: LiveChanges, gauges: Gauges): void {
  app.get("/console/api/overview", async () => {
    const view: OverviewView = {
      nowMs: options.clock.date().getTime(),
      states: await options.store.countByState(),
      rates: gauges.rates.view(),
      breakers: gauges.breakers.view(),
    };
    return view;
  });
  app.get("/console/api/changes", { exposeHeadRoute: false }, (request, reply) => {
    const { session } = request;
    if (live.isFull) {
      reply
        .code(503)
        .header("retry-after", 30)
        .send({ message: "Too many pages listen. This one asks from time to time." });
      return;
    }
    reply.hijack();
    const response = reply.raw;
    response.writeHead(200, {
      ...securityHeaders(),
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    });
    const end = live.add(response);
    session?.onEnd.add(end);
    response.once("close", () => session?.onEnd.delete(end));
  });
}
