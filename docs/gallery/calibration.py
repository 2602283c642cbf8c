"""One day of its own data commissions a motor, and the fit says what that day cannot tell.

A motor whose frame is cooled 20 % worse than the sheet says and that vibrates 15 % less. Its current, air, winding, bearing and
vibration are recorded for a day. Every temperature is known, no heat is: all losses and conductances may grow together without any
reading changing. The sentence that this script teaches, and asserts: what the data tell is found, what they tell only in
combination is named, and what they do not tell is not moved.
"""

import numpy as np

from didymos.assets import ASSETS
from didymos.infer.calibrate import open_loop, simulate
from didymos.infer.fit import fit, published
from didymos.infer.prediction_error import Record

MOTOR = ASSETS["induction_motor"]
NAMES = MOTOR.Params._fields
STEP_S, DAY = 300.0, 288


def duty(steps: int, seed: int) -> np.ndarray:
    """Current in steps of two hours, constant speed, the hall's air through day and night."""
    rng, t = np.random.default_rng(seed), np.arange(steps)
    current = np.repeat(rng.uniform(6.0, 14.0, steps // 24 + 1), 24)[:steps]
    return np.stack([current, np.full(steps, 152.0), 295.0 + 4.0 * np.sin(t * 2.0 * np.pi / DAY)], axis=1)


def main() -> None:
    sheet = MOTOR.Params()
    true = np.array(
        sheet._replace(
            frame_to_ambient_K_per_W=1.2 * sheet.frame_to_ambient_K_per_W,
            vibration_healthy_m_per_s=0.85 * sheet.vibration_healthy_m_per_s,
        )
    )
    u, noise = duty(DAY, 1), np.array([c.noise for c in MOTOR.sensors])
    y = simulate(MOTOR, true[None], u[None], STEP_S)[0] + noise * np.random.default_rng(2).normal(size=(DAY, 3))

    rated = np.array([name.startswith("rated_") for name in NAMES])
    found = fit(MOTOR, Record(u, y, STEP_S), published(np.array(sheet)), rated, starts=2)
    for name, prior, value, low, high, kind in zip(NAMES, sheet, found.params, found.low, found.high, found.kind, strict=True):
        if kind in ("data", "combination"):
            print(f"  {name:28s} {value / prior:5.2f} of the sheet  [{low / prior:.2f} to {high / prior:.2f}]  by {kind}")
    for text in found.identifiability.combinations:
        print(f"  cannot be told: {text}")

    kind = dict(zip(NAMES, found.kind, strict=True))
    assert found.convergence.reached
    assert kind["vibration_healthy_m_per_s"] == "data"
    assert abs(found.params[NAMES.index("vibration_healthy_m_per_s")] / sheet.vibration_healthy_m_per_s - 0.85) < 0.03
    assert any("frame_to_ambient_K_per_W" in text and "iron_loss_W" in text for text in found.identifiability.combinations)
    assert kind["insulation_life_s"] == "prior"
    assert found.params[NAMES.index("insulation_life_s")] == sheet.insulation_life_s

    # a day it has not seen: what matters of the combination is right all the same
    new = duty(DAY, 9)
    truth, before, after = open_loop(MOTOR, np.stack([true, np.array(sheet), found.params]), new, STEP_S)[:, :, 0]
    wrong, right = (float(np.sqrt(np.mean((r - truth)[24:] ** 2))) for r in (before, after))
    print(f"  winding on a new day: {wrong:.2f} K off by the sheet, {right:.2f} K after the fit")
    assert right < 0.2 * wrong


if __name__ == "__main__":
    main()
