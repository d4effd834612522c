import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance } from "fastify";

const YEAR_SECONDS = 31_536_000;

/** The built page under `/console/`: every path of it that is no file is the page itself, which knows what to show there. */
export async function pageRoutes(app: FastifyInstance, directory: string): Promise<void> {
  const root = directory === "" ? undefined : resolve(directory);
  app.get("/console", (_request, reply) => reply.redirect("/console/"));
  if (root === undefined || !existsSync(join(root, "index.html"))) {
    app.get("/console/*", (_request, reply) =>
      reply.code(503).type("text/plain").send("The page of the console is not built: npm run build.\n"),
    );
    return;
  }
  await app.register(fastifyStatic, {
    root,
    prefix: "/console/",
    wildcard: false,
    index: false,
    cacheControl: false,
    // Names of files under assets/ change with what is in them.
    setHeaders: (reply, path) => {
      const lasts = path.startsWith(join(root, "assets"));
      reply.header("cache-control", lasts ? `public, max-age=${YEAR_SECONDS}, immutable` : "no-cache");
    },
  });
  app.get("/console/*", (request, reply) => {
    const file = request.url.startsWith("/console/assets/");
    return file ? reply.code(404).type("text/plain").send("No such file.\n") : reply.sendFile("index.html");
  });
}
