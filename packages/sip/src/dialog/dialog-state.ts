/**
 * A dialog as plain data, so that a store can keep it over a restart. RFC 3261 §12. Texts are octet strings as they stand
 * on the wire.
 */
export interface DialogState {
  readonly callId: string;
  /** Our tag: the From tag of what we send, the To tag of what we receive. */
  readonly localTag: string;
  /** The peer's; empty for one that has none (RFC 2543, §12.1.1). */
  readonly remoteTag: string;
  /** Our address without its tag, a name-addr: `"Bob" <sip:bob@example.test>`. */
  readonly localUri: string;
  /** The peer's address without its tag, a name-addr. */
  readonly remoteUri: string;
  /** CSeq number of our last request; 0 before the first. */
  readonly localSeq: number;
  /** CSeq number of the peer's last request; null before the first. */
  readonly remoteSeq: number | null;
  /** Route values in the order in which our requests carry them. */
  readonly routeSet: readonly string[];
  /** The peer's Contact URI: the Request-URI of what we send. */
  readonly remoteTarget: string;
  /** Whether it was made by a request to a sips URI over TLS. */
  readonly secure: boolean;
}
