import {
  credentialsFromJson,
  decodeNotification,
  decodeNotificationAs,
  encodeNotification,
  formatOfContentType,
  guessFormat,
  type Notification,
  type NotificationFormat,
  notificationFormats,
  notificationFromJson,
  notificationToJson,
} from "@sip-push/notification";
import { Option } from "commander";
import { parseJson } from "../config.ts";
import { readInput } from "../input-files.ts";
import { printJson, UsageError } from "../io.ts";
import type { Register } from "../run.ts";

interface DecodeFlags {
  readonly format?: NotificationFormat;
  readonly contentType?: string;
}

export const notificationCommand: Register = (notification, io) => {
  notification
    .command("decode")
    .description("read octets, print one JSON object")
    .argument("<file>", "file of octets; - reads standard input")
    .addOption(
      new Option("--format <format>", "what the octets are; guessed unless given").choices([...notificationFormats]),
    )
    .addOption(
      new Option("--content-type <type>", "media type the octets came with, instead of --format").conflicts("format"),
    )
    .addHelpText(
      "after",
      `
Examples:
  sip-push notification decode push.bin
  sip-push notification decode --content-type application/vnd.syncml.ds.notification - < push.bin`,
    )
    .action(async (file: string, flags: DecodeFlags) => {
      printJson(io, notificationToJson(decode(await readInput(io, "<file>", file), flags)));
    });

  notification
    .command("encode")
    .description("read one JSON object, write octets to standard output")
    .option("--json <file>", "file with the object that decode prints, and password and nonce for its digest", "-")
    .addHelpText(
      "after",
      `
Example:
  echo '{"format":"ds-1.2","serverId":"ds.example.test","sessionId":1,"uiMode":"informative","initiator":"server",
         "syncs":[{"syncType":"two-way","contentType":"text/x-vcard","serverUri":"./contacts"}],
         "password":"secret","nonce":"a1b2c3"}' | sip-push notification encode > push.bin`,
    )
    .action(async (flags: { json: string }) => {
      const json = parseJson("--json", await readInput(io, "--json", flags.json));
      io.writeOctets(encodeNotification(notificationFromJson(json), credentialsFromJson(json)));
    });
};

function decode(octets: Uint8Array, { format, contentType }: DecodeFlags): Notification {
  if (contentType !== undefined) {
    if (formatOfContentType(contentType) !== null) return decodeNotification(octets, contentType);
    throw new UsageError(`--content-type: ${JSON.stringify(contentType)} is not the type of a notification`);
  }
  // Of octets that nothing fits, the most usual format says best what is wrong.
  return decodeNotificationAs(octets, format ?? guessFormat(octets) ?? "ds-1.2");
}
