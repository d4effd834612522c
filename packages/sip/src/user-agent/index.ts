export { SipEndpoint, type SipEndpointOptions } from "./endpoint.ts";
export { type Pings, ping, pingsFor, stopPings } from "./flow-pings.ts";
export { OutboundRegistration, type OutboundRegistrationOptions } from "./outbound-registration.ts";
export { registration } from "./registration.machine.ts";
export { Registration } from "./registration.ts";
export { type Grant, grantOf, minExpires, type OwnBinding, refusalOf } from "./registration-answer.ts";
export { contactUri, type RegisterInit, registerRequest, registrarUri, transportOf } from "./registration-contact.ts";
export type { RegistrationEventReport, RegistrationOptions, UserRegistration } from "./registration-options.ts";
export { createRequest, type RequestInit } from "./request.ts";
export {
  RequestSender,
  type RequestSenderOptions,
  type SendFailureCode,
  type SendOptions,
  type SendOutcome,
} from "./request-sender.ts";
export { UasCore, type UasOptions } from "./uas.ts";
export type { UserRoute } from "./user-route.ts";
export { DestinationWindow, defaultWindow, type WindowLimits } from "./window.ts";
