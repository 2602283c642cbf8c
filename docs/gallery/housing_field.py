"""How five thermocouples on the outside of a spindle housing become the temperature and stress of all of it, with bands.

    python docs/gallery/housing_field.py

A housing of 4,380 nodes is reduced to 24 modes. Then a machine runs whose conductivity, coolant film, air film and flange contact
are all 20 % below what the model believes (the full finite-element model plays the machine, at half the time step), its heat loads
unknown. The sentence that this script teaches, and asserts: a model that is wrong everywhere still gives the field within a degree,
because what it cannot know is part of what it estimates; the model alone is many degrees off, and a fit of each moment by itself is
worse than the filter.
"""

import numpy as np

from didymos.assets.housing_field import Job, built
from didymos.core.field import digest, read, write
from didymos.infer import field_filter
from didymos.numerics.rom.affine import full_step
from didymos.numerics.rom.live import advance, answer, hot_spots, start, stepper

STEPS, STEP_S = 120, 10.0
FILM = np.array([400.0, 12.0, 1500.0])  # coolant, air, flange contact, W/(m2 K), as the model believes
THERMOCOUPLES = ((0.075, 0.0, 0.024), (-0.075, 0.0, 0.052), (0.088, 0.0, 0.125), (0.06, 0.0, 0.23), (-0.075, 0.0, 0.198))


def main() -> None:
    made = built(Job())
    data = write(made.field)
    field = read(data, digest(data))  # what a worker would load
    print(f"{len(field.points)} nodes, {len(field.level)} modes, artefact {len(data) / 1e6:.1f} MB, solver {field.made.solver}")

    places = np.array([s.point for s in field.sensors])
    names = [field.sensors[int(np.argmin(np.linalg.norm(places - np.array(t), axis=1)))].name for t in THERMOCOUPLES]
    sensing, by = field_filter.sensing(field, names), stepper(field, FILM, STEP_S)
    print(f"placement: {field_filter.placement(sensing, by)}")

    rng = np.random.default_rng(1)
    load = np.repeat(rng.random((5, 3)) * [500.0, 300.0, 1500.0], 30, axis=0)
    machine, rise = full_step(made.full, 0.8 * FILM, 0.5 * STEP_S, conduction=0.8), np.zeros(made.full.size)
    where = {s.name: np.array(s.point) for s in field.sensors}
    nodes = [int(np.argmin(np.linalg.norm(made.full.points.T - where[n], axis=1))) for n in names]
    belief, alone, behind = field_filter.init(sensing, 293.15), start(field).amount, np.zeros(3)
    off, flat, open_loop, inside = [], [], [], []
    for k in range(STEPS):
        for _ in range(2):
            rise = machine(rise, load[k], behind)
        reading = rise[nodes] + 0.3 * rng.normal(size=5)
        belief = field_filter.step(sensing, belief, by, np.zeros(3), behind, reading)
        alone = advance(by, alone, load[k], behind)
        if k >= 10:
            off.append(field.modes @ belief.mean[:24] - rise)
            flat.append(field.modes @ field_filter.static_fit(sensing, FILM, behind, reading) - rise)
            open_loop.append(field.modes @ alone - rise)
            inside.append(np.abs(off[-1]) <= field_filter.Z90 * field_filter.temperature_sd(sensing, belief, field.modes))
    rms = [float(np.sqrt(np.mean(np.square(e)))) for e in (off, flat, open_loop)]
    good, ratio = field_filter.fits(belief)
    print(f"range {np.ptp(rise):.0f} K; rms error over all nodes: filter {rms[0]:.2f} K, each moment alone {rms[1]:.2f} K, "
          f"model alone {rms[2]:.1f} K")  # fmt: skip
    print(f"the 90 % band holds {np.mean(inside):.0%} of all nodes and times; innovations {ratio:.2f} times what was expected")

    spots = hot_spots(field)(belief.mean[:24], np.array([4000.0, 2000.0]))
    worst = int(np.argmax(np.abs(spots)))
    print(f"hottest spot in stress: {field.hot_spots[worst].title}, {spots[worst] / 1e6:.0f} MPa")
    asked = {i.name: i.nominal for i in field.inputs} | {"stator_heat": 2400.0}
    print(f"asked beyond its box: {answer(field, start(field), asked).outside[0]}")

    assert rms[0] < 1.0 < rms[2]
    assert rms[0] < rms[1]
    assert 0.75 <= np.mean(inside) <= 0.99
    assert good
    assert not answer(field, start(field), asked).inside


if __name__ == "__main__":
    main()
