import { parseUri, SipParseError, type SipUri, serializeUri, TOKEN } from "@sip-push/sip";
import type { Domains } from "../domains.ts";
import { ProxyConfigError } from "../errors.ts";

/** An application server on the ISC reference point: a simple form of initial filter criteria. TS 24.229 §5.4. */
export interface ApplicationServer {
  /** Where it is: a SIP URI; `lr` is added. It gets asserted identities when `trusted` names its address. */
  readonly uri: string;
  /**
   * Public service identities that it stands for: requests to `sip:push@example.test` go there and not to contacts. With
   * `methods` or `eventPackages` still all of them.
   */
  readonly serviceIdentities?: readonly string[];
  /** Requests to users of ours that go through it before they go to the user: `["MESSAGE"]`. Default none, or all methods when `eventPackages` is given. */
  readonly methods?: readonly string[];
  /** Of these only requests with such an Event: `["oma-push"]`. */
  readonly eventPackages?: readonly string[];
  /** Tell it of every registration by a REGISTER of our own. TS 24.229 §5.4.1.7. Default false. */
  readonly thirdPartyRegister?: boolean | { readonly includeRequest: boolean };
}

/** An application server, checked. */
export interface ServiceTarget {
  readonly uri: SipUri;
  /** The same as it was given. */
  readonly address: string;
  /** The URI with `lr`, as a Route wants it. */
  readonly route: string;
  /** Canonical addresses-of-record. */
  readonly serviceIdentities: ReadonlySet<string>;
  readonly methods: ReadonlySet<string> | undefined;
  readonly eventPackages: ReadonlySet<string> | undefined;
  readonly thirdPartyRegister: boolean;
  /** The user's REGISTER goes along as message/sip. */
  readonly includeRequest: boolean;
}

/** @throws {ProxyConfigError} PROXY_BAD_OPTION naming everything that is wrong. */
export function checkApplicationServers(servers: readonly ApplicationServer[]): void {
  const problems = servers.flatMap((server, index) => problemsOf(server, `applicationServers[${index}]`));
  if (problems.length > 0) throw new ProxyConfigError("PROXY_BAD_OPTION", problems);
}

/** @param server one that was checked. */
export function serviceTarget(server: ApplicationServer, domains: Domains): ServiceTarget {
  const uri = sipUri(server.uri) as SipUri;
  const { methods, eventPackages, thirdPartyRegister = false, serviceIdentities = [] } = server;
  const aors = serviceIdentities.flatMap((text) => {
    const identity = sipUri(text);
    return identity === undefined ? [] : [domains.aorOf(identity)?.uri ?? serializeUri(identity)];
  });
  return {
    uri,
    address: server.uri,
    route: `<${serializeUri({ ...uri, params: new Map([...uri.params, ["lr", null]]) })}>`,
    serviceIdentities: new Set(aors),
    methods: methods && new Set(methods),
    eventPackages: eventPackages && new Set(eventPackages),
    thirdPartyRegister: thirdPartyRegister !== false,
    includeRequest: typeof thirdPartyRegister === "object" && thirdPartyRegister.includeRequest,
  };
}

function problemsOf(server: ApplicationServer, path: string): string[] {
  const { uri, serviceIdentities = [], methods = [], eventPackages = [] } = server;
  const checks: ReadonlyArray<readonly [ok: boolean, problem: string]> = [
    [sipUri(uri) !== undefined, `${path}.uri: no sip or sips URI`],
    [
      serviceIdentities.every((text) => sipUri(text)?.user !== undefined),
      `${path}.serviceIdentities: not all are sip URIs with a user`,
    ],
    [methods.every((name) => TOKEN.test(name)), `${path}.methods: not all are method names`],
    [eventPackages.every((name) => TOKEN.test(name)), `${path}.eventPackages: not all are event packages`],
  ];
  return checks.filter(([ok]) => !ok).map(([, problem]) => problem);
}

function sipUri(text: string): SipUri | undefined {
  try {
    const uri = parseUri(text, "URI");
    return uri.scheme === "sip" || uri.scheme === "sips" ? uri : undefined;
  } catch (error) {
    if (error instanceof SipParseError) return undefined;
    throw error;
  }
}
