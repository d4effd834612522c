import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { requirePeer } from "./peers.ts";

/** Nothing that looks for updates or other machines. */
const quiet = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-lcd-text",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts Chromium without a window, with a profile of its own that is deleted afterwards. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: requirePeer("chromium"), headless: true, args: quiet });
}

/** A page, and what it did that it should not. */
export interface WatchedPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors and warnings of the page, and requests to other origins. */
  readonly faults: readonly string[];
}

/** Answers that a page is meant to cope with; the browser writes them to its console as errors. */
const expectedStatus = /^Failed to load resource: .* (?:401|403|404|422|429)\b/;

/** A page without cookies. @param origin the only one that it may ask. */
export async function openPage(
  browser: Browser,
  origin: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ locale: "en-GB", timezoneId: "Europe/Berlin", ...options });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
  page.on("console", (message) => {
    const isFault = message.type() === "error" || message.type() === "warning";
    if (isFault && !expectedStatus.test(message.text())) faults.push(`${message.type()}: ${message.text()}`);
  });
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== origin) faults.push(`request: ${request.url()}`);
  });
  return { page, context, faults };
}
