"""Three tonnes of bars in a tempering furnace: the zones say "there" long before the load is, and hardness follows the load.

python docs/gallery/heat_treat_furnace.py
"""

import numpy as np
from _plot import lines

from didymos.assets.heat_treat_furnace import MODEL, Params

P, U, STEP_S = Params(), MODEL.nominal, 10.0


def main() -> None:
    x = MODEL.initial._replace(surface_temperature_K=293.15, core_temperature_K=293.15)
    rows, hardness = [], []
    for _ in range(int(6 * 3600 / STEP_S)):
        duty = [np.clip(0.03 * (U.target_temperature_K - t) + 0.04, 0.0, 1.0) for t in (x[0], x[1])]  # proportional control
        u = U._replace(front_duty=float(duty[0]), back_duty=float(duty[1]))
        x = MODEL.State(*(float(a + STEP_S * d) for a, d in zip(x, MODEL.rhs(x, u, P), strict=True)))
        rows.append([t - 273.15 for t in x[:4]])
        hardness.append(float(MODEL.virtual(x, u, P).hardness))
    front, back, surface, core = np.array(rows).T
    hours = np.arange(1, len(core) + 1) * STEP_S / 3600
    curves = {"front zone": front, "back zone": back, "surface": surface, "core": core}
    lines("heat_treat_furnace", "A load being tempered at 600 C", hours, curves, "hours", "C", {"class 5 band": 600.0 - P.band_K})
    for h in (2.0, 4.0, 6.0):
        i = int(h * 3600 / STEP_S) - 1
        print(f"after {h:.0f} h: zone {front[i]:5.1f} C, core {core[i]:5.1f} C, {hardness[i]:.0f} HB if drawn now")
    print(f"in the band for {x.soak_h:.2f} h; worth {x.tempering_h:.2f} h at the target")
    assert (front - core)[int(3600 / STEP_S)] > 50.0
    assert 2.0 < (surface - core)[int(3600 / STEP_S)] < 8.0  # b R^2 / 8 a of an exactly heated bar
    assert hardness[-1] < hardness[len(hardness) // 2]
    assert x.soak_h > 1.0


if __name__ == "__main__":
    main()
