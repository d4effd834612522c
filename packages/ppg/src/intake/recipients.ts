import { papCodes } from "@sip-push/pap";
import type { RejectedDelivery, SubmittedRecipient } from "../store/types.ts";
import type { AddressProblem, AddressResolver } from "./address-resolver.ts";
import { permittedRecipient } from "./operation-context.ts";
import { recipientKey } from "./recipient-uri.ts";
import type { Refusal } from "./refusal.ts";
import type { Rights } from "./rights.ts";

/** The recipients of a push. */
export interface Recipients {
  /** One for each address; those that nobody can be reached at are `rejected`. */
  readonly recipients: readonly SubmittedRecipient[];
  /** Of them, those that are not. At least one. */
  readonly reachable: number;
}

/**
 * The recipients that the addresses of a push stand for. An address that stands twice counts once; of two addresses of one
 * recipient the second is rejected, so that the push comes once and each address has a result that is true.
 *
 * @returns a refusal when there is nobody to deliver to: 2001 when rights are missing for all, otherwise 2002.
 */
export function recipientsOf(
  addresses: readonly string[],
  resolver: AddressResolver,
  rights: Rights,
): Recipients | Refusal {
  const byAddress = new Map<string, SubmittedRecipient>();
  /** Address by recipient; a single one needs no key to be told from others. */
  const taken = new Map<string, string>();
  const problems: (AddressProblem & { readonly address: string })[] = [];
  for (const address of addresses) {
    if (byAddress.has(address)) continue;
    const found = permittedRecipient(address, resolver, rights);
    if ("reason" in found) {
      problems.push({ ...found, address });
      byAddress.set(address, { address, recipient: resolver.recipientOf(address), rejected: found });
      continue;
    }
    const { requestUri: recipient } = found;
    const key = addresses.length === 1 ? recipient : recipientKey(recipient);
    const other = taken.get(key);
    if (other === undefined) {
      taken.set(key, address);
      byAddress.set(address, { address, recipient });
    } else {
      const reason = `the same recipient as ${other}`;
      byAddress.set(address, { address, recipient, rejected: { papCode: papCodes.addressError, reason } });
    }
  }
  if (taken.size === 0) return refusalFor(problems);
  return { recipients: [...byAddress.values()], reachable: taken.size };
}

function refusalFor(problems: readonly (AddressProblem & { readonly address: string })[]): Refusal {
  const worst = problems.find(({ papCode }) => papCode === papCodes.addressError) ?? problems[0];
  const { papCode, reason, address } = worst as AddressProblem & { readonly address: string };
  const others = problems.length > 1 ? ` (none of ${problems.length} addresses can be taken)` : "";
  return { papCode, desc: `${problemOf(address, reason)}${others}` };
}

/** A reason that says which address it is about, as those of what is no address do, says it once. */
function problemOf(address: string, reason: string): string {
  const quoted = JSON.stringify(address.slice(0, 80));
  return reason.startsWith(quoted) ? reason : `${quoted} ${reason}`;
}

/** What a push-response says of a push that does not go to all its addresses; undefined when it does. */
export function describePart(addresses: number, rejected: readonly RejectedDelivery[]): string | undefined {
  const [first] = rejected;
  if (first === undefined) return undefined;
  const accepted = addresses - rejected.length;
  return `accepted for ${accepted} of ${addresses} addresses; ${problemOf(first.address, first.reason)}`;
}
