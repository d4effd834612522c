// Takes the pictures of docs/console.md: node --conditions=@sip-push/source test/support/console-screenshots.ts
// The gateway is a real one; its pushes and their fates are made up.
import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { type Clock, systemClock } from "@sip-push/sip";
import type { Page } from "playwright-core";
import { Chromium } from "./chromium.ts";
import { type Attempt, absent, busy, ConsoleGateway, consoleUser, delivered, notFound } from "./console-gateway.ts";

const folder = resolve(import.meta.dirname, "../../docs/images");
const HISTORY_MS = 600_000;
const SLOT_MS = 2_000;

/** Ten minutes that pass at once, so that the plots have a past; then the machine's time. */
let pastMs: number | undefined = 0;
let startMs = systemClock.now();
let startDateMs = Date.now();
const clock: Clock = {
  now: () => (pastMs === undefined ? systemClock.now() : startMs - HISTORY_MS + pastMs),
  date: () => new Date(pastMs === undefined ? Date.now() : startDateMs - HISTORY_MS + pastMs),
  schedule: (delayMs, fire) => systemClock.schedule(delayMs, fire),
};

const gateway = await ConsoleGateway.open(clock);
const chromium = await Chromium.launch();
const load = setInterval(() => observeLoad(1), SLOT_MS);
try {
  [startMs, startDateMs] = [systemClock.now(), Date.now()];
  for (pastMs = 0; pastMs < HISTORY_MS; pastMs += SLOT_MS) observeLoad(pastMs / HISTORY_MS);
  pastMs = undefined;
  observeLoad(1);
  await makePushes();
  for (const colorScheme of ["light", "dark"] as const) await takeAll(colorScheme);
} finally {
  clearInterval(load);
  await chromium.close();
  await gateway.close();
}

/** Two seconds of load, as events only. @param at 0 is ten minutes ago, 1 is now. */
function observeLoad(at: number): void {
  const wave = 1 + 0.35 * Math.sin(at * 9) + 0.12 * Math.sin(at * 71) + (at > 0.55 && at < 0.66 ? 0.8 : 0);
  const down = at > 0.4 && at < 0.47;
  const count = (perSecond: number): number => Math.round((perSecond * wave * SLOT_MS) / 1_000);
  const of = { push: 0, pushId: "", initiator: "calendar", atMs: 0, delivery: 0, recipient: "" };
  const state = {
    ...of,
    event: "state",
    from: "sending",
    papCode: 1000,
    sipStatus: 200,
    reason: "",
    acceptedAtMs: 0,
  } as const;
  const attempt = {
    ...of,
    event: "attempt",
    callId: "",
    attempt: 1,
    sipStatus: 200,
    papCode: 1000,
    via: "message",
  } as const;
  gateway.bus.observe({ ...of, event: "accepted", recipients: count(120), elapsedMs: 1 });
  for (let n = count(down ? 60 : 112); n > 0; n--) gateway.bus.observe({ ...state, to: "delivered" });
  for (let n = count(down ? 22 : 4); n > 0; n--) gateway.bus.observe({ ...state, to: "undeliverable" });
  for (let n = count(down ? 150 : 126); n > 0; n--) gateway.bus.observe({ ...attempt, startedAtMs: 0 });
}

