export { pnUriParams, ReceiverRegistration, registrationEvent } from "./receiver-registration.ts";
