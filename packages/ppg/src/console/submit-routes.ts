import { decodePap, describePapCode, PapError } from "@sip-push/pap";
import type { FastifyInstance } from "fastify";
import type { PapAnswer } from "../intake/types.ts";
import type { ConsoleOptions } from "./options.ts";
import { testPushOf } from "./test-push.ts";
import type { SubmitView } from "./views.ts";

/** What the document of an answer says besides its code; null: nothing. */
function descriptionOf(answer: PapAnswer): string | null {
  try {
    const { operation } = decodePap(answer.contentType, answer.body);
    if (operation.kind === "push-response") return operation.responseResult.desc ?? null;
    return operation.kind === "badmessage-response" ? (operation.desc ?? null) : null;
  } catch (error) {
    if (error instanceof PapError) return null;
    throw error;
  }
}

/** `POST /console/api/pushes`: a test push, as the push initiator that has the user's name. */
export function submitRoutes(app: FastifyInstance, options: ConsoleOptions): void {
  const { store, pap, logger } = options;
  app.post("/console/api/pushes", async (request, reply) => {
    const user = request.session?.user ?? "";
    const initiator = options.initiatorOf(user);
    if (initiator === undefined) {
      const message = `No push initiator named ${user} is configured, so nothing can be submitted in that name.`;
      return reply.code(403).send({ message });
    }
    const push = testPushOf(request.body, options.domain);
    if ("problems" in push) return reply.code(422).send({ problems: push.problems });
    const { pushId, contentType, body } = push;
    const answer = await pap.handle({ initiator, contentType, body, traceparent: null });
    logger.info({ pushId, user, papCode: answer.papCode }, "console: test push submitted");
    const page = await store.find({ initiator: initiator.name, pushId, limit: 1 });
    const view: SubmitView = {
      pushId,
      papCode: answer.papCode,
      papText: describePapCode(answer.papCode),
      description: descriptionOf(answer),
      push: page.deliveries[0]?.push ?? null,
    };
    return view;
  });
}
