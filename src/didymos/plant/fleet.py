"""One model's machines in one worker: arrays over assets, stepped together.

A step takes each due asset from its belief at step k-1 to step k: inputs of the interval (a missing one holds its last
value), sensors of the interval (a missing or distrusted one is NaN), the fleet UKF, and the notes that validity, sensor checks
and forecasts need later. Everything here is in the checkpoint; nothing is random.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from didymos.core.channel import channel_id
from didymos.core.clock import HOUR_NS, SECOND_NS
from didymos.core.estimate import Belief
from didymos.core.model import Model
from didymos.data.align import Grid
from didymos.infer import envelope, fidelity, filters
from didymos.infer.calibrate import calibrate, filled
from didymos.infer.estimator import Given
from didymos.infer.hypotheses import Hypotheses, Multiple
from didymos.plant import changes
from didymos.plant.config import Asset
from didymos.plant.fitted import Fitted
from didymos.plant.fitted import read as read_fitted
from didymos.plant.report import AssetReport

Array = NDArray[np.float64]

WINDOW = 288  # steps of residuals kept for sensor checks: a drift must show in every regime of a day
RECENT = 36  # of them for validity
UNKNOWN = 2.0  # before commissioning the filter is given this many times the sensor's own noise
LOADS = 32  # past operating points from which the futures draw
SINCE = ("moments", "points", "radius", "away", "row", "rows", "rows_ns", "row_count", "looked", "rows_from_ns")  # newer columns
LOAD_EVERY_H = 5.25  # one each: together the past week, at changing hours of the day


@dataclass(slots=True)
class FleetState:
    """N assets, n states, k inputs, m sensors.

    held (N, k) inputs in force; loads (N, LOADS, k) past operating points, NaN until filled; whitened, readings (N, WINDOW, m),
    nis, dof (N, WINDOW) rings over the last steps; since_ns, running_s (N, components) the survival clocks; params (N, p),
    noise (N, m), seen_low, seen_high (N, k), explained (N, m) from commissioning; record (N, T, k + m) the commissioning
    record while it fills, (N, 0, k + m) afterwards. hyp_mean (N, H, n), hyp_cov (N, H, n, n), hyp_log_p (N, H): the hypotheses
    (`infer.hypotheses`) of which mean and cov are the mixture; a checkpoint of before them has none.
    Of `plant.trust` and `plant.changes`, none in a checkpoint of before them: moments (N, rows, m) (`infer.fidelity`);
    points (N, POINTS, k), radius (N,) of the envelope; away (N,) reviews until it counts as inside again; row (N, 2, k + m) sums
    and counts of the hour under way; rows (N, ROWS, k + m), rows_ns (N, ROWS) of the past ones, row_count (N,); looked (N,)
    row_count at the last look; rows_from_ns (N,) since when they are of the machine as it is.
    """

    time_ns: NDArray[np.int64]
    mean: Array
    cov: Array
    held: Array
    held_ns: NDArray[np.int64]
    loads: Array
    load_count: NDArray[np.int64]
    whitened: Array
    readings: Array
    nis: Array
    dof: NDArray[np.int64]
    steps: NDArray[np.int64]
    distrusted: NDArray[np.bool_]
    since_ns: NDArray[np.int64]
    running_s: Array
    params: Array
    noise: Array
    seen_low: Array
    seen_high: Array
    explained: Array
    commissioned: NDArray[np.bool_]
    record: Array
    hyp_mean: Array = field(default_factory=lambda: np.zeros((0, 0, 0)))
    hyp_cov: Array = field(default_factory=lambda: np.zeros((0, 0, 0, 0)))
    hyp_log_p: Array = field(default_factory=lambda: np.zeros((0, 0)))
    moments: Array = field(default_factory=lambda: np.zeros((0, 0, 0)))
    points: Array = field(default_factory=lambda: np.zeros((0, 0, 0)))
    radius: Array = field(default_factory=lambda: np.zeros(0))
    away: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    row: Array = field(default_factory=lambda: np.zeros((0, 0, 0)))
    rows: Array = field(default_factory=lambda: np.zeros((0, 0, 0)))
    rows_ns: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 0), np.int64))
    row_count: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    looked: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    rows_from_ns: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))


class Fleet:
    """`state` is replaced or written row by row in `step`; the rest never changes."""

    def __init__(self, model: Model, assets: Sequence[Asset], rows: Sequence[int], grid: Grid, commission_s: float = 0.0) -> None:
        self.model = model
        self.commission_steps = round(commission_s * 1e9 / grid.step_ns)
        self.assets = tuple(assets)
        self.rows = np.asarray(rows, np.int64)
        self.local = {int(row): i for i, row in enumerate(rows)}
        self.grid = grid
        self.input_place = _places(grid, assets, [c.name for c in model.inputs])
        self.sensor_place = _places(grid, assets, [c.name for c in model.sensors])
        self.constant = np.array([[dict(a.constants).get(c.name, np.nan) for c in model.inputs] for a in assets])
        self.nameplate = nameplate(model, assets)
        self.fitted = [read_fitted(a.fitted, model) if a.fitted else None for a in assets]
        self.process_noise = np.array(model.process_noise, float)
        self._kernel: Callable[..., Any] | None = None
        self.multiple = Multiple(model, lambda *given: self.kernel(*given))
        self.state = self.fresh(len(assets))

    def fresh(self, n: int) -> FleetState:
        """Every asset as commissioned."""
        model, k, m = self.model, len(self.model.inputs), self.model.n_sensors
        belief = filters.init(model, self.nameplate, n)
        hypotheses = self.multiple.init(n)
        state = FleetState(
            time_ns=np.zeros(n, np.int64),
            mean=np.array(belief.mean),
            cov=np.array(belief.cov),
            held=np.array(self.constant),
            held_ns=np.zeros((n, k), np.int64),
            loads=np.full((n, LOADS, k), np.nan),
            load_count=np.zeros(n, np.int64),
            whitened=np.full((n, WINDOW, m), np.nan),
            readings=np.full((n, WINDOW, m), np.nan),
            nis=np.full((n, WINDOW), np.nan),
            dof=np.zeros((n, WINDOW), np.int64),
            steps=np.zeros(n, np.int64),
            distrusted=np.zeros((n, m), bool),
            since_ns=np.array([[a.commissioned_ns] * len(model.components) for a in self.assets], np.int64),
            running_s=np.zeros((n, len(model.components))),
            params=self.nameplate.copy(),
            noise=UNKNOWN * np.tile([c.noise for c in model.sensors], (n, 1)),
            seen_low=np.full((n, k), -np.inf),
            seen_high=np.full((n, k), np.inf),
            explained=np.full((n, m), np.nan),
            commissioned=np.full(n, self.commission_steps == 0),
            record=np.full((n, self.commission_steps, k + m), np.nan),
            hyp_mean=hypotheses.mean,
            hyp_cov=hypotheses.cov,
            hyp_log_p=hypotheses.log_p,
            moments=fidelity.moments(n, m),
            points=np.full((n, envelope.POINTS, k), np.nan),
            radius=np.zeros(n),
            away=np.zeros(n, np.int64),
            row=np.zeros((n, 2, k + m)),
            rows=np.full((n, changes.ROWS, k + m), np.nan),
            rows_ns=np.zeros((n, changes.ROWS), np.int64),
            row_count=np.zeros(n, np.int64),
            looked=np.zeros(n, np.int64),
            rows_from_ns=np.zeros(n, np.int64),
        )
        take_fitted(state, self.fitted)
        return state

    def step(self, who: NDArray[np.int64], step: NDArray[np.int64]) -> Any:
        """Take assets `who` (M,) (local numbers) to `step` (M,). Returns the kernel's result for those that could be stepped, and
        which they are: (who, result) - an asset whose inputs were never seen waits."""
        s, grid = self.state, self.grid
        time_ns = step * grid.step_ns
        u = grid.values(self.input_place[who], step[:, None])
        fresh = np.isfinite(u)
        s.held[who] = np.where(fresh, u, s.held[who])
        s.held_ns[who] = np.where(fresh, time_ns[:, None], s.held_ns[who])
        y, unsure = grid.values(self.sensor_place[who], step[:, None]), grid.unsure(self.sensor_place[who], step[:, None])
        s.time_ns[who] = time_ns
        ready = np.isfinite(s.held[who]).all(axis=1)
        who, y, unsure, time_ns, step = who[ready], y[ready], unsure[ready], time_ns[ready], step[ready]
        if not len(who):
            return who, None
        self._start_thermal(who)
        trusted = np.where(s.distrusted[who], np.nan, y)
        hypotheses, result = self.update(self.hypotheses(who), s.held[who], trusted, who, unsure)
        self.believe(who, hypotheses)
        slot = s.steps[who] % WINDOW
        innovation = (y - result.predicted) / result.predicted_sd
        running = self.running(who)
        s.whitened[who, slot] = np.where(running[:, None], innovation, np.nan)
        s.readings[who, slot] = y
        s.nis[who, slot], s.dof[who, slot] = result.nis, result.dof
        s.steps[who] += 1
        s.moments[who] = fidelity.see(
            s.moments[who], np.where(running[:, None], y, np.nan), y - result.predicted, self.grid.step_ns / SECOND_NS
        )
        changes.note(self, who, step, s.held[who], y)
        self._remember_load(who, time_ns)
        self._commission(who, y)
        return who, result

    def update(
        self, state: Hypotheses, u: Array, y: Array, who: NDArray[np.int64], unsure: NDArray[np.bool_] | None = None
    ) -> tuple[Hypotheses, Any]:
        """One filter step of assets `who`; the arguments are not changed. unsure (M, m): readings with UNCERTAIN quality."""
        noise = self.state.noise[who]
        noise = noise if unsure is None or not unsure.any() else filters.noise_of(noise, unsure)
        return self.multiple.step(state, self.given(u, y, self.state.params[who], noise))

    def given(self, u: Array, y: Array, params: Array, noise: Array) -> Given:
        """What a filter step of one grid step is given."""
        n = len(u)
        return Given(u, y, params, np.tile(self.process_noise, (n, 1)), noise, np.full(n, self.grid.step_ns / 1e9))

    def hypotheses(self, who: NDArray[np.int64]) -> Hypotheses:
        s = self.state
        return Hypotheses(s.hyp_mean[who], s.hyp_cov[who], s.hyp_log_p[who])

    def believe(self, who: NDArray[np.int64], hypotheses: Hypotheses) -> None:
        """From now on, of assets `who`."""
        s, whole = self.state, self.multiple.mixture(hypotheses)
        s.hyp_mean[who], s.hyp_cov[who], s.hyp_log_p[who] = hypotheses
        s.mean[who], s.cov[who] = whole.mean, whole.cov

    def begin_anew(self, who: NDArray[np.int64]) -> None:
        """No fault has begun, as far as anybody knows: every hypothesis starts from the belief as it stands."""
        self.believe(who, self.multiple.spread(self.state.mean[who], self.state.cov[who]))

    @property
    def kernel(self) -> Callable[..., Any]:
        if self._kernel is None:
            self._kernel = _kernel(self.model, max(1, int(np.ceil(self.grid.step_ns / 1e9 / self.model.max_step_s))))
        return self._kernel

    def load(self, who: NDArray[np.int64]) -> Array:
        """Operating points of the past week (M, LOADS, k), each asset's known ones repeated to fill."""
        found = np.empty((len(who), LOADS, len(self.model.inputs)))
        for i, asset in enumerate(who):
            known = self.state.loads[asset, : max(1, min(LOADS, int(self.state.load_count[asset])))]
            known = np.where(np.isfinite(known), known, self.state.held[asset])
            found[i] = np.resize(known, found[i].shape)
        return found

    def report(self, asset: int) -> AssetReport:
        """What the doctor shows of one asset."""
        s = self.state
        known = s.loads[asset, : min(LOADS, int(s.load_count[asset]))]
        if self.speed is not None:
            known = known[np.abs(known[:, self.speed]) > 1e-6]
        load = np.median(known, axis=0).tolist() if len(known) else []
        left_out = [c.name for c, out in zip(self.model.sensors, s.distrusted[asset], strict=True) if out]
        return AssetReport(
            self.assets[asset].id, int(s.time_ns[asset]), bool(s.commissioned[asset]), left_out, load, s.params[asset].tolist()
        )

    def window(self, asset: int, array: NDArray[Any]) -> NDArray[Any]:
        """The last steps of a ring (WINDOW, ...) of one asset, oldest first."""
        count = int(self.state.steps[asset])
        return np.roll(array[asset], -(count % WINDOW), axis=0)[max(0, WINDOW - count) :]

    def reset(self, asset: int, component: int, time_ns: int) -> None:
        """The component was replaced: its wear states and its survival clock start anew."""
        wear = self.model.components[component].wear
        belief = filters.reset(self.model, self.belief(), asset, wear)
        self.state.mean, self.state.cov = np.array(belief.mean), np.array(belief.cov)
        self.begin_anew(np.array([asset]))
        self.state.since_ns[asset, component] = time_ns
        self.state.running_s[asset, component] = 0.0

    def forget_sensor(self, asset: int, channel: str) -> None:
        """It was exchanged or recalibrated: what it read before says nothing about it, and it is believed again."""
        names = [c.name for c in self.model.sensors]
        if channel in names:
            j = names.index(channel)
            self.state.whitened[asset, :, j], self.state.readings[asset, :, j] = np.nan, np.nan
            self.state.rows[asset, :, len(self.model.inputs) + j] = np.nan
            self.state.moments[asset, :, j] = fidelity.moments(1, 1)[0, :, 0]
            self.state.distrusted[asset, j] = False

    def belief(self) -> Belief:
        return Belief(self.state.time_ns, self.state.mean, self.state.cov)

    def restore(self, state: FleetState) -> None:
        fresh = self.state  # what a checkpoint of before a column lacks
        given = ((f.name, np.array(getattr(state, f.name)), getattr(fresh, f.name)) for f in fields(FleetState))
        self.state = FleetState(*(new if name in SINCE and not len(old) else old for name, old, new in given))
        if self.state.hyp_mean.shape[:2] != (len(self.assets), self.multiple.count):
            self.believe_anew(self.state)
        self.refit()

    def refit(self) -> None:
        """Machines whose fitted parameters are not those in force take them, and believe anew: wear counts from the fit on."""
        new = np.array(take_fitted(self.state, self.fitted), np.int64)
        if not len(new):
            return
        belief = filters.init(self.model, self.state.params[new], len(new))
        self.state.mean[new], self.state.cov[new] = belief.mean, belief.cov
        seen = new[np.isfinite(self.state.held[new]).all(axis=1)]
        self.begin_anew(new)
        if len(seen):
            self._to_equilibrium(seen)

    def learns(self, asset: int) -> bool:
        """Whether it is commissioned on its first days; one with fitted parameters is not."""
        return self.commission_steps > 0 and self.fitted[asset] is None

    def believe_anew(self, state: FleetState) -> None:
        """Hypotheses for a state that has none, or others."""
        state.hyp_mean, state.hyp_cov, state.hyp_log_p = self.multiple.spread(state.mean, state.cov)

    def _start_thermal(self, who: NDArray[np.int64]) -> None:
        """At an asset's first step its fast states begin at equilibrium with the inputs of that moment."""
        first = who[self.state.steps[who] == 0]
        if len(first):
            self._to_equilibrium(first)

    def _to_equilibrium(self, who: NDArray[np.int64]) -> None:
        s = self.state
        x, u, p = self.model.State(*s.mean[who].T), self.model.Input(*s.held[who].T), self.model.Params(*s.params[who].T)
        settled = np.stack(np.broadcast_arrays(*self.model.steady(x, u, p)), axis=1)
        s.mean[who] = np.clip(settled, np.array(self.model.low), np.array(self.model.high))
        self.begin_anew(who)

    def _commission(self, who: NDArray[np.int64], y: Array) -> None:
        """Record what a new machine does; when the record is full, fit the model to it and start the belief anew."""
        s, k = self.state, len(self.model.inputs)
        new = who[~s.commissioned[who]]
        if not len(new):
            return
        s.record[new, s.steps[new] - 1] = np.concatenate([s.held[new], y[~s.commissioned[who]]], axis=1)
        full = new[s.steps[new] == self.commission_steps]
        if not len(full):
            return
        step_s, known = self.grid.step_ns / 1e9, known_parameters(self.model, self.assets)[full]
        found = calibrate(self.model, s.params[full], s.record[full, :, :k], s.record[full, :, k:], step_s, known)
        s.params[full], s.noise[full], s.explained[full] = found.params, found.noise, found.explained
        s.seen_low[full], s.seen_high[full] = found.low, found.high
        for asset, inputs in zip(full, filled(s.record[full, :, :k]), strict=True):
            seen = envelope.see(envelope.empty(k), inputs, self.model.inputs)
            s.points[asset], s.radius[asset] = seen.points, seen.radius
        s.commissioned[full] = True
        belief = filters.init(self.model, s.params[full], len(full))
        s.mean[full], s.cov[full] = belief.mean, belief.cov
        self._to_equilibrium(full)
        s.nis[full], s.whitened[full], s.moments[full] = np.nan, np.nan, fidelity.moments(1, self.model.n_sensors)
        if s.commissioned.all():
            s.record = s.record[:, :0]

    def _remember_load(self, who: NDArray[np.int64], time_ns: NDArray[np.int64]) -> None:
        s = self.state
        s.running_s[who] += np.where(self.running(who), self.grid.step_ns / 1e9, 0.0)[:, None]
        every = int(LOAD_EVERY_H * HOUR_NS)
        turn = (time_ns // every != (time_ns - self.grid.step_ns) // every) | (s.load_count[who] == 0)
        for asset in who[turn]:
            s.loads[asset, s.load_count[asset] % LOADS] = s.held[asset]
            s.load_count[asset] += 1

    def running(self, who: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(M,) whether the shaft turns; True for a model without a speed."""
        return np.abs(self.state.held[who][:, self.speed]) > 1e-6 if self.speed is not None else np.ones(len(who), bool)

    @property
    def speed(self) -> int | None:
        names = [c.name for c in self.model.inputs]
        return names.index("speed") if "speed" in names else None


def take_fitted(state: FleetState, fitted: Sequence[Fitted | None]) -> list[int]:
    """Fitted parameters that differ from those in force, written into `state`; the assets that changed."""
    changed = []
    for i, found in enumerate(fitted):
        if found is None or (np.array_equal(state.params[i], found.params) and state.commissioned[i]):
            continue
        state.params[i], state.noise[i], state.explained[i] = found.params, found.noise, found.explained
        state.seen_low[i], state.seen_high[i], state.commissioned[i] = found.low, found.high, True
        state.nis[i], state.whitened[i], state.points[i] = np.nan, np.nan, np.nan
        state.rows_from_ns[i] = state.time_ns[i]
        changed.append(i)
    return changed


@lru_cache(maxsize=64)
def _kernel(model: Model, substeps: int) -> Callable[..., Any]:
    """One for all fleets of a process."""
    from didymos.numerics.ukf import ukf_kernel

    return ukf_kernel(model, engine="auto", substeps=substeps)


def nameplate(model: Model, assets: Sequence[Asset]) -> Array:
    """Published parameters with the plant file's overrides, (N, p)."""
    published = zip(model.Params._fields, model.Params(), strict=True)
    defaults = list(published)
    return np.array([[dict(a.parameters).get(name, value) for name, value in defaults] for a in assets], float)


def known_parameters(model: Model, assets: Sequence[Asset]) -> NDArray[np.bool_]:
    """What commissioning must not move, (N, p): ratings, and whatever the plant file states."""
    return np.array([[name.startswith("rated_") or name in dict(a.parameters) for name in model.Params._fields] for a in assets])


def _places(grid: Grid, assets: Sequence[Asset], names: Sequence[str]) -> NDArray[np.int64]:
    return np.array([[grid.place(channel_id(asset.id, name)) for name in names] for asset in assets], np.int64)
