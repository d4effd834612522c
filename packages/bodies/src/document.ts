import { BodyError } from "./errors.ts";
import { attributeOf, type XmlElement } from "./xml/tree.ts";

/** The error for an element that the document may not have so. */
export function badElement(element: XmlElement, problem: string): BodyError {
  return new BodyError("BODY_BAD_DOCUMENT", element.name, problem, { offset: element.offset });
}

/** @throws {BodyError} BODY_BAD_DOCUMENT when the attribute is missing. */
export function requiredAttribute(element: XmlElement, name: string): string {
  const value = attributeOf(element, name);
  if (value === undefined) throw badElement(element, `has no attribute ${name}`);
  return value;
}

/** An attribute with a closed set of values. @throws {BodyError} BODY_BAD_DOCUMENT. */
export function oneOf<T extends string>(element: XmlElement, name: string, values: readonly T[]): T {
  const text = requiredAttribute(element, name).trim();
  const value = values.find((each) => each === text);
  if (value === undefined)
    throw badElement(element, `${name} is ${JSON.stringify(text.slice(0, 40))}, not one of ${values.join(", ")}`);
  return value;
}

/** A number from 0 to 2^53-1; undefined when there is none, larger ones are held. @throws {BodyError} BODY_BAD_DOCUMENT. */
export function countOf(element: XmlElement, name: string): number | undefined {
  const text = attributeOf(element, name)?.trim();
  if (text === undefined) return undefined;
  if (!/^[0-9]{1,20}$/.test(text)) throw badElement(element, `${name} is no number`);
  return Math.min(Number(text), Number.MAX_SAFE_INTEGER);
}

/** q and priority: 0 to 1 with up to three digits; undefined for what is none (it is only a preference). */
export function qvalueOf(text: string | undefined): number | undefined {
  return text !== undefined && /^(?:0(?:\.[0-9]*)?|1(?:\.0*)?)$/.test(text.trim()) ? Number(text) : undefined;
}

/** `0.5`: at most three digits. @throws {BodyError} BODY_BAD_VALUE outside of 0 to 1. */
export function serializeQvalue(value: number, field: string): string {
  if (!(value >= 0 && value <= 1)) throw new BodyError("BODY_BAD_VALUE", field, "must be from 0 to 1");
  return String(Math.round(value * 1000) / 1000);
}

/** A whole number as an attribute. @throws {BodyError} BODY_BAD_VALUE. */
export function serializeCount(value: number, field: string): string {
  if (!Number.isSafeInteger(value) || value < 0) throw new BodyError("BODY_BAD_VALUE", field, "must be a whole number");
  return String(value);
}
