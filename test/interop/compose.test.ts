import { execFile, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { readPpgConfig } from "@sip-push/ppg";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { startCli } from "../support/cli.ts";
import { composeProblems } from "../support/compose-check.ts";
import { addressOf, type ComposeService, composePath, readCompose, serviceOf } from "../support/compose-file.ts";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { kamailioConfigPath } from "../support/kamailio.ts";
import { useKamailio } from "../support/kamailio-bed.ts";
import { requirePeer } from "../support/peers.ts";

const folder = dirname(composePath);
const source = readFileSync(composePath, "utf8");
const compose = readCompose();
const [kamailio, sender, receiver] = ["kamailio", "sender", "receiver"].map((name) => serviceOf(compose, name)) as [
  ComposeService,
  ComposeService,
  ComposeService,
];
const nodes = ["ppg-1", "ppg-2"].map((name) => ({ name, service: serviceOf(compose, name) }));
const commandOf = ({ command = [] }: ComposeService): readonly string[] => command;
const following = (service: ComposeService, flag: string): string[] =>
  commandOf(service).filter((_, index) => service.command?.[index - 1] === flag);
const run = promisify(execFile);

describe("docker/compose.yaml", () => {
  it("starts gateways, database, core, handsets and watchers by itself, and agents by their names", () => {
    const started = (byName: boolean): string[] =>
      Object.entries(compose.services)
        .filter(([, { profiles = [] }]) => profiles.length > 0 === byName)
        .map(([name]) => name);
    expect(started(false)).toEqual([...["kamailio", "postgres", "ppg-1", "ppg-2", "fleet", "prometheus", "grafana"]]);
    expect(started(true)).toEqual(["push", "receiver", "sender"]);
  });

  it("has keys and values that Docker Compose knows, and refers to what is there", () => {
    expect(composeProblems(compose, folder)).toEqual([]);
  });

  it.each([
    ["a key that there is not", "restart: unless-stopped", "restarts: unless-stopped", "is no such key"],
    ["an image without a tag", "grafana/grafana:11.6.0", "grafana/grafana", "compose.services.grafana.image"],
    ["a port that others reach", "127.0.0.1:9090:9090", "9090:9090", "compose.services.prometheus.ports[0]"],
    ["a number where text must be", 'restart: "no"', "restart: 5", "compose.services.push.restart"],
    ["a file that is not there", "./prometheus.yml:", "./prometheus.yaml:", "prometheus: no ./prometheus.yaml"],
    ["a volume that is not there", "- grafana:/var", "- graf:/var", "grafana: no graf"],
    ["a Dockerfile that is not there", "kamailio.Dockerfile", "Dockerfile", "kamailio: no Dockerfile"],
    ["a network that is not there", "networks: [backend]", "networks: [back]", "postgres: no network back"],
    [
      "an address of another network",
      "ipv4_address: 172.28.5.12",
      "ipv4_address: 172.28.6.12",
      "ppg-2: is outside core",
    ],
    ["an address twice", "ipv4_address: 172.28.5.12", "ipv4_address: 172.28.5.11", "172.28.5.11: is there twice"],
    ["a port twice", "127.0.0.1:8170:8070", "127.0.0.1:8070:8070", "127.0.0.1:8070/tcp: is there twice"],
    ["a service that is not there", "      receiver:\n", "      handset:\n", "sender: no service handset"],
    [
      "a service without a health check",
      "fleet:\n        condition: service_started",
      "fleet:\n        condition: service_healthy",
      "push: fleet has no health check",
    ],
    [
      "a circle",
      "kamailio:\n        condition: service_healthy\n    command:\n      - fleet",
      "fleet:\n        condition: service_started\n    command:\n      - fleet",
      "fleet: fleet waits for it in turn",
    ],
  ])("would be refused with %s", (_what, right, wrong, problem) => {
    expect(source).toContain(right);
    const problems = composeProblems(readCompose({}, source.replace(right, wrong)), folder);
    expect(problems.join("\n")).toContain(problem);
  });

  it("starts Kamailio with the configuration that the interop tests use", () => {
    const [from = "", to = ""] = kamailio.volumes?.[0]?.split(":") ?? [];
    const inContainer = following(kamailio, "-f")[0] ?? "";
    expect(resolve(folder, from, inContainer.slice(to.length + 1))).toBe(kamailioConfigPath);
  });

  it("lets programs on this machine reach the core at ports that Kamailio listens on", () => {
    const listens = following(kamailio, "-l");
    expect(kamailio.ports).toHaveLength(listens.length);
    for (const published of kamailio.ports ?? []) {
      const [, port, transport] = /^127\.0\.0\.1:\d+:(\d+)\/(udp|tcp)$/.exec(published) ?? [];
      expect(listens).toContain(`${transport}:${addressOf(kamailio)}:${port}`);
    }
  });

  it("sends all agents to the core, each from its own address", () => {
    const agents = ["fleet", "receiver", "sender"].map((name) => serviceOf(compose, name));
    for (const agent of agents) {
      expect(following(agent, "--proxy")[0]).toContain(`sip:${addressOf(kamailio)}:5060;`);
      for (const listen of following(agent, "--listen")) expect(listen).toContain(`:${addressOf(agent)}:`);
    }
    expect(following(sender, "--to")).toEqual(following(receiver, "--aor"));
  });

  it("has the identities of the gateways and the sender believed, and of nobody else", () => {
    const [, network = "", bits = ""] = /^TRUSTED_PEERS=(.*)\/(\d+)$/.exec(following(kamailio, "-A")[0] ?? "") ?? [];
    const octets = (address: string): number => address.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
    const size = 2 ** (32 - Number(bits));
    expect(octets(network) % size).toBe(0);
    const trusted = Object.entries(compose.services)
      .filter(([, each]) => Math.floor(octets(addressOf(each)) / size) === octets(network) / size)
      .map(([name]) => name);
    expect(trusted).toEqual(["ppg-1", "ppg-2", "sender"]);
  });

  it("has the presence agent told who is registered, at Kamailio's own address", () => {
    expect(following(kamailio, "-A")).toContain(`CORE_URI="sip:${addressOf(kamailio)}:5060"`);
  });

  it("takes passwords from the environment, and those it has itself say that they are for a demonstration", () => {
    const secrets = Object.values(compose.services).flatMap(({ environment = {} }) =>
      Object.entries(environment).filter(([name]) => /PASSWORD|_URL$/.test(name)),
    );
    expect(new Set(secrets.map(([name]) => name)).size).toBe(6);
    for (const [name, value] of secrets) expect(value, name).toMatch(/(?:^|:)demo-[a-z]+(?:$|@)/);
    const own = Object.fromEntries(
      ["DATABASE", "CALENDAR", "CONSOLE", "GRAFANA"].map((name) => [`${name}_PASSWORD`, `own-${name}`]),
    );
    expect(JSON.stringify(readCompose(own))).not.toContain("demo-");
  });
});

describe("the files that docker/compose.yaml mounts", () => {
  const inContainer = (service: ComposeService, path: string): string => {
    const [from = "", to = ""] =
      service.volumes?.map((volume) => volume.split(":")).find(([, target = "/"]) => path.startsWith(target)) ?? [];
    return resolve(folder, from, `.${path.slice(to.length)}`.replace(/^\.$/, ""));
  };
  const yaml = (path: string): unknown => parse(readFileSync(path, "utf8"));

  it.each(nodes)("are a right configuration for $name, at the addresses that others ask", async ({ name, service }) => {
    const path = inContainer(service, following(service, "--config")[0] ?? "");
    const world = { env: service.environment ?? {}, readFile, directory: dirname(path) };
    const config = await readPpgConfig(await readFile(path, "utf8"), world);
    const { sip, http, operation, initiators, database } = config;
    expect(config.name).toBe(name);
    expect(sip.listen.map(({ transport, address, port }) => [transport, address, port])).toEqual(
      ["UDP", "TCP"].map((transport) => [transport, addressOf(service), 5060]),
    );
    expect([sip.proxy, sip.trusted]).toEqual([`sip:${addressOf(kamailio)}:5060`, [addressOf(kamailio)]]);
    expect(service.ports?.map((port) => port.split(":")[2])).toEqual([`${http.listen[0]?.port}/tcp`]);
    const { environment = {} } = serviceOf(compose, "postgres");
    const { POSTGRES_USER: user, POSTGRES_PASSWORD: password, POSTGRES_DB: name_ } = environment;
    expect(database).toMatchObject({ kind: "postgres", url: `postgres://${user}:${password}@postgres:5432/${name_}` });
    const listens = following(serviceOf(compose, "push"), "--notify-listen")[0];
    expect(initiators[0]?.notifyUrls).toContain(`http://${listens}/*`);
    expect(service.healthcheck?.test.at(-1)).toContain(`http://127.0.0.1:${operation?.port}/health/ready`);
  });

  it("have Prometheus ask every node where it says its metrics", async () => {
    const prometheus = serviceOf(compose, "prometheus");
    const path = commandOf(prometheus)[0]?.replace("--config.file=", "") ?? "";
    const { scrape_configs: jobs } = yaml(inContainer(prometheus, path)) as {
      scrape_configs: { static_configs: { targets: string[] }[] }[];
    };
    const targets = jobs.flatMap((job) => job.static_configs.flatMap((each) => each.targets));
    expect(targets).toEqual(nodes.map(({ name }) => `${name}:8071`));
    for (const { service } of nodes) expect(service.networks).toHaveProperty("backend");
    expect(prometheus.networks).toContain("backend");
  });

  it("have Grafana find its data source and its dashboards", () => {
    const grafana = serviceOf(compose, "grafana");
    const provisioning = inContainer(grafana, "/etc/grafana/provisioning");
    const { datasources } = yaml(join(provisioning, "datasources/prometheus.yaml")) as {
      datasources: { url: string }[];
    };
    expect(datasources.map(({ url }) => url)).toEqual(["http://prometheus:9090"]);
    const { providers } = yaml(join(provisioning, "dashboards/ppg.yaml")) as {
      providers: { options: { path: string } }[];
    };
    const dashboards = providers[0]?.options.path ?? "";
    const home = grafana.environment?.["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] ?? "";
    expect(dirname(home)).toBe(dashboards);
    expect(JSON.parse(readFileSync(inContainer(grafana, home), "utf8"))).toHaveProperty("panels");
  });
});

/** Docker with its plugin, or else the program of before. */
const hasPlugin = spawnSync("docker", ["compose", "version"]).status === 0;

describeWithPeers("docker/compose.yaml and Docker Compose", hasPlugin ? [] : ["docker-compose"], () => {
  it("agree: it reads the file whole and finds every service", async () => {
    const [program = "", ...first] = hasPlugin ? ["docker", "compose"] : [requirePeer("docker-compose")];
    const args = [...first, "-f", "-", "--project-name", "sip-push", "--profile", "agents", "config"];
    const config = run(program, args, { cwd: folder });
    // What Debian has is older than this one key.
    config.child.stdin?.end(source.replace(/^name: .*$/m, ""));
    const read = readCompose({}, (await config).stdout);
    const shape = ({ services }: typeof compose): Record<string, unknown> =>
      Object.fromEntries(
        Object.entries(services).map(([name, { image, command, healthcheck, depends_on: needs = {} }]) => [
          name,
          { image, command, test: healthcheck?.test, needs: new Set(Object.keys(needs)) },
        ]),
      );
    expect(shape(read)).toEqual(shape(compose));
  });
});

describeWithPeers("docker/prometheus.yml", ["prometheus"], () => {
  it("is right for promtool", async () => {
    const promtool = join(dirname(requirePeer("prometheus")), "promtool");
    const { stdout } = await run(promtool, ["check", "config", join(folder, "prometheus.yml")]);
    expect(stdout).toContain("SUCCESS");
  });
});

describeWithPeers("docker/compose.yaml and Kamailio", ["kamailio"], () => {
  it.each([{ added: [] }, { added: ["-A", "WITH_AUTH"] }])("agree on switches (with $added)", async ({ added }) => {
    const command = [...commandOf(kamailio), ...added]
      .join(" ")
      .replaceAll(addressOf(kamailio), "127.0.0.1")
      .replace("/etc/kamailio/kamailio.cfg", kamailioConfigPath);
    const checked = await run(requirePeer("kamailio"), ["-c", "-E", ...command.split(" ")]);
    expect(checked.stdout + checked.stderr).toMatch(/config file ok/);
  });
});

describeWithPeers("The commands of docker/compose.yaml at Kamailio", ["kamailio"], () => {
  const bed = useKamailio();
  /** As in the container, but for the addresses. */
  const here = (service: ComposeService): string[] =>
    commandOf(service).map((argument) =>
      argument
        .replace(`${addressOf(kamailio)}:5060`, `127.0.0.1:${bed.kamailio.udpPort}`)
        .replace(`${addressOf(service)}:5060`, "127.0.0.1:0"),
    );

  it("say that the core is healthy, and that it is not where nobody listens", async () => {
    const [, ...check] = kamailio.healthcheck?.test ?? [];
    const [command = "", script = "", ...args] = check;
    const there = script.replace("/etc/kamailio", dirname(kamailioConfigPath));
    const exitCode = (port: number): Promise<number> => {
      const at = args.map((each) => each.replace(addressOf(kamailio), "127.0.0.1").replace("5060", String(port)));
      return run(command, [there, ...at]).then(
        () => 0,
        ({ code }: { code: number }) => code,
      );
    };
    expect(await exitCode(bed.kamailio.tcpPort)).toBe(0);
    expect(await exitCode(1)).toBe(1);
  });

  it("bring a DS notification from the sender to the receiver, and say so as JSON", async () => {
    const handset = startCli(here(receiver));
    await handset.waitForOutput(/^\{"event":"registered".*\}$/m);
    const ppg = startCli(here(sender));
    expect(await ppg.waitForExit(30_000), ppg.output).toEqual({ code: 0, signal: null });
    expect(JSON.parse(ppg.stdout)).toMatchObject({
      to: "sip:alice@example.test",
      messageState: "delivered",
      papCode: 1000,
      sipStatus: 200,
    });
    const [line] = await handset.waitForOutput(/^\{"event":"push".*\}$/m);
    expect(JSON.parse(line)).toMatchObject({
      from: "sip:ppg@example.test",
      assertedIdentity: "sip:ppg@example.test",
      applicationId: "push.syncml",
      notification: { format: "ds-1.2", serverId: "sync.example.test", syncs: [{ syncType: "two-way" }] },
    });
    expect(await handset.stop()).toEqual({ code: 0, signal: null });
    const again = startCli(here(sender));
    expect(await again.waitForExit(30_000), again.output).toEqual({ code: 1, signal: null });
    expect(JSON.parse(again.stdout)).toMatchObject({ papCode: 5028, sipStatus: 480 });
  });
});
