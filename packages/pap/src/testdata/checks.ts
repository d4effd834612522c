import { expect } from "vitest";
import { PapError } from "../errors.ts";

/** The PapError that `run` throws. */
export function refusalOf(run: () => unknown): PapError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(PapError);
    return error as PapError;
  }
  throw new Error("was taken");
}
