/** What becomes of the receiver's subscriptions to `oma-push`. `to`: whom it subscribed to, as given. */
export type SubscriptionEvent =
  /** The sender confirmed an application (draft-mdolly-dispatch-oma-push-00 §11.2): pushes to it may come. Once per subscription. */
  | {
      readonly event: "subscribed";
      readonly to: string;
      /** Short name. */
      readonly applicationId: string;
      /** How long, unless it is refreshed, which it is. */
      readonly expiresSeconds: number;
    }
  /** The sender ended it, or it was stopped here. */
  | {
      readonly event: "subscription-ended";
      readonly to: string;
      readonly applications: readonly string[];
      /** Of Subscription-State (RFC 6665 §4.1.3), null when it gave none; `stopped` here. */
      readonly reason: string | null;
      /** When it is subscribed to again; 0 at once, null never. */
      readonly retryInMs: number | null;
    }
  /** SUBSCRIBE was refused or not answered, or no NOTIFY came. */
  | {
      readonly event: "subscription-failed";
      readonly to: string;
      readonly applications: readonly string[];
      /** null when there was no answer. */
      readonly sipStatus: number | null;
      readonly reason: string;
      /** When it is tried again; null never. */
      readonly retryInMs: number | null;
    };
