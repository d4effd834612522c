import type { Locator } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { Chromium } from "../support/chromium.ts";
import { busy, ConsoleGateway, logIn } from "../support/console-gateway.ts";
import { describeWithPeers } from "../support/describe-with-peers.ts";

const alice = "sip:alice@example.test";

describeWithPeers("the console on screens of all sizes", ["chromium"], () => {
  let chromium: Chromium;
  let gateway: ConsoleGateway;

  beforeAll(async () => {
    chromium = await Chromium.launch();
  });
  afterAll(() => chromium.close());
  beforeEach(async () => {
    gateway = await ConsoleGateway.open();
  });
  afterEach(async () => {
    const faults = await chromium.closePages();
    await gateway.close();
    expect(faults).toEqual([]);
  });

  const shown = (what: Locator): Promise<void> => what.first().waitFor();

  it.each([360, 1280])("fits screens of %i pixels, however long what others wrote is", async (width) => {
    const page = await chromium.openPage(gateway.url, { viewport: { width, height: 800 } });
    const pushId = `${"x".repeat(240)}@example.test`;
    const id = await gateway.accept(pushId, [`sip:${"y".repeat(400)}@example.test`], {
      initiator: "i".repeat(64),
      contentType: `text/plain;p="${"q".repeat(300)}"`,
      notifyUrl: `http://pi.example.test/${"n".repeat(600)}`,
      applicationData: { applicationId: "a".repeat(255), sourceReference: "s".repeat(255), papVersion: "2.1" },
    });
    await gateway.attempt(() => ({ ...busy, reason: "R".repeat(500) }));
    await page.goto(gateway.url);
    await logIn(page);
    const row = page.locator("table.pushes tbody tr");
    await shown(row);
    const pages = { "": row, [`pushes/${id}`]: page.getByText("R".repeat(500)), submit: page.locator("form") };
    for (const [path, what] of Object.entries(pages)) {
      await page.goto(gateway.url + path);
      await shown(what);
      expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path).toBe(true);
    }
  });

  it.each([
    ["light", 390],
    ["dark", 390],
    ["dark", 1280],
  ] as const)("fits %s screens of %i pixels", async (colorScheme, width) => {
    const page = await chromium.openPage(gateway.url, { colorScheme, viewport: { width, height: 800 } });
    const id = await gateway.accept("a-rather-long-push-id-of-an-initiator-0123456789@example.test", [alice]);
    await gateway.attempt(() => busy);
    await page.goto(gateway.url);
    await logIn(page);
    await shown(page.locator("table.pushes tbody tr"));
    for (const path of ["", `pushes/${id}`, "overview", "submit"]) {
      await page.goto(gateway.url + path);
      await shown(page.locator("h1"));
      await expect.poll(() => page.title()).toMatch(/^(Pushes|Overview|Test push) · SIP Push$/);
      expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
    }
    const back = await page.evaluate("getComputedStyle(document.body).backgroundColor");
    expect(back).toBe(colorScheme === "dark" ? "rgb(18, 22, 27)" : "rgb(246, 247, 249)");
  });
});
