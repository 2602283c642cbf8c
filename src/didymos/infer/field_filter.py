"""Virtual sensors: a Kalman filter per Field, from a few thermocouples to the whole temperature and stress with bands.

    z = [a, q, d]    amounts of the modes; heat that nobody measures, beside what is given [W]; model error
    a⁺ = H a + G (B (u + q) + C θ) + S(a) d        S: what d ln(conductivity), d ln(films) change in one step
    q⁺ = ψ q + w     d⁺ = φ d + w                      walks; slow return to "as given", "as modelled" without readings
    y = P a + v      thermocouples; a missing one is NaN and left out

d is the model-error term: conductivity, films and contacts are known to some percent only, and a wrong one bends the field the same
way all day. As states they both widen the bands where they matter (W P Wᵀ) and follow what the thermocouples say. They are *not*
estimates of those quantities: load and film trade against each other, and only the field that both make is observed.
`fits` is the innovation monitor: squared innovations over what they should be, in a window; far above 1 the model no longer fits.
`static_fit` is the baseline beside it: steady response to each load and a level, least squares, no memory.

Source: Kalman filter with augmented model error, Jazwinski 1970, chapter 8; Joseph form. Tuning: `bench.rom_sensors`, on
mismatches drawn apart from those it is judged on. Verified: tests/infer/test_field_filter.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from didymos.core.errors import DataError, ModelError
from didymos.core.field import Field
from didymos.numerics.rom.live import Stepper, stiffness

Array = NDArray[np.float64]
WINDOW = 60  # updates that the monitor looks back
MISFIT = 2.5  # mean squared innovation over its expectation above which the model does not fit; see bench.rom `fits_quantile99`
Z90 = 1.6448536269514722


@dataclass(frozen=True, slots=True)
class Tuning:
    """noise_K: of a thermocouple. load_walk, load_sd: of an unknown heat, share of its box per
    sqrt(s) and at the start; load_time_s: how long it lasts. error_sd: of each d, relative.
    error_time_s: how long a model error lasts. floor_K: what modes, mesh and time step
    leave out at a point. start_K: of the level. offset_K: of what does not average out, a reading's steady error and
    what is uneven in the part and even in the modes; it widens the bands and nothing else."""

    noise_K: float = 0.3
    load_walk: float = 0.02
    load_sd: float = 0.35
    load_time_s: float = 6 * 3600.0
    error_sd: float = 0.12
    error_time_s: float = 6 * 3600.0
    floor_K: float = 0.15
    start_K: float = 2.0
    offset_K: float = 0.0

    def __post_init__(self) -> None:
        given = {n: getattr(self, n) for n in self.__dataclass_fields__}
        wrong = [n for n, v in given.items() if not (np.isfinite(v) and (v > 0.0 or (n == "offset_K" and v == 0.0)))]
        if wrong:
            raise ModelError(f"virtual sensors: {', '.join(wrong)} must be numbers above 0. Correct the tuning.")


@dataclass(frozen=True, slots=True)
class Sensing:
    """A field with its thermocouples: rows (m, r) of the modes, and the tuning."""

    field: Field
    names: tuple[str, ...]
    rows: Array
    tuning: Tuning

    @property
    def modes(self) -> int:
        return self.rows.shape[1]

    @property
    def loads(self) -> int:
        return len(self.field.named("load"))


@dataclass(frozen=True, slots=True)
class FieldBelief:
    """mean (N,), cov (N, N) of z; the last squared innovations and how many readings each had (WINDOW,), newest last.
    Goes through `formats.wire.pack` and back unchanged."""

    mean: Array
    cov: Array
    nis: Array
    readings: Array


def sensing(field: Field, names: Sequence[str], tuning: Tuning | None = None) -> Sensing:
    """Thermocouples at named places of the field. ModelError for a place it does not have, twice the same, or none."""
    known = {s.name: row for row, s in enumerate(field.sensors)}
    if unknown := [n for n in names if n not in known]:
        some = ", ".join(list(known)[:8])
        raise ModelError(f"field {field.name}: no place {unknown[0]!r}. Allowed: {some}, ... ({len(known)}). Choose one of them.")
    if not names or len(set(names)) != len(names):
        raise ModelError(f"field {field.name}: thermocouples {list(names)}. Allowed: at least one place, each once. Correct them.")
    return Sensing(field, tuple(names), field.places[[known[n] for n in names]], tuning or Tuning())


def init(s: Sensing, temperature_K: float) -> FieldBelief:
    """One temperature everywhere, no more known than `start_K`; no heat known."""
    size, t, r, q = len(s.field.films) + 1, s.tuning, s.modes, s.loads
    mean = np.concatenate([(temperature_K - s.field.made.reference_K) * s.field.level, np.zeros(q + size)])
    cov = np.zeros((len(mean), len(mean)))
    cov[:r, :r] = t.start_K**2 * np.outer(s.field.level, s.field.level)
    box = np.array([i.high - i.low for i in s.field.named("load")])
    cov[r : r + q, r : r + q] = np.diag((t.load_sd * box) ** 2)
    cov[r + q :, r + q :] = t.error_sd**2 * np.eye(size)
    return FieldBelief(mean, cov, np.zeros(WINDOW), np.zeros(WINDOW))


def step(s: Sensing, belief: FieldBelief, by: Stepper, load: Array, behind: Array, reading: Array) -> FieldBelief:
    """One step with the given loads (L,) [W], rise behind the films (J,) [K] and readings (m,) as rise above the reference [K],
    NaN = missing. DataError for a reading without meaning (infinite), ModelError for a wrong count."""
    if reading.shape != (len(s.names),) or load.shape != (s.loads,):
        raise ModelError(
            f"field {s.field.name}: {reading.shape} readings and {load.shape} loads. "
            f"Allowed: {len(s.names)} and {s.loads}. Correct it."
        )
    if np.isinf(reading).any() or not (np.isfinite(load).all() and np.isfinite(behind).all()):
        raise DataError(f"field {s.field.name}: an input or reading is infinite or no number. Give NaN for a missing reading only.")
    return _update(s, _predict(s, belief, by, load, behind), reading)


def _predict(s: Sensing, b: FieldBelief, by: Stepper, load: Array, behind: Array) -> FieldBelief:
    r, q, t = s.modes, s.loads, s.tuning
    as_modelled = by.hold @ b.mean[:r] + by.heat @ (load + b.mean[r : r + q]) + by.behind @ behind
    bent = _sensitivity(by, as_modelled, behind)
    keep, stay = (float(np.exp(-by.step_s / time_s)) for time_s in (t.error_time_s, t.load_time_s))
    move = np.eye(len(b.mean))
    move[:r, :r], move[:r, r : r + q], move[:r, r + q :] = by.hold, by.heat, bent
    move[r + q :, r + q :] *= keep
    move[r : r + q, r : r + q] *= stay
    mean = move @ b.mean
    mean[:r] = as_modelled + bent @ b.mean[r + q :]
    cov = move @ b.cov @ move.T
    box = np.array([i.high - i.low for i in s.field.named("load")])
    added = np.concatenate([(t.load_walk * box) ** 2 * by.step_s, np.full(len(mean) - r - q, t.error_sd**2 * (1.0 - keep**2))])
    cov[np.arange(r, len(mean)), np.arange(r, len(mean))] += added
    return replace(b, mean=mean, cov=cov)


def _sensitivity(by: Stepper, amount: Array, behind: Array) -> Array:
    """S (r, 1 + J): change of one step's end by d ln(conductivity) and d ln(film)."""
    f = by.field
    pull = [f.conduction @ amount]
    pull += [h * (k @ amount - c * t) for h, k, c, t in zip(by.film, f.films, f.behind.T, behind, strict=True)]
    return -(by.gain @ np.stack(pull, axis=1))


