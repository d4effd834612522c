export type { ReferralEvent } from "./referral-events.ts";
export type { ReferPolicy, ReferralOrigin } from "./referral-policy.ts";
export { Referrals, type ReferralsOptions } from "./referrals.ts";
