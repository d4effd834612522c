/** The dialog that a Replaces value names. RFC 3891 §6.1. */
export interface ReplacedDialog {
  readonly callId: string;
  readonly tags: readonly [toTag: string, fromTag: string];
}

/** Undefined for what does not name exactly one dialog. */
export function readReplaces(text: string): ReplacedDialog | undefined {
  const [callId = "", ...params] = text.split(";").map((part) => part.trim());
  const [toTag, fromTag] = ["to-tag", "from-tag"].map((name) => {
    const values = params.flatMap((param) => {
      const [key = "", value = ""] = param.split("=").map((part) => part.trim());
      return key.toLowerCase() === name && value !== "" ? [value] : [];
    });
    return values.length === 1 ? values[0] : undefined;
  });
  if (callId === "" || toTag === undefined || fromTag === undefined) return undefined;
  return { callId, tags: [toTag, fromTag] };
}
