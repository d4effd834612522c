import cookie from "@fastify/cookie";
import type { FastifyInstance, FastifyPluginAsync } from "fastify";
import { StoreError } from "../store/errors.ts";
import { LiveChanges } from "./live-changes.ts";
import { liveRoutes } from "./live-routes.ts";
import { loginRoutes, sessionOf } from "./login-routes.ts";
import { OpenBreakers } from "./open-breakers.ts";
import type { ConsoleOptions } from "./options.ts";
import { pageRoutes } from "./page-routes.ts";
import { pushRoutes } from "./push-routes.ts";
import { RateRing } from "./rate-ring.ts";
import { secure } from "./security.ts";
import { type Session, Sessions } from "./sessions.ts";
import { submitRoutes } from "./submit-routes.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Who is logged in to the console; null outside of it. */
    session: Session | null;
  }
}

/** Body of a request at most: a test push. */
const BODY_LIMIT = 524_288;

/** The console as a fastify plugin: its page under `/console/`, its API under `/console/api/`. Closes with the server. */
export function consoleRoutes(options: ConsoleOptions): FastifyPluginAsync {
  return async (app: FastifyInstance) => {
    const { clock, bus } = options;
    const sessions = new Sessions(clock);
    const live = new LiveChanges(clock, () => sessions.expire());
    const rates = new RateRing(clock);
    const breakers = new OpenBreakers();
    const unsubscribe = bus.subscribe((event) => {
      rates.count(event);
      breakers.hear(event);
      live.hear(event);
    });
    app.addHook("preClose", async () => {
      unsubscribe();
      live.close();
    });
    await app.register(cookie);
    app.decorateRequest("session", null);
    app.addHook("onRoute", (route) => {
      route.bodyLimit = BODY_LIMIT;
    });
    secure(app);
    answerErrors(app, options);
    loginRoutes(app, options, sessions);
    await app.register(async (scope) => {
      scope.addHook("onRequest", async (request, reply) => {
        reply.header("cache-control", "no-store");
        request.session = sessionOf(request, options.node, sessions) ?? null;
        if (request.session === null) return reply.code(401).send({ message: "Log in first." });
        return undefined;
      });
      pushRoutes(scope, options);
      submitRoutes(scope, options);
      liveRoutes(scope, options, live, { rates, breakers });
      scope.all("/console/api/*", (_request, reply) => reply.code(404).send({ message: "There is nothing here." }));
    });
    await pageRoutes(app, options.directory);
  };
}

/** What goes wrong is answered in JSON, in words, and without what is inside. */
function answerErrors(app: FastifyInstance, { logger }: ConsoleOptions): void {
  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status < 500) return reply.code(status).send({ message: error.message });
    logger.error({ err: error, url: request.url }, "console: request failed");
    if (error instanceof StoreError) return reply.code(503).send({ message: "The database does not answer." });
    return reply.code(500).send({ message: "Something went wrong here; the log says what." });
  });
}
