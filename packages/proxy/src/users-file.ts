import { type DigestHash, type DigestSecret, parseUri, SipParseError } from "@sip-push/sip";
import { ProxyConfigError } from "./errors.ts";
import { type User, UserDirectory, type UsimSecret, userKey } from "./users.ts";

/**
 * Reads a users file. Two forms:
 *
 * - lines `user:password`, or `user:realm:HA1` with 32 hex digits (MD5) or 64 (SHA-256); blank lines and `#` comments;
 * - JSON: a list, or `{"users": [...]}`, of `{"username", "identities"}` and one of `"password"`, `"realm"` and `"ha1"`, or, for
 *   a USIM, `"k"`, `"opc"` or `"op"`, and if need be `"amf"` and `"sqn"`, all of them hex digits (TS 33.102, TS 35.206).
 *
 * @throws {ProxyConfigError} PROXY_BAD_USERS, one line per problem with its line number, or its place in the JSON.
 */
export function parseUsers(text: string): UserDirectory {
  const problems: string[] = [];
  const users = /^\s*[[{]/.test(text) ? parseJson(text, problems) : parseLines(text, problems);
  if (problems.length === 0 && users.length === 0) problems.push("no users in it");
  if (problems.length > 0) throw new ProxyConfigError("PROXY_BAD_USERS", problems);
  return new UserDirectory(users);
}

const HA1 = /^(?:[0-9a-f]{32}|[0-9a-f]{64})$/i;

function parseLines(text: string, problems: string[]): User[] {
  const users = new Map<string, User>();
  text.split(/\r?\n/).forEach((line, index) => {
    if (/^\s*(?:#|$)/.test(line)) return;
    const user = parseLine(line);
    const key = typeof user === "string" ? "" : userKey(user.username, user.realm);
    if (typeof user === "string") problems.push(`line ${index + 1}: ${user}`);
    else if (users.has(key)) problems.push(`line ${index + 1}: user "${user.username}" appears twice`);
    else users.set(key, user);
  });
  return [...users.values()];
}

/** A user, or what is wrong. The password is never part of a message. */
function parseLine(line: string): User | string {
  const [username = "", ...rest] = line.split(":");
  const [realm = "", ha1 = ""] = rest;
  if (rest.length === 0) return 'no ":" in it; write user:password or user:realm:HA1';
  const bad = badUsername(username);
  if (bad !== undefined) return bad;
  if (rest.length === 2 && HA1.test(ha1.trim())) {
    if (realm === "") return `the realm of user "${username}" is empty`;
    return { username, realm, secret: ha1Secret(ha1.trim()) };
  }
  const password = line.slice(username.length + 1);
  if (password === "") return `the password of user "${username}" is empty`;
  return { username, secret: { password } };
}

function badUsername(username: string): string | undefined {
  if (username === "") return "the user name is empty";
  return /[\s"<>\\]/.test(username) ? `"${username}" is no user name: it has a blank or one of " < > \\` : undefined;
}

function ha1Secret(ha1: string): DigestSecret {
  const hash: DigestHash = ha1.length === 32 ? "MD5" : "SHA-256";
  return { ha1: { [hash]: ha1.toLowerCase() } };
}

function parseJson(text: string, problems: string[]): User[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    problems.push(`${jsonPlace(text, error)}not valid JSON`);
    return [];
  }
  const list = isRecord(json) ? json["users"] : json;
  if (!Array.isArray(list)) {
    problems.push('JSON must be a list of users, or an object with a list "users"');
    return [];
  }
  const users = new Map<string, User>();
  list.forEach((entry: unknown, index) => {
    const user = parseEntry(entry);
    const key = typeof user === "string" ? "" : userKey(user.username, user.realm);
    if (typeof user === "string") problems.push(`users[${index}]${user}`);
    else if (users.has(key)) problems.push(`users[${index}].username: "${user.username}" appears twice`);
    else users.set(key, user);
  });
  return [...users.values()];
}

/** A user, or what is wrong, beginning with the field. */
function parseEntry(entry: unknown): User | string {
  if (!isRecord(entry)) return ": must be an object";
  const { username, password, realm, ha1, identities } = entry;
  if (typeof username !== "string") return ".username: must be a string";
  const bad = badUsername(username);
  if (bad !== undefined) return `.username: ${bad}`;
  if (realm !== undefined && (typeof realm !== "string" || realm === "")) return ".realm: must be a domain name";
  const badIdentity = findBadIdentity(identities);
  if (badIdentity !== undefined) return badIdentity;
  const rest = {
    username,
    ...(typeof realm === "string" && { realm }),
    ...(Array.isArray(identities) && { identities: identities as string[] }),
  };
  if (USIM_FIELDS.some((field) => entry[field] !== undefined)) {
    if (password !== undefined || ha1 !== undefined) return ".k: give k, or password, or ha1";
    const secret = usimSecret(entry);
    return typeof secret === "string" ? secret : { ...rest, secret };
  }
  if (ha1 === undefined) {
    if (typeof password !== "string" || password === "") return ".password: must be a string that is not empty";
    return { ...rest, secret: { password } };
  }
  if (password !== undefined) return ".password: give password or ha1, not both";
  if (rest.realm === undefined) return ".realm: needed with ha1";
  if (typeof ha1 !== "string" || !HA1.test(ha1)) return ".ha1: must be 32 (MD5) or 64 (SHA-256) hex digits";
  return { ...rest, secret: ha1Secret(ha1) };
}

const USIM_FIELDS = ["k", "opc", "op", "amf", "sqn"] as const;
/** What each holds, in hex digits. */
const USIM_DIGITS = { k: 32, opc: 32, op: 32, amf: 4, sqn: 12 } as const;

/** Keys of a USIM, or what is wrong, beginning with the field. A key is never part of a message. */
function usimSecret(entry: Readonly<Record<string, unknown>>): UsimSecret | string {
  const found: Partial<Record<(typeof USIM_FIELDS)[number], string>> = {};
  for (const field of USIM_FIELDS) {
    const value = entry[field];
    if (value === undefined) continue;
    const digits = USIM_DIGITS[field];
    if (typeof value !== "string" || value.length !== digits || !/^[0-9a-f]+$/i.test(value)) {
      return `.${field}: must be ${digits} hex digits`;
    }
    found[field] = value;
  }
  const { k, opc, op, amf, sqn } = found;
  if (k === undefined) return ".k: needed with opc, op, amf and sqn";
  if ((opc === undefined) === (op === undefined)) return ".opc: give either opc or op";
  return {
    usim: {
      k,
      ...(opc !== undefined && { opc }),
      ...(op !== undefined && { op }),
      ...(amf !== undefined && { amf }),
      ...(sqn !== undefined && { sqn: Number.parseInt(sqn, 16) }),
    },
  };
}

function findBadIdentity(identities: unknown): string | undefined {
  if (identities === undefined) return undefined;
  if (!Array.isArray(identities)) return ".identities: must be a list of URIs";
  const index = identities.findIndex((identity: unknown) => !isIdentity(identity));
  return index < 0 ? undefined : `.identities[${index}]: must be a sip:, sips: or tel: URI`;
}

/** Whether it is a URI that a user may have. */
export function isIdentity(text: unknown): boolean {
  if (typeof text !== "string") return false;
  try {
    return parseUri(text).scheme !== "other";
  } catch (error) {
    if (error instanceof SipParseError) return false;
    throw error;
  }
}

/** "line N: " when the parser told a position. */
function jsonPlace(text: string, error: unknown): string {
  const position = error instanceof Error ? /at position ([0-9]+)/.exec(error.message)?.[1] : undefined;
  return position === undefined ? "" : `line ${text.slice(0, Number(position)).split("\n").length}: `;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
