import { randomUUID } from "node:crypto";
import {
  createDsNotification,
  encodeNotification,
  MAX_DS_SYNCS,
  NotificationError,
  syncTypes,
} from "@sip-push/notification";
import { deliveryMethods, encodePap, PapError, parsePapAddress, priorities } from "@sip-push/pap";
import { z } from "zod";
import { type FieldProblem, problemsOf } from "./form-problems.ts";

const MOST_ADDRESSES = 100;
const MOST_TEXT = 65_536;
const uiModes = ["not-specified", "background", "informative", "user-interaction"] as const;

const required = (what: string) =>
  z.string().trim().min(1, `Give ${what}.`).max(255, "This is longer than 255 characters.");

const dsContent = z.object({
  kind: z.literal("ds"),
  serverId: required("the server that the handset is to connect to"),
  sessionId: z
    .int("Give a whole number from 0 to 65535.")
    .min(0, "Give a whole number from 0 to 65535.")
    .max(65_535, "Give a whole number from 0 to 65535."),
  uiMode: z.enum(uiModes),
  syncs: z
    .array(
      z.object({
        syncType: z.enum(syncTypes),
        contentType: z.string().trim().max(255),
        serverUri: z.string().trim().max(255, "This is longer than 255 characters."),
      }),
    )
    .max(MAX_DS_SYNCS, `A notification names at most ${MAX_DS_SYNCS} datastores.`),
});
const mediaType = required("a media type").regex(
  /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?:\s*;[ -~]*)?$/,
  "This is no media type, such as text/plain;charset=utf-8.",
);
const textContent = z.object({
  kind: z.literal("text"),
  contentType: mediaType,
  text: z.string().max(MOST_TEXT, `At most ${MOST_TEXT} characters.`),
});
const hexContent = z.object({
  kind: z.literal("hex"),
  contentType: mediaType,
  hex: z
    .string()
    .max(4 * MOST_TEXT, "This is too long.")
    .transform((text) => text.replace(/[\s:]/g, ""))
    .refine((text) => /^(?:[0-9a-f]{2})*$/i.test(text), "Give pairs of hexadecimal digits, such as 03 6a 7f."),
});

const testPush = z.object({
  addresses: z
    .array(z.string().trim().superRefine(checkAddress))
    .min(1, "Give at least one address.")
    .max(MOST_ADDRESSES, `At most ${MOST_ADDRESSES} addresses here; use \`sip-push push\` for more.`),
  applicationId: z
    .string()
    .trim()
    .max(255, "This is longer than 255 characters.")
    .regex(/^[!-~]*$/, "An application id has no blanks."),
  deliveryMethod: z.enum(deliveryMethods),
  priority: z.enum(priorities),
  deliverBefore: z.iso.datetime({ error: "This is no time." }).nullable(),
  content: z.discriminatedUnion("kind", [dsContent, textContent, hexContent]),
});
type TestPush = z.infer<typeof testPush>;
type Content = TestPush["content"];

/** A test push as a PAP entity, ready for the intake; or what is wrong with the form. */
export type TestPushResult =
  | { readonly pushId: string; readonly contentType: string; readonly body: Uint8Array }
  | { readonly problems: readonly FieldProblem[] };

/** Reads the form of a test push and makes PAP 2.1 of it. Whatever the browser sends, this does not throw. */
export function testPushOf(input: unknown, domain: string): TestPushResult {
  const parsed = testPush.safeParse(input);
  if (!parsed.success) return { problems: problemsOf(parsed.error) };
  const form = parsed.data;
  const pushId = `${randomUUID()}@${domain}`;
  try {
    return { pushId, ...entityOf(form, pushId) };
  } catch (error) {
    if (error instanceof NotificationError) {
      const field = `content.${error.field.replace(/\[(\d+)\]/g, ".$1")}`;
      return { problems: [{ field, message: error.message.replace(`${error.field}: `, "") }] };
    }
    if (error instanceof PapError) return { problems: [{ field: "", message: error.message }] };
    throw error;
  }
}

function checkAddress(address: string, context: z.core.$RefinementCtx<string>): void {
  try {
    parsePapAddress(address);
  } catch (error) {
    if (!(error instanceof PapError)) throw error;
    context.addIssue({ code: "custom", message: error.problem });
  }
}

function entityOf(form: TestPush, pushId: string): { readonly contentType: string; readonly body: Uint8Array } {
  const { addresses, priority, deliveryMethod, deliverBefore, applicationId } = form;
  const { contentType, body } = contentOf(form.content);
  return encodePap({
    version: "2.1",
    productName: "sip-push console",
    operation: {
      kind: "push-message",
      pushId,
      replaceMethod: "all",
      ...(deliverBefore === null ? {} : { deliverBeforeTimestamp: new Date(deliverBefore) }),
      progressNotesRequested: false,
      addresses,
      qualityOfService: { priority, deliveryMethod, networkRequired: false, bearerRequired: false },
    },
    content: {
      contentType,
      body,
      ...(applicationId === "" ? {} : { headers: [["X-Wap-Application-Id", applicationId] as const] }),
    },
  });
}

function contentOf(content: Content): { readonly contentType: string; readonly body: Uint8Array } {
  if (content.kind === "text")
    return { contentType: content.contentType, body: new TextEncoder().encode(content.text) };
  if (content.kind === "hex")
    return { contentType: content.contentType, body: new Uint8Array(Buffer.from(content.hex, "hex")) };
  const { sessionId, serverId, uiMode } = content;
  const syncs = content.syncs.map((sync) => ({ ...sync, contentType: sync.contentType || null }));
  return {
    contentType: "application/vnd.syncml.ds.notification",
    body: encodeNotification(createDsNotification({ sessionId, serverId, uiMode, syncs })),
  };
}
