"""A hydraulic unit on a hot day: tank temperature with a clean and a fouled cooler, and when the oil gets too thin.

python docs/gallery/hydraulic_power_unit.py
"""

import numpy as np
from _plot import lines

from didymos.assets.hydraulic_power_unit import MODEL, Params, thin_K

P, STEP_S = Params(), 60.0


def day(fouling: float) -> list[float]:
    x, found = MODEL.initial._replace(cooler_fouling=fouling), []
    for k in range(1440):
        ambient = 305.15 + 8.0 * np.sin(2 * np.pi * (k / 1440 - 0.35))
        u = MODEL.nominal._replace(ambient_temperature_K=ambient)
        x = MODEL.State(*(a + STEP_S * d for a, d in zip(x, MODEL.rhs(x, u, P), strict=True)))
        found.append(float(x.tank_temperature_K) - 273.15)
    return found


def main() -> None:
    curves = {f"cooler resistance x {1 + f:.1f}": day(f) for f in (0.0, 0.5, 1.0)}
    limit = float(thin_K(MODEL.nominal, P)) - 273.15
    hours = np.arange(1, 1441) / 60
    lines("hydraulic_power_unit", "Tank on a hot day", hours, curves, "hours", "tank, C", {"oil at 16 mm2/s": limit})
    for name, course in curves.items():
        print(f"{name}: at most {max(course):.1f} C; {limit - max(course):+.1f} K to thin oil")
    assert max(curves["cooler resistance x 2.0"]) > max(curves["cooler resistance x 1.0"])


if __name__ == "__main__":
    main()
