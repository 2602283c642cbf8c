"""A conveyor through a day of changing load: idlers that run hard cost power with and without load; that is how one sees them.

python docs/gallery/conveyor_drive.py
"""

import numpy as np
from _plot import lines

from didymos.assets.conveyor_drive import MODEL, Params

P, U = Params(), MODEL.nominal


def main() -> None:
    flow = np.linspace(0.0, 90.0, 91)
    curves, empty = {}, {}
    for wear in (0.0, 0.5, 1.0):
        x = MODEL.steady(MODEL.initial._replace(idler_wear=wear), U, P)
        power = MODEL.out(x, U._replace(mass_flow_kg_per_s=flow), P).motor_power_W / 1e3
        f = float(MODEL.virtual(x, U, P).friction_coefficient)
        curves[f"f = {f:.4f}"], empty[f] = power, power[0]
    lines("conveyor_drive", "Power of a conveyor against what it carries", flow * 3.6, curves, "t/h", "motor power, kW")
    for f, power in empty.items():
        print(f"f = {f:.4f}: {power:.2f} kW empty")
    first, last = curves["f = 0.0200"], curves["f = 0.0270"]
    assert last[0] > 1.1 * first[0]
    assert np.all(np.diff(first) > 0.0)


if __name__ == "__main__":
    main()
