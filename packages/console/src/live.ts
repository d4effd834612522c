import { useEffect, useRef } from "preact/hooks";
import type { ChangesMessage } from "./api.d.ts";

const listeners = new Set<(message: ChangesMessage) => void>();
let source: EventSource | undefined;

/**
 * One stream for the whole page, while something on it listens and somebody looks at it: a browser has six connections to a server
 * for all its pages together, and a stream keeps one. The browser connects again by itself.
 *
 * @param missed whether changes went by unheard since there was a stream.
 */
function connect(missed: boolean): void {
  if (source !== undefined || document.hidden) return;
  source = new EventSource("/console/api/changes");
  let interrupted = missed;
  source.addEventListener("error", () => {
    interrupted = true;
  });
  source.addEventListener("open", () => {
    if (interrupted) for (const listener of listeners) listener({ changes: [], refetch: true });
    interrupted = false;
  });
  source.addEventListener("changes", (event: MessageEvent<string>) => {
    const message = JSON.parse(event.data) as ChangesMessage;
    for (const listener of listeners) listener(message);
  });
}

function disconnect(): void {
  source?.close();
  source = undefined;
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) disconnect();
  else if (listeners.size > 0) connect(true);
});

/** Hears what changes on this node, while it is on. */
export function useChanges(on: boolean, hear: (message: ChangesMessage) => void): void {
  const latest = useRef(hear);
  latest.current = hear;
  useEffect(() => {
    if (!on) return undefined;
    const listener = (message: ChangesMessage): void => latest.current(message);
    listeners.add(listener);
    connect(false);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) disconnect();
    };
  }, [on]);
}

/** Calls again and again while it is on and the page is looked at; the next call waits for the one before. */
export function useRepeated(on: boolean, everyMs: number, call: () => Promise<void>): void {
  const latest = useRef(call);
  latest.current = call;
  useEffect(() => {
    if (!on) return undefined;
    let timer: ReturnType<typeof setTimeout>;
    let over = false;
    const next = (): void => {
      timer = setTimeout(() => void again(), everyMs);
    };
    const again = async (): Promise<void> => {
      if (!document.hidden) await latest.current();
      if (!over) next();
    };
    next();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [on, everyMs]);
}
