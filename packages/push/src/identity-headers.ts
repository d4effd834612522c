import { newChargingVector } from "@sip-push/sip";
import type { PushBinding, SenderRole } from "./message-request.ts";

type HeaderFields = ReadonlyArray<readonly [name: string, value: string]>;

/** The header field with the sender's identity, by role. RFC 3325 §9. */
const names: Readonly<Record<SenderRole, string | undefined>> = {
  isc: "P-Asserted-Identity",
  gm: "P-Preferred-Identity",
  plain: undefined,
};

/**
 * How a sender says who it is, and for whom it acts (P-Served-User, RFC 5502 §6), in any initial request of its own. The same
 * for all.
 */
export function identityHeaders(binding: Pick<PushBinding, "role" | "from" | "identity" | "servedUser">): HeaderFields {
  const { role, from, identity = from, servedUser } = binding;
  const name = names[role];
  const fields: Array<readonly [string, string]> = name === undefined ? [] : [[name, bracketed(identity)]];
  if (servedUser !== undefined) fields.push(["P-Served-User", `${bracketed(servedUser)};sescase=orig`]);
  return fields;
}

/** With {@link identityHeaders}, a charging vector of its own for each call, when the sender makes them (RFC 7315 §4.6). */
export function initialHeaders(binding: PushBinding): HeaderFields {
  return [...identityHeaders(binding), ...chargingHeaders(binding)];
}

/** Nothing, or a new P-Charging-Vector. */
export function chargingHeaders({ chargingVector }: Pick<PushBinding, "chargingVector">): HeaderFields {
  return chargingVector === undefined ? [] : [["P-Charging-Vector", newChargingVector(chargingVector)]];
}

function bracketed(address: string): string {
  return address.includes("<") ? address : `<${address}>`;
}
