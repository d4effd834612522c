import { loopback, type OpenTransport, SipTransportError } from "@sip-push/sip";

/**
 * The last gate: transports that reach this machine only, whatever a URI, a Via or DNS says. RFC 3261 leaves it to the
 * element whom it serves; a proxy for tests and trials must not send to strangers.
 */
export function loopbackOnly(open: OpenTransport): OpenTransport {
  return async (listen, user) => {
    const inner = await open(listen, user);
    return {
      name: inner.name,
      local: inner.local,
      existingFlow: (target) => (loopback.has(target.address) ? inner.existingFlow(target) : undefined),
      flowTo: (target, signal) =>
        loopback.has(target.address)
          ? inner.flowTo(target, signal)
          : Promise.reject(new SipTransportError("SIP_NO_TRANSPORT", `${target.address} is not on this machine`)),
      close: () => inner.close(),
    };
  };
}
