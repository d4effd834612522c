import { spawnSync } from "node:child_process";
import { chownSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import pg from "pg";
import { reservePort } from "../../../../../test/support/free-port.ts";
import { requirePeer } from "../../../../../test/support/peers.ts";
import { type RunningProcess, startProcess } from "../../../../../test/support/process.ts";

const READY_MS = 15_000;

/** A PostgreSQL of our own: in a temporary folder, on 127.0.0.1, without passwords; it goes with `stop`. */
export class PostgresCluster {
  readonly #folder: string;
  readonly #port: number;
  readonly #server: RunningProcess;
  #databases = 0;

  private constructor(folder: string, port: number, server: RunningProcess) {
    this.#folder = folder;
    this.#port = port;
    this.#server = server;
  }

  static async start(): Promise<PostgresCluster> {
    const bin = dirname(realpathSync(requirePeer("postgresql")));
    const folder = mkdtempSync(join(tmpdir(), "sip-push-pg-"));
    const data = join(folder, "data");
    // PostgreSQL refuses to run as root.
    const account = process.getuid?.() === 0 ? { uid: idOf("-u"), gid: idOf("-g") } : undefined;
    if (account !== undefined) chownSync(folder, account.uid, account.gid);
    const prefix =
      account === undefined
        ? []
        : ["setpriv", `--reuid=${account.uid}`, `--regid=${account.gid}`, "--clear-groups", "--"];
    const initdb = [...prefix, join(bin, "initdb"), "-D", data, "-U", "ppg", "-A", "trust", "-E", "UTF8", "--no-sync"];
    const made = spawnSync(initdb[0] ?? "", [...initdb.slice(1), "--locale=C"], { cwd: folder, encoding: "utf8" });
    if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`, { cause: made.error });

    const reserved = await reservePort();
    await reserved.release();
    const settings = [`port=${reserved.port}`, "listen_addresses=127.0.0.1", `unix_socket_directories=${folder}`];
    const [command, ...args] = [...prefix, join(bin, "postgres"), "-D", data];
    const server = startProcess({ command, args: [...args, ...settings.flatMap((each) => ["-c", each])], cwd: folder });
    const cluster = new PostgresCluster(folder, reserved.port, server);
    await server.waitForOutput(/ready to accept connections/, READY_MS);
    return cluster;
  }

  /** Makes an empty database and returns its connection string. */
  async makeDatabase(): Promise<string> {
    const name = `ppg${++this.#databases}`;
    await this.query("postgres", `CREATE DATABASE ${name}`);
    return this.#url(name);
  }

  async query(database: string, sql: string): Promise<unknown[]> {
    const client = new pg.Client({ connectionString: this.#url(database) });
    await client.connect();
    try {
      return (await client.query(sql)).rows as unknown[];
    } finally {
      await client.end();
    }
  }

  async stop(): Promise<void> {
    // Fast shutdown; on SIGTERM it would wait for its clients.
    this.#server.killGroup("SIGINT");
    await this.#server.exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #url(database: string): string {
    return `postgres://ppg@127.0.0.1:${this.#port}/${database}`;
  }
}

function idOf(flag: "-u" | "-g"): number {
  const { stdout } = spawnSync("id", [flag, "postgres"], { encoding: "utf8" });
  return Number(stdout);
}
