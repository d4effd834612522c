import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Chromium } from "../support/chromium.ts";
import { ConsoleGateway, delivered, logIn } from "../support/console-gateway.ts";
import { describeWithPeers } from "../support/describe-with-peers.ts";

const alice = "sip:alice@example.test";

describeWithPeers("an operator at the console in Chromium", ["chromium"], () => {
  let chromium: Chromium;
  let gateway: ConsoleGateway;
  let page: Page;

  beforeAll(async () => {
    chromium = await Chromium.launch();
  });
  afterAll(() => chromium.close());
  beforeEach(async () => {
    gateway = await ConsoleGateway.open();
    page = await chromium.openPage(gateway.url);
  });
  afterEach(async () => {
    const faults = await chromium.closePages();
    await gateway.close();
    expect(faults).toEqual([]);
  });

  async function openLoggedIn(path = ""): Promise<void> {
    await page.goto(`${gateway.url}${path}`);
    await logIn(page);
  }
  const rows = () => page.locator("table.pushes tbody tr");

  it("finds pushes by any spelling of an address, and what was rejected by the address", async () => {
    await gateway.accept("bob", ["sip:bob@example.test"]);
    const nobody = "WAPPUSH=x/TYPE=NONE@ppg.example.test";
    const rejected = { papCode: 2002, reason: "addresses of type NONE are not served" };
    await gateway.accept("half", [alice], {
      recipients: [
        { address: alice, recipient: alice },
        { address: nobody, recipient: nobody, rejected },
        { address: "of an older gateway", recipient: "", rejected },
      ],
    });
    await openLoggedIn();
    await rows().nth(3).waitFor();
    await rows().filter({ hasText: "of an older gateway" }).waitFor();
    for (const [text, pushId] of [
      ["SIP:bob@EXAMPLE.test", "bob"],
      [nobody, "half"],
    ] as const) {
      await page.getByRole("textbox", { name: "Recipient", description: /whole address/ }).fill(text);
      await page.getByRole("button", { name: "Filter" }).click();
      await rows().nth(1).waitFor({ state: "detached" });
      expect(await rows().innerText()).toContain(pushId);
    }
    await rows().getByRole("link").click();
    await page.locator(".delivery summary").filter({ hasText: nobody }).waitFor();
  });

  describe("the form of a test push", () => {
    const session = () => page.getByRole("spinbutton", { name: "Session id" });

    it("has a session id of its own for each push, which may be typed over", async () => {
      await openLoggedIn("submit");
      await page.getByLabel("Addresses").fill(alice);
      await page.getByLabel("Server", { exact: true }).fill("ds.example.test");
      await session().fill("7");
      await session().press("Enter");
      await page.getByRole("status").getByText("1001 Accepted").waitFor();
      const next = await session().inputValue();
      expect(Number(next)).toBeLessThan(65_536);
      await page.getByRole("button", { name: "Submit" }).click();
      await page.getByRole("status").getByText("1001 Accepted").waitFor();
      await expect.poll(async () => (await gateway.store.find({ limit: 10 })).deliveries.length).toBe(2);
      const { deliveries } = await gateway.store.find({ limit: 10 });
      const contents = await Promise.all(deliveries.map(async ({ push }) => (await gateway.store.push(push))?.content));
      // OMA DS 1.2 notification: 16 octets of digest, then version, mode, initiator, and the session id in octets 21 and 22.
      const ids = contents.map((octets) => Buffer.from(octets ?? []).readUInt16BE(21));
      expect(ids).toEqual([Number(next), 7]);
    });

    it("keeps the session id that somebody typed while another field is wrong", async () => {
      await openLoggedIn("submit");
      await session().fill("7");
      await page.getByRole("button", { name: "Submit" }).click();
      await page.getByText("Give at least one address.").waitFor();
      expect(await session().inputValue()).toBe("7");
    });
  });

  it("tells a delivery report from one that never came", async () => {
    const confirmed = { deliveryMethod: "confirmed" as const };
    const first = await gateway.accept("one", [alice], confirmed);
    const second = await gateway.accept("two", [alice], confirmed);
    const toReport = { to: "waiting-report", sipStatus: 202, papCode: 1001, reason: "Accepted", waitMs: 0 } as const;
    await gateway.attempt(() => toReport);
    const reasons = { one: "the delivery report says delivered", two: "Accepted; no delivery report came" };
    await gateway.attempt(
      ({ content: { pushId } }) => ({ ...delivered, reason: reasons[pushId as keyof typeof reasons] }),
      Date.now() + 1_000,
    );
    const titles = () => page.locator(".timeline strong").allInnerTexts();
    await openLoggedIn(`pushes/${first}`);
    await expect.poll(titles).toEqual(["Accepted", "Attempt 1", "Delivery report"]);
    await page.goto(`${gateway.url}pushes/${second}`);
    await expect.poll(titles).toEqual(["Accepted", "Attempt 1", "No delivery report"]);
  });

  it("says that a login is over, and that logging out did not reach the gateway", async () => {
    await openLoggedIn();
    const isLogOut = (url: URL): boolean => url.pathname.endsWith("/api/session");
    await page.route(isLogOut, (route) => route.fulfill({ status: 429, body: "<html>" }));
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByRole("alert").getByText("Still logged in: The gateway does not answer.").waitFor();
    await page.unroute(isLogOut);
    await page.context().clearCookies();
    await page.getByRole("button", { name: "Filter" }).click();
    await page.getByRole("status").getByText("The login before is over.").waitFor();
    await logIn(page);
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByLabel("Password").waitFor();
    expect(await page.getByText("The login before is over.").count()).toBe(0);
  });

  it("begins at the content of the page that a link leads to", async () => {
    for (let n = 0; n < 60; n++) await gateway.accept(`push-${n}@example.test`, [alice]);
    await openLoggedIn();
    await rows().nth(49).waitFor();
    await page.getByRole("link", { name: "Older" }).press("Enter");
    await page.locator("main:focus").waitFor();
    await rows().first().filter({ hasText: "push-9@" }).waitFor();
    expect(await page.evaluate("scrollY")).toBe(0);
  });

  it("shows what turns the direction of writing without turning what stands beside it", async () => {
    const id = await gateway.accept("one", ["sip:\u202Eecila@example.test"]);
    await openLoggedIn(`pushes/${id}`);
    const leftOf = async (text: string): Promise<number> =>
      (await page.locator(".delivery summary").getByText(text).boundingBox())?.x ?? Number.NaN;
    expect(await leftOf("sip:")).toBeLessThan(await leftOf("pending"));
    expect(await leftOf("pending")).toBeLessThan(await leftOf("1001"));
  });

  it.each([1_280, 1_400, 1_920])("shows all columns of the list on a screen of %i pixels", async (width) => {
    await page.setViewportSize({ width, height: 800 });
    const yesterday = Date.now() - 86_400_000;
    const to = [`sip:${"y".repeat(200)}@example.test`, alice];
    const pushId = `${"x".repeat(200)}@example.test`;
    await gateway.accept(pushId, to, { initiator: "i".repeat(64) }, yesterday);
    await gateway.attempt(
      () => ({ to: "waiting-report", sipStatus: 202, papCode: 1001, reason: "", waitMs: 60_000 }),
      yesterday,
    );
    await openLoggedIn();
    await rows().nth(1).waitFor();
    expect(await page.evaluate("(box => box.scrollWidth - box.clientWidth)(document.querySelector('.scroll'))")).toBe(
      0,
    );
    const cutOff = (cells: string): Promise<string[]> =>
      page.evaluate(`[...document.querySelectorAll("table.pushes ${cells}")]
        .filter((cell) => cell.scrollWidth > cell.clientWidth).map((cell) => cell.innerText)`);
    expect(await cutOff("td:not(.long)")).toEqual([]);
    expect(await cutOff("td.long")).toContain(pushId);
    expect(await cutOff("td.long")).not.toContain(alice);
  });
});
