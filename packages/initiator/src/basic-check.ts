import { createHash, timingSafeEqual } from "node:crypto";

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/** Whether an Authorization header field has these Basic credentials, in a time that tells nothing of them. RFC 7617. */
export function isAuthorized(
  authorization: string | undefined,
  { user, password }: { readonly user: string; readonly password: string },
): boolean {
  const given = /^Basic +([A-Za-z0-9+/]+=*) *$/i.exec(authorization ?? "")?.[1];
  if (given === undefined) return false;
  const text = Buffer.from(given, "base64").toString("utf8");
  return timingSafeEqual(digest(text), digest(`${user}:${password}`));
}
