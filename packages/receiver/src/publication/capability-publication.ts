import { hash } from "node:crypto";
import { encodePidf, PIDF_TYPE } from "@sip-push/bodies";
import { type PushCapabilities, toPresence } from "@sip-push/push";
import {
  type DigestClient,
  Publication,
  type PublicationEvent,
  type PublishedState,
  type RequestSender,
  type SipEndpoint,
  type SipUri,
} from "@sip-push/sip";
import type { OwnWay } from "../own-requests.ts";
import type { CapabilityPublicationEvent } from "./publication-events.ts";
import type { PublishOptions } from "./publish-options.ts";

export interface CapabilityPublicationOptions {
  readonly endpoint: SipEndpoint;
  readonly sender: RequestSender;
  readonly aor: string;
  readonly publish: PublishOptions;
  /** What names this handset among those of its user, over restarts: its instance, say. */
  readonly handset: string;
  readonly capabilities: () => PushCapabilities;
  /** `uri`: its GRUU, else its contact. */
  readonly face: { readonly uri: string; readonly way: OwnWay };
  readonly credentials: DigestClient | undefined;
  readonly nextHop: SipUri | undefined;
  readonly onEvent: (event: CapabilityPublicationEvent) => void;
  readonly random?: () => number;
}

/**
 * Publishes what the receiver can take as its presence (RFC 3903; PIDF, RFC 3863, with service capabilities, RFC 5196): from its
 * first registration on, anew when that changes, and removed at the end.
 */
export class CapabilityPublication {
  readonly #options: CapabilityPublicationOptions;
  readonly #to: string;
  #publication: Publication | undefined;
  /** What the document said last, but for its time. */
  #said = "";
  /** Why there is none, after a failure: nobody answered, which a new registration may have mended, or it was refused for good. */
  #failure: "unanswered" | "refused" | undefined;
  #closed = false;

  constructor(options: CapabilityPublicationOptions) {
    this.#options = options;
    this.#to = options.publish.to ?? options.aor;
  }

  /**
   * The receiver is registered: publishes what is new. One that nobody answered is tried at once, and one that was refused for
   * good when the registration had failed before: it may be another core that answers.
   */
  registered(regained: boolean): void {
    if (this.#failure === "unanswered") this.#publication?.retryNow();
    if (this.#failure === "refused" && regained) this.#said = "";
    this.update();
  }

  /** The applications changed: publishes what is new. */
  update(): void {
    if (this.#closed) return;
    const { capabilities, face } = this.#options;
    const saying = JSON.stringify([capabilities(), face.uri]);
    if (saying === this.#said) return;
    this.#said = saying;
    const state = this.#state();
    if (this.#publication !== undefined) return this.#publication.modify(state);
    this.#publication = this.#newPublication(state);
    this.#publication.start();
  }

  /** Removes it, within `timeoutMs`. Idempotent. */
  async close(timeoutMs: number): Promise<void> {
    this.#closed = true;
    await this.#publication?.stop(timeoutMs);
  }

  #state(): PublishedState {
    const { aor, endpoint, handset, capabilities, face } = this.#options;
    const presence = toPresence(capabilities(), {
      entity: aor,
      contact: face.uri,
      // One for each handset: a presence agent puts the tuples of a user together by it.
      tupleId: `push-${hash("sha256", handset, "hex").slice(0, 12)}`,
      timestamp: endpoint.clock.date(),
    });
    return { contentType: PIDF_TYPE, body: encodePidf(presence) };
  }

  #newPublication(state: PublishedState): Publication {
    const { endpoint, sender, aor, publish, face, credentials, nextHop, random } = this.#options;
    const { expiresSeconds, package: event = "presence" } = publish;
    return new Publication({
      ...state,
      endpoint,
      sender,
      requestUri: this.#to,
      from: aor,
      event,
      headers: () => face.way.headers,
      route: () => face.way.routeSet,
      flow: () => face.way.flow,
      onEvent: (report) => this.#reported(report),
      ...(expiresSeconds === undefined ? {} : { expiresSeconds }),
      ...(nextHop === undefined ? {} : { nextHop }),
      ...(credentials === undefined ? {} : { credentials }),
      ...(random === undefined ? {} : { random }),
    });
  }

  #reported(report: PublicationEvent): void {
    const to = this.#to;
    if (report.kind === "published") {
      this.#failure = undefined;
      const { operation, expiresSeconds } = report;
      this.#options.onEvent({ event: "published", to, operation, expiresSeconds });
    } else if (report.kind === "failed") {
      const { sipStatus, reason, retryInMs } = report;
      this.#failure = retryInMs === null ? "refused" : sipStatus === null ? "unanswered" : undefined;
      this.#options.onEvent({ event: "publication-failed", to, sipStatus, reason, retryInMs });
    } else {
      // It does not come back (405, 489, 501): what is published later is another.
      this.#publication = undefined;
    }
  }
}
