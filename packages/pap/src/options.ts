/** Upper bounds on what is decoded; what is left out has its default. */
export interface PapLimits {
  /** Octets of an HTTP entity. Default 1 MiB. */
  readonly maxMessageOctets?: number;
  /** Octets of a control entity. Default 256 KiB. */
  readonly maxControlOctets?: number;
  /** `address` elements of a control entity. Default 1,000. */
  readonly maxAddresses?: number;
  /** Octets of the MIME header fields of one part. Default 16,384. */
  readonly maxHeaderOctets?: number;
}

/**
 * Mistakes of known peers that may be let pass. All are off unless switched on: each hides an error of the peer, and a push
 * initiator should hear of its errors.
 */
export interface PapLeniency {
  /** `ppg-notifiy-requested-to` and `request-progress-notes` (pypap) are the attributes that they mean. */
  readonly misspelledAttributes?: boolean;
  /** Attributes that PAP does not have are left aside, such as `results-notification-to` (pypap). */
  readonly unknownAttributes?: boolean;
  /** A PAP 1.0 document may have what came with 2.0: `replace-push-id`, `replace-method`. */
  readonly laterAttributes?: boolean;
  /** `HIGH`, `True`: XML enumerations are as they are written, but Kannel takes any case. */
  readonly enumerationsOfAnyCase?: boolean;
  /** Timestamps with lower-case letters (BlackBerry), a fraction of a second or an offset instead of `Z`. */
  readonly looseTimestamps?: boolean;
  /** A document without a DOCTYPE is PAP 2.0. */
  readonly missingDoctype?: boolean;
  /** A resultnotification-response may lack its push-id and address (pypap): the request that it answers says them. */
  readonly bareResultResponse?: boolean;
}

/** How to decode. */
export interface PapDecodeOptions {
  readonly limits?: PapLimits;
  readonly leniency?: PapLeniency;
}

/** Everything that {@link PapLeniency} has. */
export const lenient: Readonly<Required<PapLeniency>> = {
  misspelledAttributes: true,
  unknownAttributes: true,
  laterAttributes: true,
  enumerationsOfAnyCase: true,
  looseTimestamps: true,
  missingDoctype: true,
  bareResultResponse: true,
};

export const DEFAULT_MAX_MESSAGE_OCTETS = 1_048_576;
export const DEFAULT_MAX_CONTROL_OCTETS = 262_144;
export const DEFAULT_MAX_ADDRESSES = 1_000;
