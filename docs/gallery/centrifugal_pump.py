"""A pump's curve as its wear rings open: what leaks back inside is head that the plant never sees.

python docs/gallery/centrifugal_pump.py
"""

import numpy as np
from _plot import lines

from didymos.assets.centrifugal_pump import MODEL, Params

P, U = Params(), MODEL.nominal


def main() -> None:
    flow = np.linspace(0.0, 0.010, 101)
    curves, efficiency = {}, {}
    for wear in (0.0, 0.5, 1.0, 2.0):
        found = MODEL.virtual(MODEL.initial._replace(ring_wear=wear), U._replace(flow_m3_per_s=flow), P)
        curves[f"clearance x {1 + wear:.1f}"] = found.head_m
        efficiency[wear] = float(np.max(found.efficiency))
    lines("centrifugal_pump", "Head against flow, wear rings opening", flow * 3600, curves, "flow, m3/h", "head, m")
    for wear, best in efficiency.items():
        print(f"clearance x {1 + wear:.1f}: best efficiency {best:.1%}")
    assert efficiency[0.0] > efficiency[1.0] > efficiency[2.0]
    assert all(np.all(np.diff(head) < 0.0) for head in curves.values())


if __name__ == "__main__":
    main()
