import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { type DeliveryState, finalStates, liveStates } from "../delivery/delivery.machine.ts";
import type { DeliveryQuery } from "../store/types.ts";
import { problemsOf } from "./form-problems.ts";
import type { ConsoleOptions } from "./options.ts";
import { type DeliveryTimelineView, deliveryView, notificationView, pushView, timelineView } from "./views.ts";

const PAGE = 50;
const LARGEST_PAGE = 200;

/** Ids as they stand in a path or a query. */
const id = z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER);
const states: readonly DeliveryState[] = [...liveStates, ...finalStates];
const text = z
  .string()
  .trim()
  .max(1_024, "This is longer than 1024 characters.")
  .regex(/^\P{Cc}*$/u, "This has characters that nothing has.")
  .transform((value) => (value === "" ? undefined : value));

const listQuery = z.object({
  initiator: text.optional(),
  pushId: text.optional(),
  recipient: text.optional(),
  state: z.enum(["", ...states], "There is no such state.").optional(),
  after: id.optional(),
  limit: z.coerce.number().int().min(1).max(LARGEST_PAGE).default(PAGE),
});
const cancelBody = z.object({ addresses: z.array(z.string().min(1).max(1_024)).min(1).max(1_000).optional() });

/** As the store wants it: without what is undefined or empty, the recipient however it is spelled. */
function queryOf(parsed: z.infer<typeof listQuery>, { recipientOf }: ConsoleOptions): DeliveryQuery {
  const { recipient } = parsed;
  const asked = { ...parsed, recipient: recipient && recipientOf(recipient) };
  const given = Object.entries(asked).filter(([, value]) => value !== undefined && value !== "");
  return Object.fromEntries(given) as unknown as DeliveryQuery;
}

/** The list of deliveries, one push, the timeline of one delivery, and taking a push back. */
export function pushRoutes(app: FastifyInstance, options: ConsoleOptions): void {
  const { store, clock, logger } = options;
  const noSuch = (what: string): { readonly message: string } => ({ message: `There is no such ${what} any more.` });

  app.get("/console/api/deliveries", async (request, reply) => {
    const query = listQuery.safeParse(request.query);
    if (!query.success) return reply.code(422).send({ problems: problemsOf(query.error) });
    const page = await store.find(queryOf(query.data, options));
    return { deliveries: page.deliveries.map(deliveryView), next: page.next };
  });
  app.get<{ Params: { push: string } }>("/console/api/pushes/:push", async (request, reply) => {
    const parsed = id.safeParse(request.params.push);
    const push = parsed.success ? await store.push(parsed.data) : undefined;
    return push === undefined ? reply.code(404).send(noSuch("push")) : pushView(push);
  });
  app.get<{ Params: { delivery: string } }>("/console/api/deliveries/:delivery/timeline", async (request, reply) => {
    const parsed = id.safeParse(request.params.delivery);
    const delivery = parsed.success ? await store.delivery(parsed.data) : undefined;
    if (delivery === undefined) return reply.code(404).send(noSuch("delivery"));
    const [entries, notifications] = await Promise.all([
      store.timeline(delivery.id),
      store.notificationsOf(delivery.push),
    ]);
    const notification = notifications.find((each) => each.delivery === delivery.id);
    const view: DeliveryTimelineView = {
      entries: entries.map(timelineView),
      notification: notification === undefined ? null : notificationView(notification),
    };
    return view;
  });
  app.post<{ Params: { push: string } }>("/console/api/pushes/:push/cancel", async (request, reply) => {
    const body = cancelBody.safeParse(request.body ?? {});
    if (!body.success) return reply.code(422).send({ problems: problemsOf(body.error) });
    const parsed = id.safeParse(request.params.push);
    const push = parsed.success ? await store.push(parsed.data) : undefined;
    if (push === undefined) return reply.code(404).send(noSuch("push"));
    const { initiator, pushId } = push;
    const { addresses } = body.data;
    const selector = { initiator, pushId, ...(addresses === undefined ? {} : { addresses }) };
    const cancelled = await options.cancel(selector, clock.date().getTime());
    if (cancelled === undefined) return reply.code(404).send(noSuch("push"));
    logger.info({ pushId, initiator, user: request.session?.user }, "console: push taken back");
    return { addresses: cancelled };
  });
}
