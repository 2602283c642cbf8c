"""Stress from temperature: σ = D (B u - ε_T), ε_T = α (T - T_0), as a load on the elastic body.

A temperature is the rise above the stress-free state: a function of points (dim, ...) or one value per node of the body.
Source: Boley & Weiner, Theory of Thermal Stresses, chapter 1. Verified: tests/verify/test_fe_elastic.py, NAFEMS LE11 and T1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from didymos.core.errors import ModelError
from didymos.numerics.fe.elastic import Body, strains, summed, weights

Array = NDArray[np.float64]
Temperature = Callable[[Array], Array] | Array


def at_points(basis: Any, temperature: Temperature) -> Array:
    """Temperature rise [K] at the points of `basis`, (elements, points); ModelError where it is no number."""
    if callable(temperature):
        points = np.asarray(basis.global_coordinates())
        found = np.broadcast_to(np.asarray(temperature(points), float), points.shape[1:])
    elif len(temperature) != basis.N:
        raise ModelError(
            f"thermoelastic: {len(temperature)} temperatures for {basis.N} nodes. Give one value per node of the body."
        )
    else:
        value = np.stack([np.asarray(b[0]) for b in basis.basis])
        found = np.einsum("iep,ie->ep", value, np.asarray(temperature, float)[np.asarray(basis.element_dofs)])
    if not np.isfinite(found).all():
        raise ModelError("thermoelastic: the temperature is no number somewhere in the body. Allowed: finite. Correct the field.")
    return found


def thermal_load(body: Body, temperature: Temperature, elements: NDArray[np.intp] | None = None) -> Array:
    """f (n,) [N]; only the given `elements` expand, all when None."""
    rise = at_points(body.basis, temperature)
    if elements is not None:
        heated = np.zeros(len(rise), bool)
        heated[elements] = True
        rise = rise * heated[:, None]
    stress = body.law @ body.expansion
    amount = rise * weights(body, body.basis)
    each = np.einsum("epsj,s,ep->ej", strains(body, body.basis), stress, amount, optimize=True)
    return summed(body, body.basis, each)
