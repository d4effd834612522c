import { hash } from "node:crypto";

/** The URN of a handset, the same over restarts: a UUID of version 8 made of its AoR. RFC 5626 §4.1, RFC 9562 §5.8. */
export function instanceIdOf(aor: string): string {
  const digits = hash("sha256", aor, "hex");
  const variant = "89ab"[Number.parseInt(digits.slice(16, 17), 16) % 4];
  const parts = [digits.slice(0, 8), digits.slice(8, 12), `8${digits.slice(13, 16)}`];
  return `urn:uuid:${parts.join("-")}-${variant}${digits.slice(17, 20)}-${digits.slice(20, 32)}`;
}