def _update(s: Sensing, b: FieldBelief, reading: Array) -> FieldBelief:
    there = np.isfinite(reading)
    if not there.any():
        return b
    r, noise = s.modes, s.tuning.noise_K**2 + s.tuning.floor_K**2
    rows = s.rows[there]
    cross = b.cov[:, :r] @ rows.T
    spread = rows @ cross[:r] + noise * np.eye(len(rows))
    off = reading[there] - rows @ b.mean[:r]
    gain = np.linalg.solve(spread, cross.T).T
    keep = np.eye(len(b.mean))
    keep[:, :r] -= gain @ rows
    cov = keep @ b.cov @ keep.T + noise * (gain @ gain.T)
    nis = float(off @ np.linalg.solve(spread, off))
    told = (np.append(b.nis[1:], nis), np.append(b.readings[1:], float(len(rows))))
    return FieldBelief(b.mean + gain @ off, 0.5 * (cov + cov.T), *told)


def fits(belief: FieldBelief) -> tuple[bool, float]:
    """(fits, mean squared innovation over its expectation in the window); True and NaN before half a window."""
    seen = belief.readings > 0.0
    if seen.sum() < WINDOW // 2:
        return True, float("nan")
    ratio = float(belief.nis[seen].sum() / belief.readings[seen].sum())
    return ratio <= MISFIT, ratio


