import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { reservePort } from "./free-port.ts";
import { type RunningProcess, startProcess } from "./process.ts";
import { makeTempFolder, type TempFolder } from "./temp-folder.ts";

const binary = fileURLToPath(new URL("../../packages/cli/bin/sip-push.mjs", import.meta.url));
const built = fileURLToPath(new URL("../../packages/cli/dist/main.js", import.meta.url));

/** What `{ env: PPG_PASSWORD }` in its settings stands for. */
export const PPG_PASSWORD = "secret";

/** A configuration of `sip-push ppg`, or part of one. */
export type PpgSettings = Readonly<Record<string, unknown>>;

/**
 * An address of this machine that no other test process uses, nor any program for its outgoing connections: what listens there
 * may go and come back at the same port.
 */
export function ownLoopback(): string {
  const { pid } = process;
  return `127.${64 + ((pid >> 16) & 63)}.${(pid >> 8) & 255}.${pid & 255}`;
}

/** `sip-push ppg` as an operator runs it, from the built packages: killed, and started again with the same settings and data. */
export class PpgNode {
  readonly name: string;
  /** Where it takes PAP, over restarts. */
  readonly url: string;
  kills = 0;
  readonly #folder: TempFolder;
  readonly #file: string;
  #process: RunningProcess | undefined;

  private constructor(name: string, url: string, folder: TempFolder, file: string) {
    this.name = name;
    this.url = url;
    this.#folder = folder;
    this.#file = file;
  }

  /**
   * Starts it; resolves when it takes pushes. `http`, `name` and the addresses of `sip` are this function's to say.
   *
   * @param sipHost where it listens for SIP, UDP and TCP at one port.
   */
  static async start(name: string, sipHost: string, { sip, ...settings }: PpgSettings): Promise<PpgNode> {
    if (!existsSync(built)) throw new Error("packages/cli is not built: npm run build");
    const folder = makeTempFolder(name);
    const file = join(folder.path, "ppg.json");
    const host = ownLoopback();
    const [http, port] = await Promise.all([reservePort(host), reservePort(sipHost)]);
    const listen = [`udp:${sipHost}:${port.port}`, `tcp:${sipHost}:${port.port}`];
    const url = `http://${host}:${http.port}`;
    // JSON is YAML.
    const text = JSON.stringify({
      ...{ name, dataDirectory: "./data", ...settings },
      http: { listen: url },
      sip: { ...(sip as PpgSettings), listen },
    });
    await Promise.all([writeFile(file, text), http.release(), port.release()]);
    const node = new PpgNode(name, `${url}/pap`, folder, file);
    await node.restart();
    return node;
  }

  get running(): boolean {
    return this.#process !== undefined && this.#process.exit === undefined;
  }

  /** What it said since it was started last. */
  get said(): string {
    return this.#process?.output ?? "";
  }

  /** Starts it again after it has ended; resolves when it takes pushes. */
  async restart(): Promise<void> {
    const args = [binary, "ppg", "--config", this.#file, "--json"];
    this.#process = startProcess({ command: process.execPath, args, env: { PPG_PASSWORD } });
    await this.#process.waitForOutput(/\{"event":"listening".*\}\n/);
  }

  /** SIGKILL, at once; resolves when the system has cleaned up. */
  async kill(): Promise<void> {
    const { pid } = this.#process ?? {};
    if (pid === undefined || !this.running) throw new Error(`${this.name} does not run: ${this.said}`);
    this.kills++;
    process.kill(pid, "SIGKILL");
    await this.#process?.exited;
  }

  /** SIGSTOP: it stands still, and the system takes what is sent to it; until {@link thaw}. */
  freeze(): void {
    this.#signal("SIGSTOP");
  }

  /** It goes on where it was. */
  thaw(): void {
    this.#signal("SIGCONT");
  }

  /** A graceful stop, if it runs. @throws when that ended otherwise than with exit code 0. */
  async stop(): Promise<void> {
    const running = this.running ? this.#process : undefined;
    if (running !== undefined) this.thaw();
    const exit = await running?.stop();
    if (running !== undefined && exit?.code !== 0) throw running.failure("did not stop well");
  }

  /** Stops it, and deletes its data. */
  async close(): Promise<void> {
    await this.stop().finally(() => this.#folder.remove());
  }

  #signal(name: "SIGSTOP" | "SIGCONT"): void {
    const { pid } = this.#process ?? {};
    if (pid === undefined || !this.running) throw new Error(`${this.name} does not run: ${this.said}`);
    process.kill(pid, name);
  }
}
