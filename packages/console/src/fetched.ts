import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { request } from "./request.ts";

/** Data of the API, kept while it is asked for again. */
export interface Fetched<T> {
  readonly data: T | undefined;
  /** What went wrong the last time, in words. */
  readonly problem: string | undefined;
  /** Asks again; of calls that overlap all but one wait for one that follows. */
  readonly refetch: () => Promise<void>;
  /** Changes what is shown until the next answer. */
  readonly patch: (change: (data: T) => T) => void;
}

/** A question under way, with the ones that follow it. */
interface Run {
  readonly path: string;
  readonly abort: AbortController;
  done: Promise<void>;
  /** Whether to ask once more. */
  again: boolean;
}

const SHORTEST_MS = 700;

/** `GET path`, now and whenever the path changes. */
export function useFetched<T>(path: string): Fetched<T> {
  const [state, setState] = useState<{ path: string; data?: T; problem?: string }>({ path });
  const run = useRef<Run | undefined>(undefined);

  const refetch = useCallback((): Promise<void> => {
    const current = run.current;
    if (current !== undefined && current.path === path) {
      current.again = true;
      return current.done;
    }
    current?.abort.abort();
    const abort = new AbortController();
    const own: Run = { path, again: false, abort, done: Promise.resolve() };
    const ask = async (): Promise<void> => {
      do {
        own.again = false;
        const startMs = performance.now();
        const answer = await request<T>("GET", path, { signal: abort.signal });
        setState((before) => {
          if ("data" in answer) return { path, data: answer.data };
          const kept = before.path === path && before.data !== undefined ? { data: before.data } : {};
          return { path, ...kept, problem: answer.message };
        });
        const leftMs = SHORTEST_MS - (performance.now() - startMs);
        if (own.again && leftMs > 0) await new Promise((resolve) => setTimeout(resolve, leftMs));
      } while (own.again && !abort.signal.aborted);
    };
    run.current = own;
    own.done = ask()
      .catch((error: unknown) => {
        if (!abort.signal.aborted) throw error;
      })
      .finally(() => {
        if (run.current === own) run.current = undefined;
      });
    return own.done;
  }, [path]);

  useEffect(() => {
    void refetch();
    return () => {
      run.current?.abort.abort();
      run.current = undefined;
    };
  }, [refetch]);

  const patch = useCallback((change: (data: T) => T): void => {
    setState((before) => (before.data === undefined ? before : { ...before, data: change(before.data) }));
  }, []);
  const isCurrent = state.path === path;
  return { data: isCurrent ? state.data : undefined, problem: isCurrent ? state.problem : undefined, refetch, patch };
}
