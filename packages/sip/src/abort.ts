/** What waits for each signal. */
const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls `listener` once `signal` is aborted; returns how to stop that. Not called for one that is aborted already. A signal that
 * thousands of requests share has one event listener: an `EventTarget` compares each new one with all that are there.
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  const listeners = waiting.get(signal) ?? listen(signal);
  // One entry for each call, whatever function it brings.
  const entry = (): void => listener();
  listeners.add(entry);
  return () => void listeners.delete(entry);
}

/** The event listener stays as long as the signal: it is one, and to take it off and on again would cost what this saves. */
function listen(signal: AbortSignal): Set<() => void> {
  const listeners = new Set<() => void>();
  waiting.set(signal, listeners);
  signal.addEventListener(
    "abort",
    () => {
      waiting.delete(signal);
      for (const listener of listeners) listener();
    },
    { once: true },
  );
  return listeners;
}
