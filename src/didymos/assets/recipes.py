"""How each machine is run when its estimator is put to the test: a schedule that shows its wear, and truths drawn from its prior.

    u = schedule(model, count, seed)     (N, T, k) inputs, RECIPES[model.name].step_s apart; each unit with its own phases
    x = truths(model, count, seed)       (N, n) states at the start: commissioning values and rates as unlike as the model says
    hidden(model)                        the wear states and learned rates that no sensor shows directly

A swing goes between two values of an input: as a sine, as a square wave that stands at `high` for `share` of each period, or as
steps drawn anew each period. Truth then follows the model's own equations with its own process noise: what is judged is the
estimator. A damage sum is counted from the loads and not hidden; the clocks of a furnace's load begin anew with each load.
Verified: tests/conformance/test_recipes.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from didymos.core.model import Model

Array = NDArray[np.float64]
HOUR, DAY = 3600.0, 86_400.0


@dataclass(frozen=True, slots=True)
class Swing:
    low: float
    high: float
    period_s: float
    shape: Literal["sine", "square", "steps"] = "sine"
    share: float = 0.7


@dataclass(frozen=True, slots=True)
class Recipe:
    """Inputs without a swing stand at their nominal value."""

    step_s: float
    steps: int
    swings: tuple[tuple[str, Swing], ...]


def _air(low: float = 288.15, high: float = 303.15) -> Swing:
    return Swing(low, high, DAY)


RECIPES: dict[str, Recipe] = {
    "induction_motor": Recipe(
        900.0, 2880,
        (("current", Swing(8.0, 15.0, 6 * HOUR, "steps")), ("speed", Swing(110.0, 152.9, 9 * HOUR, "steps")),
         ("ambient_temperature", _air())),
    ),
    "centrifugal_pump": Recipe(
        1800.0, 2880,
        (("flow", Swing(4.0e-3, 8.0e-3, 5 * HOUR, "steps")), ("speed", Swing(270.0, 304.0, 11 * HOUR, "steps")),
         ("fluid_temperature", Swing(291.15, 308.15, DAY))),
    ),
    "spindle": Recipe(
        900.0, 2880,
        (("speed", Swing(200.0, 630.0, 4 * HOUR, "steps")), ("radial_load", Swing(800.0, 3000.0, 5 * HOUR, "steps")),
         ("ambient_temperature", _air())),
    ),
    "heat_exchanger": Recipe(
        1800.0, 2880,
        (("hot_flow", Swing(14.0, 24.0, 7 * HOUR, "steps")), ("cold_flow", Swing(24.0, 38.0, 11 * HOUR, "steps")),
         ("cold_inlet_temperature", Swing(291.15, 299.15, DAY))),
    ),
    "gearbox": Recipe(
        1800.0, 2880,
        (("torque", Swing(400.0, 760.0, 6 * HOUR, "steps")), ("speed", Swing(120.0, 155.0, 13 * HOUR, "steps")),
         ("ambient_temperature", _air())),
    ),
    "hydraulic_power_unit": Recipe(
        900.0, 2880,
        (("set_pressure", Swing(1.2e7, 1.6e7, 5 * HOUR, "steps")), ("ambient_temperature", _air(290.15, 305.15))),
    ),
    "fan": Recipe(
        1800.0, 2880,
        (("motor_speed", Swing(110.0, 154.0, 7 * HOUR, "steps")), ("damper_opening", Swing(0.6, 1.0, 11 * HOUR, "steps")),
         ("air_temperature", _air())),
    ),
    "cutting_tool": Recipe(
        5.0, 720,
        (("cutting_speed", Swing(2.8, 3.6, 300.0, "steps")), ("feed", Swing(0.18e-3, 0.30e-3, 120.0, "steps")),
         ("depth", Swing(0.0, 2.0e-3, 60.0, "square", 0.8))),
    ),
    "turning": Recipe(
        5.0, 720,
        (("speed", Swing(110.0, 140.0, 300.0, "steps")), ("feed", Swing(0.18e-3, 0.30e-3, 120.0, "steps")),
         ("depth", Swing(0.0, 2.0e-3, 60.0, "square", 0.8))),
    ),
    "heat_treat_furnace": Recipe(
        60.0, 2880,
        (("charged", Swing(0.0, 1.0, 7 * HOUR, "square", 0.85)), ("front_duty", Swing(0.02, 0.30, 7 * HOUR, "square", 0.45)),
         ("back_duty", Swing(0.02, 0.28, 7 * HOUR, "square", 0.45)), ("hall_temperature", _air())),
    ),
    "compressor": Recipe(
        1800.0, 2880,
        (("speed", Swing(65.0, 95.0, 5 * HOUR, "steps")), ("discharge_pressure", Swing(6.0e5, 8.5e5, 7 * HOUR, "steps")),
         ("suction_temperature", _air()), ("coolant_temperature", _air())),
    ),
    "ball_screw_axis": Recipe(
        900.0, 2880,
        (("speed", Swing(40.0, 150.0, 3 * HOUR, "steps")), ("axial_force", Swing(800.0, 4000.0, 4 * HOUR, "steps")),
         ("ambient_temperature", _air())),
    ),
    "valve_actuator": Recipe(
        1800.0, 2880,
        (("travel", Swing(0.2, 0.9, 2 * HOUR, "steps")), ("stem_speed", Swing(4.0e-5, 4.0e-4, 5 * HOUR, "steps")),
         ("valve_pressure_drop", Swing(2.0e5, 6.0e5, 7 * HOUR, "steps")), ("ambient_temperature", _air())),
    ),
    "conveyor_drive": Recipe(
        900.0, 2880,
        (("mass_flow", Swing(20.0, 85.0, 3 * HOUR, "steps")), ("speed", Swing(100.0, 153.0, 7 * HOUR, "steps")),
         ("ambient_temperature", _air())),
    ),
    "press_frame": Recipe(
        1800.0, 2880,
        (("stroke_rate", Swing(0.1, 0.6, 4 * HOUR, "steps")), ("peak_force", Swing(0.8e6, 2.2e6, 5 * HOUR, "steps")),
         ("stop_rate", Swing(0.01, 0.1, 7 * HOUR, "steps"))),
    ),
}  # fmt: skip


def schedule(model: Model, count: int, seed: int) -> Array:
    """(N, T, k). Deterministic by seed."""
    recipe, rng = RECIPES[model.name], np.random.Generator(np.random.PCG64(seed))
    time_s: Array = np.arange(recipe.steps, dtype=np.float64) * np.float64(recipe.step_s)
    u = np.tile(np.array(model.nominal, float), (count, recipe.steps, 1))
    names = [c.name for c in model.inputs]
    for name, swing in recipe.swings:
        u[:, :, names.index(name)] = _course(swing, time_s, rng.uniform(0.0, 1.0, count), rng)
    return u


def _course(swing: Swing, time_s: Array, phase: Array, rng: np.random.Generator) -> Array:
    """(N, T)."""
    turns = time_s[None, :] / swing.period_s + phase[:, None]
    if swing.shape == "sine":
        share = 0.5 + 0.5 * np.sin(2 * np.pi * turns)
    elif swing.shape == "square":
        share = (turns % 1.0 < swing.share).astype(float)
    else:
        level = rng.uniform(0.0, 1.0, (len(phase), int(turns.max()) + 1))
        share = np.take_along_axis(level, turns.astype(np.int64), axis=1)
    return np.asarray(swing.low + (swing.high - swing.low) * share, np.float64)


def truths(model: Model, count: int, seed: int) -> Array:
    """(N, n): drawn as the model believes of a new unit, redrawn where a draw lies outside the model's bounds."""
    rng = np.random.Generator(np.random.PCG64(seed))
    mean, sd = np.array(model.initial, float), np.array(model.initial_sd, float)
    low, high = np.array(model.low, float), np.array(model.high, float)
    found = mean + sd * rng.standard_normal((count, model.n_states))
    for _ in range(50):
        wrong = (found < low) | (found > high)
        if not wrong.any():
            break
        found = np.where(wrong, mean + sd * rng.standard_normal((count, model.n_states)), found)
    return np.asarray(np.clip(found, low, high), np.float64)


def hidden(model: Model) -> tuple[str, ...]:
    """Wear and learned rates of the failure modes, in the order of the State; no damage sums."""
    worn = {name for mode in model.failure_modes for name in mode.wear if not name.endswith("_damage")}
    return tuple(name for name in model.State._fields if name in worn)
