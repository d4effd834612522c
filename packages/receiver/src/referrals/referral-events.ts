/** A REFER came (reference to subscribe), and how it was answered. Text is the peer's and not to be trusted. */
export interface ReferralEvent {
  readonly event: "referred";
  /** URI of From. */
  readonly from: string;
  /** As a trusted hop says; null when none does. */
  readonly assertedIdentity: string | null;
  /** Whom to subscribe to; null when the REFER could not be read. */
  readonly target: string | null;
  /** Short names. */
  readonly applications: readonly string[];
  /** 202 when it is followed. */
  readonly sipStatus: number;
  /** Why not; null when it is. */
  readonly reason: string | null;
}
