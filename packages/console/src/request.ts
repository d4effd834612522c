import type { FieldProblem } from "./api.d.ts";

/** An answer of the console's API: data; or in words what is wrong, with the fields of the form that are. */
export type Answer<T> =
  | { readonly data: T }
  | { readonly status: number; readonly message: string; readonly problems: readonly FieldProblem[] };

interface Refusal {
  readonly message?: string;
  readonly problems?: readonly FieldProblem[];
}

const SILENT = "The gateway does not answer.";

let loggedOut = (): void => {};

/** Called when the server says that there is no session any more. */
export function onLoggedOut(listener: () => void): void {
  loggedOut = listener;
}

/** Asks the API. Status 0: the server could not be reached. Never rejects, but when it is aborted by the signal. */
export async function request<T>(
  method: "GET" | "POST" | "DELETE",
  path: string,
  options: { readonly body?: unknown; readonly signal?: AbortSignal } = {},
): Promise<Answer<T>> {
  const { body, signal } = options;
  const init: RequestInit = { method, credentials: "same-origin" };
  if (signal !== undefined) init.signal = signal;
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { "content-type": "application/json" };
  }
  try {
    const response = await fetch(`/console/api/${path}`, init);
    if (response.status === 204) return { data: undefined as T };
    const json = (await response.json()) as unknown;
    if (response.ok) return { data: json as T };
    if (response.status === 401 && path !== "session") loggedOut();
    const { problems = [], message = problems.map((each) => each.message).join(" ") } = json as Refusal;
    // What a proxy before the gateway says has neither.
    return { status: response.status, message: message || SILENT, problems };
  } catch (error) {
    if (signal?.aborted === true) throw error;
    return { status: 0, message: SILENT, problems: [] };
  }
}
