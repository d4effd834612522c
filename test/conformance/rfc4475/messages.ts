import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Folder under test/vectors/rfc4475: which part of section 3 a message belongs to. */
export type TortureGroup = "valid" | "invalid" | "transaction" | "application" | "compatibility" | "unlisted";

/** One message of RFC 4475. */
export interface TortureMessage {
  /** Section of RFC 4475, "A.1" for one that is in the archive only. */
  readonly section: string;
  readonly name: string;
  readonly group: TortureGroup;
  readonly title: string;
}

const rows: ReadonlyArray<readonly [section: string, name: string, group: TortureGroup, title: string]> = [
  ["3.1.1.1", "wsinv", "valid", "A Short Tortuous INVITE"],
  ["3.1.1.2", "intmeth", "valid", "Wide Range of Valid Characters"],
  ["3.1.1.3", "esc01", "valid", "Valid Use of the % Escaping Mechanism"],
  ["3.1.1.4", "escnull", "valid", "Escaped Nulls in URIs"],
  ["3.1.1.5", "esc02", "valid", "Use of % When It Is Not an Escape"],
  ["3.1.1.6", "lwsdisp", "valid", "Message with No LWS between Display Name and <"],
  ["3.1.1.7", "longreq", "valid", "Long Values in Header Fields"],
  ["3.1.1.8", "dblreq", "valid", "Extra Trailing Octets in a UDP Datagram"],
  ["3.1.1.9", "semiuri", "valid", "Semicolon-Separated Parameters in URI User Part"],
  ["3.1.1.10", "transports", "valid", "Varied and Unknown Transport Types"],
  ["3.1.1.11", "mpart01", "valid", "Multipart MIME Message"],
  ["3.1.1.12", "unreason", "valid", "Unusual Reason Phrase"],
  ["3.1.1.13", "noreason", "valid", "Empty Reason Phrase"],
  ["3.1.2.1", "badinv01", "invalid", "Extraneous Header Field Separators"],
  ["3.1.2.2", "clerr", "invalid", "Content Length Larger Than Message"],
  ["3.1.2.3", "ncl", "invalid", "Negative Content-Length"],
  ["3.1.2.4", "scalar02", "invalid", "Request Scalar Fields with Overlarge Values"],
  ["3.1.2.5", "scalarlg", "invalid", "Response Scalar Fields with Overlarge Values"],
  ["3.1.2.6", "quotbal", "invalid", "Unterminated Quoted String in Display Name"],
  ["3.1.2.7", "ltgtruri", "invalid", "<> Enclosing Request-URI"],
  ["3.1.2.8", "lwsruri", "invalid", "Malformed SIP Request-URI (embedded LWS)"],
  ["3.1.2.9", "lwsstart", "invalid", "Multiple SP Separating Request-Line Elements"],
  ["3.1.2.10", "trws", "invalid", "SP Characters at End of Request-Line"],
  ["3.1.2.11", "escruri", "invalid", "Escaped Headers in SIP Request-URI"],
  ["3.1.2.12", "baddate", "invalid", "Invalid Time Zone in Date Header Field"],
  ["3.1.2.13", "regbadct", "invalid", "Failure to Enclose name-addr URI in <>"],
  ["3.1.2.14", "badaspec", "invalid", "Spaces within addr-spec"],
  ["3.1.2.15", "baddn", "invalid", "Non-token Characters in Display Name"],
  ["3.1.2.16", "badvers", "invalid", "Unknown Protocol Version"],
  ["3.1.2.17", "mismatch01", "invalid", "Start Line and CSeq Method Mismatch"],
  ["3.1.2.18", "mismatch02", "invalid", "Unknown Method with CSeq Method Mismatch"],
  ["3.1.2.19", "bigcode", "invalid", "Overlarge Response Code"],
  ["3.2.1", "badbranch", "transaction", "Missing Transaction Identifier"],
  ["3.3.1", "insuf", "application", "Missing Required Header Fields"],
  ["3.3.2", "unkscm", "application", "Request-URI with Unknown Scheme"],
  ["3.3.3", "novelsc", "application", "Request-URI with Known but Atypical Scheme"],
  ["3.3.4", "unksm2", "application", "Unknown URI Schemes in Header Fields"],
  ["3.3.5", "bext01", "application", "Proxy-Require and Require"],
  ["3.3.6", "invut", "application", "Unknown Content-Type"],
  ["3.3.7", "regaut01", "application", "Unknown Authorization Scheme"],
  ["3.3.8", "multi01", "application", "Multiple Values in Single Value Required Fields"],
  ["3.3.9", "mcl01", "application", "Multiple Content-Length Values"],
  ["3.3.10", "bcast", "application", "200 OK Response with Broadcast Via Header Field Value"],
  ["3.3.11", "zeromf", "application", "Max-Forwards of Zero"],
  ["3.3.12", "cparam01", "application", "REGISTER with a Contact Header Parameter"],
  ["3.3.13", "cparam02", "application", "REGISTER with a url-parameter"],
  ["3.3.14", "regescrt", "application", "REGISTER with a URL Escaped Header"],
  ["3.3.15", "sdp01", "application", "Unacceptable Accept Offering"],
  ["3.4.1", "inv2543", "compatibility", "INVITE with RFC 2543 Syntax"],
  ["A.1", "test", "unlisted", "in the archive, not in the text"],
];

/** All messages of RFC 4475, in the order of its text. */
export const tortureMessages: readonly TortureMessage[] = rows.map(([section, name, group, title]) => ({
  section,
  name,
  group,
  title,
}));

const folder = fileURLToPath(new URL("../../vectors/rfc4475/", import.meta.url));

/** Octets of the message as the archive of RFC 4475 Appendix A has them. */
export function tortureOctets(name: string): Buffer {
  const message = tortureMessages.find((row) => row.name === name);
  if (message === undefined) throw new Error(`RFC 4475 has no message ${name}`);
  return readFileSync(`${folder}${message.group}/${name}.dat`);
}

/** `group/name` of every message on disk. */
export function tortureFiles(): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".dat"))
    .map((path) => path.replace(/\.dat$/, "").replaceAll("\\", "/"));
}

/** `§3.1.1.1 wsinv: A Short Tortuous INVITE`. */
export function titleOf({ section, name, title }: TortureMessage): string {
  return `§${section} ${name}: ${title}`;
}
