import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** One message of RFC 5118; `group` is its folder under test/vectors/rfc5118. */
export interface Ipv6Message {
  readonly section: string;
  readonly name: string;
  readonly group: "valid" | "invalid";
}

/** All messages of RFC 5118 §4, in the order of its text. */
export const ipv6Messages: readonly Ipv6Message[] = [
  { section: "4.1", name: "ipv6-good", group: "valid" },
  { section: "4.2", name: "ipv6-bad", group: "invalid" },
  { section: "4.3", name: "port-ambiguous", group: "valid" },
  { section: "4.4", name: "port-unambiguous", group: "valid" },
  { section: "4.5", name: "via-received-param-with-delim", group: "valid" },
  { section: "4.5", name: "via-received-param-no-delim", group: "valid" },
  { section: "4.6", name: "ipv6-in-sdp", group: "valid" },
  { section: "4.7", name: "mult-ip-in-header", group: "valid" },
  { section: "4.8", name: "mult-ip-in-sdp", group: "valid" },
  { section: "4.9", name: "ipv4-mapped-ipv6", group: "valid" },
  { section: "4.10", name: "ipv6-bug-abnf-3-colons", group: "valid" },
  { section: "4.10", name: "ipv6-correct-abnf-2-colons", group: "valid" },
];

const folder = fileURLToPath(new URL("../../vectors/rfc5118/", import.meta.url));

/** Octets of the message; test/vectors/rfc5118/README.md says how they differ from the archive of the RFC. */
export function ipv6Octets(name: string): Buffer {
  const message = ipv6Messages.find((row) => row.name === name);
  if (message === undefined) throw new Error(`RFC 5118 has no message ${name}`);
  return readFileSync(`${folder}${message.group}/${name}.dat`);
}

/** `group/name` of every message on disk. */
export function ipv6Files(): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".dat"))
    .map((path) => path.replace(/\.dat$/, "").replaceAll("\\", "/"));
}
