// Keeps one component's field up to date: the surface once for a mesh, its values now and again, temperature with every live frame.
// Frames are waited for before the surface is fetched. A frame of another mesh than the surface's is never drawn on it.
import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { api, type FieldRow } from "../api";
import type { FieldFrame } from "../frames";
import { onReopen } from "../live";
import { fieldFrames, followField } from "../store";
import { type Surface, surfaceOf, temperatures } from "./surface";

const EVERY_MS = 5000, SOON_MS = 1500;

/** `row`: the newest values fetched. `temperature_K` (s,) and its time `atMs`, of the row or of a newer frame. `said`: what is amiss
 *  with live frames. */
export interface Followed {
  surface: Surface | null; row: FieldRow | null; temperature_K: ArrayLike<number>; atMs: number; said: string; error: Error | null; again: () => void;
}

interface Known { surface: Surface | null; row: FieldRow | null; said: string; error: Error | null }

/** Fetches, and hears frames; `known` is told what is known. Returns the undo and a way to fetch again. */
function follow(asset: string, component: string, known: (change: Partial<Known>) => Known): { undo: () => void; again: () => void } {
  let over = false, busy = false, wanted: "" | "values" | "whole" = "", soon = 0, strange = "";
  const load = async (whole: boolean) => {
    if (over || document.hidden) return;
    if (busy) return void (wanted = whole || wanted === "whole" ? "whole" : "values");
    busy = true;
    try {
      const mine = (await api.fields(asset, whole)).find((each) => each.component === component);
      if (over) return;
      if (!mine) throw new Error("The service has nothing to show of this component now.");
      if (whole) known({ surface: surfaceOf(mine.mesh, mine.surface), row: mine, error: null });
      else if (mine.sha256 === known({}).row?.sha256) known({ row: mine, error: null });
      else wanted = "whole";
    } catch (error) {
      if (!over) known({ error: error as Error });
    } finally {
      busy = false;
      judge(fieldFrames.peek().get(`${asset}/${component}`));
      const next = wanted;
      wanted = "";
      if (next) void load(next === "whole");
    }
  };
  /** Is this frame of the surface that is known? Once for each other mesh the surface is fetched anew. */
  const judge = (frame: FieldFrame | undefined) => {
    const { surface, row } = known({});
    if (!frame || !surface || over) return;
    if (frame.mesh === surface.mesh && frame.coefficient.length === surface.modes) {
      known({ said: (strange = "") });
      if (frame.plantMs > (row?.at_ms ?? 0)) soon ||= window.setTimeout(() => { soon = 0; void load(false); }, SOON_MS);
    } else if (frame.mesh !== strange) {
      strange = frame.mesh;
      known({ said: `Live frames are of another mesh (${frame.mesh}); the surface is fetched anew.` });
      void load(true);
    } else if (!busy) known({ said: `Live frames are of mesh ${frame.mesh}, the surface is of ${surface.mesh}: they are not drawn. Shown is the newest result of the surface's own artefact.` });
  };
  const undo = [
    followField(asset, component), fieldFrames.subscribe((frames) => judge(frames.get(`${asset}/${component}`))), onReopen(() => void load(true)),
  ];
  const timer = setInterval(() => void load(!known({}).surface), EVERY_MS);
  void load(true);
  return {
    undo: () => {
      over = true;
      clearInterval(timer);
      clearTimeout(soon);
      for (const each of undo) each();
    },
    again: () => void load(true),
  };
}

export function useField(asset: string, component: string): Followed {
  const known = useSignal<Known>({ surface: null, row: null, said: "", error: null }), again = useRef(() => {});
  useEffect(() => {
    const change = (part: Partial<Known>) => {
      if (Object.entries(part).some(([name, value]) => known.peek()[name as keyof Known] !== value)) known.value = { ...known.peek(), ...part };
      return known.peek();
    };
    change({ surface: null, row: null, said: "", error: null });
    const started = follow(asset, component, change);
    again.current = started.again;
    return started.undo;
  }, [asset, component]);
  const { surface, row, said, error } = known.value, frame = fieldFrames.value.get(`${asset}/${component}`);
  const live = useMemo(() => (surface && frame ? temperatures(surface, frame) : null), [surface, frame]);
  const newer = live && frame && frame.plantMs > (row?.at_ms ?? 0);
  return {
    surface, row, said, error, again: again.current, temperature_K: newer ? live : row?.surface.temperature_K ?? [],
    atMs: newer ? frame.plantMs : row?.at_ms ?? 0,
  };
}
