"""A 50 k-node housing as a Field: times, error, bound, and virtual sensors under mismatch.

field      the Field at fineness `bench`: offline stage, then the full temperature field (float32, every node), stress of 20 hot
           spots, one reduced step, each the median of REPEATS calls; `speedup` = one step of the full model, factorised
           beforehand (the fastest of 21), over one reduced step (`speedup_with_field`: over step and field); error_of_range over
           unseen films and histories, in percent of the range reached, as deployed
bound      1,000 trials, each with its own history, on the small mesh, and the trials of `field`: how often the bound lay
           below the true error
sensors    `bench.rom_sensors`
pymor      the same reduced step by pyMOR from the same matrices, where it is installed (not a dependency)

The naive reference is the full model itself, in the same run. Times are wall times, `offline_cpu_s` is CPU.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from didymos.assets.housing_field import FINENESS, Built, Job, built
from didymos.bench import rom_sensors, rom_trials
from didymos.bench.estimate import versions
from didymos.core.errors import ConfigError
from didymos.core.field import digest, write
from didymos.numerics.rom import live
from didymos.numerics.rom.affine import full_step

PARTS = ("field", "bound", "sensors")
BENCH, SMALL = Job(fineness=FINENESS["bench"], modes=40), Job()
REPEATS, SEED, STEPS = 400, 7, 40


def run(data: Path | None = None, part: str | None = None) -> dict[str, Any]:
    """The figures of DESIGN 8 `rom`. Needs no data; parts: field, bound, sensors."""
    if part not in (None, *PARTS):
        raise ConfigError(f"rom: part {part!r} is not known. Allowed: {', '.join(PARTS)}.")
    found: dict[str, Any] = {}
    if part in (None, "field"):
        found |= _field()
    if part in (None, "bound"):
        found["bound"] = _bound()
        found["bound_violations"] = found["bound"]["violations"] + found.get("trials_bench", {}).get("violations", 0)
    if part in (None, "sensors"):
        found["sensors"] = rom_sensors.run(SMALL, built(SMALL))
        found |= {key: found["sensors"][key] for key in ("rmse_k", "coverage90", "static_rmse_k")}
    return found | {"versions": versions("numpy", "scipy", "scikit-fem", "pymor")}


def _field() -> dict[str, Any]:
    wall, cpu = time.perf_counter(), time.process_time()
    made = built(BENCH)
    offline = {"offline_s": time.perf_counter() - wall, "offline_cpu_s": time.process_time() - cpu}
    data = write(made.field)
    trials = rom_trials.run(made, BENCH, 3, 8, STEPS, SEED)
    return {
        **offline,
        **speeds(made),
        "error_of_range": 100.0 * trials.of_range,
        "error_k": trials.error_K,
        "range_k": trials.range_K,
        "trials_bench": _told(trials),
        "n_dof": made.field.made.unknowns,
        "elastic_dof": made.field.made.elastic_unknowns,
        "modes": len(made.field.level),
        "solver": made.field.made.solver,
        "artefact_mb": len(data) / 1e6,
        "artefact_sha256": digest(data),
    }


def speeds(made: Built) -> dict[str, float]:
    """Live times of a Field beside the full model's step."""
    field, film = made.field, np.array([i.nominal for i in made.field.named("film")])
    load, behind = np.array([i.nominal for i in field.named("load")]), np.zeros(len(film))
    force = np.array([i.nominal for i in field.named("force")])
    by, spots = live.stepper(field, film, field.made.step_s), live.hot_spots(field)
    amount = live.start(field, 300.0).amount
    full, rise = full_step(made.full, film, field.made.step_s), np.zeros(made.full.size)
    step_us = 1e6 * median(lambda: live.advance(by, amount, load, behind))
    field_ms = 1e3 * median(lambda: live.temperature(field, amount))
    full_ms = 1e3 * min(seconds(lambda: full(rise, load, behind), 21))
    return {
        "field_ms": field_ms,
        "hotspots_us": 1e6 * median(lambda: spots(amount, force)),
        "hot_spots": float(len(field.hot_spots)),
        "step_us": step_us,
        "new_films_us": 1e6 * median(lambda: live.stepper(field, film, field.made.step_s)),
        "surface_stress_ms": 1e3 * median(lambda: live.surface_stress(field, amount, force)),
        "full_step_ms": full_ms,
        "speedup": 1e3 * full_ms / step_us,
        "speedup_with_field": full_ms / (field_ms + 1e-3 * step_us),
    }


def median(work: Callable[[], object]) -> float:
    """Seconds of one call."""
    return statistics.median(seconds(work, REPEATS))


def seconds(work: Callable[[], object], repeats: int) -> list[float]:
    work()
    found = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        found.append(time.perf_counter() - begun)
    return found


def _bound(films: int = 200, each: int = 5, steps: int = 20) -> dict[str, Any]:
    made = built(SMALL)
    return _told(rom_trials.run(made, SMALL, films, each, steps, SEED)) | {"n_dof": made.field.made.unknowns}


def _told(t: rom_trials.Trials) -> dict[str, Any]:
    return {
        "trials": t.count,
        "violations": t.violations,
        "bound_over_error_min": t.bound_over_error[0],
        "bound_over_error_median": t.bound_over_error[1],
        "bound_over_error_max": t.bound_over_error[2],
        "largest_bound_rms_k": t.bound_rms_K,
        "error_of_range": 100.0 * t.of_range,
    }
