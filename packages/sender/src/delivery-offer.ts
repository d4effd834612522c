import { CPIM_TYPE } from "@sip-push/bodies";
import { normalizeApplicationId, type PushMessage } from "@sip-push/push";
import type { SipResponse } from "@sip-push/sip";
import type { CapabilityBook } from "./capabilities/index.ts";
import type { DeliveryMethods } from "./delivery-methods.ts";
import { chooseOffer, type PushAlternative } from "./offer-choice.ts";
import { nextRepresentation, withoutUnsupported } from "./re-offer.ts";

/** What is offered to a recipient: the push, in the form that it may take best, and then what its answers allow. */
export class DeliveryOffer {
  readonly #given: readonly [PushMessage, ...PushAlternative[]];
  #push: PushMessage;
  /** What was offered so far, the last one now; undefined: nothing yet, or only the push itself. */
  #offered: PushAlternative[] | undefined;

  constructor(push: PushMessage, alternatives: readonly PushAlternative[]) {
    this.#given = [push, ...alternatives];
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
   * Before the first attempt: takes the form and the method that the handset is known to take. What is known only sets the order:
   * it may be of yesterday, and no push is given up for it.
   */
  choose(book: CapabilityBook, recipient: string, methods: DeliveryMethods): void {
    const handsets = this.#offered === undefined ? book.lookup(recipient) : [];
    if (handsets.length === 0) return;
    const [push, ...alternatives] = this.#given;
    for (;;) {
      const method = methods.current?.kind === "notify" ? "NOTIFY" : "MESSAGE";
      const { offer, verdict } = chooseOffer(handsets, push, alternatives, method);
      if (verdict !== "no" && offer !== push) this.#use([offer]);
      if (verdict !== "no" || !methods.left) return;
      methods.take();
    }
  }

  /** Remembers what a refusal says of the recipient's handsets. */
  learn(book: CapabilityBook, recipient: string, response: SipResponse, method: "MESSAGE" | "NOTIFY"): void {
    const { applicationId, report } = this.#push;
    const { contentType, body } = this.representation ?? this.#push;
    book.refused(recipient, response, {
      method,
      applicationId: applicationId === null ? "" : normalizeApplicationId(applicationId),
      contentType: report === "receiver" ? CPIM_TYPE : contentType,
      bodyBytes: body.length,
    });
  }

  /** The first form that a 415 allows and that was not offered. */
  next(response: SipResponse, maxBodyBytes: number): PushAlternative | undefined {
    return nextRepresentation<PushAlternative>(response, this.#offered ?? [this.#given[0]], this.#given, maxBodyBytes);
  }

  /** From now on this is what is offered. */
  take(offer: PushAlternative): void {
    this.#use([...(this.#offered ?? [this.#given[0]]), offer]);
  }

  #use(offered: PushAlternative[]): void {
    this.#offered = offered;
    const { applicationId } = offered.at(-1) ?? {};
    if (applicationId !== undefined) this.#push = { ...this.#push, applicationId };
  }

  /** The push without the option tags that a 420 calls unsupported; undefined when it requires none of them. */
  withoutUnsupported(response: SipResponse): PushMessage | undefined {
    return withoutUnsupported(this.#push, response);
  }

  dropUnsupported(response: SipResponse): void {
    this.#push = this.withoutUnsupported(response) ?? this.#push;
  }
}
