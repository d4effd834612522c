import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
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

/** Answers that a page is meant to cope with; the browser writes them to its console as errors. */
const expectedStatus = /^Failed to load resource: .* (?:401|403|404|422|429)\b/;

/** Chromium without a window, with a profile of its own that goes with it; and what its pages did that they should not. */
export class Chromium {
  readonly #browser: Browser;
  /** Errors and warnings of the pages, and requests to other origins. */
  readonly #faults: string[] = [];

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async launch(): Promise<Chromium> {
    const executablePath = requirePeer("chromium");
    return new Chromium(await chromium.launch({ executablePath, headless: true, args: quiet }));
  }

  /** A blank page without cookies. @param url of the only origin that it may ask. */
  async openPage(url: string, options: BrowserContextOptions = {}): Promise<Page> {
    const { origin } = new URL(url);
    const context = await this.#browser.newContext({ locale: "en-GB", timezoneId: "Europe/Berlin", ...options });
    context.setDefaultTimeout(30_000);
    const page = await context.newPage();
    page.on("pageerror", (error) => this.#faults.push(`error: ${error.message}`));
    page.on("console", (message) => {
      const isFault = message.type() === "error" || message.type() === "warning";
      if (isFault && !expectedStatus.test(message.text())) this.#faults.push(`${message.type()}: ${message.text()}`);
    });
    page.on("request", (request) => {
      if (new URL(request.url()).origin !== origin) this.#faults.push(`request: ${request.url()}`);
    });
    return page;
  }

  /** Closes all pages, before what they look at ends. Returns their faults. */
  async closePages(): Promise<readonly string[]> {
    await Promise.all(this.#browser.contexts().map((context) => context.close()));
    return this.#faults.splice(0);
  }

  async close(): Promise<void> {
    await this.#browser.close();
  }
}
