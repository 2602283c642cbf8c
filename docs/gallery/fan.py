"""A fan behind a filter that clogs: flow falls, and so does power; who watches power alone sees a motor that is better off.

python docs/gallery/fan.py
"""

import numpy as np
from _plot import lines

from didymos.assets.fan import MODEL, Params

P, U = Params(), MODEL.nominal


def main() -> None:
    loading = np.linspace(0.0, 1.2, 49)
    flow, power, drop = [], [], []
    for share in loading:
        x = MODEL.initial._replace(filter_loading=share)
        y = MODEL.out(MODEL.steady(x, U, P), U, P)
        flow.append(float(y.flow_m3_per_s))
        power.append(float(y.motor_power_W))
        drop.append(float(y.filter_pressure_drop_Pa))
    curves = {"flow": np.array(flow) / flow[0], "power": np.array(power) / power[0]}
    lines("fan", "A filter clogs", loading, curves, "loading of the filter, 1 at its limit", "over clean")
    for i in (0, 20, 40):
        print(f"loading {loading[i]:.2f}: {flow[i]:.2f} m3/s, {power[i] / 1e3:.2f} kW, filter {drop[i]:.0f} Pa")
    assert flow[-1] < flow[0]
    assert drop[-1] > drop[0]


if __name__ == "__main__":
    main()
