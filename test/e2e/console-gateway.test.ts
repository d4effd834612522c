import { readFile } from "node:fs/promises";
import { consoleDirectory } from "@sip-push/console";
import { PushInitiator, ResultListener } from "@sip-push/initiator";
import { Gateway, readPpgConfig } from "@sip-push/ppg";
import type { SipProxy } from "@sip-push/proxy";
import { silentLogger } from "@sip-push/sip";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { useAgents } from "../support/agents.ts";
import { Chromium } from "../support/chromium.ts";
import { logIn } from "../support/console-gateway.ts";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { PostgresCluster } from "../support/postgres-cluster.ts";
import { ALICE, handsetBehind, openCore, uriOf } from "../support/push-core.ts";
import { makeTempFolder, type TempFolder } from "../support/temp-folder.ts";

/** Runs, or leaves the page changed, wherever it is taken for markup. */
const markup = `"'><img src=x onerror=document.title='taken'><script>document.title='taken'</script>`;

describeWithPeers("the console of a whole gateway in Chromium", ["chromium", "postgresql"], () => {
  const agents = useAgents();
  let chromium: Chromium;
  let core: SipProxy;
  let listener: ResultListener;
  let folder: TempFolder;
  let cluster: PostgresCluster;
  const opened: { close(): Promise<void> }[] = [];

  beforeAll(async () => {
    [chromium, cluster] = await Promise.all([Chromium.launch(), PostgresCluster.start()]);
  });
  afterAll(() => Promise.all([chromium.close(), cluster.stop()]));
  beforeEach(async () => {
    folder = makeTempFolder("console-gateway");
    core = await openCore({ trusted: ["127.0.0.2"] });
    listener = await ResultListener.open({ listen: { address: "127.0.0.1", port: 0 }, onResult: () => {} });
  });
  afterEach(async () => {
    const faults = await chromium.closePages();
    await Promise.all(opened.splice(0).map((each) => each.close()));
    await Promise.all([listener.close(), core.close()]);
    folder.remove();
    expect(faults).toEqual([]);
  });

  async function openGateway(database: string): Promise<Gateway> {
    const text = `
name: ppg-1
dataDirectory: ./data
database: ${database}
domain: ppg.example.test
http: { listen: "http://127.0.0.1:0" }
initiators:
  - name: calendar
    password: { env: PASSWORD }
    recipients: ["sip:*@example.test"]
    notifyUrls: ["${new URL(listener.url).origin}/*"]
sip:
  from: sip:gateway@example.test
  proxy: ${uriOf(core, "UDP")}
  listen: ["udp:127.0.0.2:0", "tcp:127.0.0.2:0"]
  trusted: [127.0.0.1]
console: { users: [{ name: calendar, password: { env: PASSWORD } }] }
`;
    const config = await readPpgConfig(text, { env: { PASSWORD: "secret" }, readFile, directory: folder.path });
    const gateway = await Gateway.open(config, { consoleDirectory, logger: silentLogger });
    opened.push(gateway);
    return gateway;
  }

  it.each(["SQLite", "PostgreSQL"])(
    "shows a push from the test form to the handset, and what others wrote as text and nothing else, on %s",
    async (kind) => {
      const answers = [{ statusCode: 200 }, { statusCode: 603, reason: markup }];
      const handlers = { default: async () => answers.shift() ?? { statusCode: 500 } };
      const { pushes } = await agents.openRegistered({ ...handsetBehind(core), handlers });
      const gateway = await openGateway(kind === "SQLite" ? "sqlite" : await cluster.makeDatabase());
      const [url = ""] = gateway.console;
      const page = await chromium.openPage(url);
      await page.goto(`${url}submit`);
      await logIn(page, { name: "calendar", password: "secret" });
      await page.getByLabel("Addresses").fill(ALICE);
      await page.getByLabel("Text", { exact: true }).check();
      await page.getByRole("textbox", { name: "Text", exact: true }).fill("Grüße");
      await page.getByRole("button", { name: "Submit" }).click();
      await page.getByRole("status").getByText("1001 Accepted for Processing").waitFor();
      expect(Buffer.from((await pushes.next()).body).toString("utf8")).toBe("Grüße");
      await page.getByRole("status").getByRole("link").click();
      await page.locator(".delivery summary .pill.delivered").waitFor();

      const initiator = new PushInitiator({
        url: gateway.pap[0] ?? "",
        credentials: { user: "calendar", password: "secret" },
      });
      opened.push(initiator);
      const submission = {
        pushId: markup,
        addresses: [ALICE, "sip:%3Cimg%20src=x%20onerror=document.title='taken'%3E@example.test"],
        content: {
          contentType: `text/plain;x="<script>document.title='taken'</script>"`,
          body: new Uint8Array(1),
          applicationId: "push.syncml",
        },
        sourceReference: markup,
        notifyUrl: `${listener.url}?<script>`,
      };
      expect(await initiator.push(submission)).toMatchObject({ kind: "answered", papCode: 1001 });
      await page.goto(url);
      const row = page.locator("table.pushes tbody tr").filter({ hasText: markup });
      await row.first().waitFor();
      await row.first().getByRole("link", { name: markup }).click();
      await page.getByRole("heading", { name: markup }).waitFor();
      const ofAlice = page.locator(".delivery").filter({ hasText: ALICE });
      await ofAlice.locator("summary .pill.aborted").waitFor();
      await ofAlice.locator("summary").click();
      await ofAlice.getByText(`603 ${markup}`).first().waitFor();
      expect(await page.locator(".facts").innerText()).toContain("<script>");
      expect(await page.locator("main img, main script").count()).toBe(0);
      expect(await page.title()).not.toBe("taken");
    },
  );
});
