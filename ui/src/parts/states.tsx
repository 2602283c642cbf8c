// The four states every panel can be in besides showing data: loading, empty, refused, stale.
import type { ComponentChildren } from "preact";
import { Refused } from "../api";
import { clockTime, zoneName } from "../format";
import { liveState, plantNow } from "../live";

export const Empty = ({ children }: { children: ComponentChildren }) => <p class="empty">{children}</p>;
export const Loading = ({ what }: { what: string }) => <p class="empty" role="status">Loading {what} …</p>;

/** What went wrong, in the service's words, and what to do. */
export function Failed({ error, again }: { error: Error; again?: () => void }) {
  return (
    <div class="error" role="alert">
      <p><b>{error instanceof Refused ? error.title : "The page failed"}</b></p>
      <p class="dim">{error.message}</p>
      {error instanceof Refused && error.todo && !error.message.includes(error.todo) ? <p class="dim">{error.todo}</p> : null}
      {again ? <p><button onClick={again}>Try again</button></p> : null}
    </div>
  );
}

/** Hatches what is inside when the stream has been silent. */
export function StaleVeil({ children }: { children: ComponentChildren }) {
  return <div class={liveState.value === "stale" ? "veil stale" : "veil"}>{children}</div>;
}

export function LiveState() {
  const state = liveState.value;
  const words = state === "live" ? "live" : state === "connecting" ? "connecting …" : `no data since ${clockTime(plantNow.value)} ${zoneName()}`;
  return <span class={`live ${state}`} role="status" aria-label={`connection: ${words}`}>{words}</span>;
}
