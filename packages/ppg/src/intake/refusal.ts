import type { PapCode } from "@sip-push/pap";

/** Why an operation is not done: what the initiator is told. */
export interface Refusal {
  readonly papCode: PapCode;
  readonly desc: string;
}

export function isRefusal(value: object): value is Refusal {
  return "desc" in value;
}
