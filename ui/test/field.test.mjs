// A field on the page without a browser: which frame may be drawn, where a point lands, what a pixel belongs to, how values are written.
// Run by tests/service/test_service_live.py, which bundles the modules into the folder PURE.
import assert from "node:assert/strict";
import { test } from "node:test";

const load = (name) => import(`file://${process.env.PURE}/${name}.mjs`);
const { nearest, surfaceOf, temperatures } = await load("surface");
const { facing, place, projection, START, turned, zoomed } = await load("view");
const { aheadOf, buffers, CUT, draw, NOTHING } = await load("raster");
const { at, pick, pointOf, visible } = await load("pick");
const { colourAt, keptRange, packed, roundRange, table, ticks } = await load("colours");
const { damageShare, damageText, fitText, told } = await load("reading");

// A cube of 0.2 m, faces outward; shape 0 is 1 everywhere, shape 1 grows from 0 at z = 0 to 1 at z = 0.2.
const points = [0, 1].flatMap((z) => [[0, 0], [1, 0], [1, 1], [0, 1]].map(([x, y]) => [0.2 * x, 0.2 * y, 0.2 * z]));
const faces = [[3, 2, 1, 0], [4, 5, 6, 7], [0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [3, 0, 4, 7]];
const shapes = points.map(([, , z]) => [1, z / 0.2]);
const MESH = "00b5fd2234ff9043aaaaaaaa";
const cube = surfaceOf(MESH, { points, faces, shapes });
const frame = (more = {}) => ({ kind: 4, mesh: "00b5fd2234ff9043", levelK: 300, scaleK: 0.5, coefficient: Int8Array.of(10, 40), ...more });
const close = (got, wanted, within = 1e-9) => assert.ok(Math.abs(got - wanted) <= within, `${got} is not ${wanted}`);

test("a surface without its shapes, or whose faces name points that are not there, is refused", () => {
  assert.throws(() => surfaceOf(MESH, { points, faces, shapes: null }), /without/);
  assert.throws(() => surfaceOf(MESH, { points, faces, shapes: shapes.slice(1) }), /without/);
  assert.throws(() => surfaceOf(MESH, { points, faces: [[0, 1, 2, 8]], shapes }), /beyond 7/);
});

test("a frame of another mesh, or with another number of coefficients, has no temperatures here", () => {
  assert.equal(temperatures(cube, frame({ mesh: "00b5fd2234ff9044" })), null);
  assert.equal(temperatures(cube, frame({ coefficient: Int8Array.of(1) })), null);
});

test("temperature is level + scale * shapes @ coefficients", () => {
  const got = temperatures(cube, frame());
  close(got[0], 300 + 0.5 * 10);
  close(got[4], 300 + 0.5 * (10 + 40));
});

test("a cube is closed and each of its twelve edges is a crease", () => {
  assert.equal(cube.closed, true);
  assert.equal(cube.edges.length / 5, 12);
  assert.ok(cube.edges.every((each, i) => i % 5 !== 4 || each === 1));
  assert.equal(surfaceOf(MESH, { points, faces: faces.slice(1), shapes }).closed, false);
});

test("the projection is a turn: lengths stay lengths, the axis is upright, x comes to the front at turn 0", () => {
  const seen = projection({ turn: 0.3, tilt: 0.5, zoom: 1 }, cube, { width: 400, height: 300 });
  const m = seen.matrix, dot = (i, j) => [0, 1, 2].reduce((sum, k) => sum + m[3 * i + k] * m[3 * j + k], 0);
  for (const i of [0, 1, 2]) for (const j of [0, 1, 2]) close(dot(i, j), Number(i === j));
  const front = projection({ turn: 0, tilt: 0, zoom: 1 }, cube, { width: 400, height: 300 });
  const [x, y, depth] = place(front, [0.2, 0.1, 0.1]);
  close(x, 200);
  close(y, 150);
  assert.ok(depth < 0); // nearer than the middle
  const [right] = place(front, [0.1, 0.2, 0.1]), [, above] = place(front, [0.1, 0.1, 0.2]);
  assert.ok(right > 200 && above < 150);
  close(right - 200, front.scale * 0.1);
});

test("zoom and tilt stay within their limits", () => {
  assert.equal(turned(START, 0, 9).tilt, Math.PI / 2);
  assert.equal(zoomed(START, 1e9).zoom, 12);
  assert.equal(zoomed(START, 1e-9).zoom, 0.5);
});

const ink = { colours: table(() => [200, 100, 50]), edge: 0xff000001, cut: 0xff000002, cutLine: 0xff000003 };
const drawn = (view, cut = null, level = new Float64Array(8)) => {
  const into = buffers(200, 200);
  draw(into, { surface: cube, at: projection(view, cube, into), level, ink, cut });
  return into;
};

test("what is in front hides what is behind, and a pixel knows the place under it", () => {
  const view = { turn: 0, tilt: 0, zoom: 1 }, into = drawn(view), spot = pick(into, cube, 110, 90);
  const [x, y, z] = pointOf(spot, cube), seen = projection(view, cube, into);
  close(x, 0.2, 1e-12); // the face in front, not the one at x = 0
  close(y, 0.1 + 10.5 / seen.scale, 1e-9);
  close(z, 0.1 + 9.5 / seen.scale, 1e-9);
  close(at(spot, shapes.map((row) => row[1])), z / 0.2, 1e-9);
  assert.equal(pick(into, cube, 2, 2), null);
  assert.equal(pick(into, cube, -1, 500), null);
  assert.equal(visible(into, place(seen, [0.2, 0.1, 0.1]), 1), true);
  assert.equal(visible(into, place(seen, [0, 0.1, 0.1]), 1), false);
});

test("every pixel of a face belongs to it: no gap between its triangles", () => {
  const into = drawn({ turn: 0.4, tilt: 0.3, zoom: 1 });
  for (let y = 0; y < 200; y++) {
    const row = [...into.owner.subarray(200 * y, 200 * (y + 1))], first = row.findIndex((each) => each !== NOTHING), last = row.findLastIndex((each) => each !== NOTHING);
    if (first >= 0) assert.ok(row.slice(first, last + 1).every((each) => each >= 0), `row ${y}`);
  }
});

test("values run smoothly over a face, between the colours of its corners", () => {
  const level = Float64Array.from(points, ([, , z]) => (255 * z) / 0.2), into = buffers(200, 200);
  draw(into, { surface: cube, at: projection({ turn: 0, tilt: 0, zoom: 1 }, cube, into), level, cut: null, ink: { ...ink, colours: table((t) => [255 * t, 0, 0]) } });
  const reds = [130, 100, 70].map((y) => into.pixels[200 * y + 100] & 255);
  assert.ok(reds[0] < reds[1] && reds[1] < reds[2], `${reds}`);
  close(reds[1] / reds[2], 0.5 / (0.5 + 30 / projection(START, cube, into).scale / 0.2), 0.03);
});

test("cut open, the near half is gone and the eye meets a section, not the far wall's inside", () => {
  const view = { turn: 0, tilt: 0, zoom: 1 }, into = drawn(view, 0);
  assert.equal(into.owner[200 * 100 + 100], CUT);
  assert.equal(pick(into, cube, 100, 100), null);
  assert.deepEqual([...aheadOf(cube, 0)].map((v) => Math.sign(v)), points.map(([x]) => (x > 0.1 ? 1 : -1)));
});

test("to face a place is to look against its normal", () => {
  close(facing(START, [0, 1, 0]).turn, Math.PI / 2);
  assert.equal(facing(START, [0, 0, 1]).turn, START.turn);
  assert.ok(facing({ ...START, tilt: -1 }, [0, 0, 1]).tilt > 0);
  assert.equal(nearest(cube, [0.19, 0.01, 0.22]), 5);
});

test("colours keep their range while values fit it, and take round ends when they do not", () => {
  assert.deepEqual(roundRange(28.6, 88.2, 4), { low: 20, high: 100 });
  const range = { low: 20, high: 100 };
  assert.equal(keptRange(range, 30, 90, 4), range);
  assert.deepEqual(keptRange(range, 30, 130, 4), { low: 20, high: 140 });
  assert.deepEqual(keptRange(range, 30, 34, 4), { low: 30, high: 34 });
  const still = roundRange(21.9, 22.1, 4);
  assert.ok(still.high - still.low >= 4 && still.low <= 20 && still.high >= 24);
  assert.deepEqual(ticks(range), [20, 40, 60, 80, 100]);
  assert.deepEqual(ticks({ low: -60, high: 40 }), [-60, -40, -20, 0, 20, 40]);
});

test("both maps grow lighter from end to end, so that they read in grey", () => {
  for (const map of ["viridis", "inferno"]) {
    const light = Array.from({ length: 65 }, (_, i) => { const [r, g, b] = colourAt(map, i / 64); return 0.2126 * r + 0.7152 * g + 0.0722 * b; });
    assert.ok(light.every((each, i) => !i || each > light[i - 1]), map);
  }
  assert.equal(packed([1, 2, 3]), 0xff030201);
});

test("values are written with no more digits than their band supports", () => {
  assert.deepEqual(told("temperature", 314.35, 17), { value: "41\u2009°C", band: "90\u2009% between 24 and 58\u2009°C" });
  assert.equal(told("temperature", 314.35, 0.4).value, "41.2\u2009°C");
  assert.deepEqual(told("stress", -30.4e6, 14.5e6), { value: "−30\u2009MPa", band: "90\u2009% between −45 and −16\u2009MPa" });
  assert.equal(told("stress", -20, 1e6).value, "0.0\u2009MPa");
  assert.equal(told("stress", NaN, 1e6).value, "–");
});

test("damage is read by decades", () => {
  assert.deepEqual([0, 3.8e-7, 0.0123, null, 1e-14].map(damageText), ["0", "3.8·10⁻⁷", "0.012", "–", "<\u200910⁻¹²"]);
  assert.deepEqual([0, 1e-6, 1e-3, 1, 7].map((d) => +damageShare(d).toFixed(6)), [0, 0, 0.5, 1, 1]);
});

test("the fit says whether to rely on the field", () => {
  const couples = ["a", "b"];
  assert.match(fitText({ fits: true, fit: null, thermocouples: [] }), /No thermocouple/);
  assert.match(fitText({ fits: true, fit: 0.93, thermocouples: couples }), /Fits its 2 thermocouples: they deviate 0.93 times/);
  assert.match(fitText({ fits: false, fit: 6.2, thermocouples: ["a"] }), /does not fit its 1 thermocouple: .*6.2 times.*Do not rely/);
  assert.match(fitText({ fits: true, fit: null, thermocouples: couples }), /too few/);
});
