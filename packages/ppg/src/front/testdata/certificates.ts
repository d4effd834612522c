import { readFileSync } from "node:fs";

/** The certificates that `make-certificates.sh` makes. */
export type CertificateName = "server" | "second" | "calendar" | "unknown" | "untrusted";

/** Trusted in the tests; signed all but "untrusted". PEM. */
export const authority: string = read("authority.crt");

/** A certificate and its key, PEM. */
export function certificate(name: CertificateName): { cert: string; key: string } {
  return { cert: read(`${name}.crt`), key: read(`${name}.key`) };
}

function read(file: string): string {
  return readFileSync(new URL(file, import.meta.url), "utf8");
}
