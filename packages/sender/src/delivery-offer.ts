import { CPIM_TYPE } from "@sip-push/bodies";
import { normalizeApplicationId, type PushMessage } from "@sip-push/push";
import type { SipResponse } from "@sip-push/sip";
import type { CapabilityBook } from "./capabilities/index.ts";
import type { DeliveryMethod, DeliveryMethods } from "./delivery-methods.ts";
import { chooseOffer, type OfferChoice, type PushAlternative } from "./offer-choice.ts";
import { nextRepresentation, withoutUnsupported } from "./re-offer.ts";

/** What is offered to a recipient: the push, in the form that it may take best, and then what its answers allow. */
export class DeliveryOffer {
  readonly #original: PushMessage;
  readonly #alternatives: readonly PushAlternative[];
  #push: PushMessage;
  /** What was offered so far, the last one now; undefined: nothing yet, or only the push itself. */
  #offered: PushAlternative[] | undefined;

  constructor(push: PushMessage, alternatives: readonly PushAlternative[]) {
    this.#original = push;
    this.#alternatives = alternatives;
    this.#push = push;
  }

  /** The push as it is offered, but for its form. */
  get push(): PushMessage {
    return this.#push;
  }

  /** Its form, unless that is the push's own. */
  get representation(): PushAlternative | undefined {
    return this.#offered?.at(-1);
  }

  /**
   * Before the first attempt of all: takes the form that the handset is known to take; before each first one the method. What is known only sets the order:
   * it may be of yesterday, and no push is given up for it.
   */
  choose(book: CapabilityBook, recipient: string, methods: DeliveryMethods): void {
    const handsets = book.lookup(recipient);
    if (handsets.length === 0) return;
    const choiceFor = (method: DeliveryMethod | undefined): OfferChoice => {
      const [push, ...alternatives] = this.#formsFor(method);
      return chooseOffer(handsets, push, alternatives, method?.kind === "notify" ? "NOTIFY" : "MESSAGE");
    };
    methods.prefer((method) => choiceFor(method).verdict !== "no");
    if (this.#offered !== undefined) return;
    const { offer, verdict } = choiceFor(methods.current);
    if (verdict !== "no" && offer !== this.#original) this.#use([offer]);
  }

  /** Before each attempt: a NOTIFY cannot be for another application than the one that was subscribed to. */
  fit(method: DeliveryMethod): void {
    if (method.kind === "notify" && !isSameApplication(this.#push, this.#original)) {
      this.#offered = undefined;
      this.#push = { ...this.#push, applicationId: this.#original.applicationId };
    }
  }

  /** Remembers what a refusal says of the recipient's handsets. */
  learn(book: CapabilityBook, recipient: string, response: SipResponse, method: DeliveryMethod): void {
    const { applicationId, report } = this.#push;
    const { contentType, body } = this.representation ?? this.#push;
    book.refused(recipient, response, {
      method: method.kind === "message" ? "MESSAGE" : "NOTIFY",
      applicationId: applicationId === null ? "" : normalizeApplicationId(applicationId),
      contentType: report === "receiver" ? CPIM_TYPE : contentType,
      bodyBytes: body.length,
    });
  }

  /** The first form that a 415 allows and that was not offered. */
  next(response: SipResponse, method: DeliveryMethod, maxBodyBytes: number): PushAlternative | undefined {
    const offered = this.#offered ?? [this.#original];
    return nextRepresentation<PushAlternative>(response, offered, this.#formsFor(method), maxBodyBytes);
  }

  /** From now on this is what is offered. */
  take(offer: PushAlternative): void {
    this.#use([...(this.#offered ?? [this.#original]), offer]);
  }

  /** The push without the option tags that a 420 calls unsupported; undefined when it requires none of them. */
  withoutUnsupported(response: SipResponse): PushMessage | undefined {
    return withoutUnsupported(this.#push, response);
  }

  dropUnsupported(response: SipResponse): void {
    this.#push = this.withoutUnsupported(response) ?? this.#push;
  }

  #formsFor(method: DeliveryMethod | undefined): readonly [PushMessage, ...PushAlternative[]] {
    const push = this.#original;
    if (method?.kind !== "notify") return [push, ...this.#alternatives];
    return [push, ...this.#alternatives.filter((form) => isSameApplication(form, push))];
  }

  #use(offered: PushAlternative[]): void {
    this.#offered = offered;
    const { applicationId } = offered.at(-1) ?? {};
    if (applicationId !== undefined) this.#push = { ...this.#push, applicationId };
  }
}

function isSameApplication({ applicationId }: PushAlternative, push: PushMessage): boolean {
  if (applicationId === undefined || applicationId === push.applicationId) return true;
  if (applicationId === null || push.applicationId === null) return false;
  return normalizeApplicationId(applicationId) === normalizeApplicationId(push.applicationId);
}
