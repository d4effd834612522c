import type { PushSenderOptions } from "@sip-push/sender";
import type { SipConfig } from "./types.ts";

/** RFC 3841 §9.2: with `require` others are left out, with `explicit` also those that say nothing. */
const acceptContactFlags: Readonly<Record<SipConfig["acceptContact"], { require: boolean; explicit: boolean }>> = {
  application: { require: true, explicit: true },
  unknown: { require: true, explicit: false },
  any: { require: false, explicit: false },
};

/** More than a dispatcher has under way. */
const MAX_WAITING = 100_000;

/** The configured part of a sender's options; stores, clock, logger and what hears of events come from the gateway. */
export function senderOptionsOf(sip: SipConfig): PushSenderOptions {
  const { proxy, contact, identity, servedUser, domain, credentials, route, tls } = sip;
  return {
    from: sip.from,
    listen: sip.listen,
    role: sip.role,
    register: sip.register,
    trusted: sip.trusted,
    chargingVector: sip.chargingVector,
    thirdPartyRegister: sip.thirdPartyRegister,
    acceptContact: acceptContactFlags[sip.acceptContact],
    allowOverlap: sip.allowOverlap,
    capabilities: sip.capabilities,
    subscriptions: sip.subscriptions,
    ...(proxy !== null && { proxy }),
    ...(contact !== null && { contact }),
    ...(identity !== null && { identity }),
    ...(servedUser !== null && { servedUser }),
    ...(domain !== null && { domain }),
    ...(route.length > 0 && { route }),
    ...(credentials !== null && { credentials: [{ username: credentials.user, password: credentials.password }] }),
    stack: {
      window: { maxInFlight: sip.maxInFlight, maxWaiting: MAX_WAITING },
      tls: {
        ...(tls.certificate !== null && { cert: tls.certificate }),
        ...(tls.key !== null && { key: tls.key }),
        ...(tls.ca !== null && { ca: tls.ca }),
      },
    },
  };
}
