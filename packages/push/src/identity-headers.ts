import type { SenderRole } from "./message-request.ts";

/** The header field with the sender's identity, by role. RFC 3325 §9. */
const names: Readonly<Record<SenderRole, string | undefined>> = {
  isc: "P-Asserted-Identity",
  gm: "P-Preferred-Identity",
  plain: undefined,
};

/** How a sender says who it is, for any request of its own. `identity` defaults to `from`; both are URIs or name-addrs. */
export function identityHeaders(binding: {
  readonly role: SenderRole;
  readonly from: string;
  readonly identity?: string;
}): ReadonlyArray<readonly [name: string, value: string]> {
  const { role, from, identity = from } = binding;
  const name = names[role];
  return name === undefined ? [] : [[name, identity.includes("<") ? identity : `<${identity}>`]];
}
