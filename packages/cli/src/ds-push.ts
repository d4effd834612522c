import {
  applicationIdOf,
  contentTypeOf,
  createDsNotification,
  encodeNotification,
  NotificationError,
  type SyncAlert,
  syncTypes,
  type UiMode,
} from "@sip-push/notification";
import type { PushMessage } from "@sip-push/push";
import { z } from "zod";
import { oneOf, wholeNumber } from "./fields.ts";
import { UsageError } from "./io.ts";

const uiModes = ["not-specified", "background", "informative", "user-interaction"] as const satisfies readonly UiMode[];

/** `two-way:./contacts:text/x-vcard`; the URI may hold colons, the media type is what looks like one at the end. */
const dsSync: z.ZodType<SyncAlert, string> = z.string().transform((text, context) => {
  const match = /^([a-z-]+):(.*?)(?::([\w.+-]+\/[\w.+-]+))?$/.exec(text);
  const syncType = syncTypes.find((name) => name === match?.[1]);
  if (match === null || syncType === undefined) {
    const message = `"${text}" is not type:uri[:media-type] with a type of ${syncTypes.join(", ")}`;
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  }
  return { syncType, serverUri: match[2] ?? "", contentType: match[3] ?? null };
});

/** The `--ds-…` settings of `send`. */
export const dsSettings: {
  readonly dsServer: z.ZodOptional<z.ZodString>;
  readonly dsSession: z.ZodOptional<z.ZodType<number>>;
  readonly dsUi: z.ZodOptional<z.ZodType<UiMode>>;
  readonly dsSync: z.ZodOptional<z.ZodArray<typeof dsSync>>;
  readonly dsPassword: z.ZodOptional<z.ZodString>;
  readonly dsNonce: z.ZodOptional<z.ZodString>;
} = {
  dsServer: z.string().min(1, "is empty").optional(),
  dsSession: wholeNumber(0, 65_535).optional(),
  dsUi: oneOf(uiModes).optional(),
  dsSync: z.array(dsSync).optional(),
  dsPassword: z.string().optional(),
  dsNonce: z.string().optional(),
};

export type DsSettings = Partial<z.output<z.ZodObject<typeof dsSettings>>>;

/** What lies in how the settings go together. For `readConfig`. */
export function checkDsSettings(given: DsSettings): string[] {
  const problems: string[] = [];
  if (given.dsNonce !== undefined && given.dsPassword === undefined) {
    problems.push("--ds-nonce: makes a digest only together with --ds-password");
  }
  const others = { "--ds-session": given.dsSession, "--ds-ui": given.dsUi, "--ds-sync": given.dsSync };
  const lost = Object.entries({ ...others, "--ds-password": given.dsPassword }).find(
    ([, value]) => value !== undefined,
  );
  if (given.dsServer === undefined && lost !== undefined) problems.push(`--ds-server: is required with ${lost[0]}`);
  return problems;
}

/** The push of a DS 1.2 notification, its digest computed when there is a password. @throws {UsageError} */
export function buildNotification(serverId: string, settings: DsSettings): PushMessage {
  const { dsSession, dsUi, dsSync: syncs, dsPassword, dsNonce } = settings;
  const notification = createDsNotification({
    serverId,
    // DS asks for an id that differs from session to session.
    sessionId: dsSession ?? Math.floor(Math.random() * 65_536),
    uiMode: dsUi ?? "not-specified",
    syncs: syncs ?? [],
  });
  const credentials = dsPassword === undefined ? undefined : { password: dsPassword, nonce: dsNonce ?? "" };
  return {
    applicationId: applicationIdOf(notification),
    contentType: contentTypeOf(notification),
    body: naming(() => encodeNotification(notification, credentials)),
  };
}

/** Fields of a notification, by the flag that a person gave. */
const flagByField: Readonly<Record<string, string>> = {
  serverId: "--ds-server",
  sessionId: "--ds-session",
  password: "--ds-password",
  nonce: "--ds-nonce",
};

function naming<T>(encode: () => T): T {
  try {
    return encode();
  } catch (error) {
    if (!(error instanceof NotificationError)) throw error;
    const flag = flagByField[error.field] ?? "--ds-sync";
    throw new UsageError(`${flag}: ${error.message.slice(error.field.length + 2)}`, { cause: error });
  }
}
