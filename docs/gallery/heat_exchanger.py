"""A heat exchanger fouling after Kern and Seaton: fast at first, then the stream tears off as much as it brings.

python docs/gallery/heat_exchanger.py
"""

import numpy as np
from _plot import lines

from didymos.assets.heat_exchanger import MODEL, Params

P, U, DAY_S = Params(), MODEL.nominal, 86_400.0


def main() -> None:
    curves, duty = {}, {}
    for name, rate in (("clean stream", -0.7), ("average", 0.0), ("dirty stream", 0.5)):
        x, course = MODEL.initial._replace(log_tube_rate=rate, log_shell_rate=rate), []
        for _ in range(900):
            d = MODEL.rhs(x, U, P)
            x = x._replace(
                tube_fouling=x.tube_fouling + DAY_S * d.tube_fouling, shell_fouling=x.shell_fouling + DAY_S * d.shell_fouling
            )
            course.append(float(MODEL.virtual(x, U, P).duty_W) / 1e3)
        curves[name], duty[name] = course, course[-1]
    lines("heat_exchanger", "Duty of a fouling heat exchanger", np.arange(900), curves, "days", "duty, kW")
    for name, value in duty.items():
        print(f"{name}: {value:.0f} kW after 900 days")
    assert duty["clean stream"] > duty["average"] > duty["dirty stream"]
    first, last = curves["average"][0] - curves["average"][99], curves["average"][800] - curves["average"][899]
    assert first > 3 * last


if __name__ == "__main__":
    main()
