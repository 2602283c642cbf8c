"""Twenty parts with one edge, as a lathe's power and feed force tell it: the wear land that nobody measured, and its band.

python docs/gallery/turning.py
"""

import numpy as np
from _plot import lines

from didymos.assets.process import figures
from didymos.assets.turning import MODEL, PROCESS, Params
from didymos.numerics.ukf import ukf_kernel

P, U, STEP_S, STEPS = Params(), MODEL.nominal, 35.0, 4


def main() -> None:
    rng, noise = np.random.default_rng(2), np.array([c.noise for c in MODEL.sensors])
    step = ukf_kernel(MODEL, "numpy", 1)
    mean, cov = np.array([MODEL.initial], float), np.diag(np.array(MODEL.initial_sd, float) ** 2)[None]
    x, rows = MODEL.initial._replace(log_flank_rate=0.3, force_factor=1.04), []
    for _ in range(20):
        for _ in range(STEPS):
            x = MODEL.State(*(float(a + STEP_S * d) for a, d in zip(x, MODEL.rhs(x, U, P), strict=True)))
            y = np.array(MODEL.out(x, U, P), float) + noise * rng.standard_normal(3)
            y[2] = np.nan  # roughness is not measured in the cut
            done = step(
                mean, cov, np.array([U], float), y[None], np.array([P], float), np.array(MODEL.process_noise), noise, STEP_S
            )
            mean, cov = done.mean, done.cov
        found = {f.name: f for f in figures(PROCESS, np.array(P, float), mean[0], cov[0], np.array([U], float))}
        wear = found["flank_wear_land"]
        rows.append((1e3 * P.wear_land_limit_m * x.flank_wear, 1e3 * wear.value, 1e3 * wear.low, 1e3 * wear.high))
    truth, value, low, high = np.array(rows).T
    curves = {"truth": truth, "twin": value, "5 %": low, "95 %": high}
    limits = {"VB 0.3 mm": 0.3}
    lines("turning", "Flank wear, part by part", np.arange(1, 21), curves, "part", "VB, mm", limits)
    inside = int(((low <= truth) & (truth <= high)).sum())
    print(f"truth inside the twin's 90 % interval in {inside} of 20 parts; VB at the end {truth[-1]:.3f} mm")
    assert inside >= 15
    assert abs(value - truth).max() < 0.05


if __name__ == "__main__":
    main()
