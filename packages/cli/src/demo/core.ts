import { SipProxy } from "@sip-push/proxy";
import { type ListenAddress, type Logger, SipTransportError, type SipUri } from "@sip-push/sip";
import { DOMAIN } from "./cast.ts";
import { HOST, openOnPorts } from "./ports.ts";

const SIP_PORT = 5060;
const WEB_SOCKET_PORT = 5080;

/** Opens the proxy of the demo. Rejects with {@link SipTransportError} when there is no port. */
export function openCore(logger: Logger): Promise<SipProxy> {
  return openOnPorts(
    [SIP_PORT, WEB_SOCKET_PORT],
    ([sip = 0, webSocket = 0]) => {
      const at = (transport: ListenAddress["transport"], port: number): ListenAddress => ({
        transport,
        address: HOST,
        port,
      });
      const listen = [at("UDP", sip), at("TCP", sip), at("WS", webSocket)];
      return SipProxy.open({ listen, domains: [DOMAIN], logger });
    },
    (error) => error instanceof SipTransportError && error.code === "SIP_LISTEN_FAILED",
  );
}

/** The proxy's URI over one of its transports. */
export function coreUri({ listening }: SipProxy, over: "UDP" | "TCP" | "WS"): SipUri {
  const { address, port } = listening.find(({ transport }) => transport === over) as ListenAddress;
  const params = over === "UDP" ? new Map<string, string>() : new Map([["transport", over.toLowerCase()]]);
  return { scheme: "sip", host: address, port, params, headers: [] };
}
