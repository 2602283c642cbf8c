"""Virtual sensors judged under mismatch: the full model on another mesh, at half the step, its physics off by 20 %.

Five thermocouples on the outside of the small housing, noise 0.3 K, heat loads unknown and in jumps, temperatures behind the films
measured. Truth: the full finite-element model on a mesh with twice the elements along angle and axis (its nodes contain the
Field's), half the time step, conductivity, coolant film, air film and flange conductance off by 20 % each alone and all together.
The filter's tuning was set on `tuning_cases`: all four drawn evenly from -25 to +25 % at once, other load histories, so that the
90 % band covers just above 90 % there.
`inverse_crime` is the same with the Field itself as plant, for comparison only.
Stress truth: the full elastic model on the true temperatures at three instants of each case; its own constants are not off.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from didymos.assets.engineering_solids import solid
from didymos.assets.housing import Fineness, surfaces
from didymos.assets.housing_field import JOINT_N_M3, Built, Job, elastic_mesh, full_model
from didymos.infer import field_filter as ff
from didymos.numerics.rom.affine import full_step
from didymos.numerics.rom.live import Stepper, stepper
from didymos.numerics.rom.stress import Joint, elastic_answers, standing, stress_modes, taken_over

Array = NDArray[np.float64]
NOMINAL = np.array([400.0, 12.0, 1500.0])
PLACES = ((0.075, 0.0, 0.024), (-0.075, 0.0, 0.052), (0.088, 0.0, 0.125), (0.06, 0.0, 0.23), (-0.075, 0.0, 0.198))
STEPS, STEP_S, NOISE_K, LATER = 300, 10.0, 0.3, 10
TRUE_MESH = Fineness(1, 2, 2)
NAMES = ("conductivity", "coolant_film", "air_film", "flange_conductance")
LOAD_W = np.array([500.0, 300.0, 1500.0])


def judged() -> dict[str, Array]:
    """name -> factors of conductivity and of each film."""
    cases = {
        f"{name} {sign * 20:+d} %": np.where(np.arange(4) == i, 1 + 0.2 * sign, 1.0)
        for i, name in enumerate(NAMES)
        for sign in (1, -1)
    }
    together = {"all +20 %": (1, 1, 1, 1), "all -20 %": (-1, -1, -1, -1), "all +-+-": (1, -1, 1, -1), "all -+-+": (-1, 1, -1, 1)}
    return cases | {name: 1 + 0.2 * np.array(signs) for name, signs in together.items()}


@dataclass(frozen=True, slots=True)
class Case:
    """One plant, one history. rmse and coverage over every node and every second step after the first `LATER`; stress over the hot
    spots [MPa], its coverage over components."""

    name: str
    rmse_K: float
    coverage90: float
    worst_K: float
    range_K: float
    static_rmse_K: float
    static_worst_K: float
    open_loop_rmse_K: float
    load_rmse_W: tuple[float, ...]
    stress_rmse_MPa: float | None
    stress_range_MPa: float | None
    stress_coverage90: float | None
    fit_ratio_max: float


def history(seed: int) -> tuple[Array, Array]:
    """Loads (STEPS, 3) in jumps, temperatures behind the films as rise (STEPS, 3), slow waves."""
    rng, load, at = np.random.default_rng(seed), np.zeros((STEPS, 3)), 0
    while at < STEPS:
        load[at : (next_ := at + int(rng.integers(20, 60)))] = rng.random(3) * LOAD_W
        at = next_
    t = np.arange(1, STEPS + 1)[:, None] * STEP_S
    waves = np.array([3.0, 4.0, 4.0]) * np.sin(t / np.array([900.0, 5000.0, 3000.0]) + 6.0 * rng.random(3))
    return load, waves + np.array([0.0, 0.0, 3.0])


def thermocouples(made: Built, tuning: ff.Tuning | None = None, count: int = len(PLACES)) -> ff.Sensing:
    places = np.array([s.point for s in made.field.sensors])
    rows = np.asarray(KDTree(places).query(np.array(PLACES[:count]))[1])
    return ff.sensing(made.field, [made.field.sensors[int(r)].name for r in rows], tuning)


def full_truth(job: Job, made: Built) -> Callable[[Array, Array, Array], Array]:
    """(factors, loads, behind) -> true rise (STEPS, n) at the Field's nodes."""
    from dataclasses import replace

    _, plant = full_model(replace(job, fineness=TRUE_MESH))
    rows = np.asarray(KDTree(plant.points.T).query(made.full.points.T)[1])

    def truth(factor: Array, load: Array, behind: Array) -> Array:
        step = full_step(plant, NOMINAL * factor[1:], 0.5 * STEP_S, float(factor[0]))
        rise, found = np.zeros(plant.size), np.empty((STEPS, len(rows)))
        for k in range(STEPS):
            for _ in range(2):
                rise = step(rise, load[k], behind[k])
            found[k] = rise[rows]
        return found

    return truth


