import { execFile, spawnSync } from "node:child_process";
import { chownSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { reservePort } from "./free-port.ts";
import { requirePeer } from "./peers.ts";
import { type RunningProcess, startProcess } from "./process.ts";
import { makeTempFolder, type TempFolder } from "./temp-folder.ts";

/** A PostgreSQL of our own: in a temporary folder, on 127.0.0.1, without passwords; it goes with `stop`. */
export class PostgresCluster {
  readonly #bin: string;
  readonly #folder: TempFolder;
  readonly #port: number;
  readonly #command: readonly string[];
  #server: RunningProcess;
  readonly #frozen = new Set<number>();
  #databases = 0;

  private constructor(bin: string, folder: TempFolder, port: number, command: readonly string[]) {
    this.#bin = bin;
    this.#folder = folder;
    this.#port = port;
    this.#command = command;
    this.#server = this.#run();
  }

  static async start(): Promise<PostgresCluster> {
    const bin = dirname(realpathSync(requirePeer("postgresql")));
    const folder = makeTempFolder("pg");
    const data = join(folder.path, "data");
    // PostgreSQL refuses to run as root.
    const account = process.getuid?.() === 0 ? { uid: idOf("-u"), gid: idOf("-g") } : undefined;
    if (account !== undefined) chownSync(folder.path, account.uid, account.gid);
    const prefix =
      account === undefined
        ? []
        : ["setpriv", `--reuid=${account.uid}`, `--regid=${account.gid}`, "--clear-groups", "--"];
    const initdb = [...prefix, join(bin, "initdb"), "-D", data, "-U", "ppg", "-A", "trust", "-E", "UTF8", "--no-sync"];
    const options = { cwd: folder.path, encoding: "utf8" } as const;
    const made = spawnSync(initdb[0] ?? "", [...initdb.slice(1), "--locale=C"], options);
    if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`, { cause: made.error });

    const reserved = await reservePort();
    await reserved.release();
    const settings = [`port=${reserved.port}`, "listen_addresses=127.0.0.1", `unix_socket_directories=${folder.path}`];
    const settingArgs = settings.flatMap((each) => ["-c", each]);
    const command = [...prefix, join(bin, "postgres"), "-D", data, ...settingArgs];
    const cluster = new PostgresCluster(bin, folder, reserved.port, command);
    await cluster.#ready();
    return cluster;
  }

  /** Of the server, which has a child for each connection. */
  get pid(): number | undefined {
    return this.#server.pid;
  }

  /** Makes an empty database and returns its connection string. */
  async makeDatabase(): Promise<string> {
    const name = `ppg${++this.#databases}`;
    await this.query("postgres", `CREATE DATABASE ${name}`);
    return this.#url(name);
  }

  /** Runs one statement. Its rows, each as text with | between the columns. */
  async query(database: string, sql: string): Promise<string[]> {
    const args = ["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", this.#url(database), "-c", sql];
    const { stdout } = await promisify(execFile)(join(this.#bin, "psql"), args);
    return stdout.split("\n").filter((line) => line !== "");
  }

  /** Immediate shutdown: all connections break, nothing is written any more, and the next start has to recover. */
  async crash(): Promise<void> {
    this.#server.killGroup("SIGQUIT");
    await this.#server.exited;
  }

  /** Starts it again after {@link crash}, at the same place. */
  async restart(): Promise<void> {
    this.#server = this.#run();
    await this.#ready();
  }

  /** All its processes stand still: connections stay, the system takes what is sent, and nobody answers. */
  freeze(): void {
    const { pid } = this;
    if (pid === undefined || this.#frozen.size > 0) throw new Error("PostgreSQL does not run");
    // The server first: it starts no other child then.
    this.freezeProcess(pid);
    for (const each of childrenOf(pid)) this.freezeProcess(each);
  }

  /** One of its processes stands still, such as that of a connection. */
  freezeProcess(pid: number): void {
    // They are in sessions of their own: nobody else would wake them.
    if (this.#frozen.size === 0) process.once("exit", this.thaw);
    this.#frozen.add(pid);
    signal(pid, "SIGSTOP");
  }

  /** They go on. Idempotent. */
  readonly thaw = (): void => {
    for (const each of this.#frozen) signal(each, "SIGCONT");
    this.#frozen.clear();
    process.off("exit", this.thaw);
  };

  async stop(): Promise<void> {
    this.thaw();
    // Fast shutdown; on SIGTERM it would wait for its clients.
    this.#server.killGroup("SIGINT");
    await this.#server.exited;
    this.#folder.remove();
  }

  #run(): RunningProcess {
    const [command = "", ...args] = this.#command;
    return startProcess({ command, args, cwd: this.#folder.path });
  }

  async #ready(): Promise<void> {
    await this.#server.waitForOutput(/ready to accept connections/);
  }

  #url(database: string): string {
    return `postgres://ppg@127.0.0.1:${this.#port}/${database}`;
  }
}

function idOf(flag: "-u" | "-g"): number {
  const { stdout } = spawnSync("id", [flag, "postgres"], { encoding: "utf8" });
  return Number(stdout);
}

function childrenOf(parent: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => parentOf(pid) === parent);
}

/** Undefined: it has ended meanwhile. */
function parentOf(pid: number): number | undefined {
  try {
    // proc(5): the name stands in parentheses, and may hold any character.
    const [, parent] = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ").at(-1)?.split(" ") ?? [];
    return Number(parent);
  } catch {
    return undefined;
  }
}

function signal(pid: number, name: "SIGSTOP" | "SIGCONT"): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended.
  }
}
