import { readFileSync } from "node:fs";
import { cp, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { addressOf, type ComposeFile, composePath, readCompose, serviceOf } from "../support/compose-file.ts";
import { reservePort } from "../support/free-port.ts";
import { kamailioConfigPath } from "../support/kamailio.ts";
import { requirePeer } from "../support/peers.ts";
import { PostgresCluster } from "../support/postgres-cluster.ts";
import { type RunningProcess, startProcess } from "../support/process.ts";
import { waitForSipAnswer } from "../support/sip-ping.ts";
import { makeTempFolder, type TempFolder } from "../support/temp-folder.ts";
import { eventOf, startCliWith } from "./command-line.ts";

export type NodeName = "ppg-1" | "ppg-2";

/** A gateway that runs. */
export interface RunningNode {
  readonly process: RunningProcess;
  /** `http://127.28.5.11:49152`, without a path; `operation` as well. */
  readonly http: string;
  readonly operation: string;
}

/** How the network of compose.yaml starts, and what stands for it on this machine. */
const CONTAINERS = "172.28.5.";
const HERE = "127.28.5.";

/** Another program on the machine that runs the containers, as these see it: a second place for results. */
const HOST = `${CONTAINERS}1:8090`;

/**
 * The services of docker/compose.yaml from installed programs: their own command lines, environment and files, with loopback
 * addresses in place of the containers' and free ports in place of the fixed ones.
 */
export class ComposedTopology {
  readonly #compose: ComposeFile;
  readonly #folder: TempFolder;
  readonly #cluster: PostgresCluster;
  /** `172.28.5.2:5060`, `ppg-1:8070` -> the same here; any other port becomes a free one. */
  readonly #endpoints: ReadonlyMap<string, string>;
  readonly #nodes = new Map<NodeName, RunningNode>();
  readonly #processes: RunningProcess[] = [];
  #core: RunningProcess | undefined;

  private constructor(
    compose: ComposeFile,
    folder: TempFolder,
    cluster: PostgresCluster,
    endpoints: ReadonlyMap<string, string>,
  ) {
    this.#compose = compose;
    this.#folder = folder;
    this.#cluster = cluster;
    this.#endpoints = endpoints;
  }

  /**
   * Starts database, core, gateways and handsets, in the order of their depends_on.
   *
   * @param env what the file takes from the environment. @param more settings of both gateways besides.
   */
  static async start(
    env: Readonly<Record<string, string>>,
    more: Readonly<Record<string, string>> = {},
  ): Promise<ComposedTopology> {
    const compose = readCompose(env);
    const push = addressOf(serviceOf(compose, "push"));
    const core = `${addressOf(serviceOf(compose, "kamailio"))}:`;
    const fixed = [`${core}5060`, `${core}8080`, `${push}:8090`, HOST];
    const reserved = await Promise.all(fixed.map((endpoint) => reservePort(localAddress(endpoint))));
    const endpoints = new Map(
      fixed.map((endpoint, index) => [endpoint, `${localAddress(endpoint)}:${reserved[index]?.port}`]),
    );
    await Promise.all(reserved.map((each) => each.release()));
    const topology = new ComposedTopology(
      compose,
      makeTempFolder("topology"),
      await PostgresCluster.start(),
      endpoints,
    );
    try {
      await topology.#startKamailio();
      const database = await topology.#cluster.makeDatabase();
      await Promise.all([
        topology.#startNode("ppg-1", { ...more, DATABASE_URL: database }),
        topology.#startNode("ppg-2", { ...more, DATABASE_URL: database }),
      ]);
      return topology;
    } catch (error) {
      await topology.stop();
      throw error;
    }
  }

  node(name: NodeName): RunningNode {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new Error(`${name} does not run`);
    return node;
  }

  /** Kamailio. */
  get core(): RunningProcess {
    if (this.#core === undefined) throw new Error("Kamailio does not run");
    return this.#core;
  }

  /** Where a push initiator on the machine that runs the containers takes results. */
  get hostEndpoint(): string {
    return this.here(HOST);
  }

  /** A service that is one sip-push command, with `more` arguments. */
  startCommand(name: string, ...more: readonly string[]): RunningProcess {
    const { command = [], environment = {} } = serviceOf(this.#compose, name);
    return this.#kept(startCliWith(environment, ...command.map((each) => this.here(each)), ...more));
  }

  /** Exit code of the health check that Docker would make of a node. */
  async healthOf(name: NodeName): Promise<number | null> {
    const [, , ...args] = serviceOf(this.#compose, name).healthcheck?.test ?? [];
    const asked = args.map((each) => each.replace("http://127.0.0.1:8071", this.node(name).operation));
    const check = this.#kept(startProcess({ command: process.execPath, args: asked }));
    return (await check.waitForExit()).code;
  }

  /** Prometheus as it is configured, but that it looks every second; resolves with its URL. */
  async startPrometheus(): Promise<string> {
    const reserved = await reservePort();
    const config = join(this.#folder.path, "prometheus.yml");
    const targets = [...this.#nodes].map(([name, node]) => [`${name}:8071`, new URL(node.operation).host] as const);
    const source = readFileSync(join(dirname(composePath), "prometheus.yml"), "utf8");
    const text = targets.reduce((changed, [there, here]) => changed.replace(there, here), source);
    await writeFile(config, text.replace("scrape_interval: 5s", "scrape_interval: 1s"));
    const { command = [] } = serviceOf(this.#compose, "prometheus");
    const args = command.map((each) =>
      each
        .replace(/(?<==)\/etc\/prometheus\/prometheus.yml$/, config)
        .replace(/(?<==)\/prometheus$/, this.#folder.path),
    );
    await reserved.release();
    const listen = `127.0.0.1:${reserved.port}`;
    const prometheus = startProcess({
      command: requirePeer("prometheus"),
      args: [...args, `--web.listen-address=${listen}`],
      cwd: this.#folder.path,
    });
    this.#kept(prometheus);
    await prometheus.waitForOutput(/Server is ready to receive web requests/);
    return `http://${listen}`;
  }

  /** Text of the compose file, or of a file that it mounts, as it has to be on this machine. */
  here(text: string): string {
    return text.replaceAll(
      /\b(172\.28\.5\.\d+|ppg-\d)(:\d+)?\b/g,
      (endpoint, host: string, port: string | undefined) => {
        if (port === undefined) return localAddress(host);
        if (!host.startsWith("ppg")) return this.#endpoints.get(endpoint) ?? `${localAddress(host)}:0`;
        return new URL(this.node(host as NodeName)[port === ":8070" ? "http" : "operation"]).host;
      },
    );
  }

  async stop(): Promise<void> {
    await Promise.all(this.#processes.map((each) => each.stop()));
    await this.#cluster.stop();
    this.#folder.remove();
  }

  async #startKamailio(): Promise<void> {
    const { path: folder } = this.#folder;
    const service = serviceOf(this.#compose, "kamailio");
    await cp(join(dirname(kamailioConfigPath), "dbtext"), join(folder, "db"), { recursive: true });
    const command = (service.command ?? []).map((each) =>
      this.here(each).replace("/etc/kamailio/kamailio.cfg", kamailioConfigPath),
    );
    // What the image says besides, with folders of our own; and nothing leaves this machine.
    const args = [
      ...["-DD", "-E", "-Y", folder, "-w", folder, "-m", "32", "-M", "4", ...command],
      ...["-A", "LOOPBACK_ONLY", "-A", `DB_URL="text://${folder}/db"`],
    ];
    const kamailio = this.#kept(startProcess({ command: requirePeer("kamailio"), args, cwd: folder }));
    this.#core = kamailio;
    const [host, port] = this.here(`${addressOf(service)}:5060`).split(":");
    const answers = waitForSipAnswer({ host: host ?? "", port: Number(port), givenUp: kamailio.exited });
    if (!(await answers)) throw kamailio.failure("did not start");
  }

  async #startNode(name: NodeName, more: Readonly<Record<string, string>>): Promise<void> {
    const { command = [], environment = {}, volumes = [] } = serviceOf(this.#compose, name);
    const [source = "", target = ""] = volumes[0]?.split(":") ?? [];
    const config = join(this.#folder.path, `${name}.yaml`);
    await writeFile(config, this.here(readFileSync(join(dirname(composePath), source), "utf8")));
    const address = localAddress(addressOf(serviceOf(this.#compose, name)));
    const env = {
      ...Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, this.#setting(key, value)])),
      ...{ SIP_PUSH_HTTP_LISTEN: `http://${address}:0`, SIP_PUSH_OPERATION: `http://${address}:0` },
      ...more,
    };
    const args = command.map((each) => (each === target ? config : each));
    const process = this.#kept(startCliWith(env, ...args, "--json"));
    const listening = await eventOf(process, "listening");
    const http = new URL(String(listening["pap"])).origin;
    this.#nodes.set(name, { process, http, operation: String(listening["operation"]) });
    await process.waitForOutput(/"the gateway is registered"/);
  }

  /** The name of a node is no host here. */
  #setting(key: string, value: string): string {
    return key === "SIP_PUSH_NAME" ? value : this.here(value);
  }

  #kept(process: RunningProcess): RunningProcess {
    this.#processes.push(process);
    return process;
  }
}

/** `172.28.5.2:5060` -> `127.28.5.2` */
function localAddress(endpoint: string): string {
  return endpoint.replace(CONTAINERS, HERE).replace(/:\d+$/, "");
}
