import { createServer } from "node:net";

/** The address of everything in the demo. */
export const HOST = "127.0.0.1";

const ATTEMPTS = 10;

/**
 * Opens something on its well-known ports, so that what one types next is short; where these are taken, on others; then on any.
 *
 * Rejects as `open` does, when that is for another reason than a port.
 *
 * @param wellKnown all different.
 * @param isTaken whether an error of `open` says that somebody else has a port.
 */
export async function openOnPorts<T>(
  wellKnown: readonly number[],
  open: (ports: readonly number[]) => Promise<T>,
  isTaken: (error: unknown) => boolean,
): Promise<T> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const ports = wellKnown.map((port) => port + 100 * attempt);
    if (!(await Promise.all(ports.map(isFree))).every(Boolean)) continue;
    try {
      return await open(ports);
    } catch (error) {
      // Somebody was faster, or has the port over UDP.
      if (!isTaken(error)) throw error;
    }
  }
  return open(wellKnown.map(() => 0));
}

/** Whether TCP had the port free a moment ago: much quicker than opening all that is to listen there. */
function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, HOST, () => server.close(() => resolve(true)));
  });
}
