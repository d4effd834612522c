import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { badInput, files, PROXY, TAKEN } from "./testdata/bad-input.ts";
import { badPapInput, TAKEN_HOST_PORT } from "./testdata/bad-pap-input.ts";
import { runCli } from "./testdata/fake-io.ts";

describe("bad usage, configuration or input is one line, exit code 2, and nothing is sent", () => {
  const proxy = createSocket("udp4");
  const taken = createServer();
  const received: string[] = [];
  let places: Readonly<Record<string, string>> = {};
  let takenPort = 0;

  beforeAll(async () => {
    proxy.on("message", (octets) => received.push(octets.toString("latin1")));
    proxy.bind(0, "127.0.0.1");
    taken.listen(0, "127.0.0.1");
    await Promise.all([once(proxy, "listening"), once(taken, "listening")]);
    takenPort = portOf(taken.address());
    places = {
      [TAKEN_HOST_PORT]: `127.0.0.1:${takenPort}`,
      [PROXY]: `sip:127.0.0.1:${proxy.address().port}`,
      [TAKEN]: `tcp:127.0.0.1:${takenPort}`,
    };
  });

  afterAll(async () => {
    await Promise.all([close(proxy), close(taken)]);
  });

  it.each([...badInput, ...badPapInput])("%j", async (args, says) => {
    const ran = await runCli(
      args.map((arg) => places[arg] ?? arg),
      { files },
    );
    expect(ran.stderr).toMatch(/^sip-push: [^\n]+\n$/);
    expect(ran.stderr.slice("sip-push: ".length)).toMatch(startingWith(says.replace("<taken>", String(takenPort))));
    expect({ ...ran, stderr: "" }).toEqual({ exitCode: 2, stdout: "", stderr: "", octets: new Uint8Array() });
  });

  it("sends nothing in any of these cases", async () => {
    const marker = once(proxy, "message");
    const own = createSocket("udp4");
    own.send("marker", proxy.address().port, "127.0.0.1");
    await marker;
    await close(own);
    expect(received).toEqual(["marker"]);
  });
});

describe("help", () => {
  const commands = [
    [],
    ["demo"],
    ["proxy"],
    ["receive"],
    ["fleet"],
    ["send"],
    ["refer"],
    ["options"],
    ["ppg"],
    ["ppg", "hash-password"],
    ["push"],
    ["status"],
    ["cancel"],
    ["capabilities"],
    ["notification", "decode"],
    ["notification", "encode"],
  ];

  it.each(commands.map((command) => [command]))("sip-push %j --help has examples and exit code 0", async (command) => {
    const { exitCode, stdout, stderr } = await runCli([...command, "--help"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toMatch(/^Usage: sip-push/);
    expect(stdout).toMatch(/\nExamples?:\n[^]*sip-push/);
  });

  it("is shown, on standard error, when there is no command", async () => {
    const { exitCode, stdout, stderr } = await runCli([]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).toMatch(/^Usage: sip-push/);
  });

  it("names the version", async () => {
    expect((await runCli(["--version"])).stdout).toMatch(/^[0-9]+\.[0-9]+\.[0-9]+\n$/);
  });
});

function startingWith(text: string): RegExp {
  return new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}`);
}

function portOf(address: ReturnType<Server["address"]>): number {
  return typeof address === "object" && address !== null ? address.port : 0;
}

function close(closable: Socket | Server): Promise<void> {
  return new Promise((resolve) => closable.close(() => resolve()));
}
