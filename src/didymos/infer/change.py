"""A change of the plant told from wear: a step at one moment against growth, by a generalised likelihood ratio.

Rows z (T, m) are means of readings minus what the model with frozen wear says of the same inputs (`reference`). Each hypothesis is

    z_t = c + K (u_t - u) + a d f(t - t0) + noise        c, K for every sensor; t0, a by maximum likelihood

    shape f      step: 0 before t0, 1 after            growth: 0 before t0, then t - t0
    direction d  one sensor alone; what one wear state does to all sensors, onwards or back; any
    kinds        growth along wear, or any growth, or a step onwards along wear    -> wear
                 step of one sensor                                                -> sensor_step
                 step back along wear                                              -> improvement (maintenance nobody told)
                 step in any direction                                             -> plant_change (part, product, set-up)

K takes what a change of load alone explains: inputs that move with residuals that follow them are `load_change`, not a change of
the plant. The log-likelihood ratio against "nothing" is

    L = 1/2 sum_j gain_j / sd_j² - 1/2 p ln(n (1 - phi) / (1 + phi)) - ln(number of directions)

of rows whitened sensor by sensor (noise_t = phi noise_t-1 + e; phi and sd_j from the residuals of the best step and growth
together, phi raised by its bias), so that what a model does not know raises no alarm by its mere persistence: a sensor that
wanders steps all the time. p free numbers. A direction that explains ALIKE of what
any could is forgiven the rest: signatures hold at one operating point. A change is told when the best kind other than wear
beats the best kind of wear by ALARM, in at least AFTER rows, and one sensor's step is LEAST times the least noise of a row; where
an input moved at the same moment (its mean by MOVED standard deviations) none is: that is a change of load first of all. A sensor
that is alone in seeing a wear steps like that wear: both are then candidates.
Source: Willsky & Jones, IEEE Trans. AC 21 (1976) 108 (GLR of a jump); Cochrane & Orcutt, JASA 44 (1949) 32 (whitening);
Marriott & Pope, Biometrika 41 (1954) 390 (bias of phi); Basseville & Nikiforov, Detection of Abrupt Changes, 1993,
7.2; Schwarz, Ann. Statist. 6 (1978) 461 (the penalty). ALARM was set on simulated machines with seeds that no figure uses
(`bench.validity`). Verified: tests/infer/test_change.py.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from didymos.core.errors import DataError
from didymos.core.model import Model

Array = NDArray[np.float64]
LEAST_ROWS, BEFORE, AFTER = 24, 12, 4
ALARM = 16.0  # natural logarithm; at 8, one in seven simulated machines a month had a false one
LEAST = 3.0  # times the least noise of a row
ONSETS = 48
MOVED = 2.0
MOST_PHI = 0.98
ALIKE = 0.9  # of a step's likelihood gain: a direction that explains so much of it explains it
SHOWN = 0.01  # candidates less likely than this are not named
KINDS = ("wear", "sensor_step", "improvement", "plant_change")


class Found(NamedTuple):
    """at: row of the first reading after the change; kind; candidates (kind, probability), likeliest first; sensor: its number
    where one alone stepped, else -1; size (m,) of the step; ratio: ln likelihood ratio over wear."""

    at: int
    kind: str
    candidates: tuple[tuple[str, float], ...]
    sensor: int
    size: Array
    ratio: float


class Rows(NamedTuple):
    """z (T, m), NaN = none; u (T, k) complete; noise (m,) the least noise of a row; signatures (w, m) of wear onwards."""

    z: Array
    u: Array
    noise: Array
    signatures: Array


def find(rows: Rows, alarm: float = ALARM) -> Found | None:
    """The change, if one beats wear; None for "nothing", wear, and too few rows."""
    checked(rows)
    seen = np.isfinite(rows.z)
    if seen.any(axis=1).sum() < LEAST_ROWS:
        return None
    heard = seen.sum(axis=0) >= LEAST_ROWS
    fits = _fits(rows, seen, heard)
    found = None if fits is None else _judged(rows, fits, heard, alarm)
    if found is None:
        return None
    closer = _fits(rows, seen, heard, found.at)
    return (closer and _judged(rows, closer, heard, alarm)) or found


def checked(rows: Rows) -> None:
    """DataError names what does not fit."""
    t, m = rows.z.shape
    if rows.u.shape[0] != t or rows.noise.shape != (m,) or rows.signatures.shape[1:] != (m,):
        raise DataError(
            f"change: rows {rows.z.shape} with inputs {rows.u.shape}, noise {rows.noise.shape}, signatures {rows.signatures.shape}"
            f"; ({t}, k), ({m},) and (w, {m}) are needed. Give one row of inputs a row."
        )
    if not np.isfinite(rows.u).all() or not (rows.noise > 0.0).all():
        raise DataError("change: inputs must be complete and noise above 0. Hold the last input over gaps.")


class _Fits(NamedTuple):
    """Over steps and growths at each of H onsets: number (H, m) a_j's numerators, size (H, m) denominators, in units of sd_j;
    at (H,) onsets; sd (m,) of a whitened row's noise; worth: how many independent rows."""

    step: tuple[Array, Array]
    growth: tuple[Array, Array]
    at: NDArray[np.int64]
    sd: Array
    worth: float


