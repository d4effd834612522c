import type { Clock, Logger } from "@sip-push/sip";
import type { ConsoleUser } from "../config/types.ts";
import type { ClientFinder } from "../front/clients.ts";
import type { Initiator, PapService } from "../intake/types.ts";
import type { PpgStore } from "../store/store.ts";
import type { CancelledAddress, PushSelector } from "../store/types.ts";
import type { EventBus } from "./event-bus.ts";

/** What the console looks at and acts through. */
export interface ConsoleOptions {
  readonly store: Pick<PpgStore, "find" | "push" | "delivery" | "timeline" | "notificationsOf" | "countByState">;
  /** Test pushes go through it, so that all rules for initiators hold. */
  readonly pap: Pick<PapService, "handle">;
  /** The configured push initiator of a console user's name; undefined: that user may not submit. */
  readonly initiatorOf: (user: string) => Initiator | undefined;
  /** The recipient that deliveries to an address are kept by, in its one spelling. */
  readonly recipientOf: (address: string) => string;
  /** Takes a push of any initiator back. Undefined: no such push. */
  readonly cancel: (selector: PushSelector, nowMs: number) => Promise<readonly CancelledAddress[] | undefined>;
  readonly bus: EventBus;
  readonly users: readonly ConsoleUser[];
  /** Who makes a request, where proxies are before it. Default: who is connected. */
  readonly clientOf?: ClientFinder;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The built page, `index.html` with `assets/`; without it, or "", the console answers 503. */
  readonly directory: string;
  /** Name of this node, for people. */
  readonly node: string;
  /** Right side of the push-ids of test pushes. */
  readonly domain: string;
}
