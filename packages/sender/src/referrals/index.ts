export { ReferralDesk, type ReferralResult } from "./referral-desk.ts";
export { type ReferOptions, type ReferOutcome, sendReferral } from "./send-referral.ts";
