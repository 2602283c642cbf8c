"""A compressor whose valves begin to leak: less air for the same power, and hotter, as what leaks back is compressed again.

python docs/gallery/compressor.py
"""

import numpy as np
from _plot import lines

from didymos.assets.compressor import MODEL, Params

P, U = Params(), MODEL.nominal


def main() -> None:
    leak = np.linspace(0.0, 2.5, 51)
    x = MODEL.initial._replace(valve_leak=leak)
    y, v = MODEL.out(x, U, P), MODEL.virtual(x, U, P)
    curves = {"discharge, C": y.discharge_temperature_K - 273.15, "energy, kJ/kg": v.specific_energy_J_per_kg / 1e3}
    limits = {"220 C, EN 1012-1": P.discharge_limit_K - 273.15}
    lines("compressor", "Leaking valves of a compressor", leak, curves, "leak", "C, kJ/kg", limits)
    for i in (0, 20, 40):
        cost = v.specific_energy_J_per_kg[i] / v.specific_energy_J_per_kg[0] - 1.0
        print(f"leak {leak[i]:.1f}: {y.discharge_temperature_K[i] - 273.15:.0f} C, {cost:+.1%} energy for a kilogram of air")
    assert np.all(np.diff(y.discharge_temperature_K) > 0.0)
    assert np.all(np.diff(v.specific_energy_J_per_kg) > 0.0)


if __name__ == "__main__":
    main()
