/** The text of a form's field; "" when there is none, or a file. */
export function textOf(data: FormData, name: string): string {
  const value = data.get(name);
  return typeof value === "string" ? value : "";
}

/** The texts of all fields of one name, in order. */
export function textsOf(data: FormData, name: string): string[] {
  return data.getAll(name).filter((value) => typeof value === "string");
}
