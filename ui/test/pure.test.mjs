// The parts of the page that need no browser. Run by tests/service/test_service_live.py, which bundles them into the folder PURE.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const load = (name) => import(`file://${process.env.PURE}/${name}.mjs`);
const { decode } = await load("frames");
const { append, merge, usualStep } = await load("columns");
const { digits, percent, quantity, span } = await load("format");
const { areas, sorted } = await load("order");
const recorded = JSON.parse(readFileSync(process.env.FRAMES, "utf8"));
const bytes = (hex) => Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16)).buffer;

for (const kind of ["fleet", "trend", "fresh", "field"]) {
  test(`the recorded ${kind} frame is decoded to its numbers`, () => {
    const { hex, frame } = recorded[kind], got = decode(bytes(hex));
    for (const [name, value] of Object.entries(frame)) {
      const column = Array.isArray(value) ? [...got[name]].map((each) => (Number.isNaN(each) ? null : each)) : got[name];
      assert.deepEqual(column, value, name);
    }
  });
}

test("a frame of another version is refused, one of an unknown kind passed over, a cut one refused", () => {
  const data = bytes(recorded.fleet.hex);
  new Uint8Array(data)[1] = 77;
  assert.equal(decode(data), null);
  new Uint8Array(data)[0] = 2;
  assert.throws(() => decode(data), /version 2/);
  assert.throws(() => decode(bytes(recorded.fleet.hex).slice(0, 40)), RangeError);
});

const same = (v) => v;
test("a gap in what was measured stays a gap although the twin has rows inside it", () => {
  const measured = [0, 1, 2, 9, 10].map((t) => [t * 1000, 0, t, 0, 0]), twin = [0, 2, 4, 6, 8, 10].map((t) => [t * 1000, t, t - 1, t + 1]);
  const [times, values, , said] = merge(measured, twin, same);
  const inside = times.map((t, i) => [t, values[i]]).filter(([t]) => t > 2 && t < 9);
  assert.ok(inside.length >= 3 && inside.every(([, v]) => v === null));
  assert.deepEqual(said.filter((v) => v != null), [0, 2, 4, 6, 8, 10]);
});

test("doubtful samples leave the measured line and stand as points", () => {
  const [, values, doubtful] = merge([[0, 0, 1, 0, 0], [1000, 0, 5, 0, 6], [2000, 0, 2, 0, 0]], [], same);
  assert.deepEqual(values, [1, null, 2]);
  assert.deepEqual(doubtful, [undefined, 5, undefined]);
});

test("live samples continue the history: older ones are left out, a loss is a gap, the window moves", () => {
  const columns = merge([[0, 0, 1, 0, 0], [1000, 0, 2, 0, 0]], [], same), sample = (ms, v) => ({ ms, measured: v, value: v, low: v - 1, high: v + 1 });
  append(columns, [sample(500, 9), sample(1000, 9), sample(2000, 3)], same, 0, false);
  assert.deepEqual(columns[0], [0, 1, 2]);
  append(columns, [sample(5000, 4)], same, 1, true);
  assert.deepEqual(columns[0], [1, 2, 2.001, 5]);
  assert.deepEqual(columns[1], [2, 3, null, 4]);
});

test("a step of the twin goes to its place among samples that came before it, once", () => {
  const columns = merge([[0, 0, 1, 0, 0]], [[0, 1, 0, 2]], same), none = { value: NaN, low: NaN, high: NaN };
  const step = (ms, v) => ({ ms, measured: NaN, value: v, low: v - 1, high: v + 1 });
  append(columns, [900, 2100, 3000].map((ms) => ({ ms, measured: ms, ...none })), same, 0, false);
  append(columns, [step(0, 7), step(1000, 5), step(3000, 6), step(1000, 8), step(2000, 8)], same, 0, false);
  assert.deepEqual(columns[0], [0, 0.9, 1, 2.1, 3]);
  assert.deepEqual(columns[1], [1, 900, undefined, 2100, 3000]);
  assert.deepEqual(columns[3], [1, undefined, 5, undefined, 6]);
  assert.deepEqual(columns[5], [2, undefined, 6, undefined, 7]);
  append(columns, [{ ms: 2100, measured: 9, ...none }], same, 0, false);
  assert.deepEqual(columns[1], [1, 900, undefined, 2100, 3000]);
});

test("the usual step is the median of the steps", () => assert.equal(usualStep([0, 1, 2, 3, 100]), 1));

test("numbers read as people read them", () => {
  assert.equal(digits(0.0123456), "0.0123");
  assert.equal(digits(-4.361, 2), "−4.4");
  assert.equal(digits(NaN), "–");
  assert.equal(percent(0.0004), "<\u20090.1\u2009%");
  assert.equal(percent(0.634), "63\u2009%");
  assert.equal(percent(null), "–");
  assert.equal(quantity(351.0, "K"), "77.9\u2009°C"); // 351 - 273.15 = 77.85
  assert.equal(quantity(314.159265, "rad/s"), "3000\u2009rpm"); // 100 pi rad/s = 50 turns a second
  assert.equal(quantity(31.2, "m", "head"), "31.2\u2009m");
  assert.equal(quantity(0.00025, "m", "clearance"), "0.250\u2009mm");
  assert.equal(span(3.4 * 86400), "3.4\u2009d");
  assert.equal(span(undefined), "–");
});

const row = (id, more = {}) => ({ id, name: id, path: `S/A/${id[0]}`, status: "ok", validity: { ok: true, score: 1 }, p_fail_next_stop: null, deviation: null, life: null, priority: 0, stale: false, ...more });
test("worst first: priority, then P(fail), then the twin's own state", () => {
  const all = [row("a"), row("b", { status: "F" }), row("c", { p_fail_next_stop: 0.2 }), row("d", { priority: 3 }), row("e", { priority: 1 })];
  assert.deepEqual(sorted(all, "worst", false).map((r) => r.id), ["e", "d", "c", "b", "a"]);
  assert.deepEqual(sorted(all, "machine", true).map((r) => r.id), ["e", "d", "c", "b", "a"]);
});

test("an area is what tells the paths apart", () => {
  assert.deepEqual([...areas([row("a"), row("b")]).values()], ["a", "b"]);
  assert.deepEqual([...areas([row("a")]).values()], ["a"]);
});
