"""NAFEMS heat cases: T2 radiation, T3 transient, T4 convection. Source: NAFEMS TNSB Rev. 3, 1990, as Abaqus and Altair reprint."""

from __future__ import annotations

import numpy as np

from didymos.bench.fe_cases.case import Answer, Case
from didymos.bench.fe_cases.stress import NAFEMS
from didymos.numerics.fe import heat, mesh
from didymos.numerics.fe.heat import Given, Heat, Part, Surface
from didymos.numerics.fe.material import Conductor
from didymos.numerics.fe.mesh import Array

BAR_M = 0.1


def t2(n: int) -> Answer:
    """Bar of 0.1 m, 1000 K at one end, radiating to 300 K at the other: temperature there."""
    hot = Given(lambda x: x[0] < 1e-9, 1000.0)
    end = Surface(lambda x: x[0] > BAR_M - 1e-9, emissivity=0.98, surroundings_K=300.0)
    part = heat.part(mesh.box((n, 1), (BAR_M, BAR_M / n)), Conductor(55.6), [hot], [end])
    return _read(part, heat.steady(part, start=500.0), (BAR_M, 0.0))


def t3(n: int) -> Answer:
    """Bar of 0.1 m from 0 °C, one end at 100 sin(π t / 40): temperature at 0.08 m after 32 s; n elements, 4 n steps."""
    cold = Given(lambda x: x[0] < 1e-9, 0.0)
    swing = Given(lambda x: x[0] > BAR_M - 1e-9, lambda t: 100.0 * float(np.sin(np.pi * t / 40.0)))
    part = heat.part(mesh.box((n, 1), (BAR_M, BAR_M / n)), Conductor(35.0, 7200.0, 440.5), [cold, swing])
    *_, (_, last) = heat.transient(part, 0.0, 32.0 / (4 * n), 4 * n)
    return _read(part, last, (0.08, 0.0))


def t4(n: int) -> Answer:
    """Plate 0.6 x 1.0 m, base at 100 °C, 750 W/(m² K) to 0 °C at right and top: temperature at E (0.6, 0.2)."""
    base = Given(lambda x: x[1] < 1e-9, 100.0)
    air = Surface(lambda x: (x[0] > 0.6 - 1e-9) | (x[1] > 1.0 - 1e-9), film_W_m2K=750.0, ambient=0.0)
    part = heat.part(mesh.box((3 * n, 5 * n), (0.6, 1.0)), Conductor(52.0), [base], [air])
    return _read(part, heat.steady(part), (0.6, 0.2))


def _read(part: Part, found: Heat, point: tuple[float, float]) -> Answer:
    gap = np.linalg.norm(_nodes(part) - np.array(point)[:, None], axis=0)
    node = int(np.argmin(gap))
    if gap[node] > 1e-9:
        raise ValueError(f"no node at {point}")
    return Answer((float(found.temperature[node]),), len(found.temperature), found.factor.solver, found.factor.note)


def _nodes(part: Part) -> Array:
    return np.asarray(part.basis.doflocs)


CASES = (
    Case("t2", "bar with radiation, temperature at its end", "K", (("B", 927.0),), f"{NAFEMS} T2", 0.01, 2.0, (2, 4, 8), t2),
    Case("t3", "bar with swinging end, temperature after 32 s", "°C", (("C", 36.60),), f"{NAFEMS} T3", 0.01, 2.0, (10, 20, 40), t3),
    Case("t4", "plate with convection, temperature at E", "°C", (("E", 18.3),), f"{NAFEMS} T4", 0.02, 2.0, (4, 8, 16), t4),
)
