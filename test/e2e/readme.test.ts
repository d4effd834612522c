import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SipProxy } from "@sip-push/proxy";
import { afterAll, beforeAll, expect, it } from "vitest";
import { PapServer } from "../support/pap-server.ts";
import { startProcess } from "../support/process.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const readme = (path: string): string => readFileSync(join(root, path), "utf8");

/** The fenced blocks of one language, in order. */
function blocks(markdown: string, language: string): string[] {
  return [...markdown.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, "gm"))].map(
    (match) => match[1] ?? "",
  );
}

let proxy: SipProxy;
/** Inside the checkout, so that the packages are found. */
let folder: string;

beforeAll(async () => {
  proxy = await SipProxy.open({
    listen: [{ transport: "UDP", address: "127.0.0.1", port: 0 }],
    domains: ["example.test"],
  });
  folder = mkdtempSync(join(root, "test/e2e/.readme-"));
});

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await proxy.close();
});

/** Runs an example as it is written, but for the port of the proxy, and gives what it printed. */
async function run(name: string, example: string): Promise<string> {
  const file = join(folder, name);
  writeFileSync(file, example.replaceAll("127.0.0.1:5060", `127.0.0.1:${proxy.listening[0]?.port}`));
  const program = startProcess({ command: process.execPath, args: [file] });
  try {
    const { code } = await program.waitForExit();
    if (code !== 0) throw program.failure("failed");
    return program.stdout;
  } finally {
    await program.stop();
  }
}

it("README.md: the handset and the server of the library section work together as written", async () => {
  const [handset = "", server = ""] = blocks(readme("README.md"), "ts");
  const output = await run("readme.ts", `${handset}${server}await sender.close();\nawait receiver.close();\n`);
  expect(output).toContain("tell the user, then sync with ds.example.test");
  expect(output).toContain("delivered 1000");
});

it("packages/sip/README.md: the example prints the status it says", async () => {
  const [example = ""] = blocks(readme("packages/sip/README.md"), "ts");
  expect((await run("sip.ts", example)).trim()).toBe("200");
});

it("packages/proxy/README.md: the example opens a proxy and closes it", async () => {
  const [example = ""] = blocks(readme("packages/proxy/README.md"), "ts");
  expect(await run("proxy.ts", example)).toBe("");
});

it("packages/initiator/README.md: the example submits a push and reads its result", async () => {
  const gateway = await PapServer.open({ credentials: { user: "calendar", password: "secret" } });
  try {
    gateway.onTaken = ({ pushId, addresses: [address = ""] }) => gateway.settle(pushId, address, "delivered", 1000);
    const [example = ""] = blocks(readme("packages/initiator/README.md"), "ts");
    const output = await run("initiator.ts", example.replace("http://127.0.0.1:8070/pap", gateway.url));
    expect(output).toBe("accepted 1001\nsip:alice@example.test delivered 1000\n");
  } finally {
    await gateway.close();
  }
});

it("packages/ppg/README.md: the example is a gateway that takes a push, delivers it and tells the result", async () => {
  const [example = ""] = blocks(readme("packages/ppg/README.md"), "ts");
  const push = `
import { newPushId, PushInitiator, ResultListener } from "@sip-push/initiator";
const listener = await ResultListener.open({ listen: { address: "127.0.0.1", port: 0 } });
const initiator = new PushInitiator({ url: gateway.pap[0] ?? "", credentials: { user: "calendar", password: "secret" } });
const content = { contentType: "text/plain", body: Uint8Array.of(0x68) };
const addresses = ["sip:nobody@example.test"];
await initiator.push({ pushId: newPushId("localhost"), addresses, content, notifyUrl: listener.url });
for await (const { messageState, code } of listener) {
  console.log("told", messageState, code);
  break;
}
await gateway.close();
await Promise.all([initiator.close(), listener.close()]);
`;
  const output = await run("ppg.ts", example + push);
  expect(output).toMatch(/^PAP at http:\/\/127\.0\.0\.1:[0-9]+\/pap\n/);
  expect(output).toContain("\nsip:nobody@example.test is undeliverable 2003\n");
  expect(output).toContain("\ntold undeliverable 2003\n");
});
