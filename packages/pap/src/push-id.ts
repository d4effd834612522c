/** Characters of a push-id; PAP names no bound, and a store needs one. */
export const MAX_PUSH_ID_LENGTH = 255;

/** Whether this can be a push-id: 1 to 255 characters, none a control character, no blank at either end. */
export function isPushId(text: string): boolean {
  return (
    text.length > 0 &&
    text.length <= MAX_PUSH_ID_LENGTH &&
    text.trim() === text &&
    !/\p{Cc}/u.test(text) &&
    text.isWellFormed()
  );
}

/**
 * A push-id in its customary form, `token@domain`.
 *
 * @param token that the push initiator never uses again, such as a UUID.
 * @returns undefined when that makes none.
 */
export function pushIdOf(token: string, domain: string): string | undefined {
  const pushId = `${token}@${domain}`;
  return token !== "" && domain !== "" && isPushId(pushId) ? pushId : undefined;
}
