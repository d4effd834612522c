import type { PapLeniency } from "./options.ts";
import { papCodeClassOf } from "./pap-codes.ts";
import { isPushId } from "./push-id.ts";
import { parseTimestamp, serializeTimestamp } from "./timestamp.ts";

/** What the value of an attribute may be. */
export interface AttributeType<V> {
  /** For the error: "is not …". */
  readonly expected: string;
  /** The value; undefined when the text is not one. */
  decode(text: string, leniency: PapLeniency): V | undefined;
  /** The text; undefined for a value without one, whatever its type. */
  encode(value: unknown): string | undefined;
}

/** CDATA. */
export const text: AttributeType<string> = {
  expected: "text",
  decode: (value) => value,
  encode: (value) => (typeof value === "string" ? value : undefined),
};

/** CDATA that must not be empty. */
export const nonEmptyText: AttributeType<string> = textThat("text", (value) => value.trim() !== "");

export const pushId: AttributeType<string> = textThat("a push-id", isPushId);

/** Only these values. XML trims the values of an enumeration (XML 1.0 §3.3.3). */
export function enumeration<V extends string>(values: readonly V[]): AttributeType<V> {
  return {
    expected: `one of ${values.join(", ")}`,
    decode: (value, { enumerationsOfAnyCase }) => {
      const trimmed = value.trim();
      const wanted = enumerationsOfAnyCase ? trimmed.toLowerCase() : trimmed;
      return values.find((each) => each === wanted);
    },
    encode: (value) => values.find((each) => each === value),
  };
}

const words = enumeration(["true", "false"]);

export const boolean: AttributeType<boolean> = {
  expected: words.expected,
  decode: (value, leniency) => {
    const word = words.decode(value, leniency);
    return word === undefined ? undefined : word === "true";
  },
  encode: (value) => (typeof value === "boolean" ? String(value) : undefined),
};

/** `YYYY-MM-DDThh:mm:ssZ`. */
export const timestamp: AttributeType<Date> = {
  expected: "a timestamp (YYYY-MM-DDThh:mm:ssZ)",
  decode: (value, { looseTimestamps }) => parseTimestamp(value, looseTimestamps),
  encode: (value) => (value instanceof Date ? serializeTimestamp(value) : undefined),
};

/** A result code, 1000 to 5999; not only the listed ones. */
export const code: AttributeType<number> = {
  expected: "a result code",
  decode: (value) => (/^[1-5][0-9]{3}$/.test(value) ? Number(value) : undefined),
  encode: (value) => (typeof value === "number" && papCodeClassOf(value) !== undefined ? String(value) : undefined),
};

function textThat(expected: string, isGood: (value: string) => boolean): AttributeType<string> {
  return {
    expected,
    decode: (value) => (isGood(value) ? value : undefined),
    encode: (value) => (typeof value === "string" && isGood(value) ? value : undefined),
  };
}
