"""Two products with the same mean force on one press: the one that scatters more uses the weld up faster.

python docs/gallery/press_frame.py
"""

import numpy as np
from _plot import lines

from didymos.assets.press_frame import MODEL, Params

P, U = Params(), MODEL.nominal


def main() -> None:
    mean = np.linspace(1.0e6, 2.6e6, 81)
    curves = {}
    for scatter in (0.0, 0.1, 0.25):
        u = U._replace(peak_force_N=mean, peak_force_deviation_N=scatter * mean)
        curves[f"scatter {scatter:.0%}"] = np.log10(MODEL.virtual(MODEL.initial, u, P).damage_life_s / 3.156e7)
    lines("press_frame", "Life of the crown's weld", mean / 1e3, curves, "mean peak force, kN", "log10 of years of running")
    for name, life in curves.items():
        print(f"{name}: {10 ** life[40]:.1f} years at {mean[40] / 1e3:.0f} kN")
    assert np.all(curves["scatter 25%"] < curves["scatter 0%"])


if __name__ == "__main__":
    main()
