import { hexToBytes } from "@noble/hashes/utils.js";
import { NotificationError } from "./errors.ts";

/**
 * Reads the fields of one JSON object; every wrong type is an error that names the path. A field that is absent is `undefined`.
 */
export class JsonFields {
  readonly #values: ReadonlyMap<string, unknown>;
  readonly #path: string;
  readonly #asked = new Set<string>();

  /** @param path of the object from the outermost one, such as `syncs[1]`; empty for that one itself. */
  constructor(value: unknown, path: string) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      const field = path === "" ? "notification" : path;
      throw new NotificationError("NOTIFICATION_BAD_JSON", "must be an object", { field });
    }
    this.#values = new Map(Object.entries(value));
    this.#path = path;
  }

  string(name: string): string | undefined {
    const value = this.#get(name);
    return value === undefined || typeof value === "string" ? value : this.fail(name, "must be a string");
  }

  stringOrNull(name: string): string | null | undefined {
    return this.#get(name) === null ? null : this.string(name);
  }

  number(name: string): number | undefined {
    const value = this.#get(name);
    return value === undefined || typeof value === "number" ? value : this.fail(name, "must be a number");
  }

  oneOf<Choice extends string>(name: string, choices: readonly Choice[]): Choice | undefined {
    const value = this.#get(name);
    if (value === undefined) return undefined;
    const problem = `must be one of ${choices.join(", ")}, not ${JSON.stringify(value)}`;
    return choices.find((choice) => choice === value) ?? this.fail(name, problem);
  }

  /** Octets from an even number of hex digits. */
  hex(name: string): Uint8Array | undefined {
    const value = this.string(name);
    if (value === undefined) return undefined;
    return /^(?:[0-9a-f]{2})*$/i.test(value) ? hexToBytes(value) : this.fail(name, "must be pairs of hex digits");
  }

  /** The objects of an array. */
  array(name: string): JsonFields[] | undefined {
    const value = this.#get(name);
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) return this.fail(name, "must be an array");
    return value.map((entry: unknown, index) => new JsonFields(entry, `${this.#pathOf(name)}[${index}]`));
  }

  /** Refuses fields that nobody has asked for, which are misspelt or belong to another format. */
  refuseOthers(allowed: readonly string[] = []): void {
    for (const name of this.#values.keys()) {
      if (!this.#asked.has(name) && !allowed.includes(name)) this.fail(name, "is not a field here");
    }
  }

  missing(name: string): never {
    return this.fail(name, "is missing");
  }

  fail(name: string, problem: string): never {
    throw new NotificationError("NOTIFICATION_BAD_JSON", problem, { field: this.#pathOf(name) });
  }

  #get(name: string): unknown {
    this.#asked.add(name);
    return this.#values.get(name);
  }

  #pathOf(name: string): string {
    return this.#path === "" ? name : `${this.#path}.${name}`;
  }
}
