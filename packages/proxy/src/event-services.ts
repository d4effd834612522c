import type { ServerTransaction, SipRequest } from "@sip-push/sip";
import { eventPackageOf } from "./application-servers/service-routing.ts";
import type { Aor } from "./domains.ts";
import type { Sender } from "./identity.ts";
import type { Refusal } from "./request-validation.ts";

/** A request for an event package that is served here, from a sender who was looked at. */
export interface EventArrival {
  readonly transaction: ServerTransaction;
  /** Whose state it is about; undefined in a dialog with the service itself. */
  readonly aor: Aor | undefined;
  readonly sender: Sender;
}

/** One event package, served for the users of the domains. */
export interface EventService {
  /** `presence`. */
  readonly eventPackage: string;
  /** SUBSCRIBE, PUBLISH. */
  readonly methods: ReadonlySet<string>;
  /** Before it, requests are answered 503. */
  open(): Promise<void>;
  handle(arrival: EventArrival): void | Promise<void>;
  /** True for a request that is not for the service, but for the user's own agent: it is forwarded. */
  declines?(arrival: EventArrival): boolean;
  close(): Promise<void>;
}

/** The event packages served here. What they do not take is forwarded as any request is. */
export class EventServices {
  readonly #services: readonly EventService[];

  constructor(services: readonly EventService[]) {
    this.#services = services;
  }

  /** For Allow-Events. RFC 6665 §4.4.4. */
  get packages(): readonly string[] {
    return this.#services.map(({ eventPackage }) => eventPackage);
  }

  /**
   * Who answers this request: to an address-of-record, outside a dialog; or, when it names no user, in a dialog that a
   * service of ours made.
   */
  find(request: SipRequest, aor: Aor | undefined): EventService | undefined {
    const inDialog = request.to.params.has("tag");
    if (inDialog !== (aor === undefined)) return undefined;
    const event = eventPackageOf(request);
    return this.#services.find(({ eventPackage, methods }) => eventPackage === event && methods.has(request.method));
  }

  async open(): Promise<void> {
    for (const service of this.#services) await service.open();
  }

  async close(): Promise<void> {
    for (const service of this.#services) await service.close();
  }
}

/** None of these services needs an extension. RFC 3261 §8.2.2.3. */
export function checkRequire(request: SipRequest): Refusal | undefined {
  const tags = request.headers.list("Require").filter((tag) => tag !== "");
  return tags.length === 0 ? undefined : { statusCode: 420, headers: [["Unsupported", tags.join(", ")]] };
}
