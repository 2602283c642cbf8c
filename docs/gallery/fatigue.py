"""How a strain gauge on a rotating shaft turns into a date for the next inspection, and into the reason for that date.

    python docs/gallery/fatigue.py

Four hundred hours of a load that is mostly small and now and then large. Each step hands over an hour of stress; what closes is
counted, costs damage, and is gone: nothing of the history is kept but a few turning points and a grid. The sentence that this
script teaches, and asserts: cycles rarer than one in a hundred carry most of the damage.
"""

import numpy as np

from didymos.assets.materials import metal, smooth_specimen
from didymos.infer import damage
from didymos.infer.damage import HotSpot
from didymos.numerics.fatigue import histogram, rainflow, stress_life

HOURS, SAMPLES = 400, 3600
STEEL = metal("sae_1045")
SPOT = HotSpot(
    "keyway",
    "Keyway",
    smooth_specimen("sae_1045", knee_cycles=1e6, below=stress_life.haibach(1 / 0.092), sd_log10=0.25),
    mean_stress="goodman",
    strength_Pa=STEEL.ultimate_Pa,
)


def hour_of_stress(rng: np.random.Generator) -> np.ndarray:
    """Stress in Pa at one sample a second: running at 180 MPa amplitude, one or two hard stops down to -460 MPa, gaps."""
    x = 60e6 + 180e6 * np.sin(np.arange(SAMPLES) * 2.1) + 10e6 * rng.normal(size=SAMPLES)
    stops = rng.integers(0, SAMPLES, rng.poisson(1.5))
    x[stops] = -460e6 * rng.uniform(0.8, 1.0, len(stops))
    x[rng.integers(0, SAMPLES, 3)] = np.nan
    return x


def main() -> None:
    rng = np.random.default_rng(1)
    flow, state = rainflow.init(gate=5e6), damage.init(1)
    grid = histogram.empty(1, 960e6, -200e6, 200e6)
    for _ in range(HOURS):
        flow, cycles = rainflow.step(flow, hour_of_stress(rng))
        grid = histogram.add(grid, cycles)
        state = damage.step(state, damage.of_cycles([SPOT], cycles), 3600.0)

    # the report: the residue counts here, and only here
    so_far = float(state.closed[0] + damage.of_cycles([SPOT], rainflow.residue(flow))[0])
    missing = flow.missing[0] / (HOURS * SAMPLES)
    life = damage.life_of_spot(SPOT, so_far, state.rates[0], horizon_s=20 * 365 * 86_400.0, seed=1, missing=missing)
    why = damage.why_damage(SPOT, grid, 0, so_far, state.rates[0], life)
    print(why.sentence)
    for evidence in why.evidence[:3]:
        print(f"  {evidence.weight:6.1%}  {evidence.text}")

    rare = sum(cost for cost, count, _ in damage.shares(SPOT, grid, 0) if count < 0.01)
    print(f"  cycles rarer than one in a hundred carry {rare:.0%} of the damage")
    assert rare > 0.5
    assert 0.0 < so_far < 1.0
    assert grid.outside[0] == 0.0
    assert life.withheld is None
    assert dict(life.quantiles_s)[0.1] is not None


if __name__ == "__main__":
    main()
