"""Motors of conveyors and presses: four heat nodes, richer than any textbook pair. Vectorised over machines (n,).

C_s dTs/dt = 0.6 P_cu - G_se (Ts - Te) - G_sf (Ts - Tf)             slot winding
C_e dTe/dt = 0.4 P_cu - G_se (Te - Ts) - G_ef (Te - Tf)             end winding
C_r dTr/dt = P_rotor - G_rf (Tr - Tf)                               rotor
C_f dTf/dt = what flows in + P_fe + P_stray + P_b - Q_air
Q_air = (G_fan n^0.75 / (1 + fouling) + g_free |dT|^0.25) dT + eps sigma A (Tf^4 - Ta^4)
P_cu  = 3 R20 (1 + a dT) (1 + skin n^2) (1 + (8 u)^2) I_rms^2,  I_rms^2 = I_mean^2 (1 + cv^2)      u: supply imbalance
P_b   = P_b0 n exp(-(Tb - 343)/80) (1 + 1.6 wear)                   grease friction falls with temperature
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from didymos.plant.virtual import days, draw

Array = NDArray[np.float64]
N = 6
SIGMA = 5.670374e-8
RATED_SPEED = 152.9
RATED_A = 14.2


class State(NamedTuple):
    slot_K: Array
    end_K: Array
    frame_K: Array
    rotor_K: Array
    load: Array  # slow variation of the load about the product's, relative


class Wear(NamedTuple):
    """Severities of the faults, 0 to 1, and whether the machine is stopped by a failure."""

    fouling: Array
    bearing: Array
    stopped: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Unit:
    """Hidden truth about each machine (n,)."""

    resistance_ohm: Array
    no_load_A: Array
    skin: Array
    imbalance: Array
    fan_W_per_K: Array
    free: Array
    area_m2: Array
    slot_frame: Array
    end_frame: Array
    rotor_frame: Array
    bearing_K_per_W: Array
    bearing_W: Array
    iron_W: Array
    vibration: Array
    resonance: Array
    old_fouling: Array
    old_bearing: Array
    cv: Array
    hall_K: Array


def units(seed: int) -> Unit:
    rng = draw.at(seed, "motor units")

    def s(value: float, relative: float) -> Array:
        return draw.spread(rng, value, relative, N)

    return Unit(
        s(0.40, 0.015), s(6.0, 0.02), s(0.02, 0.3), np.abs(rng.normal(0, 0.008, N)), s(13.2, 0.03), s(1.0, 0.08), s(0.55, 0.03),
        s(9.0, 0.04), s(1.5, 0.08), s(6.0, 0.08), s(0.26, 0.1), s(20.0, 0.08), s(160.0, 0.04), s(0.85e-3, 0.12),
        s(1.25, 0.05), rng.uniform(0.0, 0.05, N), rng.uniform(0.0, 0.04, N), np.array([0.08] * 4 + [0.24] * 2) * s(1.0, 0.1),
        rng.normal(0, 0.6, N),
    )  # fmt: skip


def first(seed: int, time_s: float) -> State:
    air = np.full(N, days.hall_K(seed, time_s))
    return State(air + 60.0, air + 63.0, air + 33.0, air + 45.0, np.zeros(N))


class Inputs(NamedTuple):
    current_A: Array  # mean over the duty cycle: what the PLC reports
    speed: Array  # rad/s
    ambient_K: Array
    load: Array  # torque over rated torque


def inputs(seed: int, u: Unit, x: State, w: Wear, time_s: float) -> Inputs:
    speed, load = days.plan(seed, time_s, "motor")
    on = days.running(time_s, N, 3) & ~w.stopped
    press = np.arange(N) >= 4
    torque = np.where(press, 1.08 * load, load) * (1.0 + x.load)
    slip = 1.0 - 0.025 * (torque - 1.0)
    n = np.where(press, 1.0, speed) * slip * on
    saturation = 1.0 + 0.04 * np.sin(time_s / 21_000.0)  # supply voltage drifts over the day
    active = RATED_A**2 - u.no_load_A**2
    current = np.sqrt((u.no_load_A * saturation) ** 2 + active * torque**2) * on
    ambient = days.hall_K(seed, time_s) + u.hall_K
    return Inputs(current, n * RATED_SPEED, ambient, torque * on)


def losses(u: Unit, x: State, w: Wear, i: Inputs) -> tuple[Array, Array, Array, Array]:
    """(copper, rotor, into the frame, bearing) in W."""
    n = i.speed / RATED_SPEED
    mean_K = 0.6 * x.slot_K + 0.4 * x.end_K
    resistance = u.resistance_ohm * (1 + 0.00393 * (mean_K - 293.15)) * (1 + u.skin * n * n) * (1 + (8 * u.imbalance) ** 2)
    copper = 3 * resistance * i.current_A**2 * (1 + u.cv**2)
    rotor = 168.0 * i.load**2 * (1 + u.cv**2) * (1 + 0.0035 * (x.rotor_K - 370.0))
    bearing = u.bearing_W * n * np.exp((343.15 - bearing_shell_K(x, i)) / 80.0) * (1 + 1.6 * (u.old_bearing + w.bearing))
    iron = u.iron_W * (0.55 * n + 0.45 * n * n)
    return copper, rotor, iron + 62.0 * i.load**2 + 50.0 * n**3 + bearing, bearing


def bearing_shell_K(x: State, i: Inputs) -> Array:
    """End shield under the bearing: cooler than the frame, warmed by the shaft."""
    return i.ambient_K + 0.92 * (0.88 * x.frame_K + 0.12 * x.rotor_K - i.ambient_K)


def air_W(u: Unit, x: State, w: Wear, i: Inputs) -> Array:
    rise = x.frame_K - i.ambient_K
    fan = u.fan_W_per_K * (i.speed / RATED_SPEED) ** 0.75 / (1 + u.old_fouling + 1.7 * w.fouling)
    free = u.free * np.abs(rise) ** 0.25
    return (fan + free) * rise + 0.9 * SIGMA * u.area_m2 * (x.frame_K**4 - i.ambient_K**4)


def flow(u: Unit, x: State, w: Wear, i: Inputs, dt_s: float) -> State:
    """One Euler step of the heat network."""
    copper, rotor, frame, _ = losses(u, x, w, i)
    se = 12.0 * (x.slot_K - x.end_K)
    sf = u.slot_frame * (x.slot_K - x.frame_K)
    ef = u.end_frame * (x.end_K - x.frame_K)
    rf = u.rotor_frame * (x.rotor_K - x.frame_K)
    return State(
        x.slot_K + dt_s * (0.6 * copper - se - sf) / 4500.0,
        x.end_K + dt_s * (0.4 * copper + se - ef) / 3500.0,
        x.frame_K + dt_s * (frame + sf + ef + rf - air_W(u, x, w, i)) / 24_000.0,
        x.rotor_K + dt_s * (rotor - rf) / 9000.0,
        x.load,
    )


def vibration(u: Unit, w: Wear, i: Inputs) -> Array:
    """Imbalance through a structural resonance, a load part, and the worn bearing. m/s rms."""
    n = i.speed / RATED_SPEED
    ratio = n / u.resonance
    gain = 1.0 / np.sqrt((1 - ratio**2) ** 2 + (0.5 * ratio) ** 2)
    nominal = 1.0 / np.sqrt((1 - u.resonance**-2) ** 2 + (0.5 / u.resonance) ** 2)
    smooth = u.vibration * (0.7 * n * (gain / nominal) ** 0.25 + 0.3 * n * i.load)
    wear = u.old_bearing + w.bearing
    return smooth + 3.5e-3 * n**1.2 * wear


def step(seed: int, u: Unit, x: State, w: Wear, step_no: int, dt_s: float, substeps: int = 5) -> tuple[State, dict[str, Array]]:
    """From the end of step `step_no` - 1 to its end; the readings (SI, without sensor errors) at the end."""
    i = inputs(seed, u, x, w, step_no * dt_s)
    for _ in range(substeps):
        x = flow(u, x, w, i, dt_s / substeps)
    _, _, _, friction = losses(u, x, w, i)
    wander = 0.97 * x.load + 0.012 * draw.at(seed, "motor load", step_no).standard_normal(N)
    readings = {
        "current": i.current_A,
        "speed": i.speed,
        "ambient_temperature": i.ambient_K,
        "winding_temperature": 0.7 * x.end_K + 0.3 * x.slot_K,
        "bearing_temperature": bearing_shell_K(x, i) + u.bearing_K_per_W * friction,
        "vibration_velocity": vibration(u, w, i),
    }
    return x._replace(load=wander), readings
