import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { BlockList } from "node:net";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { startCli } from "../support/cli.ts";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { kamailioConfigPath } from "../support/kamailio.ts";
import { useKamailio } from "../support/kamailio-bed.ts";
import { requirePeer } from "../support/peers.ts";

interface Service {
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly image?: string;
  readonly command: readonly string[];
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly depends_on?: readonly string[];
  readonly networks: Readonly<Record<string, { readonly ipv4_address: string }>>;
}

interface Compose {
  readonly services: Readonly<Record<"kamailio" | "receiver" | "sender", Service>>;
  readonly networks: Readonly<Record<string, { ipam: { config: readonly { subnet: string }[] } }>>;
}

const path = fileURLToPath(new URL("../../docker/compose.yaml", import.meta.url));
const compose = parse(readFileSync(path, "utf8")) as Compose;
const services = Object.entries(compose.services);
const { kamailio, sender, receiver } = compose.services;
const addressOf = ({ networks }: Service): string => networks["core"]?.ipv4_address ?? "";
const following = (service: Service, flag: string): string[] =>
  service.command.filter((_, index) => service.command[index - 1] === flag);

describe("docker/compose.yaml", () => {
  it("has the core, a receiver and a sender, each with an address in the one network", () => {
    expect(services.map(([name]) => name)).toEqual(["kamailio", "receiver", "sender"]);
    const [network, subnet] = (compose.networks["core"]?.ipam.config[0]?.subnet ?? "").split("/");
    const inside = new BlockList();
    inside.addSubnet(network ?? "", Number(subnet));
    for (const [name, service] of services) expect(inside.check(addressOf(service)), name).toBe(true);
  });

  it("names files and services that are there", () => {
    const folder = dirname(path);
    for (const [name, { build, depends_on = [] }] of services) {
      if (build) expect(existsSync(resolve(folder, build.context, build.dockerfile)), name).toBe(true);
      for (const other of depends_on) expect(Object.keys(compose.services)).toContain(other);
    }
    expect(sender.image).toBe(receiver.image);
  });

  it("starts Kamailio with the configuration that the interop tests use", () => {
    const [from = "", to = ""] = kamailio.volumes?.[0]?.split(":") ?? [];
    const inContainer = following(kamailio, "-f")[0] ?? "";
    expect(resolve(dirname(path), from, inContainer.slice(to.length + 1))).toBe(kamailioConfigPath);
  });

  it("lets programs on this machine only reach the core, at ports that Kamailio listens on", () => {
    const listens = following(kamailio, "-l");
    expect(kamailio.ports).toHaveLength(listens.length);
    for (const published of kamailio.ports ?? []) {
      const [, port, transport] = /^127\.0\.0\.1:\d+:(\d+)\/(udp|tcp)$/.exec(published) ?? [];
      expect(listens).toContain(`${transport}:${addressOf(kamailio)}:${port}`);
    }
  });

  it("sends receiver and sender to the core, and trusts the sender's identity only", () => {
    for (const agent of [sender, receiver]) {
      expect(following(agent, "--proxy")[0]).toContain(`sip:${addressOf(kamailio)}:5060;`);
      for (const listen of following(agent, "--listen")) expect(listen).toContain(`:${addressOf(agent)}:`);
    }
    expect(following(sender, "--to")).toEqual(following(receiver, "--aor"));
    expect(following(kamailio, "-A")).toContain(`TRUSTED_PEERS=${addressOf(sender)}`);
  });

  it("has the presence agent told who is registered, at Kamailio's own address", () => {
    expect(following(kamailio, "-A")).toContain(`CORE_URI="sip:${addressOf(kamailio)}:5060"`);
  });
});

describeWithPeers("docker/compose.yaml and Kamailio", ["kamailio"], () => {
  it.each([{ added: [] }, { added: ["-A", "WITH_AUTH"] }])("agree on switches (with $added)", async ({ added }) => {
    const command = [...kamailio.command, ...added]
      .join(" ")
      .replaceAll(addressOf(kamailio), "127.0.0.1")
      .replace("/etc/kamailio/kamailio.cfg", kamailioConfigPath);
    const checked = await promisify(execFile)(requirePeer("kamailio"), ["-c", "-E", ...command.split(" ")]);
    expect(checked.stdout + checked.stderr).toMatch(/config file ok/);
  });
});

describeWithPeers("The commands of docker/compose.yaml at Kamailio", ["kamailio"], () => {
  const bed = useKamailio();
  /** As in the container, but for the addresses. */
  const here = (service: Service): string[] =>
    service.command.map((argument) =>
      argument
        .replace(`${addressOf(kamailio)}:5060`, `127.0.0.1:${bed.kamailio.udpPort}`)
        .replace(`${addressOf(service)}:5060`, "127.0.0.1:0"),
    );

  it("bring a DS notification from the sender to the receiver, and say so as JSON", async () => {
    const handset = startCli(here(receiver));
    await handset.waitForOutput(/^\{"event":"registered".*\}$/m);
    const ppg = startCli(here(sender));
    expect(await ppg.waitForExit(10_000), ppg.output).toEqual({ code: 0, signal: null });
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
    expect(await again.waitForExit(10_000), again.output).toEqual({ code: 1, signal: null });
    expect(JSON.parse(again.stdout)).toMatchObject({ papCode: 5028, sipStatus: 480 });
  });
});
