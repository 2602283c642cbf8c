"""Taylor's bargain: twice the speed halves the time in the cut and leaves a sixteenth of the edge's life.

python docs/gallery/cutting_tool.py
"""

import numpy as np
from _plot import lines

from didymos.assets.cutting_tool import MODEL, Params, tool_life_s

P, U = Params(), MODEL.nominal
CHANGE_S, VOLUME_M3 = 120.0, 5e-5  # to turn the insert; material to remove from one part


def main() -> None:
    speed = np.linspace(1.5, 8.0, 66)
    u = U._replace(cutting_speed_m_per_s=speed)
    cut_s = VOLUME_M3 / (speed * U.feed_m * U.depth_m)
    life_s = tool_life_s(u, P)
    part_s = cut_s + CHANGE_S * cut_s / life_s
    best = int(np.argmin(part_s))
    curves = {"in the cut": cut_s, "with turning inserts": part_s}
    lines("cutting_tool", "Seconds for one part against cutting speed", speed * 60, curves, "cutting speed, m/min", "s")
    print(f"fastest at {speed[best] * 60:.0f} m/min: {part_s[best]:.0f} s a part, an insert every {life_s[best] / 60:.1f} min")
    exact = CHANGE_S * (P.speed_exponent - 1.0)  # life at the fastest speed, textbook: (1/n - 1) times the change time
    assert life_s[best] == np.clip(life_s[best], 0.85 * exact, 1.15 * exact)


if __name__ == "__main__":
    main()
