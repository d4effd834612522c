import { multipartPush, type PushMessage, type PushPriority, pushPriorities } from "@sip-push/push";
import type { Command } from "commander";
import { z } from "zod";
import { repeatable } from "./config.ts";
import { buildNotification, checkDsSettings, dsSettings } from "./ds-push.ts";
import { applicationId, disposition, mediaType, oneOf, tokenList, wholeNumber } from "./fields.ts";
import { readInput } from "./input-files.ts";
import type { Io } from "./io.ts";

/** One part of a multipart push: where its octets are, and what they are. */
interface PartFile {
  readonly path: string;
  readonly contentType: string;
}

/** `note.txt:text/plain`; the path may hold colons, the media type is what looks like one at the end. */
const partFile: z.ZodType<PartFile, string> = z.string().transform((text, context) => {
  const match = /^(.+?):([\w.+-]+\/[\w.+-]+(?:;.*)?)$/.exec(text);
  if (match?.[1] !== undefined && match[2] !== undefined) return { path: match[1], contentType: match[2] };
  context.addIssue({ code: "custom", message: `${JSON.stringify(text)} is not file:type/subtype` });
  return z.NEVER;
});

/** What is pushed: the settings of the content, which `send` and `push` share. */
export const entitySettings: typeof dsSettings & {
  readonly file: z.ZodOptional<z.ZodString>;
  readonly part: z.ZodOptional<z.ZodArray<typeof partFile>>;
  readonly contentType: z.ZodOptional<typeof mediaType>;
  readonly contentEncoding: z.ZodOptional<typeof tokenList>;
  readonly contentLanguage: z.ZodOptional<typeof tokenList>;
  readonly contentDisposition: z.ZodOptional<typeof disposition>;
  readonly app: z.ZodOptional<typeof applicationId>;
} = {
  file: z.string().optional(),
  part: z.array(partFile).min(1, "give at least one part").optional(),
  contentType: mediaType.optional(),
  contentEncoding: tokenList.optional(),
  contentLanguage: tokenList.optional(),
  contentDisposition: disposition.optional(),
  app: applicationId.optional(),
  ...dsSettings,
};

/** What `send` pushes: the settings of one push. */
export const contentSettings: typeof entitySettings & {
  readonly expires: z.ZodOptional<z.ZodType<number>>;
  readonly priority: z.ZodOptional<z.ZodType<PushPriority>>;
} = {
  ...entitySettings,
  expires: wholeNumber(1, 0x7fff_ffff).optional(),
  priority: oneOf(pushPriorities).optional(),
};

export type EntitySettings = Partial<z.output<z.ZodObject<typeof entitySettings>>>;
export type ContentSettings = Partial<z.output<z.ZodObject<typeof contentSettings>>>;

/** The flags of {@link contentSettings}. */
export function addContentFlags(command: Command): Command {
  addEntityFlags(command);
  return command
    .optionsGroup("Content:")
    .option("--expires <seconds>", "the push is worth nothing after that time")
    .option("--priority <word>", pushPriorities.join(", "));
}

/** The flags of {@link entitySettings}. */
export function addEntityFlags(command: Command): Command {
  return command
    .optionsGroup("Content:")
    .option("--file <file>", "content to push; - reads standard input")
    .option("--content-type <type>", "its media type")
    .option(
      "--part <file:type>",
      "one part of a multipart push, such as note.txt:text/plain; may be repeated",
      repeatable,
    )
    .option("--content-encoding <coding>", "the file is encoded so already, such as gzip")
    .option("--content-language <tags>", "languages of the content, such as 'de, en'")
    .option("--content-disposition <value>", "what the content is for, such as render")
    .option("--app <id>", "application it is for, such as push.syncml; only handsets that have it are reached")
    .optionsGroup("Content, when it is a DS 1.2 notification:")
    .option("--ds-server <id>", "push a notification that names this server")
    .option("--ds-session <n>", "its session id, 0 to 65535; at random unless given")
    .option("--ds-ui <mode>", "not-specified, background, informative or user-interaction")
    .option(
      "--ds-sync <type:uri[:media-type]>",
      "what to synchronize, such as two-way:./contacts:text/x-vcard; may be repeated",
      repeatable,
    )
    .option("--ds-password <text>", "password for its digest")
    .option("--ds-nonce <text>", "nonce for its digest");
}

/** Media types that parts may be put together as. */
const multiparts: readonly string[] = ["multipart/mixed", "multipart/related"];

/** What lies in how the settings go together. For `readConfig`. */
export function checkContent(given: EntitySettings, wrong: ReadonlySet<string>): string[] {
  const { file, part, dsServer, contentType, contentEncoding } = given;
  const problems = checkDsSettings(given);
  const sources = Object.entries({ "--file": file, "--part": part, "--ds-server": dsServer }).filter(
    ([, value]) => value !== undefined,
  );
  const [first, second] = sources.map(([flag]) => flag);
  if (first === undefined && !wrong.has("part") && !wrong.has("dsServer")) {
    problems.push("--file: give a file to push, or --ds-server for a DS notification");
  }
  if (second !== undefined) problems.push(`${first}: give this or ${second}, not both`);
  if (first === "--file" && second === undefined && contentType === undefined) {
    problems.push("--content-type: is required with --file");
  }
  if (first === "--part" && contentType !== undefined && !multiparts.includes(contentType)) {
    problems.push(`--content-type: must be ${multiparts.join(" or ")} with --part`);
  }
  if (first === "--ds-server" && contentType !== undefined)
    problems.push("--content-type: a DS notification has its own");
  if (first !== "--file" && contentEncoding !== undefined) problems.push("--content-encoding: goes with --file only");
  return problems;
}

/** The push that the settings describe, its files read. @throws {UsageError} */
export async function readPush(io: Io, read: ContentSettings): Promise<PushMessage> {
  const { expires, priority, contentLanguage, contentDisposition } = read;
  return {
    ...(await readContent(io, read)),
    ...(contentLanguage === undefined ? {} : { contentLanguage }),
    ...(contentDisposition === undefined ? {} : { contentDisposition }),
    ...(expires === undefined ? {} : { expiresSeconds: expires }),
    ...(priority === undefined ? {} : { priority }),
  };
}

/** The content alone: its octets, their type, its application. @throws {UsageError} */
export async function readContent(io: Io, read: EntitySettings): Promise<PushMessage> {
  const { dsServer, file = "", part, contentType = "", contentEncoding, app = null } = read;
  if (dsServer !== undefined) {
    const notification = buildNotification(dsServer, read);
    return app === null ? notification : { ...notification, applicationId: app };
  }
  if (part !== undefined) {
    const parts = [];
    for (const each of part) {
      parts.push({ contentType: each.contentType, body: await readInput(io, "--part", each.path) });
    }
    const subtype = contentType === "multipart/related" ? "related" : "mixed";
    return { applicationId: app, ...multipartPush(parts, { subtype }) };
  }
  const body = await readInput(io, "--file", file);
  return { applicationId: app, contentType, body, ...(contentEncoding === undefined ? {} : { contentEncoding }) };
}
