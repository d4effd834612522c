export { SipEndpoint, type SipEndpointOptions } from "./endpoint.ts";
export { registration } from "./registration.machine.ts";
export { Registration, type RegistrationEventReport, type RegistrationOptions } from "./registration.ts";
export { createRequest, type RequestInit } from "./request.ts";
export {
  RequestSender,
  type RequestSenderOptions,
  type SendFailureCode,
  type SendOptions,
  type SendOutcome,
} from "./request-sender.ts";
export { UasCore, type UasOptions } from "./uas.ts";
export { DestinationWindow, defaultWindow, type WindowLimits } from "./window.ts";
