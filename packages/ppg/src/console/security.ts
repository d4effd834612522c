import type { FastifyInstance, FastifyRequest } from "fastify";

/** The page loads scripts, styles and data from its own origin only, and nobody frames it. CSP Level 3. */
const headers: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
};

/** A copy, for a response that is written past fastify. */
export const securityHeaders = (): Record<string, string> => ({ ...headers });

/**
 * Whether a page of another origin makes the browser send this. The session cookie is SameSite=Strict, so that such a request
 * has no session anyway; this holds for other ports and names of the same site too.
 */
function isForeign(request: FastifyRequest): boolean {
  const site = request.headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && site !== "none") return true;
  const { origin, host } = request.headers;
  if (origin === undefined) return false;
  const own = URL.parse(`${/^https:/i.test(origin) ? "https" : "http"}://${host}`);
  return own === null || URL.parse(origin)?.host !== own.host;
}

/** Guards everything in this scope: headers on all answers, no changes asked for by other origins, JSON only. */
export function secure(app: FastifyInstance): void {
  app.addHook("onRequest", async (request, reply) => {
    reply.headers(headers);
    const changes = request.method !== "GET" && request.method !== "HEAD";
    if (changes && isForeign(request))
      return reply.code(403).send({ message: "Asked for by a page of another origin." });
    return undefined;
  });
  // A form of another site can send text and urlencoded bodies without asking first; it cannot send JSON.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "string" }, app.getDefaultJsonParser("error", "error"));
}
