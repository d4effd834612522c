const STRICT = /^([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})Z$/;
/** With a fraction of a second, an offset, and letters of either case. */
const LOOSE =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?(?:Z|([+-])([0-9]{2}):?([0-9]{2}))$/i;
const MINUTE_MS = 60_000;

/**
 * Reads `2026-11-21T17:30:00Z`, the one form of a timestamp in PAP.
 *
 * @param isLoose also a fraction of a second, an offset from UTC, and lower-case letters.
 * @returns undefined for what is none, or no date that there is.
 */
export function parseTimestamp(text: string, isLoose = false): Date | undefined {
  const match = (isLoose ? LOOSE : STRICT).exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const date = new Date(0);
  // setUTCFullYear and not Date.UTC, which takes the years below 100 for those of the last century.
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  const milliseconds = Number((match[7] ?? "").slice(0, 3).padEnd(3, "0"));
  date.setUTCHours(hour, minute, second, milliseconds);
  return match[8] === undefined ? date : withoutOffset(date, match[8], Number(match[9]), Number(match[10]));
}

function withoutOffset(local: Date, sign: string, hours: number, minutes: number): Date | undefined {
  if (hours > 23 || minutes > 59) return undefined;
  const offsetMs = (hours * 60 + minutes) * MINUTE_MS;
  return new Date(local.getTime() + (sign === "+" ? -offsetMs : offsetMs));
}

/** The last second written: a gateway that is busy writes the same over and over. */
let last = { second: Number.NaN, text: "" };

/** `2026-11-21T17:30:00Z`, without the fraction of the second; undefined for a date outside of the years 0000 to 9999. */
export function serializeTimestamp(date: Date): string | undefined {
  const second = Math.floor(date.getTime() / 1000);
  if (second === last.second) return last.text;
  const year = date.getUTCFullYear();
  if (!(year >= 0 && year <= 9999)) return undefined;
  last = { second, text: `${date.toISOString().slice(0, 19)}Z` };
  return last.text;
}
