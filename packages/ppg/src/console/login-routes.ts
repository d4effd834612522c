import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { clientFinder } from "../front/clients.ts";
import { verifyPassword } from "../front/secrets.ts";
import { problemsOf } from "./form-problems.ts";
import { LoginAttempts } from "./login-attempts.ts";
import type { ConsoleOptions } from "./options.ts";
import type { Session, Sessions } from "./sessions.ts";

const PATH = "/console";

/**
 * Of a node: browsers do not keep the cookies of ports, nor those of nodes behind one name, apart, and a login at one must not end
 * that at another.
 */
const cookieNameOf = (node: string): string => `sip-push-console-${node.replace(/[^\w.-]/g, "_")}`;

/** Who is logged in, as the page needs it. */
export interface SessionView {
  readonly user: string;
  readonly node: string;
  /** Whether there is a push initiator of this name, so that test pushes can be submitted. */
  readonly maySubmit: boolean;
}

const loginForm = z.object({
  name: z.string().min(1, "Give your name.").max(255, "This is longer than 255 characters."),
  password: z.string().min(1, "Give your password.").max(1_024, "This is longer than 1024 characters."),
});

/** The session of a request; undefined: it has none. It counts as used. */
export function sessionOf(request: FastifyRequest, node: string, sessions: Sessions): Session | undefined {
  const id = request.cookies[cookieNameOf(node)];
  return id === undefined ? undefined : sessions.use(id);
}

/** `POST`, `GET` and `DELETE /console/api/session`: log in, who am I, log out. */
export function loginRoutes(app: FastifyInstance, options: ConsoleOptions, sessions: Sessions): void {
  const { clock, logger, node, clientOf = clientFinder([]) } = options;
  const cookieName = cookieNameOf(node);
  const attempts = new LoginAttempts(clock);
  const hashes = new Map(options.users.map(({ name, password }) => [name, password]));
  const viewOf = (user: string): SessionView => ({
    user,
    node,
    maySubmit: options.initiatorOf(user) !== undefined,
  });
  const cookie = (request: FastifyRequest) =>
    ({ path: PATH, httpOnly: true, sameSite: "strict", secure: clientOf(request.raw).secure }) as const;
  const end = (request: FastifyRequest, reply: FastifyReply): void => {
    const id = request.cookies[cookieName];
    if (id !== undefined) sessions.end(id);
    reply.clearCookie(cookieName, cookie(request));
  };

  app.post("/console/api/session", async (request, reply) => {
    const form = loginForm.safeParse(request.body);
    if (!form.success) return reply.code(422).send({ problems: problemsOf(form.error) });
    const { name, password } = form.data;
    const { address } = clientOf(request.raw);
    const checked = await attempts.check({ name, address }, () => verifyPassword(password, hashes.get(name) ?? null));
    if (typeof checked === "object") {
      const { waitSeconds } = checked;
      const message = `Too many attempts. Try again in ${waitSeconds} s.`;
      return reply.code(429).header("retry-after", waitSeconds).send({ message });
    }
    if (!checked) {
      logger.warn({ address }, "console: login failed");
      return reply.code(401).send({ message: "Name or password is wrong." });
    }
    end(request, reply); // a new login is a new session
    reply.setCookie(cookieName, sessions.start(name), cookie(request));
    logger.info({ user: name, address }, "console: logged in");
    return viewOf(name);
  });
  app.get("/console/api/session", async (request, reply) => {
    const session = sessionOf(request, node, sessions);
    return session === undefined ? reply.code(401).send({ message: "Log in first." }) : viewOf(session.user);
  });
  app.delete("/console/api/session", async (request, reply) => {
    end(request, reply);
    return reply.code(204).send();
  });
}
