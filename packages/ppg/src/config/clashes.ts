import { isIPv4, isIPv6 } from "node:net";
import type { ListenAddress } from "@sip-push/sip";
import type { Right, Rule } from "./together.ts";
import type { HttpAddress } from "./types.ts";
import { pathText } from "./yaml-source.ts";

/** Something that is listened on, and the setting that says so. */
interface Place {
  readonly path: readonly PropertyKey[];
  readonly network: "tcp" | "udp";
  readonly host: string;
  readonly port: number;
  /** `::` is all of IPv4, too: so it is for HTTP, but not for SIP. */
  readonly bothFamilies: boolean;
}

export interface Listening {
  readonly http?: { readonly listen?: readonly (Right<HttpAddress> | undefined)[] | undefined } | undefined;
  readonly operation?: Right<HttpAddress> | undefined;
  readonly sip?: { readonly listen?: readonly (Right<ListenAddress> | undefined)[] | undefined } | undefined;
}

/** Addresses that cannot be listened on beside one that comes before. */
export function clashRules({ http, operation, sip }: Listening): Rule[] {
  const places = [
    ...(http?.listen ?? []).map((address, index) => httpPlace(["http", "listen", index], address)),
    httpPlace(["operation"], operation),
    ...(sip?.listen ?? []).map((address, index) => sipPlace(["sip", "listen", index], address)),
  ];
  return places.flatMap((place, index): Rule[] => {
    const first = places.slice(0, index).find((other) => clash(place, other));
    return first === undefined ? [] : [[true, place.path, `takes the port of ${pathText(first.path)}`]];
  });
}

function httpPlace(path: Place["path"], address: Right<HttpAddress> | undefined): Place {
  const { host = "", port = 0 } = address ?? {};
  return { path, network: "tcp", host: canonical(host), port, bothFamilies: true };
}

function sipPlace(path: Place["path"], address: Right<ListenAddress> | undefined): Place {
  const { transport, address: host = "", port = 0 } = address ?? {};
  return { path, network: transport === "UDP" ? "udp" : "tcp", host: canonical(host), port, bothFamilies: false };
}

/** Port 0 is another port each time. */
function clash(a: Place, b: Place): boolean {
  return a.port !== 0 && a.port === b.port && a.network === b.network && (covers(a, b) || covers(b, a));
}

function covers({ host, bothFamilies }: Place, other: Place): boolean {
  const isAll4 = host === "0.0.0.0" || (host === "::" && bothFamilies);
  return host === other.host || (isAll4 && isIPv4(other.host)) || (host === "::" && isIPv6(other.host));
}

/** One spelling of each IPv6 address. */
function canonical(host: string): string {
  return isIPv6(host) ? (URL.parse(`http://[${host}]`)?.hostname.slice(1, -1) ?? host) : host.toLowerCase();
}
