"""A ball screw loses its preload: the motor's torque falls, which nobody calls a fault, while the axis begins to lose its way.

python docs/gallery/ball_screw_axis.py
"""

import numpy as np
from _plot import lines

from didymos.assets.ball_screw_axis import MODEL, OPENING, Params

P, U = Params(), MODEL.nominal


def main() -> None:
    loss = np.linspace(0.0, 1.0, 101)
    x = MODEL.initial._replace(preload_loss=loss)
    y, new = MODEL.out(x, U, P), MODEL.out(MODEL.initial, U, P)
    curves = {"motor torque": y.motor_torque_Nm / new.motor_torque_Nm, "reversal error": y.reversal_error_m / new.reversal_error_m}
    lines("ball_screw_axis", "A nut loses its preload", loss, curves, "share of the preload lost", "over new")
    opens = 1.0 - P.largest_force_N / (OPENING * P.preload_N)
    i = int(opens * 100)
    print(f"the nut opens under the largest load at {opens:.0%} lost:")
    print(f"torque {curves['motor torque'][i] - 1:+.1%}, reversal error {y.reversal_error_m[i] * 1e6:.1f} um")
    assert curves["motor torque"][i] < 1.0 < curves["reversal error"][i]


if __name__ == "__main__":
    main()
