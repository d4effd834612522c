const GROUPS = 8;

/** Dotted decimal, four numbers to 255; a number with a leading zero could be meant octal and is none. */
export function parseIpv4(text: string): string | undefined {
  const numbers = text.split(".");
  const isGood =
    numbers.length === 4 && numbers.every((each) => /^(?:0|[1-9][0-9]{0,2})$/.test(each) && Number(each) <= 255);
  return isGood ? text : undefined;
}

/** Eight groups of hexadecimal digits, or fewer around one `::` (RFC 4291 §2.2); given in full, in lower case. */
export function parseIpv6(text: string): string | undefined {
  const halves = text.split("::").map((half) => (half === "" ? [] : half.split(":")));
  if (halves.length > 2) return undefined;
  const [head, tail] = halves as [string[], string[] | undefined];
  const missing = GROUPS - head.length - (tail?.length ?? 0);
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array.from({ length: Math.max(missing, 0) }, () => "0"), ...(tail ?? [])];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return groups.map((group) => Number.parseInt(group, 16).toString(16)).join(":");
}
