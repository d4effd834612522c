import { paramValue, type SipRequest } from "@sip-push/sip";
import type { PushEvent } from "../events.ts";
import type { HandsetFleetOptions } from "./fleet-options.ts";
import type { Handset } from "./handset.ts";
import { RecentFingerprints } from "./recent-fingerprints.ts";

/** Applications that are counted one by one; with `*` a sender may name as many as it likes. */
const MAX_APPLICATIONS = 1000;
const OTHERS = "…";

/** Counts what the handsets of a fleet got. */
export class FleetTally {
  pushes = 0;
  duplicates = 0;
  wrongRecipient = 0;
  rejected = 0;
  readonly #byApplication = new Map<string, number>();
  readonly #seen: RecentFingerprints;
  readonly #byBody: boolean;

  constructor(duplicatesBy: HandsetFleetOptions["duplicatesBy"], maxRemembered: number) {
    this.#byBody = duplicatesBy === "body";
    this.#seen = new RecentFingerprints(maxRemembered);
  }

  get byApplication(): Record<string, number> {
    return Object.fromEntries(this.#byApplication);
  }

  /** A handset's application got a push, and it was answered. */
  handedOver(handset: Handset, push: PushEvent): void {
    if (push.sipStatus >= 300) {
      this.refused(handset);
      return;
    }
    this.pushes++;
    handset.pushes++;
    this.#count(push.applicationId ?? "");
    if (!this.#seen.seen(handset.number, this.#byBody ? push.sha256 : push.callId)) return;
    this.duplicates++;
    handset.duplicates++;
  }

  /** A handset refused a push. */
  refused(handset: Handset): void {
    this.rejected++;
    handset.rejected++;
  }

  /** Notes a push whose To is another of the fleet. @param isOther whether a user is one of it. */
  arrived(handset: Handset, { to }: SipRequest, isOther: (user: string) => boolean): void {
    // In a dialog, To is whoever began it.
    if (paramValue(to.params, "tag") !== undefined) return;
    const { uri } = to;
    if (uri.scheme !== "sip" && uri.scheme !== "sips") return;
    if (uri.user !== undefined && uri.user !== handset.user && isOther(uri.user)) this.wrongRecipient++;
  }

  #count(applicationId: string): void {
    const known = this.#byApplication.get(applicationId);
    if (known !== undefined) this.#byApplication.set(applicationId, known + 1);
    else if (this.#byApplication.size < MAX_APPLICATIONS) this.#byApplication.set(applicationId, 1);
    else this.#byApplication.set(OTHERS, (this.#byApplication.get(OTHERS) ?? 0) + 1);
  }
}
