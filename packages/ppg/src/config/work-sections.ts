import { z } from "zod";
import { type BreakerRule, defaultBreakerRule } from "../delivery/circuit-breaker.machine.ts";
import { defaultRetryRules, type RetryRule, type RetryRules } from "../delivery/retry-policy.ts";
import { flag, quantity, section, wholeNumber } from "./fields.ts";
import { certificateFile } from "./pem.ts";
import { checkedTogether, type Rule } from "./together.ts";
import type { PpgConfig } from "./types.ts";
import type { ConfigWorld } from "./world.ts";

const DAY_SECONDS = 86_400;

const share = quantity(0, 1);
const seconds = (max: number): z.ZodType<number> => quantity(0.001, max);
const milliseconds = (wait: number): number => Math.round(wait * 1_000);

/** A first wait that is longer than the longest is a mistake, not a wish. */
const inOrder =
  <First extends string, Longest extends string>(first: First, longest: Longest) =>
  (given: { readonly [Name in First | Longest]?: number | undefined }): Rule[] => [
    [Number(given[first]) > Number(given[longest]), [first], `is longer than ${longest}`],
  ];

function retryRule({ maxAttempts, initialMs, maxMs, jitter }: RetryRule): z.ZodPrefault<z.ZodType<RetryRule>> {
  const settings = section({
    maxAttempts: wholeNumber(1, 10_000).default(maxAttempts),
    initialSeconds: seconds(DAY_SECONDS).default(initialMs / 1_000),
    maxSeconds: seconds(7 * DAY_SECONDS).default(maxMs / 1_000),
    jitter: share.default(jitter),
  });
  return checkedTogether(settings, inOrder("initialSeconds", "maxSeconds"))
    .transform(({ initialSeconds, maxSeconds, ...rest }) => ({
      ...rest,
      initialMs: milliseconds(initialSeconds),
      maxMs: milliseconds(maxSeconds),
    }))
    .prefault({});
}

const retryRules: z.ZodType<RetryRules> = section({
  unavailable: retryRule(defaultRetryRules.unavailable),
  noAnswer: retryRule(defaultRetryRules.noAnswer),
  absent: retryRule(defaultRetryRules.absent),
}).prefault({});

const breaker: z.ZodType<BreakerRule> = checkedTogether(
  section({
    maxFailures: wholeNumber(1, 1_000_000).default(defaultBreakerRule.maxFailures),
    initialPauseSeconds: seconds(DAY_SECONDS).default(defaultBreakerRule.initialPauseMs / 1_000),
    maxPauseSeconds: seconds(DAY_SECONDS).default(defaultBreakerRule.maxPauseMs / 1_000),
  }),
  inOrder("initialPauseSeconds", "maxPauseSeconds"),
)
  .transform(({ maxFailures, initialPauseSeconds, maxPauseSeconds }) => ({
    maxFailures,
    initialPauseMs: milliseconds(initialPauseSeconds),
    maxPauseMs: milliseconds(maxPauseSeconds),
  }))
  .prefault({});

export const deliverySection: z.ZodType<PpgConfig["delivery"]> = checkedTogether(
  section({
    concurrency: wholeNumber(1, 100_000).default(2_048),
    perDestination: wholeNumber(1, 100_000).optional(),
    leaseSeconds: quantity(5, 3_600).default(30),
    reportTimeoutSeconds: quantity(1, 7 * DAY_SECONDS).default(30),
    retry: retryRules,
    breaker,
  }),
  ({ concurrency, perDestination }) => [
    [Number(perDestination) > Number(concurrency), ["perDestination"], "is more than concurrency"],
  ],
).transform((delivery) => ({ ...delivery, perDestination: delivery.perDestination ?? delivery.concurrency }));

export function resultsSection(world: ConfigWorld): z.ZodType<PpgConfig["results"]> {
  const retry = section({
    initialSeconds: seconds(DAY_SECONDS).default(1),
    maxSeconds: seconds(DAY_SECONDS).default(600),
    jitter: share.default(0.5),
  });
  return section({
    concurrency: wholeNumber(1, 10_000).default(128),
    timeoutSeconds: seconds(600).default(10),
    retry: checkedTogether(retry, inOrder("initialSeconds", "maxSeconds"))
      .transform(({ initialSeconds, maxSeconds, jitter }) => ({
        initialMs: milliseconds(initialSeconds),
        maxMs: milliseconds(maxSeconds),
        jitter,
      }))
      .prefault({}),
    giveUpAfterHours: quantity(0.001, 24 * 365).default(72),
    ca: certificateFile(world).optional(),
    privateAddresses: flag.default(false),
  }).transform((results) => ({ ...results, ca: results.ca ?? null }));
}

export const retentionSection: z.ZodType<PpgConfig["retention"]> = section({
  finishedDays: quantity(0, 3_650).default(30),
});

export const papSection: z.ZodType<PpgConfig["pap"]> = section({
  maxAddresses: wholeNumber(1, 100_000).default(1_000),
  maxLifetimeHours: quantity(0.01, 24 * 365).default(24 * 7),
  lenient: flag.default(false),
});
