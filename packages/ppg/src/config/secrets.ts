import type { z } from "zod";
import { hashPassword, isPasswordHash, sha256Hex } from "../front/secrets.ts";
import { readBy } from "./fields.ts";
import type { Verifier } from "./types.ts";
import { type ConfigWorld, readText, readVariable, SettingProblem } from "./world.ts";

/** Ways to give a secret, by the one key of its mapping. */
type Ways<T> = Readonly<Record<string, (text: string) => T | Promise<T>>>;

const SHA256_ENTRY = /^[0-9a-f]{64}$/i;
/** RFC 6750 §2.1. */
const BEARER_TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;

/** What is kept to compare with: of a password or token that stands somewhere as it is. */
function digestOf(secret: string): Verifier {
  return { sha256: sha256Hex(secret) };
}

function scryptEntry(text: string): string {
  if (isPasswordHash(text)) return text;
  throw new SettingProblem("scrypt: is nothing that `sip-push ppg hash-password` prints");
}

function sha256Entry(text: string): Verifier {
  if (!SHA256_ENTRY.test(text)) throw new SettingProblem("sha256: must be 64 hexadecimal digits");
  return { sha256: text.toLowerCase() };
}

/** One of another form stands in no Authorization field: who should show it could never log in. */
function bearer(text: string): string {
  if (BEARER_TOKEN.test(text)) return text;
  throw new SettingProblem("holds what no bearer token may: write letters, digits and - . _ ~ + / in one line");
}

/** A password that somebody shows us. */
export function password(world: ConfigWorld): z.ZodType<Verifier> {
  return given({ scrypt: (text) => ({ scrypt: scryptEntry(text) }), ...elsewhere(world, digestOf) });
}

/** The same, always as `hashPassword` writes it. */
export function hashedPassword(world: ConfigWorld): z.ZodType<string> {
  return given({ scrypt: scryptEntry, ...elsewhere(world, hashPassword) });
}

/** A bearer token that somebody shows us. */
export function token(world: ConfigWorld): z.ZodType<Verifier> {
  return given({ sha256: sha256Entry, ...elsewhere(world, (text) => digestOf(bearer(text))) });
}

/** A password that we show others: as it is, but not in the file. */
export function ownPassword(world: ConfigWorld): z.ZodType<string> {
  return given(elsewhere(world, (text) => text));
}

/** The same for a bearer token. */
export function ownToken(world: ConfigWorld): z.ZodType<string> {
  return given(elsewhere(world, bearer));
}

/** Text that may be a secret; it may stand in the file, too. */
export function textOrSecret(world: ConfigWorld): z.ZodType<string> {
  const ways = elsewhere(world, (text) => text);
  return readBy((value) => (typeof value === "string" ? value : readSecret(ways, value)));
}

function elsewhere<T>(world: ConfigWorld, use: (secret: string) => T | Promise<T>): Ways<T> {
  return {
    // Editors end a file with a line break.
    file: async (path) => use(notEmpty(path, (await readText(world, path)).replace(/\r?\n$/, ""))),
    env: (name) => use(readVariable(world, name)),
  };
}

function notEmpty(path: string, text: string): string {
  if (text === "") throw new SettingProblem(`${path}: is empty`);
  return text;
}

function given<T>(ways: Ways<T>): z.ZodType<T> {
  return readBy((value) => readSecret(ways, value));
}

async function readSecret<T>(ways: Ways<T>, value: unknown): Promise<T> {
  const forms = Object.keys(ways).map((way) => `{ ${way}: … }`);
  const [[way, text] = [], ...more] = typeof value === "object" && value !== null ? Object.entries(value) : [];
  const read = way === undefined || !Object.hasOwn(ways, way) ? undefined : ways[way];
  // Never what was written instead: it may be the secret itself.
  if (read === undefined || more.length > 0) throw new SettingProblem(`write it as ${forms.join(" or ")}`);
  if (typeof text !== "string" || text === "") throw new SettingProblem(`${way}: must be text`);
  return read(text);
}
