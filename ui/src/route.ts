// Where the page is: the path and query of the address bar, as a signal. Every state worth sharing is in it.
import { signal } from "@preact/signals";

export const path = signal(location.pathname + location.search);
addEventListener("popstate", () => (path.value = location.pathname + location.search));

export function go(to: string): void {
  if (to === path.value) return;
  history.pushState(null, "", to);
  path.value = to;
  scrollTo(0, 0);
}

/** Replace one value of the query, without a new entry in the browser's history. */
export function setQuery(name: string, value: string): void {
  const query = new URLSearchParams(location.search);
  if (value) query.set(name, value);
  else query.delete(name);
  const text = query.toString();
  history.replaceState(null, "", location.pathname + (text ? `?${text}` : ""));
  path.value = location.pathname + location.search;
}

/** A plain left click on a link of this site goes there without loading the page again. */
export function follow(event: MouseEvent): void {
  const link = (event.target as Element).closest("a");
  if (!link || link.target || event.button || event.metaKey || event.ctrlKey || event.shiftKey || link.origin !== location.origin) return;
  if (link.pathname.startsWith("/api/")) return;
  event.preventDefault();
  go(link.pathname + link.search);
}
