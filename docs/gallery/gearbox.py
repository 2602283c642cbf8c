"""How long flanks last against torque: a tenth more torque costs more than half of the life.

python docs/gallery/gearbox.py
"""

import numpy as np
from _plot import lines

from didymos.assets.gearbox import MODEL, Params

P, U = Params(), MODEL.nominal


def main() -> None:
    share = np.linspace(0.6, 1.6, 41)
    contact, life = [], []
    for s in share:
        u = U._replace(torque_Nm=s * U.torque_Nm)
        x = MODEL.steady(MODEL.initial, u, P)
        contact.append(float(MODEL.virtual(x, u, P).contact_stress_Pa) / 1e6)
        life.append(np.log10(1.0 / (float(MODEL.rhs(x, u, P).bending_damage) * 3.156e7)))
    lines("gearbox", "Tooth bending life against torque", share, {"log10 of years": life}, "torque over nominal", "log10 of years")
    for s, stress, years in list(zip(share, contact, life, strict=True))[::8]:
        print(f"torque x {s:.2f}: contact stress {stress:5.0f} MPa, 10^{years:.1f} years of bending life")
    assert np.all(np.diff(life) < 0.0)
    assert life[0] - life[-1] > 8.74 * np.log10(1.6 / 0.6)  # the slope of ISO 6336-3 and what heat and dynamics add


if __name__ == "__main__":
    main()
