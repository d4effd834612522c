import type { XmlAttribute, XmlElement } from "@sip-push/bodies";
import { isIn } from "./decode-element.ts";
import { type AttributeRow, type ElementRow, fieldsOf } from "./element-rows.ts";
import { PapError } from "./errors.ts";
import type { PapVersion } from "./versions.ts";

/**
 * The element of a model, by the rows of its table. Attributes that have their default value are left out.
 *
 * @throws {PapError} PAP_BAD_VALUE for what the element cannot hold, or what that version does not have.
 */
export function encodeElement(model: unknown, row: ElementRow<unknown>, path: string, version: PapVersion): XmlElement {
  const members = (row.only === undefined ? model : { [row.only]: model }) as Readonly<Record<string, unknown>> | null;
  if (typeof members !== "object" || members === null) throw badValue("is no object", path);
  const attributes: XmlAttribute[] = [];
  const children: XmlElement[] = [];
  const fields = fieldsOf(row);
  for (const [member, field] of fields.attributes) {
    const value = encodeAttribute(members[member], field, path, version);
    if (value !== undefined) attributes.push({ name: field.name, namespace: "", value });
  }
  for (const [member, field] of fields.children) {
    const value = members[member];
    const values: readonly unknown[] =
      field.isList && Array.isArray(value) ? value : value === undefined ? [] : [value];
    if (values.length < field.min) throw badValue(`has no ${field.element.name}`, path);
    for (const each of values) {
      children.push(encodeElement(each, field.element, `${path}/${field.element.name}`, version));
    }
  }
  return { name: row.name, namespace: "", attributes, children, text: "" };
}

function encodeAttribute(
  value: unknown,
  row: AttributeRow<unknown>,
  path: string,
  version: PapVersion,
): string | undefined {
  if (value === undefined && row.isRequired) throw badValue("is missing", path, row.name);
  if (value === undefined || value === row.default) return undefined;
  if (!isIn(row, version)) throw badValue(`is not in PAP ${version}`, path, row.name);
  const text = row.type.encode(value);
  if (text === undefined) throw badValue(`is not ${row.type.expected}`, path, row.name);
  return text;
}

function badValue(problem: string, element: string, attribute?: string): PapError {
  return new PapError("PAP_BAD_VALUE", problem, { element, attribute });
}
