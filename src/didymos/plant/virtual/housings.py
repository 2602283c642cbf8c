"""Spindle housings as bodies: the full model of each unit, and the thermocouples that somebody put on it.

    (C / dt + k K + films) T+ = C / dt T + films T_beyond        implicit, 150 s, factorised once per unit; 1,480 nodes

seats, bore  behind them the bearings and the built-in motor of `spindles`, each through its ring or air gap; more heat where the
             bearing is pressed
jacket       coolant that follows the hall with a lag of an hour and warms by some tenths of a kelvin on its way around
air          natural convection ~ rise^0.25 and radiation ~ T^4, not linear
flange       pressed at four bolts; behind it a headstock with a mass of its own, which the flange warms
hidden       conductivity, heat capacity, every film, its unevenness, contact: each unit has its own, 10 to 20 % off the handbook
sensors      glued a few millimetres beside the drawing, losing 1 to 3 % of the rise through the stem; contacts come loose for hours

One way: what the bearings feel stays the housing node of `spindles`. `field` gives the truth for judges; the twin sees `readings`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import splu

from didymos.plant.virtual import draw
from didymos.plant.virtual.housing_mesh import body, weights

Array = NDArray[np.float64]
N = 6
SUBSTEP_S = 150.0
HEADSTOCK_J_PER_K, HEADSTOCK_W_PER_K = 1.2e5, 25.0
AIR_W_M2K = 10.0  # of the linear part; the rest goes beside it
# channel -> radius [m], angle [deg], z [m] on the drawing
THERMOCOUPLES = {
    "housing_flange": (0.110, 0.0, 0.024),
    "housing_front": (0.075, 90.0, 0.052),
    "housing_motor": (0.075, 180.0, 0.110),
    "housing_rear": (0.075, 270.0, 0.198),
}


@dataclass(frozen=True, slots=True)
class Unit:
    """(6,) each, but place_m (6, sensors, 3) beside the drawing and stem (6, sensors). Films in W/(m2 K), rings and gap in W/K."""

    conductivity_W_mK: Array
    heat_J_m3K: Array
    coolant_film: Array
    uneven: Array
    inlet_angle: Array
    contact: Array
    front_ring: Array
    rear_ring: Array
    gap: Array
    coolant_W_per_K: Array
    place_m: Array
    stem: Array


class State(NamedTuple):
    """temperature (6, n), coolant inlet and headstock (6,), all K."""

    temperature_K: Array
    coolant_K: Array
    headstock_K: Array


@dataclass(frozen=True, slots=True)
class Given:
    """What a step is driven by, (6,): front bearing, rear bearing, motor, air of the hall [K], radial force [N]."""

    front_K: Array
    rear_K: Array
    stator_K: Array
    hall_K: Array
    force_N: Array


def units(seed: int) -> Unit:
    rng = draw.at(seed, "housing units")
    s = lambda value, relative: draw.spread(rng, value, relative, N)  # noqa: E731
    return Unit(
        s(44.0, 0.05), s(3.6e6, 0.03), s(290.0, 0.08), rng.uniform(0.05, 0.25, N), rng.uniform(0.0, 2 * np.pi, N), s(1300.0, 0.12),
        s(40.0, 0.08), s(30.0, 0.08), s(3.3, 0.08), s(420.0, 0.1), rng.normal(0.0, 0.003, (N, len(THERMOCOUPLES), 3)),
        rng.uniform(0.01, 0.03, (N, len(THERMOCOUPLES))),
    )  # fmt: skip


def first(hall_K: Array, rise_K: Array) -> State:
    """Warm machines: one temperature each."""
    return State((hall_K + rise_K)[:, None] * np.ones(len(body().place)), hall_K.copy(), hall_K + 0.3 * rise_K)


def step(u: Unit, x: State, given: Given, dt_s: float) -> State:
    for _ in range(round(dt_s / SUBSTEP_S)):
        x = _substep(u, x, given)
    return x


def _substep(u: Unit, x: State, g: Given) -> State:
    coolant = x.coolant_K + SUBSTEP_S / 3600.0 * (g.hall_K - x.coolant_K)
    temperature, headstock = np.empty_like(x.temperature_K), np.empty_like(x.headstock_K)
    for i, part in enumerate(_parts(u)):
        old, head, hall = x.temperature_K[i], x.headstock_K[i], g.hall_K[i]
        taken = float(part.jacket @ old) - part.film_W_per_K[1] * coolant[i]
        pressed = 0.3 * min(g.force_N[i] / 2500.0, 1.0) * (g.front_K[i] - float(part.mean_seat @ old))
        right = part.stored * old + part.seats @ (g.front_K[i], g.rear_K[i], g.stator_K[i]) + pressed * part.uneven_seat
        right += coolant[i] * part.jacket + max(taken, 0.0) / u.coolant_W_per_K[i] * part.along + head * part.flange
        right[part.outside] += part.air * (
            hall - (_air_film(old[part.outside], hall) / AIR_W_M2K - 1.0) * (old[part.outside] - hall)
        )
        temperature[i] = part.solve(right)
        heat_on = float(part.flange @ temperature[i]) - part.film_W_per_K[0] * head
        lost = HEADSTOCK_W_PER_K * (head - hall)
        headstock[i] = head + SUBSTEP_S * (heat_on - lost) / (HEADSTOCK_J_PER_K + SUBSTEP_S * part.film_W_per_K[0])
    return State(temperature, coolant, headstock)


def _air_film(surface_K: Array, hall_K: float) -> Array:
    """Natural convection beside a body of 0.2 m, and radiation of painted steel."""
    mean = 0.5 * (surface_K + hall_K)
    return 2.8 * np.sqrt(np.sqrt(np.abs(surface_K - hall_K) + 0.01)) + 0.9 * 5.67e-8 * 4.0 * mean * mean * mean


@dataclass(frozen=True, slots=True)
class Part:
    """One unit ready to step. stored: C / dt (n,); films times area [W/K]: seats (n, 3), jacket, flange (n,), air at nodes
    `outside`; along: jacket times the way of the coolant, 0..1; uneven_seat: front seat times the cosine of the angle;
    film_W_per_K: of flange and jacket together."""

    solve: Callable[[Array], Array]
    stored: Array
    seats: Array
    uneven_seat: Array
    mean_seat: Array
    jacket: Array
    along: Array
    flange: Array
    air: Array
    outside: NDArray[np.int64]
    film_W_per_K: tuple[float, float]


def _parts(u: Unit) -> tuple[Part, ...]:
    return _factorised(*(tuple(column.tolist()) for column in (
        u.conductivity_W_mK, u.heat_J_m3K, u.coolant_film, u.uneven, u.inlet_angle, u.contact, u.front_ring, u.rear_ring, u.gap,
    )))  # fmt: skip


@lru_cache(maxsize=4)
def _factorised(*columns: tuple[float, ...]) -> tuple[Part, ...]:
    return tuple(_part(*row) for row in zip(*columns, strict=True))


def _part(
    conductivity: float, heat: float, film: float, uneven: float, inlet: float, contact: float, *rings: float
) -> Part:  # fmt: skip
    b = body()
    turn = b.place[:, 1]
    angle = np.mod(turn - inlet, 2.0 * np.pi)
    jacket = film * (1.0 + uneven * np.cos(angle)) * b.area["jacket"]
    bolted = contact * (1.0 + 0.5 * np.cos(4.0 * turn)) * b.area["flange"]
    air, stored = AIR_W_M2K * b.area["air"], heat * b.volume / SUBSTEP_S
    behind = [b.area[name] for name in ("front_seat", "rear_seat", "stator")]
    seats = np.stack([ring * area / area.sum() for ring, area in zip(rings, behind, strict=True)], axis=1)
    films = stored + jacket + air + bolted + seats.sum(axis=1)
    matrix = sparse.csc_matrix(conductivity * b.per_k + sparse.diags_array(films))
    solver = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    outside = np.flatnonzero(air)
    return Part(
        solver.solve, stored, seats, seats[:, 0] * np.cos(turn), behind[0] / behind[0].sum(), jacket,
        jacket * angle / (2.0 * np.pi), bolted, air[outside], outside, (float(bolted.sum()), float(jacket.sum())),
    )  # fmt: skip


def readings(u: Unit, x: State, hall_K: Array) -> dict[str, Array]:
    """What the thermocouples would read without noise, (6,) each: stem and place are theirs."""
    there = np.stack([rows @ whole for rows, whole in zip(_glued(u.place_m.tobytes()), x.temperature_K, strict=True)])
    shown = there - u.stem * (there - hall_K[:, None])
    return dict(zip(THERMOCOUPLES, shown.T, strict=True)) | {"headstock_temperature": x.headstock_K.copy()}


@lru_cache(maxsize=4)
def _glued(place: bytes) -> tuple[sparse.csr_matrix, ...]:
    """Rows of the nodes (sensors, n) of each unit."""
    r, degrees, z = np.array(list(THERMOCOUPLES.values())).T
    off = np.frombuffer(place).reshape(N, len(r), 3)
    return tuple(weights(body(), r, np.deg2rad(degrees) + o[:, 1] / r, z + o[:, 2]) for o in off)


def loose(seed: int, step_no: int, dt_s: float) -> NDArray[np.bool_]:
    """(6, thermocouples) that give nothing now: a contact comes loose for four hours at a time, 1 in 60."""
    block = int(step_no * dt_s // 14_400.0)
    return draw.at(seed, "loose contacts", block).uniform(size=(N, len(THERMOCOUPLES))) < 1.0 / 60.0


def field(x: State, machine: int, points_m: Array) -> Array:
    """(m,) true temperature [K] of one housing at points (m, 3) on or in it: for judges, never for the twin."""
    r, angle = np.hypot(points_m[:, 0], points_m[:, 1]), np.arctan2(points_m[:, 1], points_m[:, 0])
    return np.asarray(weights(body(), r, angle, points_m[:, 2]) @ x.temperature_K[machine])
