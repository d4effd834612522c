import { join } from "node:path";
import { consoleDirectory } from "@sip-push/console";
import {
  type ClaimedDelivery,
  consoleRoutes,
  type DeliveryAdvance,
  EventBus,
  hashPassword,
  type Initiator,
  Intake,
  isFinal,
  PpgFront,
  type PushSubmission,
  SqliteStore,
} from "@sip-push/ppg";
import { type Clock, silentLogger, systemClock } from "@sip-push/sip";
import type { Page } from "playwright-core";
import { makeTempFolder, type TempFolder } from "./temp-folder.ts";

export const consoleUser = { name: "admin", password: "correct horse battery" };

/** At the form that a console asks for names and passwords with, whatever page was asked for. */
export async function logIn(page: Page, { name, password } = consoleUser): Promise<void> {
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
}

/** What the console's user may do as an initiator. */
const admin: Initiator = {
  name: consoleUser.name,
  recipients: ["sip:*@example.test", "tel:+1555*"],
  applications: ["*"],
  notifyUrls: ["*"],
};

/** How an attempt goes. */
export type Attempt = Pick<DeliveryAdvance, "to" | "sipStatus" | "papCode" | "reason"> & {
  readonly tookMs?: number;
  /** How long it then waits; needed for states that are not final. */
  readonly waitMs?: number;
};

export const delivered: Attempt = { to: "delivered", sipStatus: 200, papCode: 1000, reason: "OK" };
export const busy: Attempt = { to: "retry-wait", sipStatus: 486, papCode: 5029, reason: "Busy Here", waitMs: 60_000 };
export const absent: Attempt = {
  to: "retry-wait",
  sipStatus: 480,
  papCode: 5028,
  reason: "Temporarily Unavailable",
  waitMs: 600_000,
};
export const notFound: Attempt = { to: "undeliverable", sipStatus: 404, papCode: 2003, reason: "Not Found" };

const NODE = "ppg-1";

/** A gateway with its console on a real port, front, intake and SQLite store, whose deliveries go as the test says. */
export class ConsoleGateway {
  readonly store: SqliteStore;
  readonly bus = new EventBus();
  /** Of the console. */
  readonly url: string;
  readonly #front: PpgFront;
  readonly #folder: TempFolder;

  private constructor(store: SqliteStore, bus: EventBus, front: PpgFront, folder: TempFolder) {
    this.store = store;
    this.bus = bus;
    this.#front = front;
    this.#folder = folder;
    this.url = `${front.addresses[0]?.url}/console/`;
  }

  /** @param clock of the console's plots. */
  static async open(clock: Clock = systemClock): Promise<ConsoleGateway> {
    const folder = makeTempFolder("console");
    const store = await SqliteStore.open(join(folder.path, "data"));
    const bus = new EventBus();
    const service = new Intake({ store, domain: "ppg.example.test", observe: bus.observe });
    const password = await hashPassword(consoleUser.password);
    const routes = consoleRoutes({
      store,
      pap: service,
      recipientOf: (address) => service.recipientOf(address),
      initiatorOf: (user) => (user === admin.name ? admin : undefined),
      cancel: (selector, nowMs) => store.cancel(selector, nowMs),
      bus,
      users: [{ name: consoleUser.name, password }],
      clock,
      logger: silentLogger,
      directory: consoleDirectory,
      node: NODE,
      domain: "ppg.example.test",
    });
    const front = await PpgFront.open({
      listen: [{ secure: false, host: "127.0.0.1", port: 0 }],
      service,
      initiators: [],
      register: async (site) => {
        await site.register(routes);
      },
    });
    return new ConsoleGateway(store, bus, front, folder);
  }

  async close(): Promise<void> {
    await this.#front.close();
    await this.store.close();
    this.#folder.remove();
  }

  /** Accepts a push as the intake does, at a time of the caller's choice. Returns its id. */
  async accept(
    pushId: string,
    to: readonly string[],
    changes: Partial<PushSubmission> = {},
    atMs = Date.now(),
  ): Promise<number> {
    const submission: PushSubmission = {
      initiator: "calendar",
      pushId,
      priority: "medium",
      deliveryMethod: "notspecified",
      deliverAfterMs: null,
      deliverBeforeMs: null,
      notifyUrl: null,
      progressNotesRequested: false,
      contentType: "application/vnd.syncml.ds.notification",
      content: new Uint8Array(44),
      capabilities: null,
      applicationData: { applicationId: "push.syncml", papVersion: "2.1" },
      recipients: to.map((recipient) => ({ address: recipient, recipient })),
      replace: null,
      ...changes,
    };
    const [result] = await this.store.submit([submission], atMs);
    if (result?.result !== "accepted") throw new Error(`${pushId}: ${result?.result}`);
    const { initiator } = submission;
    const recipients = to.length;
    this.bus.observe({ event: "accepted", push: result.id, pushId, initiator, atMs, recipients, elapsedMs: 1 });
    return result.id;
  }

  /** Lets an attempt of everything that is due go as `attemptOf` says; what it says nothing about is handed back. */
  async attempt(attemptOf: (delivery: ClaimedDelivery) => Attempt | undefined, nowMs = Date.now()): Promise<void> {
    const claimed = await this.store.claim({ owner: NODE, limit: 1_000, nowMs, leaseMs: 60_000 });
    for (const delivery of claimed) {
      const attempt = attemptOf(delivery);
      const lease = { id: delivery.id, version: delivery.version, owner: delivery.owner };
      if (attempt === undefined) await this.store.release([lease], nowMs);
      else await this.#end(delivery, attempt, nowMs);
    }
  }

  async #end(delivery: ClaimedDelivery, attempt: Attempt, nowMs: number): Promise<void> {
    const { to, sipStatus, papCode, reason, tookMs = 24, waitMs = 0 } = attempt;
    const atMs = nowMs + tookMs;
    const lease = { id: delivery.id, version: delivery.version, owner: delivery.owner };
    const dueAtMs = isFinal(to) ? null : atMs + waitMs;
    const attemptStartedAtMs = delivery.state === "waiting-report" ? null : nowMs;
    await this.store.advance([{ lease, to, atMs, dueAtMs, sipStatus, papCode, reason, attemptStartedAtMs }]);
    const { push, recipient, id, callId, content } = delivery;
    const of = { push, pushId: content.pushId, initiator: content.initiator, atMs, delivery: id, recipient };
    if (attemptStartedAtMs !== null) {
      const { attempts } = delivery;
      const via = "message";
      this.bus.observe({
        ...of,
        event: "attempt",
        callId,
        attempt: attempts,
        sipStatus,
        papCode,
        via,
        startedAtMs: nowMs,
      });
    }
    const { acceptedAtMs } = content;
    this.bus.observe({ ...of, event: "state", from: delivery.state, to, papCode, sipStatus, reason, acceptedAtMs });
  }
}
