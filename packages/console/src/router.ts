import { useEffect, useState } from "preact/hooks";

const BASE = "/console";

/** Where the page is: a path below `/console`, and the query. */
export interface Place {
  readonly path: string;
  readonly query: URLSearchParams;
}

const here = (): Place => ({
  path: location.pathname.slice(BASE.length) || "/",
  query: new URLSearchParams(location.search),
});

const listeners = new Set<() => void>();
const tell = (): void => {
  for (const listener of listeners) listener();
};
addEventListener("popstate", tell);

/** Address of a place, for links: they can be shared. */
export function hrefOf(path: string, query: Readonly<Record<string, string>> = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== "");
  const search = new URLSearchParams(given).toString();
  return `${BASE}${path}${search === "" ? "" : `?${search}`}`;
}

/** Goes to an address that `hrefOf` made. */
export function go(href: string): void {
  history.pushState(null, "", href);
  tell();
}

export function usePlace(): Place {
  const [place, setPlace] = useState(here);
  useEffect(() => {
    const listener = (): void => setPlace(here());
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, []);
  return place;
}

/** Lets plain clicks on links inside the console change the place without loading the page anew. */
export function followLinks(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (link === null || link.hash !== "" || link.target !== "" || link.origin !== location.origin) return;
  if (!link.pathname.startsWith(`${BASE}/`)) return;
  event.preventDefault();
  go(link.pathname + link.search);
  // As a page that is loaded: it is read from its beginning, and the link may be gone.
  scrollTo(0, 0);
  document.querySelector("main")?.focus();
}
