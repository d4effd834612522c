import {
  canonicalHost,
  parseUri,
  quote,
  type SipRequest,
  type SipUri,
  serializeParams,
  serializeUri,
} from "../message/index.ts";
import { type TransportName, transports } from "../transport/transport.ts";
import type { RegistrationOptions } from "./registration-options.ts";
import { createRequest } from "./request.ts";

type ContactOptions = Pick<
  RegistrationOptions,
  "endpoint" | "aor" | "instanceId" | "regId" | "contactParams" | "contactUriParams"
>;

/** The Contact URI of a registration. `outbound`: requests come on the flow that it is made on (RFC 5626 §4.3 `ob`). */
export function contactUri(options: ContactOptions, transport: TransportName, outbound: boolean): string {
  const aor = parseUri(options.aor, "AoR");
  const user = aor.scheme === "sip" || aor.scheme === "sips" ? aor.user : undefined;
  const scheme = aor.scheme === "sips" ? "sips" : "sip";
  const at = user === undefined ? "" : `${user}@`;
  const host = options.endpoint.sentBy(transport);
  const more = serializeParams(options.contactUriParams ?? new Map());
  return `${scheme}:${at}${host}${transportParam(transport, scheme, host)}${outbound ? ";ob" : ""}${more}`;
}

/** What changes from one REGISTER to the next. */
export interface RegisterInit {
  readonly contact: string;
  readonly outbound: boolean;
  readonly expiresSeconds: number;
  readonly callId: string;
  readonly fromTag: string;
  readonly cseq: number;
  readonly accessNetworkInfo: string | undefined;
}

/** A REGISTER for one contact. RFC 3261 §10.2, RFC 3327 §5.1, RFC 5626 §4.2.1, RFC 5627 §4.1. */
export function registerRequest(
  options: ContactOptions & Pick<RegistrationOptions, "registrar">,
  init: RegisterInit,
): SipRequest {
  const { instanceId, regId = 1, contactParams, aor } = options;
  const { contact, outbound, expiresSeconds, callId, fromTag, cseq, accessNetworkInfo } = init;
  const params = new Map<string, string | null>();
  // The instance stays without outbound: GRUUs need it.
  if (instanceId !== undefined) params.set("+sip.instance", quote(`<${instanceId}>`));
  if (outbound) params.set("reg-id", String(regId));
  for (const [name, value] of contactParams ?? []) params.set(name, value);
  params.set("expires", String(expiresSeconds));
  const requestUri = serializeUri(registrarUri(options));
  return createRequest({
    ...{ method: "REGISTER", requestUri, from: aor, fromTag, to: aor, callId, cseq },
    headers: [
      ["Contact", `<${contact}>${serializeParams(params)}`],
      ["Expires", String(expiresSeconds)],
      ["Supported", outbound || instanceId === undefined ? "path, outbound, gruu" : "path, gruu"],
      ...(accessNetworkInfo === undefined ? [] : [["P-Access-Network-Info", accessNetworkInfo] as const]),
    ],
  });
}

/** @throws {SipParseError | TypeError} for what is no sip or sips URI. */
export function registrarUri({ registrar, aor }: Pick<RegistrationOptions, "registrar" | "aor">): SipUri {
  const uri = parseUri(registrar ?? aor, registrar === undefined ? "AoR" : "registrar");
  if (uri.scheme !== "sip" && uri.scheme !== "sips") throw new TypeError("registrar: not a sip or sips URI");
  const { scheme, host, port } = uri;
  const bare: SipUri = { scheme, host: canonicalHost(host), params: new Map(), headers: [] };
  return port === undefined ? bare : { ...bare, port };
}

/**
 * Of a Contact; a sips URI does not say TLS a second time (RFC 5630 §5.1.1.1). A WebSocket client, whose host is `.invalid`,
 * says "ws" whether or not there is TLS (RFC 7118 §5.2); one that can be connected to by a sip URI says "wss", which is outside
 * that grammar, because "ws" would lead others to it without TLS.
 */
function transportParam(transport: TransportName, scheme: "sip" | "sips", host: string): string {
  if (transport === "UDP" || (scheme === "sips" && transport === "TLS")) return "";
  const isWs = transport === "WSS" && (scheme === "sips" || host.endsWith(".invalid"));
  return `;transport=${isWs ? "ws" : transport.toLowerCase()}`;
}

/** The transport a URI asks for; the endpoint's first when it leaves the choice. */
export function transportOf(uri: SipUri, supported: readonly TransportName[]): TransportName {
  const asked = uri.params.get("transport")?.toUpperCase();
  if (asked === "WS" && uri.scheme === "sips") return "WSS";
  if (asked === "TCP" && uri.scheme === "sips") return "TLS";
  const named = supported.find((name) => name === asked);
  if (named !== undefined) return named;
  const fitting = supported.filter((name) => uri.scheme === "sip" || transports[name].secure);
  return fitting.includes("UDP") ? "UDP" : (fitting[0] ?? "UDP");
}

/** Whether a request to `uri` can leave on TLS alone. Where no transport is asked for, DNS chooses among all (RFC 3263 §4.1). */
export function staysOnTls(uri: SipUri, supported: readonly TransportName[]): boolean {
  const asked = uri.params.get("transport")?.toUpperCase();
  if (uri.scheme === "sips" || asked === "TLS" || asked === "WSS") return true;
  return asked === undefined && supported.every((name) => transports[name].secure);
}
