// `/`: which machine needs somebody, worst first. One sentence, the area matrix, the table.
import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { AssetRow } from "../api";
import { dayTime, digits, NONE, PRIORITY_WORDS, percent, span, STATUS_WORDS, THIN } from "../format";
import { plantNow } from "../live";
import { areas, type Key, sorted } from "../order";
import { AppFrame } from "../parts/frame";
import { DeviationBar, LifeWhisker, StatusMark, StatusWord } from "../parts/marks";
import { Empty, Failed, Loading, StaleVeil } from "../parts/states";
import { go, path, setQuery } from "../route";
import { failed, nextStop, refresh, rows } from "../store";

const COLUMNS: [Key | null, string, string][] = [
  ["worst", "Status", ""], ["machine", "Machine", ""], ["area", "Area", ""], [null, "What", ""], ["deviation", "Deviation", ""],
  ["risk", "Fails before stop", "num"], ["life", "Life, median", "num"], ["validity", "Twin", ""], [null, "Case", ""],
];

const SHORT: Record<string, string> = { F: "failure", C: "check", S: "out of spec", M: "maintenance" };

function conclusion(all: AssetRow[]): string {
  const needing = all.filter((row) => row.priority >= 1 && row.priority <= 3);
  const soon = needing.filter((row) => (row.p_fail_next_stop ?? 0) >= 0.5).length;
  const silent = all.filter((row) => row.stale).length;
  const heard = silent ? ` ${silent} without data.` : "";
  if (!needing.length) return `None of ${all.length} machines needs action.${heard}`;
  const verb = needing.length === 1 ? "machine needs" : "machines need";
  const stop = nextStop.value ? "the next planned stop" : "any planned stop";
  const first = `${needing.length} of ${all.length} ${verb} action; ${soon} more likely than not to fail before ${stop}.`;
  return first + heard;
}

function Matrix({ all, names, chosen }: { all: AssetRow[]; names: Map<string, string>; chosen: string }) {
  const groups = new Map<string, AssetRow[]>();
  for (const row of all) groups.set(names.get(row.id)!, [...(groups.get(names.get(row.id)!) ?? []), row]);
  return (
    <nav class="matrix" aria-label="Areas">
      {[...groups].map(([name, members]) => (
        <div class="area" key={name}>
          <button class="name" aria-pressed={chosen === name} onClick={() => setQuery("area", chosen === name ? "" : name)}>{name}</button>
          <span class="cells">
            {members.map((row) => {
              const word = row.priority ? PRIORITY_WORDS[row.priority] : row.stale ? "no data" : row.running ? "normal" : "stopped";
              return (
                <a key={row.id} class={row.running ? "cell" : "cell stopped"} href={`/asset/${row.id}`} title={`${row.name}: ${word}`} aria-label={`${row.name}: ${word}`}>
                  <StatusMark priority={row.priority} stale={!row.priority && row.stale} />
                </a>
              );
            })}
          </span>
        </div>
      ))}
    </nav>
  );
}

function what(row: AssetRow) {
  if (row.case) return <span title={row.case.sentence}>{row.case.sentence}</span>;
  if (!row.validity.ok) return <span class="dim" title={row.validity.reason}>{row.validity.reason}</span>;
  return <span class="nothing dim">{row.running ? "" : "not running"}</span>;
}

function LifeCell({ row }: { row: AssetRow }) {
  if (!row.life) return <span class="dim small" title={row.withheld ?? ""}>{row.time ? "withheld" : NONE}</span>;
  const stop = nextStop.value, median = row.life.quantiles_s["0.5"];
  return (
    <span class="life" title={row.life.title}>
      <span>{median == null ? `>${THIN}${span(row.life.horizon_s)}` : span(median)}</span>
      <LifeWhisker quantiles={row.life.quantiles_s} stop_s={stop && row.time ? (stop - row.time) / 1000 : null} />
    </span>
  );
}

function Row({ row, place, active, onFocus }: { row: AssetRow; place: string; active: boolean; onFocus: () => void }) {
  const sigma = row.deviation?.sigma ?? null;
  return (
    <tr role="row" tabIndex={active ? 0 : -1} data-id={row.id} onFocus={onFocus} onClick={() => go(`/asset/${row.id}`)}>
      <td role="gridcell"><StatusWord priority={row.priority} stale={row.stale} running={row.running} /></td>
      <td role="rowheader" class="machine"><b>{row.name}</b><span class="id">{row.id} · {row.model_title}</span></td>
      <td role="gridcell" class="area-name dim">{place}</td>
      <td role="gridcell" class="what">{what(row)}</td>
      <td role="gridcell" class="deviation" title={row.deviation?.title ?? ""}>
        <span class="life" style="justify-content:flex-start"><DeviationBar sigma={sigma} width={60} /><span class="small dim">{sigma == null ? "" : `${digits(sigma, 2)}${THIN}σ`}</span></span>
      </td>
      <td role="gridcell" class="num">{percent(row.p_fail_next_stop)}</td>
      <td role="gridcell" class="num lifetime"><LifeCell row={row} /></td>
      <td role="gridcell" class="validity" title={row.validity.reason}>{row.status === "ok" ? <span class="dim">good</span> : <span title={STATUS_WORDS[row.status]}>{row.status}{THIN}{SHORT[row.status]}</span>}</td>
      <td role="gridcell" class="case">{row.case ? row.case.state : <span class="dim">{NONE}</span>}</td>
    </tr>
  );
}