def rest_K(s: Sensing) -> float:
    """Standard deviation at a point beside that of the modes."""
    return float(np.hypot(s.tuning.floor_K, s.tuning.offset_K))


def temperature_sd(s: Sensing, belief: FieldBelief, rows: NDArray[np.float32] | Array) -> Array:
    """Standard deviation [K] of the temperature at rows (k, r) of the modes, model error included: sqrt of W P Wᵀ's diagonal."""
    return np.sqrt(np.einsum("kr,kr->k", rows, rows @ belief.cov[: s.modes, : s.modes]) + rest_K(s) ** 2)


def stress_sd(s: Sensing, belief: FieldBelief, rows: Array) -> Array:
    """Standard deviation of each stress component from rows (..., r + F) of `field.hot` or `field.stress`; forces are taken
    as known."""
    part = rows[..., : s.modes]
    floor = (rest_K(s) * s.field.stress_Pa_K) ** 2
    return np.sqrt(np.einsum("...r,...r->...", part, part @ belief.cov[: s.modes, : s.modes]) + floor)


def static_fit(s: Sensing, film: Array, behind: Array, reading: Array) -> Array:
    """Amounts (r,) by least squares: the steady response to each load and one level, the given temperatures behind the films."""
    slow = stiffness(s.field, film)
    known = np.linalg.solve(slow, s.field.behind @ (film * behind))
    shapes = np.column_stack([np.linalg.solve(slow, s.field.loads), s.field.level])
    there = np.isfinite(reading)
    box = np.append([i.high - i.low for i in s.field.named("load")], 1.0)
    found = np.linalg.lstsq(s.rows[there] @ (shapes * box), reading[there] - s.rows[there] @ known, rcond=1e-6)[0]
    return known + shapes @ (box * found)


@dataclass(frozen=True, slots=True)
class Placement:
    """What the thermocouples can tell: smallest signal [K] that a combination of loads of full box size makes at them, of `needed`
    loads `told` above three noises; the load least told; condition of the gains; worst steady sd [K] of the surface and where."""

    told: int
    needed: int
    weakest: str
    signal_K: float
    condition: float
    worst_sd_K: float
    worst_point: tuple[float, float, float]

    def __str__(self) -> str:
        where = ", ".join(f"{1e3 * c:.0f}" for c in self.worst_point)
        verdict = (
            "every load is told apart" if self.told == self.needed else f"only {self.told} of {self.needed} loads are told apart"
        )
        return (
            f"{verdict}; the weakest ({self.weakest}) moves them by {self.signal_K:.2g} K, condition {self.condition:.0f}; "
            f"the least known place ({where} mm) to {self.worst_sd_K:.2g} K"
        )


def placement(s: Sensing, by: Stepper, steps: int = 240) -> Placement:
    """The observability check for thermocouples that somebody placed."""
    box = np.array([i.high - i.low for i in s.field.named("load")])
    gains = s.rows @ np.linalg.solve(stiffness(s.field, by.film), s.field.loads * box)
    _, size, right = np.linalg.svd(gains, full_matrices=True)
    size = np.append(size, np.zeros(s.loads - len(size)))
    weakest = s.field.named("load")[int(np.argmax(np.abs(right[-1])))].name
    belief, zero = init(s, s.field.made.reference_K), np.zeros
    half = 0.5 * box
    for _ in range(steps):
        belief = step(s, belief, by, half, zero(len(by.film)), s.rows @ belief.mean[: s.modes])
    sd = temperature_sd(s, belief, s.field.modes[s.field.surface])
    worst = int(np.argmax(sd))
    point = tuple(float(c) for c in s.field.points[s.field.surface[worst]])
    condition = float(size[0] / size[-1]) if size[-1] > 0.0 else float("inf")
    told = int((size > 3.0 * s.tuning.noise_K).sum())
    return Placement(told, s.loads, weakest, float(size[-1]), condition, float(sd[worst]), (point[0], point[1], point[2]))
