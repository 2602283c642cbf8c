"""Coolant pumps with their pipes: head against system curve, solved for the flow. Vectorised over machines (n,).

H(Qi) = (n^2 H0 + b n Qi - a Qi^2 - c Qi^3) (1 - 0.012 (nu/nu25 - 1)) kept,  Qi = Q + Q_ring
H(Q + Q_ring) = H_static + K Q^2                    K: open nozzles, changes with the product and from step to step
Q_ring = pi D s sqrt(2 g 0.72 H / (1.4 + lambda(Re) L / 2s)),  s = s0 (1 + wear),  lambda = 0.02 + 0.9 Re^-0.5 of the gap
p_s   = p_tank - k_strainer (1 + clog) Q^2
kept  = 1 - 0.03 (NPSH3 / NPSHa)^7 - 0.035 erosion    two-phase head drop: a knee, not a parabola
P     = rho g Qi (E0 n^2 - e1 n Qi - e2 Qi^2) + disc n^2.8 nu^0.2 + mech n exp(-(T - 298)/100) + 300 n^3 (1 - phi)^2.5
faces: dT = 14 K n (1 + wear)^-0.5 heats the film and cones the faces, whose distortion wanders;  q = pi h^3 dp / (6 mu(T + dT) ln)
tank: C dT/dt = heat of the cut + pump power - (T - T_hall) / R
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from didymos.plant.virtual import days, draw

Array = NDArray[np.float64]
N = 5
RATED_SPEED = 303.7
RATED_FLOW = 6.94e-3
G = 9.80665
ATMOSPHERE = 101_325.0


class State(NamedTuple):
    coolant_K: Array
    demand: Array  # slow variation of the open nozzles, relative
    flow: Array  # last solution, m3/s
    film: Array  # how the seal film wanders as its faces distort, relative


class Wear(NamedTuple):
    ring: Array
    clog: Array
    seal: Array
    stopped: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Unit:
    head_m: Array
    slope: Array
    cubic: Array
    euler_m: Array
    disc_W: Array
    mech_W: Array
    gap_m: Array
    seal_m: Array
    wave: Array
    strainer: Array
    tank_Pa: Array
    npsh3_m: Array
    pipe: Array
    vibration: Array
    old_ring: Array
    old_seal: Array


def units(seed: int) -> Unit:
    rng = draw.at(seed, "pump units")

    def s(value: float, relative: float) -> Array:
        return draw.spread(rng, value, relative, N)

    return Unit(
        s(59.4, 0.006), s(1.55e5, 0.03), s(4.0e6, 0.1), s(72.6, 0.008), s(880.0, 0.05), s(160.0, 0.1), s(0.165e-3, 0.05),
        s(0.50e-6, 0.04), rng.uniform(0.0, 0.03, N), s(6.0e7, 0.15), s(0.78e5, 0.02), s(1.02, 0.05), s(8.7e5, 0.04),
        s(1.45e-3, 0.1), rng.uniform(0.0, 0.06, N), rng.uniform(0.0, 0.04, N),
    )  # fmt: skip


def first(seed: int, time_s: float) -> State:
    return State(np.full(N, 300.0), np.zeros(N), np.full(N, 6.0e-3), np.zeros(N))


def kinematic(temperature_K: Array) -> Array:
    """Coolant emulsion: 4 % above water. m2/s."""
    return 1.04e-6 * 0.893 * np.exp(1900.0 * (1 / temperature_K - 1 / 298.15))


def density(temperature_K: Array) -> Array:
    """6 % emulsion, slightly lighter than water. kg/m3"""
    return 995.8 - 0.0042 * (temperature_K - 277.15) ** 2


def vapour_Pa(temperature_K: Array) -> Array:
    """Antoine's equation for water."""
    return 133.322 * 10 ** (8.07131 - 1730.63 / (temperature_K - 39.724))


def ring_flow(u: Unit, w: Wear, head: Array, nu: Array) -> Array:
    gap = u.gap_m * (1 + u.old_ring + 1.05 * w.ring)
    reynolds = 2 * gap * 12.0 / nu
    resistance = 1.4 + (0.02 + 0.9 / np.sqrt(reynolds)) * 0.015 / (2 * gap)
    return np.pi * 0.080 * gap * np.sqrt(2 * G * 0.72 * np.clip(head, 0.0, None) / resistance)


def clogging(level: Array) -> Array:
    """Strainer resistance over the clean one: fast at first, as the mesh blinds; slower when the coolant finds its ways."""
    return 16.5 * level**0.3


def erosion(level: Array) -> Array:
    """Blade erosion that cavitation has caused when the strainer is this far clogged."""
    return 0.85 * np.clip((level - 0.25) / 0.75, 0.0, None) ** 1.5


def npsh_available(u: Unit, w: Wear, x: State, flow: Array) -> tuple[Array, Array]:
    """(suction pressure Pa, NPSH available m)."""
    loss = u.strainer * (1 + clogging(w.clog)) * flow**2
    suction = np.clip(u.tank_Pa - loss, 12_000.0, None)
    velocity = flow / 3.3e-3
    return suction, (suction - vapour_Pa(x.coolant_K)) / (density(x.coolant_K) * G) + velocity**2 / (2 * G)


