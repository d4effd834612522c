import { checkNumbers, PushInputError } from "@sip-push/push";
import type { Clock, ListenAddress, Logger, SipUri } from "@sip-push/sip";
import type { ReceiverApplication } from "../applications.ts";
import type { PushEvent } from "../events.ts";
import { limitRanges, type PushReceiverLimits, type PushReceiverOptions, reportOptionsOf } from "../options.ts";
import { checkReportOptions, type ReportOptions, type ReportPolicy } from "../reports/index.ts";
import { sipUriOf } from "../sip-uri-option.ts";
import type { TrustedPpg } from "../trust-policy.ts";
import type { FleetEvent } from "./fleet-events.ts";
import { Handset, type HandsetStats } from "./handset.ts";

/** How a fleet answers the registrar's challenges. */
export interface FleetCredentials {
  readonly password: string;
  /** User name of a handset. Default: the user part of its AoR. */
  readonly username?: (handset: HandsetStats) => string;
}

/** How fast a fleet registers. */
export interface FleetPace {
  /** REGISTERs a second, at the start, for refreshes and after a loss alike. Default 500. */
  readonly registersPerSecond?: number;
  /** REGISTERs under way at a time, the removals at the end included. Default 64. */
  readonly maxInFlight?: number;
}

/** Settings of a {@link HandsetFleet}. */
export interface HandsetFleetOptions {
  /** How many handsets, numbered from 1. */
  readonly count: number;
  /** Address-of-record of each: a `sip:` or `sips:` URI in whose user part `{n}` stands for the number, or a function of it. */
  readonly aor: string | ((number: number) => string);
  /** Addresses to listen on, one per transport; all handsets share them. */
  readonly listen: readonly ListenAddress[];
  /** First hop for REGISTER and for delivery reports. Default: the domain of the AoR. */
  readonly proxy?: string;
  /** Whether to register; without, requests reach a handset at the fleet's own address. Default true. */
  readonly register?: boolean;
  /** Asked of the registrar. Default 3600. */
  readonly expiresSeconds?: number;
  readonly credentials?: FleetCredentials;
  /** Of every handset. Default `push.syncml`. */
  readonly applications?: ReadonlyArray<string | ReceiverApplication>;
  /** Who may push; others get 403. Default: everybody whom the network lets through. */
  readonly trustedPpgs?: readonly TrustedPpg[];
  /** Hops whose P-Asserted-Identity is believed. Default: the proxy, as registered with. */
  readonly trustedHops?: readonly string[];
  /** Status that pushes are answered with, 200 to 699. Default 200. */
  readonly answer?: number;
  /** What becomes of requests for delivery reports, as for one receiver. Default `send`. */
  readonly reports?: ReportPolicy | ReportOptions;
  readonly pace?: FleetPace;
  /**
   * What makes two pushes to one handset the same: `call-id` (default), which stays over the attempts of one push; or `body`, for
   * senders that write every body differently.
   */
  readonly duplicatesBy?: "call-id" | "body";
  /** Hears of every push that was handed over, after its answer. */
  readonly onPush?: (event: PushEvent, handset: HandsetStats) => void;
  readonly onEvent?: (event: FleetEvent) => void;
  /** Of the whole fleet. `maxRemembered` is 200000 unless given, also for what duplicates are known by. */
  readonly limits?: Omit<PushReceiverLimits, "maxPushesPerMinute" | "maxReferrals">;
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly stack?: PushReceiverOptions["stack"];
}

/** The options that need reading, read. */
export interface ReadFleetOptions {
  readonly handsets: readonly Handset[];
  readonly proxy: SipUri | undefined;
}

const MAX_HANDSETS = 1_000_000;
/** delta-seconds of RFC 3261 §25.1. */
const MAX_SECONDS = 0xffff_ffff;

/** @throws {PushInputError} PUSH_BAD_OPTION naming the option. */
export function readFleetOptions(options: HandsetFleetOptions): ReadFleetOptions {
  const { count, expiresSeconds, answer, pace = {}, listen } = options;
  checkNumbers(
    { count, expiresSeconds, answer },
    {
      count: { min: 1, max: MAX_HANDSETS, integer: true },
      expiresSeconds: { min: 1, max: MAX_SECONDS, integer: true },
      answer: { min: 200, max: 699, integer: true },
    },
  );
  checkNumbers(pace, { registersPerSecond: { min: 0.1 }, maxInFlight: { min: 1, integer: true } }, "pace.");
  const limits: PushReceiverLimits = options.limits ?? {};
  checkNumbers(limits, limitRanges, "limits.");
  checkReportOptions(reportOptionsOf(options));
  if (listen.length === 0) throw new PushInputError("PUSH_BAD_OPTION", "listen", "give addresses to listen on");
  return {
    handsets: handsetsOf(options),
    proxy: options.proxy === undefined ? undefined : sipUriOf(options.proxy, "proxy"),
  };
}

/** A Contact is told from the others by its user part, so these must differ. */
function handsetsOf({ count, aor }: HandsetFleetOptions): readonly Handset[] {
  const bad = (problem: string): PushInputError => new PushInputError("PUSH_BAD_OPTION", "aor", problem);
  const users = new Set<string>();
  return Array.from({ length: count }, (_, index) => {
    const text = typeof aor === "string" ? aor.replaceAll("{n}", String(index + 1)) : aor(index + 1);
    const { user } = sipUriOf(text, "aor");
    if (user === undefined) throw bad("has no user part to register; write sip:handset{n}@domain");
    if (users.has(user)) throw bad(`names ${user} twice; write {n} for the number`);
    users.add(user);
    return new Handset(index + 1, text, user);
  });
}
