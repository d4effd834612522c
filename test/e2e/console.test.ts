import type { consoleApi } from "@sip-push/console";
import type { consoleViews } from "@sip-push/ppg";
import { type Clock, systemClock } from "@sip-push/sip";
import type { Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, expectTypeOf, it } from "vitest";
import { Chromium } from "../support/chromium.ts";
import { absent, busy, ConsoleGateway, consoleUser, delivered, logIn, notFound } from "../support/console-gateway.ts";
import { describeWithPeers } from "../support/describe-with-peers.ts";

const alice = "sip:alice@example.test";
const bob = "sip:bob@example.test";

it("answers what the page expects (checked with the types)", () => {
  expectTypeOf<consoleViews.DeliveryListView>().toEqualTypeOf<consoleApi.DeliveryListView>();
  expectTypeOf<consoleViews.DeliveryTimelineView>().toEqualTypeOf<consoleApi.DeliveryTimelineView>();
  expectTypeOf<consoleViews.OverviewView>().toEqualTypeOf<consoleApi.OverviewView>();
  expectTypeOf<consoleViews.PushView>().toEqualTypeOf<consoleApi.PushView>();
  expectTypeOf<consoleViews.SubmitView>().toEqualTypeOf<consoleApi.SubmitView>();
});

describeWithPeers("the console in Chromium", ["chromium"], () => {
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

  const at = (path: string): string => `${gateway.url}${path}`;
  const expectShown = (what: Locator): Promise<void> => what.waitFor();
  const expectText = (text: string | RegExp): Promise<void> => expectShown(page.getByText(text).first());
  const rows = () => page.locator("table.pushes tbody tr");
  const row = (pushId: string) => rows().filter({ hasText: pushId });
  const cells = (pushId: string): Promise<string[]> => row(pushId).locator("td").allInnerTexts();

  async function openLoggedIn(path = ""): Promise<void> {
    await page.goto(at(path));
    await logIn(page);
  }

  describe("login", () => {
    it("says that a password is wrong, and lets in with the right one", async () => {
      await page.goto(gateway.url);
      await logIn(page, { ...consoleUser, password: "wrong" });
      await expectShown(page.getByRole("alert").filter({ hasText: "Name or password is wrong." }));
      await page.getByLabel("Password").fill(consoleUser.password);
      await page.getByLabel("Password").press("Enter");
      await expectShown(page.getByRole("heading", { name: "Pushes" }));
    });

    it("names the fields that are empty, beside them", async () => {
      await page.goto(gateway.url);
      await page.getByRole("button", { name: "Log in" }).click();
      await expectShown(page.getByRole("textbox", { name: "Name", description: "Give your name." }));
      await expectShown(page.getByRole("textbox", { name: "Password", description: "Give your password." }));
    });

    it("can be done by keyboard alone, and leads to the page that was asked for", async () => {
      await page.goto(at("overview"));
      // Focus comes a moment after it is shown.
      await expectShown(page.getByLabel("Name").and(page.locator(":focus")));
      await page.keyboard.type(consoleUser.name);
      await page.keyboard.press("Tab");
      await page.keyboard.type(consoleUser.password);
      await page.keyboard.press("Enter");
      await expectShown(page.getByRole("heading", { name: "Overview", exact: true }));
    });

    it("is asked for again after logging out", async () => {
      await openLoggedIn();
      await page.getByRole("button", { name: "Log out" }).click();
      await expectShown(page.getByLabel("Password"));
      await page.goto(gateway.url);
      await expectShown(page.getByLabel("Password"));
    });
  });

  it("stays logged in on a page that asks for nothing by itself, while that is looked at", async () => {
    await page.clock.install();
    await openLoggedIn("submit");
    await expectShown(page.getByRole("heading", { name: "Test push" }));
    const asked = page.waitForRequest("**/console/api/session");
    await page.clock.fastForward("20:00");
    await asked;
  });

  describe("the list", () => {
    it("shows pushes as they come and go on, without being asked again", async () => {
      await openLoggedIn();
      await expectText("No push yet.");
      await gateway.accept("one@example.test", [alice]);
      await expectShown(row("one@example.test"));
      expect((await cells("one@example.test")).slice(3)).toEqual([
        "calendar",
        alice,
        "pending",
        "1001 Accepted for Processing",
        "",
        "0",
      ]);
      await gateway.attempt(() => delivered);
      await expectShown(row("one@example.test").getByText("delivered", { exact: true }));
      expect((await cells("one@example.test")).slice(5)).toEqual(["delivered", "1000 OK", "200", "1"]);
      await gateway.accept("two@example.test", [bob]);
      await expectShown(row("two@example.test"));
      expect(await rows().first().innerText()).toContain("two@example.test");
    });

    it("hears of changes at once: it need not ask", async () => {
      await gateway.accept("one@example.test", [alice]);
      const listening = page.waitForResponse("**/console/api/changes");
      await openLoggedIn();
      await expectShown(row("one@example.test"));
      await listening;
      let asked = 0;
      await page.route("**/console/api/deliveries*", () => asked++); // and never answered
      await gateway.attempt(() => delivered);
      await expectShown(row("one@example.test").getByText("delivered", { exact: true }));
      expect(asked).toBeLessThan(2);
    });

    it("leaves the browser's connections to others while nobody looks at it, and is live again when somebody does", async () => {
      await gateway.accept("one@example.test", [alice]);
      await openLoggedIn();
      await expectShown(row("one@example.test"));
      // For all pages together Chromium has six connections to a server.
      const behind: Page[] = [];
      for (let n = 0; n < 6; n++) {
        const other = await page.context().newPage();
        await other.addInitScript(`Object.defineProperty(document, "hidden", { value: true, configurable: true })`);
        await other.goto(gateway.url);
        await other.getByText("one@example.test").waitFor();
        behind.push(other);
      }
      const [first] = behind as [Page];
      const listening = first.waitForResponse("**/console/api/changes");
      await first.evaluate(`delete document.hidden; document.dispatchEvent(new Event("visibilitychange"))`);
      expect((await listening).status()).toBe(200);
      await gateway.attempt(() => delivered);
      await first.locator("td .pill.delivered").waitFor();
    });

    it("stands still while it is paused", async () => {
      await gateway.accept("one@example.test", [alice]);
      await openLoggedIn();
      await expectShown(row("one@example.test"));
      await page.getByRole("button", { name: "Live" }).click();
      await expectShown(page.getByRole("button", { name: "Paused" }));
      const live = await page.context().newPage();
      await live.goto(gateway.url);
      await live.getByText("one@example.test").waitFor();
      await gateway.attempt(() => delivered);
      await gateway.accept("two@example.test", [bob]);
      await live.locator("td .pill.delivered").waitFor();
      await live.getByText("two@example.test").waitFor();
      await page.evaluate("new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))");
      expect(await row("two@example.test").count()).toBe(0);
      expect(await row("one@example.test").innerText()).toContain("pending");
      await page.getByRole("button", { name: "Paused" }).click();
      await expectShown(row("two@example.test"));
    });

    it("filters by push-id, recipient, initiator and state, in an address that can be shared", async () => {
      await gateway.accept("one@example.test", [alice]);
      await gateway.attempt(() => delivered);
      await gateway.accept("two@example.test", [bob], { initiator: "mail" });
      await openLoggedIn();
      await expectShown(row("one@example.test"));
      const only = async (pushId: string): Promise<void> => {
        await expectShown(row(pushId));
        await rows().nth(1).waitFor({ state: "detached" });
      };
      await page.getByLabel("Recipient").fill(bob);
      await page.getByLabel("Recipient").press("Enter");
      await only("two@example.test");
      expect(new URL(page.url()).searchParams.get("recipient")).toBe(bob);
      await page.getByRole("link", { name: "Show all" }).click();
      await expectShown(row("one@example.test"));
      await page.getByLabel("State").selectOption("delivered");
      await only("one@example.test");
      await page.getByLabel("Initiator").fill("mail");
      await page.getByRole("button", { name: "Filter" }).click();
      await expectText("No push is like that.");
      await page.goBack();
      await only("one@example.test");
      await page.goto(at("?pushId=two%40example.test"));
      await only("two@example.test");
      expect(await page.getByLabel("Push-id").inputValue()).toBe("two@example.test");
      await page.goto(at("?state=gone"));
      await expectShown(page.getByRole("alert").filter({ hasText: "There is no such state." }));
    });

    it("comes in pages", async () => {
      for (let n = 1; n <= 60; n++) await gateway.accept(`push-${n}@example.test`, [alice]);
      await openLoggedIn();
      await expectShown(row("push-60@"));
      expect(await rows().count()).toBe(50);
      await page.getByRole("link", { name: "Older" }).click();
      await expectShown(row("push-10@"));
      expect(await rows().count()).toBe(10);
      await page.getByRole("link", { name: "Newest" }).click();
      await expectShown(row("push-60@"));
    });
  });

  describe("one push", () => {
    it("has a timeline of its attempts, its result, and what comes next", async () => {
      const nowMs = Date.now();
      const wants = { notifyUrl: "https://pi.example.test/results", deliveryMethod: "confirmed" as const };
      await gateway.accept("one@example.test", [alice], wants, nowMs - 10_000);
      await gateway.attempt(() => ({ ...busy, waitMs: 4_000, tookMs: 31 }), nowMs - 9_000);
      await openLoggedIn();
      await page.getByRole("link", { name: "one@example.test" }).click();
      await expectShown(page.getByRole("heading", { name: "one@example.test" }));
      const timeline = page.locator(".timeline");
      await expectShown(timeline.getByText("Attempt 1"));
      expect(await timeline.innerText()).toMatch(
        /Accepted[^]*Attempt 1 waiting to retry SIP 486 in 31 ms\s+5029 .*: Busy Here/,
      );
      await expectShown(timeline.getByText("next attempt"));
      await gateway.attempt(() => delivered);
      await expectShown(timeline.getByText("Attempt 2"));
      await expectShown(timeline.getByText("Result waits to be told"));
      const [notification] = await gateway.store.claimNotifications({
        owner: "n",
        limit: 1,
        nowMs: Date.now() + 1_000,
        leaseMs: 1_000,
      });
      if (notification === undefined) throw new Error("no result to tell");
      await gateway.store.settleNotifications([{ notification, verdict: "accepted", atMs: Date.now() }]);
      await expectShown(timeline.getByText("Result told to the initiator"));
      const facts = await page.locator(".facts").innerText();
      for (const fact of ["application/vnd.syncml.ds.notification, 44 octets", "push.syncml", "confirmed", "calendar"])
        expect(facts).toContain(fact);
    });

    it("shows times of the reader's zone, and UTC on hover", async () => {
      await gateway.accept("one@example.test", [alice], {}, Date.UTC(2026, 0, 15, 11, 30, 5, 250));
      await openLoggedIn();
      await page.getByRole("link", { name: "one@example.test" }).click();
      const time = page.locator(".facts time").first();
      expect(await time.innerText()).toBe("15 Jan 2026, 12:30:05.250");
      expect(await time.getAttribute("title")).toBe("2026-01-15 11:30:05.250 UTC");
    });

    it("can be taken back, wholly or for one address, after a question", async () => {
      await gateway.accept("one@example.test", [alice, bob]);
      await gateway.attempt(({ recipient }) => (recipient === alice ? absent : undefined));
      await openLoggedIn();
      await page.getByRole("link", { name: "one@example.test" }).first().click();
      const states = () => page.locator(".delivery summary .pill").allInnerTexts();
      await page.locator(".delivery").filter({ hasText: "bob" }).locator("summary").click();
      await page.getByRole("button", { name: "Cancel this delivery" }).click();
      await page.getByRole("button", { name: "Keep it" }).click();
      expect((await states()).sort()).toEqual(["pending", "waiting to retry"]);
      await page.getByRole("button", { name: "Cancel this delivery" }).click();
      await expectShown(page.getByRole("dialog").getByText(bob));
      await page.getByRole("button", { name: "Yes, cancel" }).click();
      await expectShown(page.getByRole("status").filter({ hasText: `${bob}: cancelled` }));
      await expectShown(page.locator(".delivery").filter({ hasText: "bob" }).locator("summary .pill.cancelled"));
      expect((await states()).sort()).toEqual(["cancelled", "waiting to retry"]);
      await page.getByRole("button", { name: "Cancel push" }).click();
      await page.getByRole("button", { name: "Yes, cancel" }).click();
      await expectShown(page.locator(".delivery").filter({ hasText: "alice" }).locator("summary .pill.cancelled"));
      expect(await page.getByRole("button", { name: "Cancel push" }).count()).toBe(0);
    });

    it("keeps the focus of who thinks better of taking it back", async () => {
      const id = await gateway.accept("one@example.test", [alice]);
      await openLoggedIn(`pushes/${id}`);
      const button = page.getByRole("button", { name: "Cancel push" });
      await button.press("Enter");
      await page.getByRole("button", { name: "Keep it" }).press("Enter");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      await expectShown(button.and(page.locator(":focus")));
    });

    it("can be taken back from any page of its recipients", async () => {
      const to = Array.from({ length: 51 }, (_, n) => `sip:handset${n}@example.test`);
      const id = await gateway.accept("one@example.test", to);
      const [live] = (await gateway.store.find({ pushId: "one@example.test", limit: 100 })).deliveries.slice(-1);
      await gateway.attempt(({ recipient }) => (recipient === live?.recipient ? undefined : delivered));
      await openLoggedIn(`pushes/${id}`);
      await expectShown(page.locator(".delivery").nth(49));
      expect(await page.locator(".delivery summary .pill:not(.delivered)").count()).toBe(0);
      await page.getByRole("button", { name: "Cancel push" }).click();
      await page.getByRole("button", { name: "Yes, cancel" }).click();
      await expectShown(page.getByRole("status").filter({ hasText: `${live?.recipient}: cancelled` }));
    });

    it("says so when it is not there", async () => {
      await openLoggedIn("pushes/77");
      await expectShown(page.getByRole("alert").filter({ hasText: "There is no such push any more." }));
    });
  });

  describe("the overview", () => {
    it("draws rates, counts states, and names open breakers", async () => {
      let nowMs = 0;
      const clock: Clock = { ...systemClock, now: () => nowMs, date: () => new Date(Date.UTC(2026, 0, 1) + nowMs) };
      await gateway.close();
      gateway = await ConsoleGateway.open(clock);
      page = await chromium.openPage(gateway.url);
      await gateway.accept("one@example.test", [alice, bob]);
      await gateway.attempt(({ recipient }) => (recipient === alice ? delivered : notFound));
      nowMs += 2_000; // the slot in which that happened is over
      const destination = "sip.example.test";
      gateway.bus.observe({ event: "breaker", destination, phase: "open", atMs: Date.now() });
      await openLoggedIn("overview");
      await expectShown(page.getByText("sip.example.test"));
      const drawn = `(() => {
        const canvas = document.querySelector(".plot canvas");
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return data.filter((value, index) => index % 4 === 3 && value > 0).length;
      })()`;
      await expectShown(page.locator(".plot canvas"));
      expect(await page.evaluate(drawn)).toBeGreaterThan(1_000);
      const count = (state: string) => page.locator(".bars tr").filter({ hasText: state }).locator("td.number");
      expect(await count("undeliverable").innerText()).toBe("1");
      expect(
        await page
          .locator(".bars tr")
          .filter({ has: page.locator(".pill.delivered") })
          .locator("td.number")
          .innerText(),
      ).toBe("1");
      await expectShown(page.getByRole("img", { name: /now: accepted 1, delivered 0\.5, attempts 1, failed 0\.5/ }));
    });
  });

  describe("a test push", () => {
    const fill = async (address: string): Promise<void> => {
      await page.getByLabel("Addresses").fill(address);
      await page.getByLabel("Server", { exact: true }).fill("ds.example.test");
    };

    it("is submitted, and its answer leads to it", async () => {
      await openLoggedIn("submit");
      await fill(`${alice}\n${bob}`);
      await page.getByLabel("Priority").selectOption("high");
      await page.getByRole("button", { name: "Submit" }).click();
      const answer = page.getByRole("status");
      await expectShown(answer.getByText("1001 Accepted for Processing"));
      await answer.getByRole("link").click();
      await expectShown(page.locator(".delivery").nth(1));
      const facts = await page.locator(".facts").innerText();
      expect(facts).toContain("application/vnd.syncml.ds.notification, 55 octets");
      expect(facts).toContain("high");
      expect(facts).toContain("admin");
    });

    it("may hold a text or octets", async () => {
      await openLoggedIn("submit");
      await page.getByLabel("Addresses").fill(alice);
      await page.getByLabel("Text", { exact: true }).check();
      await page.getByRole("textbox", { name: "Text", exact: true }).fill("Grüße");
      await page.getByRole("button", { name: "Submit" }).click();
      await expectText("1001 Accepted for Processing");
      await page.getByLabel("Octets", { exact: true }).check();
      await page.getByRole("textbox", { name: "Octets" }).fill("00 80 zz");
      await page.getByRole("button", { name: "Submit" }).click();
      await expectShown(page.getByRole("textbox", { name: "Octets", description: /pairs of hexadecimal digits/ }));
      await page.getByRole("textbox", { name: "Octets" }).fill("00 80 ff");
      await page.getByRole("button", { name: "Submit" }).click();
      // The page may still show the answer to the first.
      await expect.poll(async () => (await gateway.store.find({ limit: 10 })).deliveries.length).toBe(2);
      await expectText("1001 Accepted for Processing");
      const { deliveries } = await gateway.store.find({ limit: 10 });
      const contents = await Promise.all(deliveries.map(async ({ push }) => (await gateway.store.push(push))?.content));
      expect(contents.map((octets) => Buffer.from(octets ?? []).toString("hex"))).toEqual(["0080ff", "4772c3bcc39f65"]);
    });

    it("says beside a field what is wrong with it", async () => {
      await openLoggedIn("submit");
      await page.getByLabel("Addresses").fill(`${alice}\nalice`);
      await page.getByRole("button", { name: "Submit" }).click();
      await expectShown(
        page.getByRole("textbox", { name: "Addresses", description: /Line 2: "alice" is no WAPPUSH address/ }),
      );
      await fill(alice);
      await page.getByLabel("Datastore's type").fill("x/none");
      await page.getByRole("button", { name: "Submit" }).click();
      await expectShown(page.getByRole("textbox", { name: "Datastore's type", description: /has no WSP code/ }));
      await expectShown(page.locator(":focus[aria-invalid=true]"));
    });

    it.each([
      ["is half written", async (field: Locator) => field.pressSequentially("0101")],
      ["has a year too many", async (field: Locator) => field.fill("12026-01-01T00:00")],
    ])("is not submitted with a time that %s", async (_what, write) => {
      await openLoggedIn("submit");
      await fill(alice);
      await write(page.getByLabel("Deliver before"));
      await page.getByRole("button", { name: "Submit" }).click();
      await expectShown(page.getByLabel("Deliver before").and(page.locator("[aria-invalid]")));
      await expectText("This is no time.");
      await page.getByLabel("Deliver before").fill("");
      await page.getByRole("button", { name: "Submit" }).click();
      await expectText("1001 Accepted for Processing");
      expect((await gateway.store.find({ limit: 10 })).deliveries.length).toBe(1);
    });

    it("shows what the gateway refuses", async () => {
      await openLoggedIn("submit");
      await fill("sip:alice@example.org");
      await page.getByRole("button", { name: "Submit" }).click();
      await expectShown(page.getByRole("status").getByText("2001 Forbidden"));
    });
  });
});