def reduced_truth(made: Built) -> Callable[[Array, Array, Array], Array]:
    """The Field itself with other constants: for tuning, and as the inverse crime."""

    def truth(factor: Array, load: Array, behind: Array) -> Array:
        f, film = made.field, NOMINAL * factor[1:]
        slow = factor[0] * f.conduction + np.tensordot(film, f.films, 1)
        hold = np.linalg.inv(np.eye(len(slow)) + 0.5 * STEP_S * slow)
        amount, found = np.zeros(len(slow)), []
        for q, t in zip(load, behind, strict=True):
            for _ in range(2):
                amount = hold @ (amount + 0.5 * STEP_S * (f.loads @ q + f.behind @ (film * t)))
            found.append(amount)
        return np.array(found) @ made.basis.T

    return truth


def judge(
    name: str, made: Built, s: ff.Sensing, rise: Array, load: Array, behind: Array, seed: int, stress: StressTruth | None
) -> Case:
    """Filter, static fit and open loop (the loads given, the nominal model) against one true history."""
    by, basis = stepper(made.field, NOMINAL, STEP_S), made.basis
    place = {p.name: p.point for p in made.field.sensors}
    rows = np.asarray(KDTree(made.full.points.T).query([place[n] for n in s.names])[1])
    reading = rise[:, rows] + NOISE_K * np.random.default_rng((seed, 9)).normal(size=(STEPS, len(s.names)))
    belief, open_loop = ff.init(s, s.field.made.reference_K), np.zeros(basis.shape[1])
    sums, worst, ratio, heat, told = np.zeros(4), np.zeros(2), [], [], []
    for k in range(STEPS):
        belief = ff.step(s, belief, by, np.zeros(3), behind[k], reading[k])
        open_loop = _open(by, open_loop, load[k], behind[k])
        ratio.append(ff.fits(belief)[1])
        heat.append(belief.mean[s.modes : s.modes + 3] - load[k])
        if k >= LATER and k % 2 == 0:
            off = basis @ belief.mean[: s.modes] - rise[k]
            flat = basis @ ff.static_fit(s, NOMINAL, behind[k], reading[k]) - rise[k]
            inside = np.abs(off) <= ff.Z90 * ff.temperature_sd(s, belief, basis)
            sums += (np.mean(off**2), inside.mean(), np.mean(flat**2), np.mean((basis @ open_loop - rise[k]) ** 2))
            worst = np.maximum(worst, (np.abs(off).max(), np.abs(flat).max()))
        if stress is not None and k in stress.instants:
            told.append(stress.compare(s, belief, rise[k]))
    mean = sums / len(range(LATER, STEPS, 2))
    found = np.mean([t[:2] for t in told], axis=0) if told else (None, None)
    return Case(
        name, float(np.sqrt(mean[0])), float(mean[1]), float(worst[0]), float(np.ptp(rise)), float(np.sqrt(mean[2])),
        float(worst[1]),
        float(np.sqrt(mean[3])), tuple(np.sqrt(np.mean(np.square(heat[LATER:]), axis=0)).round(1).tolist()),
        None if found[0] is None else float(np.sqrt(found[0])), max((t[2] for t in told), default=None),
        None if found[1] is None else float(found[1]), float(np.nanmax(ratio)),
    )  # fmt: skip


