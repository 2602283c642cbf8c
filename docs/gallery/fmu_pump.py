"""A pump written as an FMU, run as anybody's FMU would be, and killed on the way: the numbers do not notice.

    python docs/gallery/fmu_pump.py

The twin's own pump becomes one file of C (FMI 3.0). It is run for two months of plant time in a process of its own; in the middle
that process is killed. The sentence that this script teaches, and asserts: a run that was interrupted ends with the same number, to
the last bit, and the wear ring's severity is that of the model in Python to nine digits.
"""

import os
import signal
import threading
import time

import numpy as np

from didymos.assets.centrifugal_pump import MODEL
from didymos.assets.fmu.bind import of_file
from didymos.assets.fmu.c_machine import of_model
from didymos.assets.fmu.export import export
from didymos.formats.fmu import read_fmu

HOURS = 60 * 24
SEVERITY = "severity.wear_ring"


def load() -> np.ndarray:
    """Inputs (hours, 4): flow swings between half and full with the shifts."""
    u = np.tile(np.array(MODEL.nominal, float), (HOURS, 1))
    u[:, 1] *= 0.75 + 0.25 * np.sin(np.arange(HOURS) * 2.0 * np.pi / 8.0)
    return u


def in_python(u: np.ndarray) -> float:
    """Severity of the wear ring after the two months, by the model's own functions, in the very steps that the FMU takes."""
    x, p = np.array(MODEL.initial, float), MODEL.Params()
    for row in u:
        inputs = MODEL.Input(*row)
        k1 = np.array(MODEL.rhs(MODEL.State(*x), inputs, p), float)
        k2 = np.array(MODEL.rhs(MODEL.State(*(x + 1800.0 * k1)), inputs, p), float)
        k3 = np.array(MODEL.rhs(MODEL.State(*(x + 1800.0 * k2)), inputs, p), float)
        k4 = np.array(MODEL.rhs(MODEL.State(*(x + 3600.0 * k3)), inputs, p), float)
        x = x + 600.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    return float(MODEL.severity(MODEL.State(*x), MODEL.Input(*u[-1]), p).wear_ring)


def kill(fmu) -> None:
    while fmu.progress() < 300:
        time.sleep(0.0005)
    os.kill(fmu.pid, signal.SIGKILL)


def main() -> None:
    file, u = read_fmu(export(of_model(MODEL), "3.0"), "pump.fmu"), load()
    with of_file(file, stop_s=HOURS * 3600.0, outputs=[SEVERITY]) as fmu:
        undisturbed = fmu.steps(u, 3600.0)[-1, 0]
    with of_file(file, stop_s=HOURS * 3600.0, outputs=[SEVERITY]) as fmu:
        fmu.start()
        threading.Thread(target=kill, args=(fmu,)).start()
        killed = fmu.steps(u, 3600.0)[-1, 0]
        print(f"the process {fmu.lost[0]} and was replaced")
    expected = in_python(u)
    print("severity of the wear ring after two months:")
    print(f"{undisturbed:.12f} undisturbed, {killed:.12f} killed, {expected:.12f} in Python")
    assert killed == undisturbed
    assert abs(killed / expected - 1.0) < 1e-9


if __name__ == "__main__":
    main()
