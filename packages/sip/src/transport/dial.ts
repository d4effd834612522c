import type { Socket } from "node:net";
import { SipTransportError, type Target } from "./transport.ts";

/**
 * Waits until `socket` says it is `ready` and returns what `open` makes of it, in that very event, so that nothing that
 * comes with it is missed. On failure or abort the socket is destroyed.
 *
 * Rejects with {@link SipTransportError} SIP_CONNECT_FAILED or SIP_TLS_REFUSED, or with `signal.reason`.
 */
export function whenReady<T>(
  socket: Socket,
  ready: "connect" | "secureConnect",
  target: Target,
  signal: AbortSignal,
  open: () => T,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      socket.off(ready, onReady);
      socket.off("close", onClose);
      signal.removeEventListener("abort", onAbort);
    };
    const onReady = (): void => {
      settle();
      socket.off("error", onError);
      resolve(open());
    };
    // Stays: a destroyed socket may report one more error, and an error that nobody hears ends the process.
    const onError = (cause: Error): void => {
      settle();
      socket.destroy();
      reject(connectError(target, cause));
    };
    const onClose = (): void => onError(new Error("closed before it was open"));
    const onAbort = (): void => {
      settle();
      socket.destroy();
      reject(signal.reason as Error);
    };
    socket.once(ready, onReady);
    socket.on("error", onError);
    socket.once("close", onClose);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort);
  });
}

/** What went wrong on the way: nobody there, or a TLS handshake that failed for what one of the certificates is. */
export function connectError(target: Target, cause: Error & { code?: string; syscall?: string }): SipTransportError {
  const { transport, address, port } = target;
  const code = isTlsRefusal(cause) ? "SIP_TLS_REFUSED" : "SIP_CONNECT_FAILED";
  return new SipTransportError(code, `no ${transport} connection to ${address} port ${port}: ${cause.message}`, {
    cause,
  });
}

/** Codes of OpenSSL's certificate verification, as Node passes them on. */
const VERIFY_FAILED =
  /^(CERT_|CRL_|DEPTH_ZERO_|ERROR_IN_CERT_|ERROR_IN_CRL_|HOSTNAME_MISMATCH|INVALID_|PATH_LENGTH_|SELF_SIGNED_|UNABLE_TO_)/;

function isTlsRefusal({ code = "", syscall }: { code?: string; syscall?: string }): boolean {
  if (syscall !== undefined) return false;
  return VERIFY_FAILED.test(code) || code.startsWith("ERR_TLS_") || code.startsWith("ERR_SSL_");
}