def _fits(rows: Rows, seen: NDArray[np.bool_], heard: NDArray[np.bool_], near: int | None = None) -> _Fits | None:
    """Onsets on a grid of at most ONSETS; with `near`, every row around that one."""
    known = np.flatnonzero(seen.any(axis=1))
    if len(known) < BEFORE + AFTER:
        return None
    at = np.arange(known[BEFORE], known[-AFTER] + 1)
    stride = max(1, len(at) // ONSETS)
    at = at[-1 - stride * np.arange(len(at) // stride)][::-1] if near is None else at[np.abs(at - near) <= stride]
    index = np.arange(len(rows.z))
    onsets = np.concatenate([[known[0]], at])
    step, growth = (index[None] >= at[:, None]).astype(float), np.maximum(index[None] - onsets[:, None], 0.0) / len(index)
    shapes, m = np.concatenate([step, growth]), rows.z.shape[1]
    number, size, sd, worth = np.zeros((len(shapes), m)), np.zeros((len(shapes), m)), rows.noise.copy(), np.ones(m)
    for mask in {tuple(seen[:, j].tolist()) for j in np.flatnonzero(heard)}:
        came = np.array(mask)
        mine = np.flatnonzero(heard & (seen == came[:, None]).all(axis=0))
        given, base = shapes[:, came], _columns(rows.u[came])
        plain = _regressed(rows.z[came][:, mine], given, base)
        for place, j in enumerate(mine):
            noise = _noise(plain, place, len(step))
            phi = _persistence(noise, base.shape[1] + 3)
            white = _regressed(_whitened(rows.z[came, j : j + 1], phi), _whitened(given.T, phi).T, _whitened(base, phi))
            noise = _noise(white, 0, len(step))
            free = max(1, len(noise) - base.shape[1] - 3)
            number[:, j], size[:, j] = white.number[:, 0], white.size
            sd[j] = max(float(noise.std()) * np.sqrt(len(noise) / free), rows.noise[j] * np.sqrt(1.0 - phi**2))
            worth[j] = len(noise) * (1.0 - phi) / (1.0 + phi)
    number = number / sd
    fits = ((number[: len(at)], size[: len(at)]), (number[len(at) :], size[len(at) :]))
    return _Fits(*fits, at, sd, float(worth[heard].mean()))


class _Regressed(NamedTuple):
    """rest (n, c) of the rows and left (H, n) of the shapes after the columns of a regression; number (H, c), size (H,)."""

    rest: Array
    left: Array
    number: Array
    size: Array


def _regressed(z: Array, shapes: Array, columns: Array) -> _Regressed:
    basis, value, _ = np.linalg.svd(columns, full_matrices=False)
    basis = basis[:, value > 1e-6 * value[0]]
    rest, left = z - basis @ (basis.T @ z), shapes - (shapes @ basis) @ basis.T
    length = np.einsum("ht,ht->h", left, left)
    usable = length > 1e-6 * np.einsum("ht,ht->h", shapes, shapes).clip(1e-12)
    return _Regressed(rest, left, np.where(usable[:, None], left @ rest, 0.0), np.where(usable, length, 0.0))


def _columns(u: Array) -> Array:
    """1 and the inputs that move."""
    moved = u - u.mean(axis=0)
    spread = moved.std(axis=0)
    moves = spread > 1e-9 * np.maximum(1.0, np.abs(u).max(axis=0))
    return np.concatenate([np.ones((len(u), 1)), moved[:, moves] / spread[moves]], axis=1)


def _noise(of: _Regressed, column: int, steps: int) -> Array:
    """What is left of one sensor after its best step and its best growth."""
    gain = of.number[:, column] ** 2 / np.where(of.size > 0.0, of.size, np.inf)
    best = [int(gain[:steps].argmax()), steps + int(gain[steps:].argmax())]
    basis, value, _ = np.linalg.svd(of.left[best].T, full_matrices=False)
    basis = basis[:, value > 1e-9 * max(float(value[0]), 1e-300)]
    return of.rest[:, column] - basis @ (basis.T @ of.rest[:, column])


def _persistence(noise: Array, fitted: int) -> float:
    """phi of noise_t = phi noise_t-1 + e, raised by what `fitted` numbers and a short record take off it; 0 to MOST_PHI."""
    power, n = float(noise[:-1] @ noise[:-1]), len(noise)
    phi = float(noise[1:] @ noise[:-1]) / power if power > 0.0 else 0.0
    raised = phi + (1.0 + 3.0 * phi + fitted * (1.0 + phi) / 2.0) / n
    return float(np.clip(raised, 0.0, MOST_PHI)) if phi > 1.0 / np.sqrt(n) else 0.0


def _whitened(rows: Array, phi: float) -> Array:
    """Rows (n, c) as they are where noise is white: each less phi times the one before, the first in its own measure."""
    return np.concatenate([np.sqrt(1.0 - phi**2) * rows[:1], rows[1:] - phi * rows[:-1]])


def _weights(rows: Rows, fits: _Fits, heard: NDArray[np.bool_]) -> tuple[float, dict[str, Array]]:
    """(ln likelihood ratio of the best kind of wear, {other kind: (H, choices) of each}) over "nothing", with penalties."""
    many, m = int(heard.sum()), rows.z.shape[1]
    cost = 0.5 * np.log(max(fits.worth, 2.0))
    wears = rows.signatures / fits.sd * heard
    wears = wears[(wears**2).sum(axis=1) > 0.0]
    free = {
        shape: _along(*pair, np.eye(m), 0)[:, heard].sum(axis=1) for shape, pair in (("step", fits.step), ("growth", fits.growth))
    }

    def weight(gains: Array, numbers: int, choices: int) -> Array:
        return 0.5 * gains - (numbers + 1.0) * cost - np.log(max(choices, 1))

    def of_one(gains: Array, shape: str) -> Array:
        """What a direction leaves unexplained is forgiven up to a share of 1 - ALIKE: signatures are not exact."""
        return weight(np.minimum(gains / ALIKE, free[shape][:, None]), 1, gains.shape[1])

    ones = np.eye(m)[heard]
    wear = [0.0, _most(weight(free["growth"], many, 1)), _most(of_one(_along(*fits.growth, ones, 0), "growth"))]
    wear += [_most(of_one(_along(*pair, wears, 1), name)) for name, pair in (("step", fits.step), ("growth", fits.growth))]
    free_step = weight(free["step"], many, 1)[:, None] if many > 1 else np.full((len(fits.at), 1), -np.inf)
    back, one_sensor = of_one(_along(*fits.step, wears, -1), "step"), of_one(_along(*fits.step, ones, 0), "step")
    return max(wear), {"sensor_step": one_sensor, "improvement": back, "plant_change": free_step}


def _judged(rows: Rows, fits: _Fits, heard: NDArray[np.bool_], alarm: float) -> Found | None:
    wear, table = _weights(rows, fits, heard)
    best = {"wear": wear, **{kind: _most(w) for kind, w in table.items()}}
    best["improvement"] = max(best["improvement"], _several_back(rows, fits, heard, table["plant_change"]))
    kind = max(KINDS, key=lambda name: best[name])
    if kind == "wear" or best[kind] - wear < alarm:
        return None
    where = "plant_change" if kind == "improvement" and _most(table[kind]) < best[kind] else kind
    at, which = np.unravel_index(int(table[where].argmax()), table[where].shape)
    if moved(rows.u, int(fits.at[at])) >= 0:
        return None  # the load moved at that moment too, to where no row before says how residuals follow it
    size = fits.step[0][at] * fits.sd / np.where(fits.step[1][at] > 0.0, fits.step[1][at], np.inf)
    if not (np.abs(size)[heard] > LEAST * rows.noise[heard]).any():
        return None
    odds = np.exp(np.array([best[name] - best[kind] for name in KINDS]))
    named = sorted(zip(KINDS, (odds / odds.sum()).tolist(), strict=True), key=lambda pair: -pair[1])
    sensor = int(np.flatnonzero(heard)[which]) if kind == "sensor_step" else -1
    candidates = tuple((name, p) for name, p in named if p >= SHOWN)
    return Found(int(fits.at[at]), kind, candidates, sensor, size, float(best[kind] - wear))


def _several_back(rows: Rows, fits: _Fits, heard: NDArray[np.bool_], free: Array) -> float:
    """ln likelihood ratio of several wear states going back at once, at the onset of the best free step; it pays for each."""
    wears = (-rows.signatures / fits.sd * heard)[:, heard]
    if not np.isfinite(free).any() or not len(wears):
        return -np.inf
    at = int(free.argmax())
    number, size = fits.step[0][at, heard], fits.step[1][at, heard]
    root = np.sqrt(np.maximum(size, 1e-300))
    target = number / root
    share, rest = nnls((wears * root).T, target)
    whole = float(target @ target)
    gain = min((whole - rest**2) / ALIKE, whole)
    return float(0.5 * gain - ((share > 0.0).sum() + 1.0) * 0.5 * np.log(max(fits.worth, 2.0)) - np.log(len(wears)))


def _along(number: Array, size: Array, directions: Array, sign: int) -> Array:
    """(H, D) gain of the best amplitude along each direction (D, m), of one sign only where `sign` is not 0."""
    above, below = number @ directions.T, size @ (directions**2).T
    above = above if sign == 0 else np.maximum(sign * above, 0.0)
    return above**2 / np.where(below > 0.0, below, np.inf)


def _most(weights: Array) -> float:
    return float(weights.max()) if weights.size else -np.inf


def moved(u: Array, at: int) -> int:
    """Number of the input whose mean moved most at row `at`; -1 where none moved by more than MOVED of its standard deviations."""
    before, after = u[:at], u[at:]
    if len(before) < 2 or len(after) < 2:
        return -1
    spread = np.sqrt(0.5 * (before.var(axis=0) + after.var(axis=0)))
    size = np.abs(after.mean(axis=0) - before.mean(axis=0)) / np.maximum(spread, 1e-9 * np.maximum(1.0, np.abs(u).max(axis=0)))
    return int(size.argmax()) if size.max(initial=0.0) > MOVED else -1


def reference(model: Model, wear: Array, params: Array, u: Array, row_s: float) -> Array:
    """What the machine should read, (T, m), with its wear frozen at `wear` (n,), through mean inputs u (T, k) of rows `row_s` long.

    Fast states go towards each row's equilibrium x_e as exp(J t), J of the fast part at the mean input; their mean is read."""
    p, state = model.Params(*params), model.State(*wear)
    inputs = model.Input(*u.T)
    with np.errstate(all="ignore"):
        settled = np.stack([np.broadcast_to(np.asarray(v, float), len(u)) for v in model.steady(state, inputs, p)], axis=1)
        fast = [i for i, name in enumerate(model.State._fields) if name not in model.slow]
        x = settled.copy()
        if fast:
            decay, mean = _decay(model, settled.mean(axis=0), u.mean(axis=0), params, fast, row_s)
            away = np.zeros(len(fast))
            for t in range(len(u)):
                away = away + (settled[t - 1, fast] - settled[t, fast] if t else 0.0)
                x[t, fast] += mean @ away
                away = decay @ away
        out = model.out(model.State(*x.T), inputs, p)
        return np.stack([np.broadcast_to(np.asarray(v, float), len(u)) for v in out], axis=1)


def _decay(model: Model, x: Array, u: Array, params: Array, fast: list[int], row_s: float) -> tuple[Array, Array]:
    """(f, f) what is left of a distance from equilibrium after a row, and its mean over the row: J of the fast states by one-sided
    differences; directions that do not decay stand at equilibrium."""
    p, inputs = model.Params(*params), model.Input(*u)
    step = 1e-4 * np.maximum(1.0, np.abs(x))

    def slope(at: Array) -> Array:
        return np.array([float(v) for v in model.rhs(model.State(*at), inputs, p)])[fast]

    base, columns = slope(x), []
    for i in fast:
        ahead = x.copy()
        ahead[i] += step[i]
        columns.append((slope(ahead) - base) / step[i])
    value, vector = (np.asarray(part, np.complex128) for part in np.linalg.eig(np.array(columns).T))
    power = np.clip(value.real * row_s, -700.0, -1e-12) + 1j * value.imag * row_s
    stable, inverse = value.real < 0.0, np.linalg.inv(vector)
    left, mean = np.where(stable, np.exp(power), 0.0), np.where(stable, np.expm1(power) / power, 0.0)
    return ((vector * left) @ inverse).real, ((vector * mean) @ inverse).real
