import { parseApplicationId } from "@sip-push/push";
import { z } from "zod";
import { notifyPatternProblem } from "../intake/notify-urls.ts";
import { recipientPatternProblem } from "../intake/recipient-patterns.ts";
import { listOf, quantity, readTextBy, section, someOf, textCheckedBy, wholeNumber } from "./fields.ts";
import { certificateFile, keyFile, pairRules } from "./pem.ts";
import { hashedPassword, ownPassword, ownToken, password, token } from "./secrets.ts";
import { checkedTogether } from "./together.ts";
import type { ConsoleUser, InitiatorConfig, NotifyAs } from "./types.ts";
import { type ConfigWorld, SettingProblem } from "./world.ts";

/** RFC 7617 §2: no colon in a user name, no control characters. */
const name = textCheckedBy((text) => {
  if (!/^[^:\p{Cc}]{1,64}$/u.test(text))
    throw new SettingProblem("must be 1 to 64 characters without : or line breaks");
});

/** Equality with a name of the certificate, without wildcards. RFC 5922 §7.1, §7.2. */
const certificateName = readTextBy((text) => {
  if (!/^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(text)) {
    throw new SettingProblem(
      `${JSON.stringify(text)} is no name in a certificate; write a domain name such as pi.example.test`,
    );
  }
  return text.toLowerCase();
});

const patternCheckedBy = (problemOf: (text: string) => string | undefined): z.ZodType<string> =>
  textCheckedBy((text) => {
    const problem = problemOf(text);
    if (problem !== undefined) throw new SettingProblem(`${JSON.stringify(text)}: ${problem}`);
  });

/** "" stands for content without an application id. */
const applicationPattern: z.ZodType<string> = z.string().superRefine((text, context) => {
  if (
    text === "" ||
    (text.includes("*") ? /^[!#-+\--[\]-~]{1,255}$/.test(text) : parseApplicationId(text) !== undefined)
  )
    return;
  const message = `${JSON.stringify(text)} is no application id; write a name such as push.syncml, or a pattern with *`;
  context.addIssue({ code: "custom", message });
});

/** Who the gateway is towards an initiator's server. */
function notifyAs(world: ConfigWorld): z.ZodType<NotifyAs> {
  const settings = section({
    user: name.optional(),
    password: ownPassword(world).optional(),
    token: ownToken(world).optional(),
    certificate: certificateFile(world).optional(),
    key: keyFile(world).optional(),
  });
  return checkedTogether(settings, ({ user, password: own, token: bearer, ...pair }) => [
    [user !== undefined && own === undefined, ["password"], "is required with user"],
    [user === undefined && own !== undefined, ["user"], "is required with password"],
    [user !== undefined && bearer !== undefined, ["token"], "give this or user, not both"],
    ...pairRules(pair),
  ]).transform(({ user, password: own, token: bearer, certificate, key }) => ({
    authorization: authorizationOf(user, own, bearer),
    certificate: certificate === undefined || key === undefined ? null : { certificate, key },
  }));
}

/** RFC 7617, RFC 6750 §2.1. */
function authorizationOf(user?: string, own?: string, bearer?: string): string | null {
  if (bearer !== undefined) return `Bearer ${bearer}`;
  return user === undefined ? null : `Basic ${Buffer.from(`${user}:${own}`).toString("base64")}`;
}

/** One push initiator; applications and result URLs are none unless they are said. */
export function initiatorSection(world: ConfigWorld): z.ZodType<InitiatorConfig> {
  const settings = section({
    name,
    password: password(world).optional(),
    tokens: listOf(token(world)).default([]),
    certificates: listOf(certificateName).default([]),
    recipients: someOf(patternCheckedBy(recipientPatternProblem), "pattern"),
    applications: someOf(applicationPattern, "pattern").default(["*"]),
    notifyUrls: listOf(patternCheckedBy(notifyPatternProblem)).default([]),
    rate: section({ perSecond: quantity(0.001, 1_000_000), burst: wholeNumber(1, 1_000_000) }).optional(),
    notifyAs: notifyAs(world).optional(),
  });
  return checkedTogether(settings, ({ password: own, tokens = [], certificates = [] }) => [
    [
      own === undefined && tokens.length + certificates.length === 0,
      [],
      "can never log in: give password, tokens or certificates",
      ["password"],
      ["tokens"],
      ["certificates"],
    ],
  ]).transform((given) => ({
    ...given,
    password: given.password ?? null,
    rate: given.rate ?? null,
    notifyAs: given.notifyAs ?? null,
  }));
}

export function consoleUser(world: ConfigWorld): z.ZodType<ConsoleUser> {
  return section({ name, password: hashedPassword(world) });
}
