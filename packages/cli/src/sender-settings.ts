import { PushSender, type PushSenderOptions, parseRecipient } from "@sip-push/sender";
import { bareHost, isNumericHost, parseUri, type SipUri, serializeUri } from "@sip-push/sip";
import type { Command } from "commander";
import { z } from "zod";
import { repeatable } from "./config.ts";
import { domainName, listenAddress, oneOf, sipUri, sipUriText, trustedPeer } from "./fields.ts";
import { checkTlsSettings, readTls, tlsSettings } from "./input-files.ts";
import { createLogger, type Io } from "./io.ts";
import { openBehind } from "./local-addresses.ts";

type Role = NonNullable<PushSenderOptions["role"]>;

/** How a sender reaches the core, and who it is: the settings that `send`, `refer` and `options` share. */
export const senderSettings: typeof tlsSettings & {
  readonly proxy: typeof sipUri;
  readonly from: z.ZodOptional<typeof sipUriText>;
  readonly role: z.ZodDefault<z.ZodType<Role>>;
  readonly listen: z.ZodOptional<z.ZodArray<typeof listenAddress>>;
  readonly contact: z.ZodOptional<typeof sipUriText>;
  readonly route: z.ZodOptional<z.ZodArray<typeof sipUriText>>;
  readonly chargingVector: z.ZodDefault<z.ZodBoolean>;
  readonly servedUser: z.ZodOptional<typeof sipUriText>;
  readonly domain: z.ZodOptional<typeof domainName>;
  readonly trusted: z.ZodOptional<z.ZodArray<typeof trustedPeer>>;
  readonly user: z.ZodOptional<z.ZodString>;
  readonly password: z.ZodOptional<z.ZodString>;
} = {
  proxy: sipUri,
  from: sipUriText.optional(),
  role: oneOf<Role>(["isc", "gm", "plain"]).default("isc"),
  listen: z.array(listenAddress).min(1, "give at least one address").optional(),
  contact: sipUriText.optional(),
  route: z.array(sipUriText).optional(),
  chargingVector: z.boolean().default(false),
  servedUser: sipUriText.optional(),
  domain: domainName.optional(),
  trusted: z.array(trustedPeer).optional(),
  user: z.string().optional(),
  password: z.string().optional(),
  ...tlsSettings,
};

export type SenderSettings = z.output<z.ZodObject<typeof senderSettings>>;

/** The flags of {@link senderSettings}. */
export function addSenderFlags(command: Command): Command {
  return command
    .optionsGroup("Who sends, and how it reaches the core:")
    .option("--proxy <uri>", "SIP proxy to send to, such as 'sip:127.0.0.1:5060;transport=tcp'")
    .option(
      "--from <uri>",
      "who sends; unless given sip:push@localhost or, where others must reach it, sip:push@ and the recipient's domain",
    )
    .option("--role <role>", "isc asserts who sends (default), gm states a preference, plain says only From")
    .option("--route <uri>", "hop to go through, such as 'sip:scscf.example.test;lr;orig'; may be repeated", repeatable)
    .option("--listen <address>", "address to send from, such as udp:127.0.0.1:0; may be repeated", repeatable)
    .option("--contact <uri>", "how the core and handsets reach this sender; its listening address unless given")
    .option(
      "--trusted <peer>",
      "address, range or TLS name whose P-Asserted-Identity is believed: then who is not asserted may not subscribe; may be repeated; the proxy unless given",
      repeatable,
    )
    .option("--charging-vector", "with P-Charging-Vector, for a core that bills (RFC 7315)")
    .option("--served-user <uri>", "P-Served-User: for whom it is sent, with a --route to that user's core (RFC 5502)")
    .option("--domain <name>", "domain for tel: recipients")
    .option("--user <name>", "user name for the proxy's challenge; the one of --from unless given")
    .option("--password <text>", "password for the proxy's challenge")
    .option("--ca <file>", "certificates to trust, PEM, for TLS and WSS")
    .option("--cert <file>", "certificate to show, PEM")
    .option("--key <file>", "its key");
}

/** Problems of recipients, and what lies in how the settings go together. For `readConfig`. */
export function checkSender(
  given: Partial<SenderSettings> & { readonly to?: string | readonly string[] | undefined },
): string[] {
  const { to = [], domain } = given;
  const problems = [to].flat().flatMap((text) => {
    try {
      parseRecipient(text, "--to", domain === undefined ? {} : { domain });
      return [];
    } catch (error) {
      return [error instanceof Error ? error.message.replace("option domain", "--domain") : String(error)];
    }
  });
  return [...checkTlsSettings(given), ...problems];
}

/** Who sends where others must reach the sender: a user of the recipient's domain. */
export function fromBeside(to: string, { from, domain }: SenderSettings): string {
  if (from !== undefined) return from;
  const { requestUri } = parseRecipient(to, "--to", domain === undefined ? {} : { domain });
  return `sip:push@${(parseUri(requestUri) as SipUri).host}`;
}

/**
 * Opens a sender.
 *
 * @param more what the command adds or overrules.
 * @throws {UsageError} for files that are not what they should be.
 */
export async function openSender(
  io: Io,
  read: SenderSettings,
  more: Partial<PushSenderOptions> = {},
): Promise<PushSender> {
  const { role, proxy, contact, route, chargingVector, servedUser, domain, password, trusted } = read;
  const from = more.from ?? read.from ?? "sip:push@localhost";
  const options: PushSenderOptions = {
    role,
    proxy: serializeUri(proxy),
    logger: createLogger(io),
    trusted: trusted ?? trustOf(proxy),
    subscriptions: subscriptionPolicy(trusted),
    ...(contact === undefined ? {} : { contact }),
    ...(route === undefined ? {} : { route }),
    chargingVector,
    ...(servedUser === undefined ? {} : { servedUser }),
    ...(domain === undefined ? {} : { domain }),
    ...(password === undefined ? {} : { credentials: [{ username: userOf(read, from), password }] }),
    stack: { tls: await readTls(io, read) },
    ...more,
    from,
  };
  const { listen } = read;
  if (listen !== undefined) return PushSender.open({ ...options, listen });
  return openBehind(proxy, (addresses) => PushSender.open({ ...options, listen: addresses }));
}

/**
 * Who may subscribe. Where nobody is said to assert identities, From has to do: a proxy without users lets everybody be who they
 * say, too.
 */
export function subscriptionPolicy(trusted: readonly string[] | undefined): { readonly requireAsserted: boolean } {
  return { requireAsserted: trusted !== undefined };
}

/** The proxy as a peer to be believed; none when it has a name that only the DNS knows. */
function trustOf({ host }: SipUri): readonly string[] {
  if (host === "localhost") return ["127.0.0.1", "::1"];
  return isNumericHost(host) ? [bareHost(host)] : [];
}

function userOf({ user }: SenderSettings, from: string): string {
  return user ?? /^sips?:([^@:;]+)[@:]/i.exec(from)?.[1] ?? "push";
}
