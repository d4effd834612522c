import { readOmaPushEvent, serializeOmaPushEvent } from "@sip-push/push";
import {
  Notifier,
  type NotifierOptions,
  RequestSender,
  responseTo,
  type ServerTransaction,
  type SipRequest,
  staticResolver,
} from "@sip-push/sip";
import { HANDSET, NETWORK, type ReceiverRig } from "../../../../test/support/receiver-rig.ts";
import type { PushReceiverOptions } from "../options.ts";

export const PSI = "sip:psi@home.test";
export const INSTANCE = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
export const GRUU = `sip:bob@home.test;gr=${INSTANCE}`;

/** A receiver that has two applications and subscribes to {@link PSI}. */
export const subscribing: Partial<PushReceiverOptions> = {
  applications: ["push.syncml", "x.app"],
  subscriptions: [{ to: PSI }],
};

/** A push sender's notifier at the rig's peer: confirms each application, as the stack's `Notifier` does it. */
export interface PushNotifier {
  readonly notifier: Notifier;
  /** SUBSCRIBEs that came. */
  readonly subscribes: SipRequest[];
  /** Id of the subscription made last. */
  readonly id: string;
}

export async function openNotifier(rig: ReceiverRig, options: Partial<NotifierOptions> = {}): Promise<PushNotifier> {
  const subscribes: SipRequest[] = [];
  const ids: string[] = [];
  const { endpoint } = rig.peer;
  // The domain of the GRUU, which a core would serve.
  const resolver = staticResolver({ "home.test": { addresses: [HANDSET] } });
  const notifier = await Notifier.open({
    endpoint,
    sender: new RequestSender({ endpoint, resolver }),
    package: "oma-push",
    contact: `<sip:psi@${NETWORK}>`,
    authorize: ({ event }) => ({ verdict: "accept", applicationData: applicationsIn(event) }),
    initialNotifications: ({ applicationData }) =>
      (applicationData as string[]).map((id) => ({ event: serializeOmaPushEvent({ applicationIds: [id] }) })),
    onReport: (report) => {
      if (report.kind === "created") ids.push(report.subscription.id);
    },
    ...options,
  });
  rig.methods["SUBSCRIBE"] = (transaction) => {
    subscribes.push(transaction.request);
    notifier.handle(transaction);
  };
  rig.closeLater(notifier);
  return {
    notifier,
    subscribes,
    get id() {
      return ids.at(-1) ?? "";
    },
  };
}

function applicationsIn(event: Parameters<typeof readOmaPushEvent>[0]): string[] {
  const read = readOmaPushEvent(event);
  return read.kind === "event" ? [...read.event.applicationIds] : [];
}

/** Answers SUBSCRIBE as told and notes it. */
export function scriptSubscribe(
  rig: ReceiverRig,
  answer: (transaction: ServerTransaction, n: number) => void,
): SipRequest[] {
  const seen: SipRequest[] = [];
  rig.methods["SUBSCRIBE"] = (transaction) => {
    seen.push(transaction.request);
    answer(transaction, seen.length - 1);
  };
  return seen;
}

/** A registrar that gives out a GRUU and more. RFC 5627 §5.3, RFC 3608, RFC 7315. */
export function grantGruu(
  rig: ReceiverRig,
  more: ReadonlyArray<readonly [string, string]> = [],
  gruu: () => string = () => GRUU,
): void {
  rig.registrar = (request) => {
    const contacts = request.headers.getAll("Contact").map((contact) => `${contact};pub-gruu="${gruu()}"`);
    return responseTo(request, 200, { headers: [...contacts.map((each) => ["Contact", each] as const), ...more] });
  };
}
