import type { Logger } from "../logger.ts";
import type { SipMessage } from "../message/index.ts";
import type { Address, TransportName } from "./transport.ts";

/** The two ends of what is traced. */
interface Way {
  readonly transport: TransportName;
  readonly local: Address;
  readonly remote: Address;
}

/** Logs each SIP message as it is on the wire, at level trace: its head, and how long its body is. */
export interface WireTrace {
  sent(octets: Uint8Array, way: Way): void;
  received(message: SipMessage, way: Way): void;
}

/** Values that prove who somebody is, or help to find that out: RFC 3261 §20.6, §20.7, §20.27, §20.28, §20.44, RFC 8760. */
const secretFields =
  /^((?:Proxy-)?(?:Authorization|Authenticate|Authentication-Info)|WWW-Authenticate)[ \t]*:.*(?:\r?\n[ \t].*)*/gim;
/** A password in a URI: RFC 3261 §19.1.1. */
const uriPasswords = /\b(sips?:[^\s:@<>"]*):[^\s@<>"]*@/gi;
/** By which anybody can wake the device: RFC 8599 §4.1, §13. */
const pushResources = /(;[ \t]*pn-prid[ \t]*=)[^;>?,\s]*/gi;
const LEFT_OUT = "(left out)";

/** Undefined unless the logger says that it writes at level trace, so that nothing is paid for it otherwise. */
export function wireTraceOf(logger: Logger): WireTrace | undefined {
  if (logger.isLevelEnabled?.("trace") !== true) return undefined;
  const told = (direction: string, head: string, bodyOctets: number, { transport, local, remote }: Way): void => {
    const sip = head
      .replace(secretFields, `$1: ${LEFT_OUT}`)
      .replace(uriPasswords, `$1:${LEFT_OUT}@`)
      .replace(pushResources, `$1${LEFT_OUT}`);
    logger.trace({ transport, local, remote, sip, bodyOctets }, direction);
  };
  return {
    sent: (octets, way) => {
      const text = Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString("latin1");
      const [head = ""] = text.split("\r\n\r\n", 1);
      told("sent", head, text.length - head.length - 4, way);
    },
    received: (message, way) => {
      const { headers, body } = message;
      const start =
        message.kind === "request"
          ? `${message.method} ${message.requestUri} SIP/2.0`
          : `SIP/2.0 ${message.statusCode} ${message.reason}`;
      told("received", `${start}\r\n${headers.serialize().trimEnd()}`, body.length, way);
    },
  };
}