def _open(by: Stepper, amount: Array, load: Array, behind: Array) -> Array:
    return by.hold @ amount + by.heat @ load + by.behind @ behind


class StressTruth:
    """The full elastic model of a job, asked at a few instants."""

    def __init__(self, job: Job, made: Built, instants: tuple[int, ...] = (95, 195, 295)) -> None:
        self.instants = instants
        self.body = elastic_mesh(job)
        self.stand = standing(self.body, solid(job.material).elastic, Joint(surfaces(job.shape, self.body)["flange"], JOINT_N_M3))
        vertices = np.unique(np.asarray(self.body.facets)[:, self.body.boundary_facets()])
        hot = KDTree(np.asarray(self.body.p)[:, vertices].T).query([h.point for h in made.field.hot_spots])[1]
        self.vertices, self.points = vertices[hot], made.full.points

    def compare(self, s: ff.Sensing, belief: ff.FieldBelief, rise: Array) -> tuple[float, float, float]:
        """Mean squared error, share inside the 90 % band, largest absolute component, of all hot spots' components [MPa]."""
        at = taken_over(self.points, self.body, rise[:, None])
        u = elastic_answers(self.stand, at, np.zeros((self.stand.body.unknowns, 0)))
        true = stress_modes(self.stand, u, at, self.vertices)[:, :, 0].T
        ours = s.field.hot[:, :, : s.modes] @ belief.mean[: s.modes]
        off = ours - true
        inside = np.abs(off) <= ff.Z90 * ff.stress_sd(s, belief, s.field.hot)
        return float(np.mean(off**2)) / 1e12, float(inside.mean()), float(np.abs(true).max()) / 1e6


def tuning_cases(job: Job, made: Built, tuning: ff.Tuning, count: int = 6, sensors: int = len(PLACES)) -> list[Case]:
    """What the tuning was set on: other factors and other histories of the full model."""
    truth, found = full_truth(job, made), []
    for seed in range(count):
        factor = 1.0 + np.random.default_rng((seed, 4)).uniform(-0.25, 0.25, 4)
        load, behind = history(1000 + seed)
        s = thermocouples(made, tuning, sensors)
        found.append(judge(f"tuning {seed}", made, s, truth(factor, load, behind), load, behind, 1000 + seed, None))
    return found


def run(job: Job, made: Built, told: Callable[[str], None] = lambda _t: None, sensors: int = len(PLACES)) -> dict[str, object]:
    """Every judged case and what they come to."""
    truth, stress, s = full_truth(job, made), StressTruth(job, made), thermocouples(made, None, sensors)
    cases = []
    for seed, (name, factor) in enumerate(judged().items()):
        told(name)
        load, behind = history(seed)
        cases.append(judge(name, made, s, truth(factor, load, behind), load, behind, seed, stress))
    load, behind = history(99)
    crime = judge("plant = model", made, s, reduced_truth(made)(np.ones(4), load, behind), load, behind, 99, None)
    pooled = lambda key: float(np.sqrt(np.mean([getattr(c, key) ** 2 for c in cases])))  # noqa: E731
    return {
        "rmse_k": pooled("rmse_K"),
        "rmse_k_worst_case": max(c.rmse_K for c in cases),
        "coverage90": float(np.mean([c.coverage90 for c in cases])),
        "coverage90_range": [min(c.coverage90 for c in cases), max(c.coverage90 for c in cases)],
        "worst_k": max(c.worst_K for c in cases),
        "range_k": [min(c.range_K for c in cases), max(c.range_K for c in cases)],
        "static_rmse_k": pooled("static_rmse_K"),
        "static_worst_k": max(c.static_worst_K for c in cases),
        "open_loop_rmse_k": pooled("open_loop_rmse_K"),
        "stress_rmse_mpa": pooled("stress_rmse_MPa"),
        "stress_range_mpa": max(c.stress_range_MPa or 0.0 for c in cases),
        "stress_coverage90": float(np.mean([c.stress_coverage90 for c in cases])),
        "thermocouples": len(s.names),
        "inverse_crime_rmse_k": crime.rmse_K,
        "cases": [asdict(c) for c in cases],
    }
