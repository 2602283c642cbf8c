"""Simulated machines of every model with a recipe, each with one thing that happens to it, watched hour by hour.

    nothing      wear as unlike as the model says                        -> nothing told
    wear         the rate of one wear state is 20 times the average      -> nothing told (it is wear)
    load         inputs in the lower, then the upper half of their swing -> nothing told
    improvement  worn half way to a failure mode, then as new            -> improvement
    sensor       one sensor reads 4 of its noises too high from then on  -> sensor_step
    part         a parameter that shows is 25 % larger from then on      -> plant_change

The truth is simulated at the recipe's step with process and sensor noise by the model's own equations; what watches is
`infer.change` on means of an hour (12 steps of machines that are read every few seconds) over the last WINDOW rows, every
EVERY rows; its parameters are those of commissioning, its frozen wear what the first LEARNED rows tell. That truth and watcher
share their equations flatters the watcher; recorded rigs are in `bench.validity`. Seeds: development 100, figures 200.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from didymos.assets import ASSETS
from didymos.assets.recipes import RECIPES, schedule, truths
from didymos.core.model import Model
from didymos.infer.calibrate import free_parameters
from didymos.infer.change import ALARM, KINDS, Found, Rows, find, reference
from didymos.infer.coverage import worn_state
from didymos.infer.sensors import signatures
from didymos.numerics.arrays import Arrays

Array = NDArray[np.float64]
STORIES = ("nothing", "wear", "load", "improvement", "sensor", "part")
EXPECTED = {"improvement": "improvement", "sensor": "sensor_step", "part": "plant_change"}
UNITS, WINDOW, EVERY, MONTH_S = 6, 168, 4, 30 * 86_400.0
OFFSET, LARGER, FASTER, LEARNED = 4.0, 1.25, 3.0, 24
DEVELOPMENT, FIGURES = 100, 200


class Run(NamedTuple):
    """Row means z (T, m) and u (T, k) of one unit, its row length and the row at which it happened, -1 for nothing."""

    y: Array
    u: Array
    row_s: float
    at: int


def runs(model: Model, story: str, seed: int, units: int = UNITS) -> list[Run]:
    recipe = RECIPES[model.name]
    part = max(1, round(3600.0 / recipe.step_s)) if recipe.step_s >= 60.0 else 12
    rows = min(recipe.steps // part, 2 * WINDOW)
    rng = np.random.default_rng(seed + 1000 * STORIES.index(story))
    machine, u = Arrays(model), schedule(model, units, seed)[:, : rows * part]
    x, p = truths(model, units, seed), np.tile(np.array(model.Params(), float), (units, 1))
    at = rng.integers(rows // 3, rows - rows // 4, units) if story not in ("nothing", "wear") else np.full(units, -1)
    before = _begun(model, story, x, rng)
    changed, offset = p.copy(), np.zeros((units, model.n_sensors))
    if story == "part":
        for i in range(units):
            changed[i, rng.choice(visible(model))] *= LARGER
    if story == "sensor":
        for i in range(units):
            offset[i, rng.integers(model.n_sensors)] = OFFSET
    x, noise, q = before, np.array([c.noise for c in model.sensors]), np.array(model.process_noise, float)
    found_y, found_u, dt = [], [], np.full(units, recipe.step_s)
    middle = u.mean(axis=1)
    for k in range(rows * part):
        now = k // part >= at
        happened = now & (at >= 0)
        if story == "improvement":
            healed = happened & (k == at * part)
            worn = np.array([name in model.slow and not name.startswith("log_") for name in model.State._fields])
            x = np.where(healed[:, None] & worn, np.array(model.initial, float), x)
        if story == "load":
            shift = np.abs(u[:, k] - middle)
            u[:, k] = np.where(happened[:, None], middle + shift, middle - shift)
        given = np.where(happened[:, None], changed, p)
        x = machine.inside(machine.advance(x, u[:, k], given, dt) + q * np.sqrt(recipe.step_s) * rng.normal(size=x.shape))
        y = machine.observe(x, u[:, k], given) + noise * (rng.normal(size=(units, len(noise))) + happened[:, None] * offset)
        found_y.append(y)
        found_u.append(u[:, k].copy())
    y_, u_ = (np.array(c).reshape(rows, part, units, -1).mean(axis=1) for c in (found_y, found_u))
    return [Run(y_[:, i], u_[:, i], part * recipe.step_s, int(at[i])) for i in range(units)]


def visible(model: Model) -> list[int]:
    """Parameters that, LARGER, move some sensor by OFFSET of its noises at rated operation."""
    p, noise = np.array(model.Params(), float), np.array([c.noise for c in model.sensors])

    def read(values: Array) -> Array:
        x = model.steady(model.initial, model.nominal, model.Params(*values))
        return np.array(model.out(x, model.nominal, model.Params(*values)), float)

    free = np.flatnonzero(free_parameters(model, p[None])[0])
    moved = [np.abs(read(np.where(np.arange(len(p)) == i, LARGER * p, p)) - read(p)) / noise for i in free]
    return [int(i) for i, change in zip(free, moved, strict=True) if change.max() >= OFFSET]


def _begun(model: Model, story: str, x: Array, rng: np.random.Generator) -> Array:
    """States at the start (units, n)."""
    x = x.copy()
    worn = [w for mode in model.failure_modes if (w := worn_state(model, mode, model.nominal, model.Params())) is not None]
    rates = [i for i, name in enumerate(model.State._fields) if name.startswith("log_")]
    for i in range(len(x)):
        if story == "improvement" and worn:
            chosen = np.array(worn[int(rng.integers(len(worn)))])
            start = np.array(model.initial, float)
            x[i] += 0.5 * (chosen - start)
        if story == "wear" and rates:
            x[i, rng.choice(rates)] = FASTER
    return Arrays(model).inside(x)


def watched(model: Model, run: Run, alarm: float = ALARM) -> tuple[Found | None, int, int]:
    """(the first change told, the row at which it was told, -1 for none, rows watched)."""
    params, noise = np.array(model.Params(), float), np.array([c.noise for c in model.sensors])
    along = signatures(model, model.Params()) * noise
    wear = believed(model, run, along)
    for stop in range(EVERY, len(run.y) + 1, EVERY):
        rows = slice(max(0, stop - WINDOW), stop)
        z = run.y[rows] - reference(model, wear, params, run.u[rows], run.row_s)
        found = find(Rows(z, run.u[rows], 0.3 * noise, along), alarm)
        if found is not None:
            return found._replace(at=found.at + rows.start), stop, stop
    return None, -1, len(run.y)


def believed(model: Model, run: Run, along: Array) -> Array:
    """(n,) the state whose wear the first LEARNED rows make most likely, one Gauss-Newton step from commissioning: what a filter
    would hold of it."""
    start, noise = np.array(model.initial, float), np.array([c.noise for c in model.sensors])
    off = (run.y[:LEARNED] - reference(model, start, np.array(model.Params(), float), run.u[:LEARNED], run.row_s)) / noise
    worn = {name for mode in model.failure_modes for name in mode.wear}
    places = [model.state_index(name) for name in model.slow if name in worn]
    moved = np.linalg.solve(along / noise @ (along / noise).T + np.eye(len(along)) / LEARNED, along / noise @ off.mean(axis=0))
    start[places] += moved * np.array(model.initial_sd, float)[places]
    return Arrays(model).inside(start)


def figures(seed: int = FIGURES, names: list[str] | None = None, units: int = UNITS) -> dict[str, Any]:
    """Confusion {story: {kind or "none": count}}, false alarms per asset-month on "nothing", delays in rows and onset errors."""
    table: dict[str, dict[str, int]] = {story: dict.fromkeys(map(str, ("none", *KINDS[1:])), 0) for story in STORIES}
    delays: list[int] = []
    off: list[int] = []
    early = 0
    watched_s, alarms = 0.0, 0
    for name in names or list(RECIPES):
        model = ASSETS[name]
        for story in STORIES:
            for run in runs(model, story, seed, units):
                found, told, rows = watched(model, run)
                kind = found.kind if found is not None else "none"
                if story == "nothing":
                    watched_s, alarms = watched_s + rows * run.row_s, alarms + (found is not None)
                table[story][kind] += 1
                if found is not None and run.at >= 0 and story in EXPECTED:
                    early += told <= run.at
                    if told > run.at:
                        delays.append(told - run.at)
                        off.append(abs(found.at - run.at))
    return {
        "units": units, "machines": len(names or RECIPES), "confusion": table,
        "false_alarms_per_asset_month": alarms / (watched_s / MONTH_S), "asset_months": watched_s / MONTH_S,
        "told_too_early": early,
        "delay_rows_median": float(np.median(delays)) if delays else None,
        "delay_rows_90": float(np.quantile(delays, 0.9)) if delays else None,
        "onset_error_rows_median": float(np.median(off)) if off else None,
    }  # fmt: skip
