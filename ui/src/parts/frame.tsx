// The same header on every page: plant, place, open cases by priority, live or stale, plant clock, light or dark.
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { dayTime, PRIORITY_WORDS, zoneName } from "../format";
import { plantNow } from "../live";
import { plant, rows } from "../store";
import { StatusMark } from "./marks";
import { LiveState } from "./states";

type Theme = "light" | "dark" | "system";
const stored = () => { try { return localStorage.getItem("theme") as Theme | null; } catch { return null; } };
export const theme = signal<Theme>(stored() ?? "system");
const dark = matchMedia("(prefers-color-scheme: dark)");
/** Grows by one whenever the colours change, so that canvases draw again. */
export const themeVersion = signal(0);

function apply(): void {
  const isDark = theme.value === "dark" || (theme.value === "system" && dark.matches);
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
  themeVersion.value = themeVersion.peek() + 1;
}
dark.addEventListener("change", apply);
theme.subscribe((value) => {
  try { localStorage.setItem("theme", value); } catch { /* private window: not remembered */ }
  apply();
});

function Banner() {
  const cases = (rows.value ?? []).filter((row) => row.priority);
  const counts = [1, 2, 3, 4].map((p) => cases.filter((row) => row.priority === p).length);
  const said = counts.map((n, i) => (n ? `${n} ${PRIORITY_WORDS[i + 1]}` : "")).filter(Boolean).join(", ") || "none";
  return (
    <span class="banner" role="status" aria-label={`machines with an open case: ${said}`}>
      {cases.length ? counts.map((n, i) => (n ? <span class="count" key={i}><StatusMark priority={i + 1} />{n}</span> : null)) : <span class="dim">no open case</span>}
    </span>
  );
}

const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
const GLYPH: Record<Theme, string> = { system: "◐", light: "○", dark: "●" };

export function AppFrame({ crumbs, children }: { crumbs: ComponentChildren[]; children: ComponentChildren }) {
  const now = plantNow.value;
  return (
    <>
      <header class="bar">
        <a class="site" href="/">{plant.value?.name ?? "Didymos"}</a>
        <nav class="crumbs" aria-label="Place">{crumbs.map((each, i) => <span key={i}>{each}</span>)}</nav>
        <Banner />
        <LiveState />
        <span class="clock" aria-label="plant time">{now ? dayTime(now) : "–"} <span class="dim small">{zoneName()}</span></span>
        <button class="icon" aria-label={`colours: ${theme.value}; change to ${NEXT[theme.value]}`} onClick={() => (theme.value = NEXT[theme.value])}>{GLYPH[theme.value]}</button>
      </header>
      <main>{children}</main>
    </>
  );
}
