// The cases of one asset on a time axis, newest first, and what a person may say about the open ones.
import { useSignal } from "@preact/signals";
import { api, type CaseRow } from "../api";
import { dayTime, money, percent, PRIORITY_WORDS, words } from "../format";
import { plant } from "../store";
import { StatusMark } from "./marks";
import { Empty } from "./states";

const TOKEN = "didymos-token";
const remembered = () => sessionStorage.getItem(TOKEN) ?? "";
const STATE_WORDS = { open: "open", accepted: "accepted", work: "in work", closed: "closed" } as const;

/** The start prints an address that ends in #token=…: keep it for this tab and take it out of the address bar. */
export function takeToken(): void {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!token) return;
  sessionStorage.setItem(TOKEN, token);
  history.replaceState(null, "", location.pathname + location.search);
}

function Decide({ item, done }: { item: CaseRow; done: () => void }) {
  const token = useSignal(remembered()), verdict = useSignal("confirmed"), note = useSignal(""), said = useSignal(""), busy = useSignal(false);
  const send = async (action: string) => {
    busy.value = true;
    try {
      await api.decide(item.id, action, action === "close" ? verdict.value : null, note.value, token.value);
      sessionStorage.setItem(TOKEN, token.value);
      said.value = "Recorded; the twin takes it up with its next step.";
      setTimeout(done, 1500);
    } catch (error) {
      said.value = (error as Error).message;
    } finally {
      busy.value = false;
    }
  };
  const button = (action: string, text: string) => <button type="button" disabled={busy.value || !token.value} onClick={() => void send(action)}>{text}</button>;
  return (
    <details>
      <summary>Decide</summary>
      <form class="verdict" onSubmit={(event) => event.preventDefault()}>
        {item.state === "open" ? button("accept", "Accept") : null}
        {item.state === "work" ? null : button("work", "Take to work")}
        <select aria-label="verdict" value={verdict.value} onChange={(event) => (verdict.value = event.currentTarget.value)}>
          <option value="confirmed">It was right</option><option value="other_cause">Other cause</option>
          <option value="false_alarm">False alarm</option><option value="unclear">Unclear</option>
        </select>
        {button("close", "Close")}
        <input aria-label="note" placeholder="Note" value={note.value} onInput={(event) => (note.value = event.currentTarget.value)} />
        <input aria-label="token" type="password" placeholder="Token printed at start" autocomplete="off" value={token.value} onInput={(event) => (token.value = event.currentTarget.value)} />
      </form>
      {said.value ? <p class="small" role="status">{said.value}</p> : null}
    </details>
  );
}

export function CaseList({ cases, changed }: { cases: CaseRow[]; changed: () => void }) {
  if (!cases.length) return <Empty>No case was ever opened for this machine.</Empty>;
  const currency = plant.value?.currency ?? "EUR";
  return (
    <ol class="timeline">
      {cases.slice().sort((a, b) => Number(a.state === "closed") - Number(b.state === "closed") || b.opened - a.opened).map((item) => (
        <li key={item.id}>
          <span>{item.state === "closed" ? <span class="dim" aria-hidden="true">✓</span> : <StatusMark priority={item.priority} />}</span>
          <div>
            <p><b>{STATE_WORDS[item.state]}</b>, {PRIORITY_WORDS[item.priority]} · {words(item.mode)} <span class="dim small">opened {dayTime(item.opened)}{item.changed !== item.opened ? `, changed ${dayTime(item.changed)}` : ""}</span></p>
            <p>{item.sentence}</p>
            <p class="dim small">{item.verdict ? `Verdict: ${words(item.verdict)}. ` : ""}{item.state === "closed" ? "" : `${percent(item.p_fail)} before the stop and ${money(item.expected_cost, currency)} expected when last changed.`}</p>
            {item.state === "closed" || !plant.value?.writable ? null : <Decide item={item} done={changed} />}
          </div>
        </li>
      ))}
    </ol>
  );
}