def head(u: Unit, w: Wear, x: State, n: Array, flow: Array) -> tuple[Array, Array, Array]:
    """(delivered head m, impeller flow m3/s, NPSH ratio) at a flow."""
    nu = kinematic(x.coolant_K)
    guess = n * n * u.head_m - u.slope * flow**2
    inner = flow + ring_flow(u, w, guess, nu)
    curve = n * n * u.head_m + 150.0 * n * inner - u.slope * inner**2 - u.cubic * inner**3
    _, available = npsh_available(u, w, x, flow)
    needed = u.npsh3_m * n * n + 3.0e4 * flow**2
    ratio = np.clip(available, 0.1, None) / np.clip(needed, 0.05, None)
    kept = 1 - 0.03 * np.clip(1 / ratio, 0, 1.25) ** 7 - 0.035 * erosion(w.clog)
    return curve * (1 - 0.012 * (nu / 9.3e-7 - 1)) * kept, inner, ratio


def solve_flow(u: Unit, w: Wear, x: State, n: Array, pipe: Array) -> Array:
    """Where pump and pipe agree; damped fixed-point steps from the last solution."""
    flow = np.where(n > 0, np.clip(x.flow, 1e-3, None), 0.0)
    for _ in range(12):
        delivered, _, _ = head(u, w, x, n, flow)
        wanted = np.sqrt(np.clip(delivered - 8.0, 0.0, None) / pipe)
        flow = 0.55 * wanted + 0.45 * flow
    return np.where(n > 0, flow, 0.0)


def shaft_W(u: Unit, x: State, n: Array, inner: Array) -> Array:
    nu = kinematic(x.coolant_K) / 9.3e-7
    phi = np.clip(inner / (7.5e-3 * np.clip(n, 0.2, None)), 0.0, 1.0)
    euler = u.euler_m * n * n - 1250.0 * n * inner - 1.5e4 * inner**2
    hydraulic = density(x.coolant_K) * G * inner * np.clip(euler, 0.0, None)
    idle = u.disc_W * n**2.8 * nu**0.2 + u.mech_W * n * np.exp((298.15 - x.coolant_K) / 100.0)
    return hydraulic + idle + 300.0 * n**3 * (1 - phi) ** 2.5


def seal_leak(u: Unit, w: Wear, x: State, n: Array, suction: Array, delivered: Array) -> Array:
    wear = u.old_seal + 1.12 * w.seal
    inside = suction + 0.74 * density(x.coolant_K) * G * delivered
    film_K = x.coolant_K + 14.0 * n / np.sqrt(1 + wear)
    mu = kinematic(film_K) * density(film_K)
    gap = u.seal_m * (0.97 + 0.16 * (film_K - x.coolant_K) / 14.0 * (n - 0.6)) * (1 + wear) * (1 + u.wave) * (1 + x.film)
    return np.where(n > 0, np.pi * gap**3 * np.clip(inside - ATMOSPHERE, 0, None) / (6 * mu * 0.1625), 0.0)


def vibration(u: Unit, w: Wear, n: Array, inner: Array, ratio: Array) -> Array:
    """Healthy + blade passing at part load + bubbles (strongest around NPSH3, damped by vapour beyond) + eroded impeller."""
    phi = inner / (7.5e-3 * np.clip(n, 0.2, None))
    part = 1.6e-3 * np.clip(1 - phi, 0, None) ** 1.6
    bubbles = 1.6e-3 * np.exp(-(((ratio - 1.05) / 0.45) ** 2))
    return n**1.5 * (u.vibration + part + bubbles + 7.6e-3 * erosion(w.clog)) + 0.25e-3 * w.ring * n


def step(seed: int, u: Unit, x: State, w: Wear, step_no: int, dt_s: float) -> tuple[State, dict[str, Array]]:
    """From the end of step `step_no` - 1 to its end; the readings (SI, without sensor errors) at the end."""
    time_s = step_no * dt_s
    speed, load = days.plan(seed, time_s, "pump")
    n = speed * np.array([1.0, 0.98, 1.0, 0.96, 1.0]) * (days.running(time_s, N, 7) & ~w.stopped)
    flow = solve_flow(u, w, x, n, u.pipe / (load * (1 + x.demand)) ** 2)
    delivered, inner, ratio = head(u, w, x, n, flow)
    suction, _ = npsh_available(u, w, x, flow)
    delivered = np.where(n > 0, delivered, 8.0)
    inner = np.where(n > 0, inner, 0.0)
    power = shaft_W(u, x, n, inner)
    heat = 0.75 * power + 2600.0 * load * (n > 0)
    hall = days.hall_K(seed, time_s)
    coolant = x.coolant_K + dt_s * (heat - (x.coolant_K - hall) / 0.0014) / 4.2e6
    readings = {
        "speed": n * RATED_SPEED,
        "flow": flow,
        "suction_pressure": suction,
        "fluid_temperature": x.coolant_K,
        "discharge_pressure": suction + density(x.coolant_K) * G * delivered,
        "power": power,
        "seal_leakage": seal_leak(u, w, x, n, suction, delivered),
        "vibration_velocity": vibration(u, w, n, inner, ratio),
    }
    chance = draw.at(seed, "pump demand", step_no).standard_normal((2, N))
    return State(coolant, 0.96 * x.demand + 0.01 * chance[0], flow, 0.985 * x.film + 0.0112 * chance[1]), readings
