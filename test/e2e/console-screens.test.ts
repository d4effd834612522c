import type { Browser, BrowserContextOptions, Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { launchChromium, openPage, type WatchedPage } from "../support/chromium.ts";
import { busy, ConsoleGateway, consoleUser } from "../support/console-gateway.ts";
import { describeWithPeers } from "../support/describe-with-peers.ts";

// A browser, a gateway and password hashes on two cores that have other work too.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const alice = "sip:alice@example.test";

describeWithPeers("the console on screens of all sizes", ["chromium"], () => {
  let browser: Browser;
  let gateway: ConsoleGateway;
  let watched: WatchedPage;
  let page: Page;

  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    gateway = await ConsoleGateway.open();
  });
  afterEach(async () => {
    await watched.context.close();
    await gateway.close();
    expect(watched.faults).toEqual([]);
  });

  const at = (path: string): string => `${gateway.url}${path}`;
  const shown = (what: Locator): Promise<void> => what.first().waitFor();
  const row = (pushId: string) => page.locator("table.pushes tbody tr").filter({ hasText: pushId });

  async function openConsole(options: BrowserContextOptions): Promise<void> {
    watched = await openPage(browser, new URL(gateway.url).origin, options);
    page = watched.page;
  }

  async function logIn(): Promise<void> {
    await page.goto(gateway.url);
    await page.getByLabel("Name").fill(consoleUser.name);
    await page.getByLabel("Password").fill(consoleUser.password);
    await page.getByRole("button", { name: "Log in" }).click();
  }

  it.each([360, 1280])("fits screens of %i pixels, however long what others wrote is", async (width) => {
    await openConsole({ viewport: { width, height: 800 } });
    const pushId = `${"x".repeat(240)}@example.test`;
    const id = await gateway.accept(pushId, [`sip:${"y".repeat(400)}@example.test`], {
      initiator: "i".repeat(64),
      contentType: `text/plain;p="${"q".repeat(300)}"`,
      notifyUrl: `http://pi.example.test/${"n".repeat(600)}`,
      applicationData: { applicationId: "a".repeat(255), sourceReference: "s".repeat(255), papVersion: "2.1" },
    });
    await gateway.attempt(() => ({ ...busy, reason: "R".repeat(500) }));
    await logIn();
    await shown(row(pushId));
    const pages = { "": row(pushId), [`pushes/${id}`]: page.getByText("R".repeat(500)), submit: page.locator("form") };
    for (const [path, what] of Object.entries(pages)) {
      await page.goto(at(path));
      await shown(what.first());
      expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path).toBe(true);
    }
  });

  it.each([
    ["light", 390],
    ["dark", 390],
    ["dark", 1280],
  ] as const)("fits %s screens of %i pixels", async (colorScheme, width) => {
    await openConsole({ colorScheme, viewport: { width, height: 800 } });
    const id = await gateway.accept("a-rather-long-push-id-of-an-initiator-0123456789@example.test", [alice]);
    await gateway.attempt(() => busy);
    await logIn();
    await shown(row("a-rather-long"));
    for (const path of ["", `pushes/${id}`, "overview", "submit"]) {
      await page.goto(at(path));
      await shown(page.locator("h1"));
      await expect.poll(() => page.title()).toMatch(/^(Pushes|Overview|Test push) · SIP Push$/);
      expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
    }
    const back = await page.evaluate("getComputedStyle(document.body).backgroundColor");
    expect(back).toBe(colorScheme === "dark" ? "rgb(18, 22, 27)" : "rgb(246, 247, 249)");
  });
});
