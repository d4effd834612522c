import type { z } from "zod";

/** One field of a form that cannot be taken as it is. `field` is its path, e.g. `content.syncs.0.contentType`; "": the whole form. */
export interface FieldProblem {
  readonly field: string;
  readonly message: string;
}

/** What to answer with 422. */
export function problemsOf(error: z.ZodError): FieldProblem[] {
  return error.issues.map(({ path, message }) => ({ field: path.join("."), message }));
}
