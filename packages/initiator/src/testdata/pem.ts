import { readFileSync } from "node:fs";

/** One of the files that the transports are tested with: `server.crt` is for 127.0.0.1, `authority.crt` vouches for all but `untrusted`. */
export function pem(name: string): string {
  return readFileSync(new URL(`../../../sip/src/transport/testdata/${name}`, import.meta.url), "utf8");
}
