import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Logger } from "@sip-push/sip";
import { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import type { HealthReport, OperationHandlers } from "./options.ts";
import type { PapRoute } from "./pap-route.ts";
import { type Refusal, refusals } from "./refusals.ts";

/** Routes beside PAP: Fastify without a server of its own. */
export interface Site {
  readonly app: FastifyInstance;
  handle(request: IncomingMessage, response: ServerResponse): void;
}

/**
 * Makes a site. What nobody handles gets 404 and what fails 503, in words to who looks and as a PAP document to who posts: a push
 * initiator with the wrong path. Plugins that `add` registers may handle their own errors.
 *
 * @param add adds the routes.
 */
export async function openSite(
  papRoute: PapRoute,
  logger: Logger,
  maxBodyBytes: number,
  add: (app: FastifyInstance) => void | Promise<void>,
): Promise<Site> {
  let handle: Site["handle"] = () => {};
  const app = fastify({
    logger: false,
    bodyLimit: maxBodyBytes,
    exposeHeadRoutes: true,
    serverFactory: (handler) => {
      handle = handler;
      return createServer(handler); // never listens: the listeners call the handler
    },
    frameworkErrors: (_error, request, reply) => {
      void sendRefusal(request, reply, "malformed");
    },
  });
  app.setNotFoundHandler((request, reply) => sendRefusal(request, reply, "notFound"));
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) logger.error({ err: error, url: request.routeOptions.url }, "HTTP request failed");
    return sendRefusal(request, reply, status >= 500 ? "failed" : status === 413 ? "tooLarge" : "malformed");
  });
  await add(app);
  await app.ready();
  return { app, handle: (request, response) => handle(request, response) };

  function sendRefusal(request: FastifyRequest, reply: FastifyReply, refusal: Refusal): FastifyReply {
    const { httpStatus, desc } = refusals[refusal];
    reply.code(httpStatus);
    if (request.method === "GET" || request.method === "HEAD")
      return reply.type("text/plain; charset=utf-8").send(`${desc}\n`);
    const { headers, body } = papRoute.refused(refusal);
    for (let at = 0; at + 1 < headers.length; at += 2) reply.header(headers[at] as string, headers[at + 1]);
    return reply.send(body);
  }
}

/** `/health/live`, `/health/ready`, `/metrics`. @param closing whether the front is. */
export function addOperationRoutes(app: FastifyInstance, handlers: OperationHandlers, closing: () => boolean): void {
  const { live, ready, metrics } = handlers;
  const well: HealthReport = { ok: true, parts: {} };
  const probe = (path: string, ask: () => HealthReport | Promise<HealthReport>): void => {
    app.get(path, async (_request, reply) => {
      const { ok, parts } = await reportOf(ask);
      return reply
        .code(ok ? 200 : 503)
        .header("Cache-Control", "no-store")
        .send({ ok, parts });
    });
  };
  probe("/health/live", live ?? (() => well));
  probe("/health/ready", () => (closing() ? { ok: false, parts: { front: "closing" } } : (ready?.() ?? well)));
  if (metrics === undefined) return;
  app.get("/metrics", async (_request, reply) => {
    const { contentType, body } = await metrics();
    return reply.header("Content-Type", contentType).send(body);
  });
}

async function reportOf(ask: () => HealthReport | Promise<HealthReport>): Promise<HealthReport> {
  try {
    return await ask();
  } catch (error) {
    return { ok: false, parts: { probe: error instanceof Error ? error.message : "failed" } };
  }
}
