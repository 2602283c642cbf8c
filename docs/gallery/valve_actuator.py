"""A valve signature: actuator pressure against travel, up and down. The gap is friction, the slope the spring, both are wear.

python docs/gallery/valve_actuator.py
"""

import numpy as np
from _plot import lines

from didymos.assets.valve_actuator import MODEL, Params

P, U = Params(), MODEL.nominal


def main() -> None:
    travel = np.linspace(0.0, 1.0, 101)
    curves, shares = {}, {}
    for name, state in (("new", {}), ("sticking", {"stiction": 2.0}), ("spring relaxed", {"spring_loss": 0.1})):
        x = MODEL.initial._replace(**state)
        y = MODEL.out(x, U._replace(travel=travel), P)
        curves[f"{name}, up"] = (y.middle_pressure_Pa + 0.5 * y.dead_band_Pa) / 1e5
        curves[f"{name}, down"] = (y.middle_pressure_Pa - 0.5 * y.dead_band_Pa) / 1e5
        shares[name] = float(MODEL.virtual(x, U, P).dead_band_share)
    lines("valve_actuator", "Signature of a control valve", travel, curves, "travel", "actuator pressure, bar")
    for name, share in shares.items():
        print(f"{name}: dead band {share:.1%} of the spring range")
    assert shares["sticking"] > P.dead_band_limit > shares["new"]
    assert shares["spring relaxed"] == shares["new"]


if __name__ == "__main__":
    main()
