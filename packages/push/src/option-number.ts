import { PushInputError } from "./errors.ts";

/** What a number among the options of an agent may be. */
export interface NumberRange {
  /** Default 0. */
  readonly min?: number;
  /** Default: no bound. */
  readonly max?: number;
  readonly integer?: boolean;
}

/**
 * Checks numbers among options; those left out are fine.
 *
 * @param path prefix of the option named, such as `limits.`.
 * @throws {PushInputError} PUSH_BAD_OPTION naming the option.
 */
export function checkNumbers<Name extends string>(
  options: { readonly [N in Name]?: number | undefined },
  ranges: Readonly<Record<Name, NumberRange>>,
  path = "",
): void {
  for (const [name, range] of Object.entries<NumberRange>(ranges)) {
    const value = options[name as Name];
    const { min = 0, max = Number.POSITIVE_INFINITY, integer = false } = range;
    if (value === undefined || (value >= min && value <= max && (!integer || Number.isInteger(value)))) continue;
    const upTo = max === Number.POSITIVE_INFINITY ? "" : ` to ${max}`;
    const problem = `must be ${integer ? "an integer" : "a number"} from ${min}${upTo}, not ${String(value)}`;
    throw new PushInputError("PUSH_BAD_OPTION", `${path}${name}`, problem);
  }
}
