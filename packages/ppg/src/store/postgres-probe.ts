import pg from "pg";
import type { PostgresSockets } from "./postgres-sockets.ts";

/** Whether the server answers on a new connection, be it with a refusal, until `signal` breaks that. Never rejects. */
export async function answersAnew(
  settings: pg.ClientConfig,
  sockets: PostgresSockets,
  signal: AbortSignal,
): Promise<boolean> {
  const socket = sockets.stream();
  const stop = (): void => void socket.destroy();
  signal.addEventListener("abort", stop, { once: true });
  const client = new pg.Client({ ...settings, stream: () => socket, connectionTimeoutMillis: 0, query_timeout: 0 });
  client.on("error", () => {});
  try {
    await client.connect();
    // What stands between may take connections by itself.
    await client.query("SELECT 1");
    return true;
  } catch (error) {
    return error instanceof pg.DatabaseError;
  } finally {
    signal.removeEventListener("abort", stop);
    void client.end().catch(() => {});
  }
}
