import type { BodyPart } from "@sip-push/bodies";
import { type PapCode, type PapMessage, type PapOperation, papCodes } from "@sip-push/pap";
import type { Clock, Logger } from "@sip-push/sip";
import type { PpgObserver } from "../events.ts";
import type { PpgStore } from "../store/store.ts";
import type { AddressProblem, AddressResolver } from "./address-resolver.ts";
import type { CapabilitiesOf, IntakeLimits } from "./options.ts";
import type { Offered } from "./quality-of-service.ts";
import type { RecipientUri } from "./recipient-uri.ts";
import type { Rights } from "./rights.ts";
import type { SubmitQueue } from "./submit-queue.ts";
import type { Initiator, PapRequest } from "./types.ts";

/** What all operations work with. */
export interface OperationContext {
  readonly store: PpgStore;
  readonly submissions: SubmitQueue;
  readonly resolver: AddressResolver;
  readonly offered: Offered;
  readonly limits: Required<IntakeLimits>;
  readonly capabilitiesOf: CapabilitiesOf;
  readonly mayReach: (initiator: Initiator, url: string) => boolean;
  /** Who answers: `sender-address` and `sender-name`. */
  readonly senderAddress: string;
  readonly senderName: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observe: PpgObserver;
}

/** An operation as it was received. */
export interface Received {
  readonly request: PapRequest;
  readonly message: PapMessage;
  readonly rights: Rights;
  readonly receivedAt: Date;
  /** `Clock.now()` when it came. */
  readonly startedMs: number;
}

/** The answer to an operation. */
export interface Answered {
  readonly operation: PapOperation;
  /** For logs; of several results the first that is none of success. */
  readonly papCode: PapCode;
  /** Goes beside a ccq-response. */
  readonly capabilities?: BodyPart;
}

export type Handler<K extends PapOperation["kind"]> = (
  operation: Extract<PapOperation, { kind: K }>,
  received: Received,
  context: OperationContext,
) => Promise<Answered> | Answered;

/** Whom an address stands for, when this initiator may push there. */
export function permittedRecipient(
  address: string,
  resolver: AddressResolver,
  rights: Rights,
): RecipientUri | AddressProblem {
  const resolved = resolver.resolve(address);
  if ("problem" in resolved) return resolved.problem;
  if (rights.mayPushTo(resolved.recipient)) return resolved.recipient;
  return { papCode: papCodes.forbidden, reason: "this push initiator may not push there" };
}