async function makePushes(): Promise<void> {
  gateway.bus.observe({
    event: "breaker",
    destination: "sip:edge-2.example.test",
    phase: "open",
    atMs: Date.now() - 95_000,
  });

  const users = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy"];
  const nowMs = Date.now();
  const fates: Readonly<Record<string, Attempt>> = {
    bob: absent,
    dave: notFound,
    frank: { to: "waiting-report", sipStatus: 202, papCode: 1001, reason: "Accepted", waitMs: 60_000 },
    heidi: busy,
    judy: { to: "aborted", sipStatus: 603, papCode: 5027, reason: "Decline" },
  };
  const fateOf = (recipient: string): Attempt => fates[/sip:(\w+)@/.exec(recipient)?.[1] ?? ""] ?? delivered;
  for (let n = 0; n < 64; n++) {
    const atMs = nowMs - (64 - n) * 1_700;
    const initiator = n % 7 === 1 ? "mail" : "calendar";
    const to = n % 9 === 4 ? `tel:+15550100${n}` : `sip:${users[n % users.length]}@example.test`;
    await gateway.accept(
      `${(7_919 * n + 40_009).toString(36)}-${n}@${initiator}.example.test`,
      [to],
      { initiator },
      atMs,
    );
    if (n < 62)
      await gateway.attempt(({ recipient }) => ({ ...fateOf(recipient), tookMs: 14 + ((n * 37) % 60) }), atMs + 3);
  }
  // One with a life of its own.
  const wants = {
    notifyUrl: "https://calendar.example.test/results",
    deliveryMethod: "confirmed" as const,
    priority: "high" as const,
    deliverBeforeMs: nowMs + 3_600_000,
  };
  const shown = "sip:alice@example.test";
  await gateway.accept(
    "meeting-moved-1042@calendar.example.test",
    [shown, "sip:bob@example.test"],
    wants,
    nowMs - 95_000,
  );
  const only =
    (attempt: Attempt) => (delivery: { readonly recipient: string; readonly content: { readonly pushId: string } }) =>
      delivery.content.pushId.startsWith("meeting") && delivery.recipient === shown ? attempt : undefined;
  await gateway.attempt(only({ ...busy, waitMs: 20_000, tookMs: 38 }), nowMs - 94_990);
  await gateway.attempt(only({ ...absent, waitMs: 30_000, tookMs: 21 }), nowMs - 74_900);
  const relayed: Attempt = {
    to: "waiting-report",
    sipStatus: 202,
    papCode: 1001,
    reason: "Accepted",
    tookMs: 33,
    waitMs: 9_000,
  };
  await gateway.attempt(only(relayed), nowMs - 44_800);
  await gateway.attempt(
    only({ ...delivered, sipStatus: null, reason: "the delivery report says delivered", tookMs: 0 }),
    nowMs - 35_700,
  );
  await gateway.attempt(
    ({ content, recipient }) =>
      content.pushId.startsWith("meeting") && recipient !== shown ? { ...absent, tookMs: 18 } : undefined,
    nowMs - 30_000,
  );
  const [notification] = await gateway.store.claimNotifications({ owner: "ppg-1", limit: 1, nowMs, leaseMs: 1_000 });
  if (notification !== undefined)
    await gateway.store.settleNotifications([{ notification, verdict: "accepted", atMs: nowMs - 35_100 }]);
}

async function takeAll(colorScheme: "light" | "dark"): Promise<void> {
  const viewport = { width: 1_280, height: 800 };
  const page = await chromium.openPage(gateway.url, { viewport, colorScheme });
  const take = (name: string): Promise<unknown> => page.screenshot({ path: resolve(folder, `console-${name}.png`) });
  const suffix = colorScheme === "dark" ? "-dark" : "";
  await mkdir(folder, { recursive: true });
  await page.goto(gateway.url);
  await page.getByLabel("Name").fill(consoleUser.name);
  if (colorScheme === "light") await take("login");
  await page.getByLabel("Password").fill(consoleUser.password);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByText("meeting-moved").first().waitFor();
  await page.getByLabel("Initiator").fill("mail");
  await page.getByRole("button", { name: "Filter" }).click();
  await page.getByText("meeting-moved").first().waitFor({ state: "detached" });
  await take(`pushes${suffix}`);
  if (colorScheme === "light") await takeOthers(page, take);
  await page.goto(`${gateway.url}overview`);
  await page.locator(".plot canvas").waitFor();
  await page.locator(".bars").waitFor();
  await take(`overview${suffix}`);
  const faults = await chromium.closePages();
  if (faults.length > 0) throw new Error(faults.join("\n"));
}

async function takeOthers(page: Page, take: (name: string) => Promise<unknown>): Promise<void> {
  await page.getByRole("link", { name: "Show all" }).click();
  await page.getByText("meeting-moved").first().click();
  await page.locator(".delivery").filter({ hasText: "alice" }).locator("summary").click();
  await page.getByText("Result told").waitFor();
  await take("push");
  await page.goto(`${gateway.url}submit`);
  await page.getByLabel("Addresses").fill("sip:alice@example.test\ntel:+15550100");
  await page.getByLabel("Server", { exact: true }).fill("ds.example.test");
  await page.getByRole("button", { name: "Submit" }).click();
  await page.getByText("1001 Accepted for Processing").waitFor();
  await page.evaluate("scrollTo(0, 0)");
  await take("submit");
}
