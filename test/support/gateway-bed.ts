import { readFile } from "node:fs/promises";
import { newPushId, PushInitiator, type PushResult, type PushSubmission } from "@sip-push/initiator";
import { Gateway, type GatewayOptions, type PpgEvent, readPpgConfig } from "@sip-push/ppg";
import type { SipProxy } from "@sip-push/proxy";
import type { Logger } from "@sip-push/sip";
import { Inbox } from "./inbox.ts";
import { openCore } from "./push-core.ts";
import { openResultInbox, type ResultInbox } from "./result-inbox.ts";
import { makeTempFolder, type TempFolder } from "./temp-folder.ts";

const CREDENTIALS = { user: "calendar", password: "secret" };
/** What configurations name: that of the initiator, and that of the gateway in the core. */
export const environment = { CALENDAR_PASSWORD: CREDENTIALS.password, SIP_PASSWORD: "secret of ppg" };

type LogLine = readonly [level: keyof Logger, message: string];

/** What is around gateways in this process: our core, a folder for their data, and an initiator that hears results. */
export class GatewayBed {
  readonly core: SipProxy;
  readonly folder: TempFolder;
  /** What all gateways told, and logged. */
  readonly events: Inbox<PpgEvent> = new Inbox((event) => JSON.stringify(event));
  readonly lines: Inbox<LogLine> = new Inbox((line) => line.join(" "));
  readonly #told: ResultInbox;
  readonly #opened: { close(): Promise<void> }[] = [];

  private constructor(core: SipProxy, told: ResultInbox) {
    this.core = core;
    this.folder = makeTempFolder("gateway");
    this.#told = told;
  }

  static async open(core: Parameters<typeof openCore>[0] = {}): Promise<GatewayBed> {
    return new GatewayBed(await openCore(core), await openResultInbox());
  }

  /** Closes all that was opened by it; what gateways have under way is not waited for. */
  async close(): Promise<void> {
    await Promise.all(this.#opened.splice(0).map((each) => each.close()));
    await Promise.all([this.#told.close(), this.core.close()]);
    this.folder.remove();
  }

  /** What the initiator was told. */
  get results(): Inbox<PushResult> {
    return this.#told.results;
  }

  /** Where it hears them, as a pattern. */
  get notifyUrls(): string {
    return this.#told.pattern;
  }

  /** Configuration of the initiator. */
  get initiators(): string {
    const { user: name } = CREDENTIALS;
    const password = { env: "CALENDAR_PASSWORD" };
    return JSON.stringify([{ name, password, recipients: ["sip:*@example.test"], notifyUrls: [this.notifyUrls] }]);
  }

  async openGateway(configuration: string, options: GatewayOptions = {}): Promise<Gateway> {
    const world = { env: environment, readFile, directory: this.folder.path };
    const gateway = await Gateway.open(await readPpgConfig(configuration, world), {
      observe: (event) => this.events.put(event),
      logger: this.#logger(),
      ...options,
    });
    this.#opened.push({ close: () => gateway.close(0) });
    return gateway;
  }

  /** Resolves when a gateway has logged that it is registered. */
  async registered(): Promise<void> {
    await this.lines.next(([, message]) => message === "the gateway is registered");
  }

  initiatorOf(gateway: Gateway): PushInitiator {
    const initiator = new PushInitiator({ url: gateway.pap[0] ?? "", credentials: CREDENTIALS });
    this.#opened.push(initiator);
    return initiator;
  }

  /** A push of three octets whose results are wanted here. */
  pushTo(...addresses: readonly string[]): PushSubmission {
    const content = { contentType: "text/plain", body: Uint8Array.of(0, 0x80, 0xff), applicationId: "push.syncml" };
    return { pushId: newPushId("pi.example.test"), addresses, content, notifyUrl: this.#told.url };
  }

  #logger(): Logger {
    const at =
      (level: keyof Logger): Logger["info"] =>
      (_fields, message) =>
        this.lines.put([level, message]);
    return { trace: at("trace"), debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  }
}

/** For {@link GatewayBed.events}: a delivery of the push comes into the state. */
export function ended(pushId: string, to: string): (event: PpgEvent) => boolean {
  return (event) => event.event === "state" && event.pushId === pushId && event.to === to;
}
