import type { AttributeType } from "./attribute-types.ts";
import type { PapLeniency } from "./options.ts";
import type { PapVersion } from "./versions.ts";

/** Says that a field may be missing all the same when this switch is on; it is "" then. */
type Waiver = keyof PapLeniency;

/** An attribute of an element, as the member of the model that it becomes. */
export interface AttributeRow<V> {
  readonly row: "attribute";
  readonly name: string;
  readonly type: AttributeType<V>;
  readonly isRequired: boolean;
  /** Its value when it is left out. */
  readonly default?: V;
  /** The first version that has it; all when left out. */
  readonly since?: PapVersion;
  /** How known peers misspell it. */
  readonly misspelled?: string;
  readonly waiver?: Waiver;
}

/** A child element, or a list of them, as the member of the model that it becomes. */
export interface ChildRow<V> {
  readonly row: "child";
  readonly element: ElementRow<unknown>;
  readonly min: 0 | 1;
  /** A list has no maximum. */
  readonly isList: boolean;
  readonly waiver?: Waiver;
  /** The type of the member; there for the compiler only. */
  readonly member?: V;
}

export type FieldRow<V> = AttributeRow<V> | ChildRow<V>;

/** An element of the DTD: its attributes, and its children in the order that they have in the document. */
export interface ElementRow<T> {
  readonly name: string;
  readonly fields: Readonly<Record<string, FieldRow<unknown>>>;
  /** The one field that stands for the whole element in the model. */
  readonly only?: string;
  /** The type of the model; there for the compiler only. */
  readonly model?: T;
}

/** The fields of an element as decoder and encoder go through them. */
export interface ElementFields {
  readonly attributes: ReadonlyArray<readonly [member: string, row: AttributeRow<unknown>]>;
  /** In the order of the document. */
  readonly children: ReadonlyArray<readonly [member: string, row: ChildRow<unknown>]>;
}

const fieldsByRow = new WeakMap<ElementRow<unknown>, ElementFields>();

export function fieldsOf(row: ElementRow<unknown>): ElementFields {
  const known = fieldsByRow.get(row);
  if (known !== undefined) return known;
  const all = Object.entries(row.fields);
  const fields: ElementFields = {
    attributes: all.flatMap(([member, field]) => (field.row === "attribute" ? [[member, field] as const] : [])),
    children: all.flatMap(([member, field]) => (field.row === "child" ? [[member, field] as const] : [])),
  };
  fieldsByRow.set(row, fields);
  return fields;
}

/** A row for every member of the model, with the type of that member. */
type FieldsOf<T> = { readonly [K in Exclude<keyof T, "kind">]-?: FieldRow<NonNullable<T[K]>> };

/** An element that becomes a `T`. The compiler compares the rows with the members of `T`. */
export function elementRow<T extends object>(name: string, fields: FieldsOf<T>): ElementRow<T> {
  return { name, fields };
}

type Extras<V> = Partial<Pick<AttributeRow<V>, "since" | "misspelled" | "waiver">>;

/** `#REQUIRED`. */
export function required<V>(name: string, type: AttributeType<V>, extras: Extras<V> = {}): AttributeRow<V> {
  return { row: "attribute", name, type, isRequired: true, ...extras };
}

/** `#IMPLIED`. */
export function implied<V>(name: string, type: AttributeType<V>, extras: Extras<V> = {}): AttributeRow<V> {
  return { row: "attribute", name, type, isRequired: false, ...extras };
}

/** With a default value. */
export function defaulted<V>(name: string, type: AttributeType<V>, value: V, extras: Extras<V> = {}): AttributeRow<V> {
  return { row: "attribute", name, type, isRequired: false, default: value, ...extras };
}

/** Exactly one. */
export function one<T>(element: ElementRow<T>, extras: Pick<Partial<ChildRow<T>>, "waiver"> = {}): ChildRow<T> {
  return { row: "child", element, min: 1, isList: false, ...extras };
}

/** `?` */
export function optional<T>(element: ElementRow<T>): ChildRow<T> {
  return { row: "child", element, min: 0, isList: false };
}

/** `*` or, from 1 on, `+`. */
export function list<T>(element: ElementRow<T>, min: 0 | 1): ChildRow<readonly T[]> {
  return { row: "child", element, min, isList: true };
}
