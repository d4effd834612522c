import type { XmlElement } from "@sip-push/bodies";
import { type AttributeRow, type ChildRow, type ElementRow, fieldsOf } from "./element-rows.ts";
import { elementNames } from "./elements.ts";
import { PapError, type PapErrorCode } from "./errors.ts";
import { tagAt } from "./fragment.ts";
import type { PapLeniency } from "./options.ts";
import { type PapVersion, papVersions } from "./versions.ts";

/** What is known while a control entity is decoded. */
export interface DecodeContext {
  readonly octets: Uint8Array;
  readonly version: PapVersion;
  readonly publicId: string;
  readonly leniency: PapLeniency;
  readonly maxAddresses: number;
  addresses: number;
}

/**
 * The model of an element: its attributes and children by the rows of its table.
 *
 * @param path of the element, such as `pap/push-message`.
 * @throws {PapError}
 */
export function decodeElement(
  element: XmlElement,
  row: ElementRow<unknown>,
  path: string,
  context: DecodeContext,
): unknown {
  if (row.name === "address" && ++context.addresses > context.maxAddresses) {
    throw elementError("PAP_TOO_LARGE", `more than ${context.maxAddresses} addresses`, element, path, context);
  }
  checkNoText(element, path, context);
  checkAttributeNames(element, row, path, context);
  const { attributes, children } = fieldsOf(row);
  const sorted = sortChildren(element, row, path, context);
  const model: Record<string, unknown> = {};
  for (const [member, field] of attributes) {
    const value = decodeAttribute(element, field, path, context);
    if (value !== undefined) model[member] = value;
  }
  for (const [index, [member, field]] of children.entries()) {
    const value = decodeChildren(element, field, sorted[index] ?? [], path, context);
    if (value !== undefined) model[member] = value;
  }
  return row.only === undefined ? model : model[row.only];
}

/** An error about an element, with its start tag quoted. */
export function elementError(
  code: PapErrorCode,
  problem: string,
  element: XmlElement,
  path: string,
  context: Pick<DecodeContext, "octets"> & Partial<DecodeContext>,
  attribute?: string,
): PapError {
  const { octets, version, publicId } = context;
  const badMessageFragment = element.offset === undefined ? undefined : tagAt(octets, element.offset);
  return new PapError(code, problem, {
    element: path,
    attribute,
    offset: element.offset,
    badMessageFragment,
    version,
    publicId,
  });
}

/** No element of PAP has character data. */
export function checkNoText(element: XmlElement, path: string, context: DecodeContext): void {
  if (element.text === "" || !/[^ \t\r\n]/.test(element.text)) return;
  throw elementError("PAP_MISPLACED_TEXT", "holds text", element, path, context);
}

/** No attribute that the table does not have. */
export function checkAttributeNames(
  element: XmlElement,
  row: ElementRow<unknown>,
  path: string,
  context: DecodeContext,
): void {
  const rows = fieldsOf(row).attributes;
  const { misspelledAttributes, unknownAttributes, laterAttributes } = context.leniency;
  for (const { name, namespace } of element.attributes) {
    const known = rows.find(
      ([, each]) => each.name === name || (misspelledAttributes && each.misspelled === name),
    )?.[1];
    const isKnown = known !== undefined && namespace === "";
    if (isKnown && (laterAttributes || isIn(known, context.version))) continue;
    if (!isKnown && unknownAttributes) continue;
    const problem = isKnown ? `is not in PAP ${context.version}` : `${JSON.stringify(name.slice(0, 40))} is unknown`;
    throw elementError("PAP_UNKNOWN_ATTRIBUTE", problem, element, path, context, name.slice(0, 40));
  }
}

/** Whether that version has the attribute. */
export function isIn(row: AttributeRow<unknown>, version: PapVersion): boolean {
  // The versions stand from the newest to the oldest.
  return row.since === undefined || papVersions.indexOf(version) <= papVersions.indexOf(row.since);
}

function decodeAttribute(
  element: XmlElement,
  row: AttributeRow<unknown>,
  path: string,
  context: DecodeContext,
): unknown {
  const { leniency } = context;
  const written = (name: string | undefined): string | undefined =>
    element.attributes.find((attribute) => attribute.name === name && attribute.namespace === "")?.value;
  const text = written(row.name) ?? (leniency.misspelledAttributes ? written(row.misspelled) : undefined);
  if (text === undefined) {
    if (!row.isRequired) return row.default;
    if (row.waiver !== undefined && leniency[row.waiver]) return "";
    throw elementError("PAP_MISSING_ATTRIBUTE", "is missing", element, path, context, row.name);
  }
  const value = row.type.decode(text, leniency);
  if (value !== undefined) return value;
  const problem = `${JSON.stringify(text.slice(0, 40))} is not ${row.type.expected}`;
  throw elementError("PAP_BAD_ATTRIBUTE", problem, element, path, context, row.name);
}

/** The children by the index of their row; they stand in the order of the rows, and those that are no list once. */
function sortChildren(
  element: XmlElement,
  row: ElementRow<unknown>,
  path: string,
  context: DecodeContext,
): readonly (readonly XmlElement[])[] {
  if (element.children.length === 0) return [];
  const rows = fieldsOf(row).children;
  const sorted: XmlElement[][] = rows.map(() => []);
  let position = 0;
  for (const child of element.children) {
    const found = rows.findIndex(([, { element: each }]) => each.name === child.name && child.namespace === "");
    const siblings = sorted[found];
    const childPath = (): string => `${path}/${child.name.slice(0, 40)}`;
    if (siblings === undefined) {
      throw elementError(...unexpected(child, `in ${row.name}`), child, childPath(), context);
    }
    if (found < position) throw elementError("PAP_MISPLACED_ELEMENT", "stands too late", child, childPath(), context);
    if (siblings.length > 0 && rows[found]?.[1].isList === false) {
      throw elementError("PAP_MISPLACED_ELEMENT", "stands twice", child, childPath(), context);
    }
    siblings.push(child);
    position = found;
  }
  return sorted;
}

/** The error for an element that may not stand `where`. */
export function unexpected(element: XmlElement, where: string): [PapErrorCode, string] {
  const isKnown = element.namespace === "" && elementNames.has(element.name);
  return isKnown
    ? ["PAP_MISPLACED_ELEMENT", `may not stand ${where}`]
    : ["PAP_UNKNOWN_ELEMENT", "is no element of PAP"];
}

function decodeChildren(
  element: XmlElement,
  row: ChildRow<unknown>,
  children: readonly XmlElement[],
  path: string,
  context: DecodeContext,
): unknown {
  if (children.length < row.min) {
    if (row.waiver !== undefined && context.leniency[row.waiver]) return "";
    throw elementError("PAP_MISSING_ELEMENT", `has no ${row.element.name}`, element, path, context);
  }
  if (children.length === 0) return row.isList ? [] : undefined;
  const childPath = `${path}/${row.element.name}`;
  const models = children.map((child) => decodeElement(child, row.element, childPath, context));
  return row.isList ? models : models[0];
}
