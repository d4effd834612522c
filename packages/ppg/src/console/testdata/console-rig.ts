import { scryptSync } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "@sip-push/sip";
import { VirtualClock } from "@sip-push/sip/testing";
import { type FastifyInstance, fastify, type InjectOptions, type LightMyRequestResponse } from "fastify";
import { clientFinder } from "../../front/clients.ts";
import { Intake } from "../../intake/intake.ts";
import type { Initiator } from "../../intake/types.ts";
import { SqliteStore } from "../../store/sqlite-store.ts";
import { consoleRoutes } from "../console-routes.ts";
import { EventBus } from "../event-bus.ts";

/** The initiator that the console's user is. */
const admin: Initiator = {
  name: "admin",
  recipients: ["sip:*@example.test"],
  applications: ["push.syncml", ""],
  notifyUrls: [],
};

export const PASSWORD = "correct horse";
/** As `hashPassword` makes it, but cheap to check. */
const hash = cheapHash(PASSWORD);

function cheapHash(password: string): string {
  const salt = Buffer.alloc(16, 7);
  const key = scryptSync(password, salt, 32, { cost: 2, blockSize: 1, parallelization: 1 });
  return `scrypt$ln=1,r=1,p=1$${salt.toString("base64")}$${key.toString("base64")}`;
}

/** The console's routes on a real store and a real intake, on a virtual clock, without a socket. */
export class ConsoleRig {
  readonly clock = new VirtualClock();
  readonly bus = new EventBus();
  readonly store: SqliteStore;
  readonly app: FastifyInstance;
  readonly #folder: string;

  private constructor(store: SqliteStore, folder: string, trustedProxies: readonly string[]) {
    this.store = store;
    this.#folder = folder;
    const { clock, bus } = this;
    const addressRules = { USER: "sip:{value}@example.test" };
    const intake = new Intake({ store, clock, domain: "ppg.example.test", addressRules, observe: bus.observe });
    this.app = fastify();
    void this.app.register(
      consoleRoutes({
        store,
        pap: intake,
        recipientOf: (address) => intake.recipientOf(address),
        initiatorOf: (user) => (user === admin.name ? admin : undefined),
        cancel: (selector, nowMs) => store.cancel(selector, nowMs),
        bus,
        users: [
          { name: "admin", password: hash },
          { name: "guest", password: hash },
        ],
        clock,
        clientOf: clientFinder(trustedProxies),
        logger: silentLogger,
        directory: join(folder, "page"),
        node: "ppg-1",
        domain: "console.example.test",
      }),
    );
  }

  /** @param page files of the built page: path to text; none: it is not built. */
  static async open(
    page: Readonly<Record<string, string>> = {},
    trustedProxies: readonly string[] = [],
  ): Promise<ConsoleRig> {
    const folder = await mkdtemp(join(tmpdir(), "sip-push-console-"));
    for (const [path, text] of Object.entries(page)) {
      await mkdir(join(folder, "page", path, ".."), { recursive: true });
      await writeFile(join(folder, "page", path), text);
    }
    return new ConsoleRig(await SqliteStore.open(join(folder, "data")), folder, trustedProxies);
  }

  get nowMs(): number {
    return this.clock.date().getTime();
  }

  async close(): Promise<void> {
    await this.app.close();
    await this.store.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Logs in and returns the cookie. */
  async login(name: string = "admin"): Promise<string> {
    const response = await this.app.inject({
      method: "POST",
      url: "/console/api/session",
      payload: { name, password: PASSWORD },
    });
    const cookie = response.cookies[0];
    if (cookie === undefined) throw new Error(`not logged in: ${response.statusCode} ${response.body}`);
    return `${cookie.name}=${cookie.value}`;
  }

  /** A request with a session. */
  ask(cookie: string, options: InjectOptions): Promise<LightMyRequestResponse> {
    return this.app.inject({ ...options, headers: { ...options.headers, cookie } });
  }

  /** What a page below `/console/api/` holds. */
  async get<T>(cookie: string, path: string): Promise<T> {
    const response = await this.ask(cookie, { url: `/console/api/${path}` });
    if (response.statusCode !== 200) throw new Error(`${path}: ${response.statusCode} ${response.body}`);
    return response.json<T>();
  }
}

/** A form as the page sends it. */
export const testPushForm = (changes: object = {}): object => ({
  addresses: ["sip:alice@example.test"],
  applicationId: "push.syncml",
  deliveryMethod: "notspecified",
  priority: "medium",
  deliverBefore: null,
  content: {
    kind: "ds",
    serverId: "ds.example.test",
    sessionId: 1,
    uiMode: "informative",
    syncs: [{ syncType: "two-way", contentType: "text/x-vcard", serverUri: "./contacts" }],
  },
  ...changes,
});
