"""A spindle's front bearing against speed: faster means a thicker film and a hotter one, and past some speed the heat wins.

python docs/gallery/spindle.py
"""

import numpy as np
from _plot import lines

from didymos.assets.spindle import MODEL, Params

P, U = Params(), MODEL.nominal


def main() -> None:
    rpm = np.linspace(500.0, 12_000.0, 60)
    kappa, front = [], []
    for n in rpm:
        u = U._replace(speed_rad_per_s=n * np.pi / 30)
        x = MODEL.steady(MODEL.initial, u, P)
        kappa.append(float(MODEL.virtual(x, u, P).front_kappa))
        front.append(float(x.front_bearing_temperature_K) - 273.15)
    curves = {"viscosity ratio kappa": kappa, "temperature / 20 C": np.array(front) / 20.0}
    lines("spindle", "Front bearing of a spindle", rpm, curves, "1/min", "", {"kappa 1: full film begins": 1.0})
    for n, k, t in list(zip(rpm, kappa, front, strict=True))[::12]:
        print(f"{n:6.0f} 1/min   kappa {k:5.2f}   {t:5.1f} C")
    assert np.all(np.diff(front) > 0.0)


if __name__ == "__main__":
    main()
