// Small hooks: the width of an element, and something fetched now and again.
import { useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { onReopen } from "./live";

/** Width in CSS pixels of the element that takes the ref; 0 until it is laid out. */
export function useWidth<T extends Element>(): [RefObject<T>, number] {
  const ref = useRef<T>(null), width = useSignal(0);
  useEffect(() => {
    const seen = new ResizeObserver(([entry]) => { if (entry) width.value = Math.round(entry.contentRect.width); });
    if (ref.current) seen.observe(ref.current);
    return () => seen.disconnect();
  }, []);
  return [ref, width.value];
}

export interface Fetched<T> { value: T | null; error: Error | null; again: () => void }

/** What `fetch` gives, asked again every `everyMs` and when the socket is open again. An error keeps the last value. */
export function useFetched<T>(fetch: () => Promise<T>, key: string, everyMs = 5000): Fetched<T> {
  const value = useSignal<T | null>(null), error = useSignal<Error | null>(null), asked = useRef(() => {});
  useEffect(() => {
    let over = false, busy = false;
    const ask = () => {
      if (busy || document.hidden) return;
      busy = true;
      fetch().then(
        (got) => { if (!over) { value.value = got; error.value = null; } },
        (wrong: Error) => { if (!over) error.value = wrong; },
      ).finally(() => (busy = false));
    };
    asked.current = ask;
    ask();
    const timer = setInterval(ask, everyMs), undo = onReopen(ask);
    document.addEventListener("visibilitychange", ask);
    return () => {
      over = true;
      clearInterval(timer);
      undo();
      document.removeEventListener("visibilitychange", ask);
    };
  }, [key]);
  return { value: value.value, error: error.value, again: () => asked.current() };
}
