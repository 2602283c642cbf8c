"""A motor warming up at rated load, clean and with its cooling fouled: ten kelvin more and the insulation lives half as long.

python docs/gallery/induction_motor.py
"""

import numpy as np
from _plot import lines

from didymos.assets.induction_motor import MODEL, Params

P, U, STEP_S = Params(), MODEL.nominal, 60.0


def warm_up(fouling: float, hours: float = 6.0) -> list[float]:
    x = MODEL.initial._replace(fouling=fouling, winding_temperature_K=298.15, frame_temperature_K=298.15)
    found = []
    for _ in range(int(hours * 3600 / STEP_S)):
        x = MODEL.State(*(a + STEP_S * d for a, d in zip(x, MODEL.rhs(x, U, P), strict=True)))
        found.append(float(x.winding_temperature_K) - 273.15)
    return found


def main() -> None:
    curves = {f"fouling {f:.1f}": warm_up(f) for f in (0.0, 0.3, 0.6)}
    hours = np.arange(1, len(curves["fouling 0.0"]) + 1) * STEP_S / 3600
    lines("induction_motor", "Winding of a motor at rated load", hours, curves, "hours", "winding, C")
    for name, fouling in (("clean", 0.0), ("fouled", 0.6)):
        ageing = MODEL.virtual(MODEL.steady(MODEL.initial._replace(fouling=fouling), U, P), U, P).insulation_ageing
        print(f"{name}: insulation ages at {ageing:.3f} of its rated pace")
    assert curves["fouling 0.6"][-1] > curves["fouling 0.3"][-1] > curves["fouling 0.0"][-1]


if __name__ == "__main__":
    main()
