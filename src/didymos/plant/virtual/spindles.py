"""Spindles: five heat nodes, preload that grows with heat, friction with three parts. Vectorised over machines (n,).

nu(T)   = nu40 exp(-0.034 (T - 313) + 1.0e-4 (T - 313)^2)                     oil thins with temperature
P       = P0 (1 + 0.012 (T_shaft - T_housing)) + 55 n^2 + lever F              preload, centrifugal part, cutting force
M       = k (nu rpm)^0.6 D^2.6 / (1 + 2e-9 (nu rpm)^1.3) + mu P^1.1 D,  mu = mu_ehl + (mu_dry - mu_ehl) exp(-3 lambda)
lambda  = (nu n)^0.68 / (...): film over roughness;  spall adds friction, and imbalance a little
nodes: both bearings, housing (coolant jacket follows the hall with a lag), shaft, built-in motor
power   = magnetising + windage n^2.8 + friction + F arm w / eta(load) + imbalance
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from didymos.plant.virtual import days, draw

Array = NDArray[np.float64]
N = 6
RATED_SPEED = 628.3
CAPACITY = (11_000.0, 9_000.0, 60_000.0, 14_000.0, 18_000.0)
FRONT_D, REAR_D = 0.0900, 0.0775


class State(NamedTuple):
    front_K: Array
    rear_K: Array
    housing_K: Array
    shaft_K: Array
    stator_K: Array
    load: Array


class Wear(NamedTuple):
    spall: Array
    oil: Array
    stopped: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Unit:
    preload_N: Array
    rolling: Array
    sliding: Array
    ring_W_per_K: Array
    hall_W_per_K: Array
    shaft_W_per_K: Array
    windage_W: Array
    magnetising_W: Array
    arm_m: Array
    oil_m2_per_s: Array
    oil_age: Array
    imbalance: Array
    noise: Array
    old_spall: Array
    hall_K: Array


def units(seed: int) -> Unit:
    rng = draw.at(seed, "spindle units")

    def s(value: float, relative: float) -> Array:
        return draw.spread(rng, value, relative, N)

    return Unit(
        s(400.0, 0.06), s(1.0, 0.04), s(1.0, 0.06), s(23.0, 0.04), s(40.0, 0.04), s(4.0, 0.1), s(330.0, 0.04), s(110.0, 0.05),
        s(2.0e-3, 0.01), s(32.0e-6, 0.015), rng.uniform(0.0, 0.02, N), s(0.60e-3, 0.08), s(3.7, 0.06), rng.uniform(0.0, 0.01, N),
        rng.normal(0, 0.6, N),
    )  # fmt: skip


def first(seed: int, time_s: float) -> State:
    air = np.full(N, days.hall_K(seed, time_s))
    return State(air + 20, air + 18, air + 12, air + 22, air + 18, np.zeros(N))


def oil_40C(u: Unit, w: Wear, time_s: float, start_s: float) -> Array:
    """What the oil sensor sees: slow ageing, and dilution by coolant down to a quarter."""
    aged = u.oil_m2_per_s * (1 + u.oil_age * (time_s - start_s) / 864_000.0)
    return aged * np.exp(-1.35 * w.oil)


def oil(nu40: Array, temperature_K: Array) -> Array:
    rise = temperature_K - 313.15
    return nu40 * np.exp(-0.034 * rise + 1.0e-4 * rise**2)


def torque(u: Unit, nu: Array, omega: Array, load_N: Array, diameter: float, spall: Array) -> Array:
    """Friction torque of one bearing pair, N m."""
    product = np.clip(nu * 1e6 * omega * 9.5493, 1.0, None)
    rolling = u.rolling * 2.1e-1 * product**0.6 * diameter**2.6 / (1 + 2.0e-9 * product**1.3)
    film = (product / 26_000.0) ** 0.68
    friction = 3.4e-4 + 2.2e-3 * np.exp(-3.0 * film)
    return (rolling + u.sliding * friction * load_N**1.02 * diameter) * (1 + 0.25 * spall)


class Inputs(NamedTuple):
    speed: Array
    radial_N: Array
    ambient_K: Array
    nu40: Array


def inputs(seed: int, u: Unit, x: State, w: Wear, time_s: float, start_s: float) -> Inputs:
    speed, load = days.plan(seed, time_s, "spindle")
    on = days.running(time_s, N, 0) & ~w.stopped
    omega = RATED_SPEED * speed * np.array([1.0, 0.95, 1.0, 1.05, 0.97, 1.0]) * on
    radial = 1800.0 * load * (1 + x.load) * on
    return Inputs(omega, np.clip(radial, 0.0, None), days.hall_K(seed, time_s) + u.hall_K, oil_40C(u, w, time_s, start_s))


def friction(u: Unit, x: State, w: Wear, i: Inputs) -> tuple[Array, Array]:
    """(front, rear) friction power in W."""
    n = i.speed / RATED_SPEED
    preload = u.preload_N * (1 + 0.012 * (x.shaft_K - x.housing_K)) + 55.0 * n * n
    spall = u.old_spall + w.spall
    front = torque(u, oil(i.nu40, x.front_K), i.speed, preload + 1.52 * i.radial_N, FRONT_D, spall)
    rear = torque(u, oil(i.nu40, x.rear_K), i.speed, preload + 0.48 * i.radial_N, REAR_D, np.zeros(N))
    return front * i.speed, rear * i.speed


def power_W(u: Unit, w: Wear, i: Inputs, front: Array, rear: Array) -> tuple[Array, Array]:
    """(drive power, heat in the built-in motor)."""
    n = i.speed / RATED_SPEED
    cutting = u.arm_m * i.radial_N * i.speed
    share = np.clip(cutting / 3000.0, 0.0, 2.0)
    loss = cutting * (0.02 + 0.03 * share)
    idle = (u.magnetising_W + 160.0 * n) * (n > 0) + u.windage_W * n**2.8
    return idle + front + rear + cutting + loss + 40.0 * w.spall * n, 0.5 * idle + 2.0 * loss


def flow(u: Unit, x: State, w: Wear, i: Inputs, dt_s: float) -> State:
    front, rear = friction(u, x, w, i)
    _, stator = power_W(u, w, i, front, rear)
    fh, rh = u.ring_W_per_K * (x.front_K - x.housing_K), 0.95 * u.ring_W_per_K * (x.rear_K - x.housing_K)
    fs, rs = u.shaft_W_per_K * (x.front_K - x.shaft_K), u.shaft_W_per_K * (x.rear_K - x.shaft_K)
    sh, ss = 3.0 * (x.stator_K - x.housing_K), 1.5 * (x.stator_K - x.shaft_K)
    rise = x.housing_K - i.ambient_K
    air = u.hall_W_per_K * rise * (0.85 + 0.15 * np.clip(rise / 15.0, 0.0, None) ** 0.33)
    spin = 1.2 * (i.speed / RATED_SPEED) ** 0.7 * (x.shaft_K - i.ambient_K)
    c = CAPACITY
    return State(
        x.front_K + dt_s * (front - fh - fs) / c[0],
        x.rear_K + dt_s * (rear - rh - rs) / c[1],
        x.housing_K + dt_s * (fh + rh + sh - air) / c[2],
        x.shaft_K + dt_s * (fs + rs + ss - spin) / c[3],
        x.stator_K + dt_s * (stator - sh - ss) / c[4],
        x.load,
    )


def step(
    seed: int, u: Unit, x: State, w: Wear, step_no: int, dt_s: float, start_s: float, substeps: int = 5
) -> tuple[State, dict[str, Array]]:
    """From the end of step `step_no` - 1 to its end; the readings (SI, without sensor errors) at the end."""
    i = inputs(seed, u, x, w, step_no * dt_s, start_s)
    for _ in range(substeps):
        x = flow(u, x, w, i, dt_s / substeps)
    front, rear = friction(u, x, w, i)
    power, _ = power_W(u, w, i, front, rear)
    readings = {
        "speed": i.speed,
        "radial_load": i.radial_N,
        "ambient_temperature": i.ambient_K,
        "oil_viscosity": i.nu40,
        "front_bearing_temperature": 0.96 * x.front_K + 0.04 * x.housing_K,
        "rear_bearing_temperature": 0.96 * x.rear_K + 0.04 * x.housing_K,
        "drive_power": power,
    }
    wander = 0.95 * x.load + 0.02 * draw.at(seed, "spindle load", step_no).standard_normal(N)
    return x._replace(load=wander), readings
