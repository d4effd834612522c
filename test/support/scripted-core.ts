import {
  createRequest,
  type NotificationInit,
  Notifier,
  parseUri,
  RequestSender,
  SipEndpoint,
  type SipRequest,
  type SipResponse,
  type SipUri,
  type SubscribeDecision,
  UasCore,
} from "@sip-push/sip";
import { BOB, type ScriptedAnswer, type SenderRig, udp } from "./sender-rig.ts";

/** Address of the core. */
const CORE = "192.0.2.2";

/** A core that a test scripts: answers requests, and is the notifier of one event package. */
export class ScriptedCore {
  /** All requests but SUBSCRIBE, in order. */
  readonly seen: SipRequest[] = [];
  /** SUBSCRIBEs outside a dialog that were let in, in order. */
  readonly subscribed: SipRequest[] = [];
  /** What it answers to those of {@link seen}. */
  answer: (request: SipRequest) => ScriptedAnswer | Promise<ScriptedAnswer> = () => [480];
  /** What it says to a SUBSCRIBE. */
  admit: () => SubscribeDecision = () => ({ verdict: "accept" });
  /** What who subscribes is told at once, and by {@link notify} all who did. */
  state: NotificationInit = {};
  readonly #rig: SenderRig;
  readonly #sender: RequestSender;
  readonly #notifier: Notifier;

  private constructor(rig: SenderRig, sender: RequestSender, notifier: Notifier) {
    this.#rig = rig;
    this.#sender = sender;
    this.#notifier = notifier;
  }

  static async open(rig: SenderRig, eventPackage = "reg"): Promise<ScriptedCore> {
    const endpoint = await SipEndpoint.open({
      listen: [udp(CORE)],
      clock: rig.clock,
      open: rig.network.open,
      onRequest: (transaction) => {
        if (transaction.request.method === "SUBSCRIBE") return uas.handle(transaction);
        core.seen.push(transaction.request);
        const reply = (answer: ScriptedAnswer): void => {
          if (answer !== undefined) transaction.reply(...answer);
        };
        const answer = core.answer(transaction.request);
        if (answer instanceof Promise) void answer.then(reply);
        else reply(answer);
      },
    });
    const sender = new RequestSender({ endpoint });
    const notifier = await Notifier.open({
      endpoint,
      sender,
      package: eventPackage,
      contact: `sip:core@${CORE}`,
      authorize: ({ request, subscription }) => {
        const decision = core.admit();
        if (subscription === undefined && decision.verdict !== "refuse") core.subscribed.push(request);
        return decision;
      },
      initialNotifications: () => [core.state],
    });
    const uas = new UasCore({ methods: { SUBSCRIBE: (transaction) => notifier.handle(transaction) } });
    const core: ScriptedCore = new ScriptedCore(rig, sender, notifier);
    rig.closeLater(endpoint);
    rig.closeLater(notifier);
    return core;
  }

  /** Requests of one method that came. */
  of(method: string): SipRequest[] {
    return this.seen.filter((request) => request.method === method);
  }

  /** Tells the new state. */
  async notify(state: NotificationInit): Promise<void> {
    this.state = state;
    const told = [...this.#notifier.subscriptions()].map(({ id }) => this.#notifier.notify(id, state));
    await this.#rig.clock.until(Promise.all(told));
  }

  /** A third-party REGISTER to the sender (TS 24.229 §5.4.1.7). */
  async thirdPartyRegister(user = BOB): Promise<SipResponse> {
    const request = createRequest({
      method: "REGISTER",
      requestUri: "sip:push-psi@192.0.2.1",
      from: "sip:scscf@192.0.2.2",
      to: user,
      headers: [
        ["Contact", "<sip:scscf@192.0.2.2>"],
        ["Expires", "600"],
      ],
    });
    const sent = this.#sender.send(request, { nextHop: parseUri("sip:192.0.2.1") as SipUri });
    const outcome = await this.#rig.clock.until(sent);
    if (outcome.kind === "failure") throw new Error(outcome.reason);
    return outcome.response;
  }
}
