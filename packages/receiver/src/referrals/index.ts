export type { ReferralEvent } from "./referral-events.ts";
export type { ReferPolicy, ReferralOrigin } from "./referral-policy.ts";
export { REFER_PACKAGE } from "./referral-reports.ts";
export { Referrals } from "./referrals.ts";