/** The table's order is held while the pointer or the focus is in it; what would change is offered. */
function useHeldOrder(all: AssetRow[], key: string, compute: () => AssetRow[]) {
  const held = useSignal(false), applied = useSignal(0);
  void applied.value; // drawn again when the new order is applied
  const kept = useRef<{ key: string; ids: string[] }>({ key: "", ids: [] });
  const wanted = compute(), ids = wanted.map((row) => row.id);
  if (!held.value || kept.current.key !== key || kept.current.ids.length !== ids.length) kept.current = { key, ids };
  const byId = new Map(all.map((row) => [row.id, row]));
  const shown = kept.current.ids.map((id) => byId.get(id)).filter((row): row is AssetRow => !!row);
  const changes = shown.filter((row, i) => row.id !== ids[i]).length;
  return { shown, changes, hold: (on: boolean) => (held.value = on), apply: () => { kept.current = { key, ids }; applied.value += 1; } };
}

function Fleet({ all }: { all: AssetRow[] }) {
  const query = new URLSearchParams(path.value.split("?")[1]);
  const wished = query.get("sort") ?? "worst";
  const key: Key = COLUMNS.find(([k]) => k === wished)?.[0] ?? "worst", reverse = query.get("reverse") === "1";
  const chosen = query.get("area") ?? "", names = areas(all);
  const inArea = chosen ? all.filter((row) => names.get(row.id) === chosen) : all;
  const order = useHeldOrder(inArea, `${key}${reverse}${chosen}`, () => sorted(inArea, key, reverse));
  const active = useSignal(0), body = useRef<HTMLTableSectionElement>(null);
  const place = Math.min(active.value, order.shown.length - 1);
  const move = (to: number) => {
    active.value = Math.max(0, Math.min(order.shown.length - 1, to));
    (body.current?.children[active.value] as HTMLElement | undefined)?.focus();
  };
  useLayoutEffect(() => { // with the rows, not after they are painted: the first key counts
    const keys = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || (event.target as Element).closest("input, textarea, select")) return;
      const inside = body.current?.contains(document.activeElement) ?? false;
      if (event.key === "j" || (inside && event.key === "ArrowDown")) move(inside ? active.value + 1 : active.value);
      else if (event.key === "k" || (inside && event.key === "ArrowUp")) move(active.value - 1);
      else if (inside && event.key === "Home") move(0);
      else if (inside && event.key === "End") move(order.shown.length - 1);
      else if (inside && event.key === "Enter") go(`/asset/${order.shown[active.value]?.id}`);
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  });
  const sort = (next: Key) => {
    setQuery("reverse", next === key && !reverse ? "1" : "");
    setQuery("sort", next === "worst" ? "" : next);
  };
  return (
    <>
      <section class="panel" aria-label="Areas"><Matrix all={all} names={names} chosen={chosen} /></section>
      <section class="panel" aria-label="Machines" onPointerEnter={() => order.hold(true)} onPointerLeave={() => order.hold(false)}>
        <header>
          <h2>{chosen || "All machines"}, {key === "worst" && !reverse ? "worst first" : `by ${COLUMNS.find(([k]) => k === key)?.[1].toLowerCase()}`}</h2>
          <span class="small dim keys-hint">j k move · Enter opens</span>
          {order.changes ? <button class="changes" onClick={order.apply}>{order.changes} moved – apply</button> : null}
        </header>
        <div class="scroll">
          <table class="grid" role="grid" aria-label="Machines, worst first" aria-rowcount={order.shown.length + 1}>
            <thead>
              <tr role="row">
                {COLUMNS.map(([column, title, name]) => (
                  <th key={title} role="columnheader" class={name} aria-sort={column === key ? (reverse ? "descending" : "ascending") : undefined}>
                    {column ? <button onClick={() => sort(column)}>{title}{column === key ? (reverse ? " ▴" : " ▾") : ""}</button> : title}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody ref={body} onFocusIn={() => order.hold(true)} onFocusOut={() => order.hold(false)}>
              {order.shown.map((row, i) => <Row key={row.id} row={row} place={names.get(row.id) ?? ""} active={i === place} onFocus={() => (active.value = i)} />)}
            </tbody>
          </table>
        </div>
      </section>
    </>
  );
}

export function FleetPage() {
  const all = rows.value;
  return (
    <AppFrame crumbs={["Fleet"]}>
      <h1 class="hidden">Fleet</h1>
      {failed.value ? <section class="panel"><Failed error={failed.value} again={() => void refresh()} /></section> : null}
      {!all && !failed.value ? <section class="panel"><Loading what="the fleet" /></section> : null}
      {all && !all.length ? <section class="panel"><Empty>This plant has no machines yet. Add an [[asset]] to plant.toml and start again.</Empty></section> : null}
      {all?.length ? (
        <>
          <div>
            <p class="conclusion">{conclusion(all)}</p>
            {nextStop.value ? <p class="dim">Next planned stop {dayTime(nextStop.value)}, in {span((nextStop.value - plantNow.value) / 1000)}.</p> : null}
          </div>
          <StaleVeil><div style="display:grid;gap:12px"><Fleet all={all} /></div></StaleVeil>
        </>
      ) : null}
    </AppFrame>
  );
}
