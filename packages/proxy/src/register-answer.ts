import {
  encodeText,
  type Flow,
  quote,
  type ServerTransaction,
  serializeParams,
  serializeSipDate,
  transports,
} from "@sip-push/sip";
import type { Binding } from "./location-store.ts";
import { isFirstHop, supports } from "./outbound.ts";

/** What the registrar gives with a 200 besides the contacts. */
export interface RegisterGrants {
  /** Seconds for Flow-Timer, 0 for none. RFC 5626 §5.4, §6. */
  readonly flowTimerSeconds: number;
  /** Values for Service-Route to a user agent that came over `flow`. RFC 3608 §6.3. */
  readonly serviceRoute: (flow: Flow) => readonly string[];
}

/** A REGISTER that was accepted. */
export interface AcceptedRegister {
  readonly transaction: ServerTransaction;
  /** All live contacts of the address-of-record. */
  readonly bindings: readonly Binding[];
  /** Whether outbound processing applies. */
  readonly outbound: boolean;
  /** URIs of the user, the default one first. RFC 7315 §4.1. */
  readonly identities: readonly string[];
  readonly nowMs: number;
  readonly date: Date;
}

type Fields = Array<readonly [name: string, value: string]>;

/** Header fields of the 200. RFC 3261 §10.3 (8), RFC 3327 §5.3, RFC 3608 §6.3, RFC 5626 §6, RFC 5627 §5.2, RFC 7315 §4.1. */
export function acceptHeaders(answer: AcceptedRegister, grants: RegisterGrants): Fields {
  const { transaction, bindings, identities, date } = answer;
  const { request, flow } = transaction;
  const withGruus = supports(request, "gruu");
  const headers: Fields = bindings.map((binding) => ["Contact", contactOf(binding, answer.nowMs, withGruus)] as const);
  for (const path of request.headers.getAll("Path")) headers.push(["Path", path]);
  for (const route of grants.serviceRoute(flow)) headers.push(["Service-Route", route]);
  if (identities.length > 0) headers.push(["P-Associated-URI", identities.map((uri) => `<${uri}>`).join(", ")]);
  // RFC 5627 §5.2: "gruu" is not for the answer.
  headers.push(["Supported", "path, outbound"], ...outboundHeaders(answer, grants));
  headers.push(["Date", serializeSipDate(date)]);
  return headers;
}

export function secondsLeft({ expiresAtMs }: Binding, nowMs: number): number {
  return Math.max(0, Math.ceil((expiresAtMs - nowMs) / 1000));
}

/**
 * Require says that the flow counts; Flow-Timer goes with it where the flow ends here and the kind of pings is one whose pace
 * we may name: on UDP a NAT forgets sooner than we would say (RFC 5626 §4.4.2).
 */
function outboundHeaders({ transaction, outbound }: AcceptedRegister, { flowTimerSeconds }: RegisterGrants): Fields {
  const { request, flow } = transaction;
  if (!outbound || !supports(request, "outbound")) return [];
  const timed = flowTimerSeconds > 0 && isFirstHop(request) && transports[flow.transport].reliable;
  return [["Require", "outbound"], ...(timed ? [["Flow-Timer", String(flowTimerSeconds)] as const] : [])];
}

function contactOf(binding: Binding, nowMs: number, withGruus: boolean): string {
  const { displayName, contact, uri, gruus } = binding;
  const params = new Map(binding.params);
  if (withGruus && gruus !== undefined) {
    // RFC 5630 §5.2.1: both schemes lead there; it is told the one of its contact.
    const scheme = (gruu: string): string => (uri.scheme === "sips" ? gruu.replace(/^sip:/, "sips:") : gruu);
    params.set("pub-gruu", quote(scheme(gruus.publicGruu))).set("temp-gruu", quote(scheme(gruus.temporaryGruu)));
  }
  const name = displayName === undefined ? "" : `${encodeText(quote(displayName))} `;
  return `${name}<${contact}>${serializeParams(params)};expires=${secondsLeft(binding, nowMs)}`;
}
