/** Upper bounds on what the decoder accepts. All sizes are octets. */
export interface MessageLimits {
  /** Start line and header fields together. */
  readonly maxHeadBytes: number;
  /** Body. */
  readonly maxBodyBytes: number;
  /** Header fields (lines, folded ones counted once). */
  readonly maxHeaders: number;
}

/** 64 KiB of head, 1 MiB of body, 256 header fields: far above any real push, far below what hurts. */
export const defaultLimits: MessageLimits = {
  maxHeadBytes: 65_536,
  maxBodyBytes: 1_048_576,
  maxHeaders: 256,
};
