import { checkNumbers, PushInputError } from "@sip-push/push";
import { TOKEN } from "@sip-push/sip";
import { sipUriOf } from "../sip-uri-option.ts";

/** Publication of what the receiver can take. RFC 3903, RFC 3863 with RFC 5196. */
export interface PublishOptions {
  /** Whose presence it is, or a push sender: Request-URI. Default: the user's own address, so a presence agent of the core. */
  readonly to?: string;
  /** Asked for. Default 3600. */
  readonly expiresSeconds?: number;
  /** Event package. Default `presence`. */
  readonly package?: string;
}

/** delta-seconds of RFC 3261 §25.1. */
const MAX_SECONDS = 0xffff_ffff;

/**
 * Undefined for no publication.
 *
 * @throws {PushInputError} naming the option.
 */
export function readPublish(publish: boolean | PublishOptions): PublishOptions | undefined {
  if (publish === false) return undefined;
  if (publish === true) return {};
  const { to, expiresSeconds, package: name = "presence" } = publish;
  if (to !== undefined) sipUriOf(to, "publish.to");
  checkNumbers({ expiresSeconds }, { expiresSeconds: { min: 1, max: MAX_SECONDS, integer: true } }, "publish.");
  if (!TOKEN.test(name)) throw new PushInputError("PUSH_BAD_OPTION", "publish.package", "is no event package");
  return publish;
}
