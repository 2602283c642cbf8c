"""Fatigue of hot spots as a failure mode: counted as the batch computation counts, in Life, reasons and findings with its share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from didymos.assets import ASSETS
from didymos.core.estimate import Evidence, Life, Snapshot, Validity, Why
from didymos.infer import damage as miner
from didymos.numerics.fatigue import rainflow
from didymos.plant.field_life import NEXT_TO_NONE, combined, life_of_field, with_fatigue, worst_off
from didymos.plant.field_memory import Given, advance, bind, hot
from didymos.plant.fields import Fields, so_far, used
from didymos.plant.judge import Verdict
from didymos.plant.loop import Loop
from tests.plant.test_fields import housing, plant_of, said, stream  # noqa: F401

STEP_NS = 300 * 10**9
HEAVY_N = 2.4e6  # no spindle has it: the housing is that much stronger than its loads
NAMES = [i.name for i in ASSETS["spindle"].inputs]


def snapshot(p: float | None = 0.02) -> Snapshot:
    why = Why("No failure mode stands out.", (Evidence("level", "all is well", 1.0),), (("none", 0.9), ("lubrication", 0.1)))
    nothing = np.zeros(0)
    return Snapshot(
        "sp-01", 10**18, 7, "spindle", "1", nothing, nothing, (), (), Validity(True, 1.0, "ok", ""), (), why, p, p, None
    )  # fmt: skip


def driven(plant, force_N, steps: int, seed: int = 3):
    """(bound, memory, stress (steps, H)) of a housing whose bearing forces swing at random up to `force_N`, at one temperature."""
    b = bind("sp-01", plant.assets[0].fields[0])
    rng, memory, stress = np.random.default_rng(seed), None, []
    names = [i.name for i in b.field.inputs]
    for k in range(1, steps + 1):
        value = dict.fromkeys(names, 0.0) | {n: 293.15 for n in names if n.endswith("temperature")}
        value |= {"coolant_film": 400.0, "air_film": 12.0, "flange_conductance": 1500.0}
        front = force_N * float(rng.random()) * (k % 2)
        value |= {"front_force": front, "rear_force": front / 3.0}
        inputs = np.array([value[n] for n in names])
        memory = advance(b, memory, Given(inputs, np.array([293.15]), np.array([628.3, front, 298.15, 32e-6])), k, STEP_NS)
        stress.append(memory.stress)
    return b, memory, np.array(stress)


@pytest.fixture(scope="module")
def heavy(housing):  # noqa: F811
    return driven(plant_of(housing), HEAVY_N, 400)


def test_damage_under_a_heavy_load_equals_the_batch_rainflow_and_miner_computation(heavy):
    b, memory, stress = heavy
    state, closed = rainflow.step(rainflow.init(len(stress.T), memory.flow.gate), np.ascontiguousarray(stress.T))
    batch = miner.of_cycles(hot(b.field), rainflow.joined(closed, rainflow.residue(state)))
    np.testing.assert_allclose(so_far(b, memory), batch, rtol=1e-9)
    assert batch.max() > 1e-4
    assert used(b, memory).max() > 1.0
    assert np.allclose(memory.worst, stress[np.abs(stress).argmax(axis=0), range(len(stress.T))])


def test_it_is_in_life_reasons_and_findings_with_its_share(heavy, housing):  # noqa: F811
    b, memory, _ = heavy
    plant = plant_of(housing)
    fields = Fields(plant.assets, Loop(plant).grid)
    fields.memory[b.key] = memory
    given = Verdict(snapshot(), ())
    found = with_fatigue(plant, fields, plant.assets[0], ASSETS["spindle"], given)
    life = found.snapshot.life[-1]
    assert (life.mode, life.withheld) == ("housing_fatigue", None)
    chance = life.probability(30 * 86_400.0)
    assert chance > 0.5
    evidence = {e.link: e for e in found.snapshot.why.evidence}["housing_fatigue"]
    assert evidence.weight == pytest.approx(chance / (chance + 0.02))
    assert sum(e.weight for e in found.snapshot.why.evidence) == pytest.approx(1.0)
    assert sum(p for _, p in found.snapshot.why.modes) == pytest.approx(1.0)
    worst = worst_off(so_far(b, memory), memory.damage.rates, used(b, memory))
    title = hot(b.field)[worst].title
    assert title in found.snapshot.why.sentence
    assert "of the damage at 3 hot spots" in evidence.text
    assert "spindle speed 6000 rpm and radial load at the nose" in evidence.text
    assert found.snapshot.p_fail_30d == pytest.approx(1.0 - 0.98 * (1.0 - chance))
    (finding,) = found.findings
    assert (finding.mode, finding.component, finding.p_fail_next_stop) == ("housing_fatigue", "housing", pytest.approx(chance))
    assert title.lower() in finding.action


def test_the_demos_stresses_damage_nothing_and_the_reason_says_how_far_they_are_from_it(housing):  # noqa: F811
    plant = plant_of(housing)
    b, memory, _ = driven(plant, 4_000.0, 120)
    fields = Fields(plant.assets, Loop(plant).grid)
    fields.memory[b.key] = memory
    found = with_fatigue(plant, fields, plant.assets[0], ASSETS["spindle"], Verdict(snapshot(), ()))
    life, (finding,) = found.snapshot.life[-1], found.findings
    assert life.withheld is None
    assert life.probability(1e9) == 0.0
    assert (finding.ratio, finding.p_fail_next_stop) == (0.0, 0.0)
    assert found.snapshot.why.sentence == snapshot().why.sentence
    evidence = found.snapshot.why.evidence[-1]
    assert evidence.weight == 0.0
    assert "next to no fatigue damage" in evidence.text
    assert f"reached {used(b, memory).max():.0%} of the endurance limit" in evidence.text
    assert found.snapshot.p_fail_30d == 0.02


def test_a_shortcut_without_draws_says_what_the_draws_say(housing):  # noqa: F811
    b, memory, _ = driven(plant_of(housing), 4_000.0, 120)
    short = life_of_field(b, memory, 0, 0.0)
    rates = np.where(np.isfinite(memory.damage.rates), 0.1 * NEXT_TO_NONE / 2.6e6, np.nan)
    drawn = miner.life_of_spot(hot(b.field)[0], NEXT_TO_NONE, rates[0], 30 * 86_400.0, 1)
    assert short.quantiles_s == drawn.quantiles_s == ((0.1, None), (0.5, None), (0.9, None))
    assert max(p for _, p in drawn.p_fail) == 0.0


def test_a_withheld_life_changes_no_chance_and_opens_nothing(housing):  # noqa: F811
    plant = plant_of(housing)
    b, memory, _ = driven(plant, HEAVY_N, 30)  # less than eight hours
    fields = Fields(plant.assets, Loop(plant).grid)
    fields.memory[b.key] = memory
    found = with_fatigue(plant, fields, plant.assets[0], ASSETS["spindle"], Verdict(snapshot(), ()))
    assert "8 are needed" in (found.snapshot.life[-1].withheld or "")
    assert found.findings == ()
    assert found.snapshot.p_fail_30d == 0.02
    assert found.snapshot.why.modes == snapshot().why.modes


def test_outside_its_box_or_against_its_thermocouples_the_life_is_withheld_with_the_reason(heavy):
    b, memory, _ = heavy
    outside = life_of_field(b, replace(memory, beyond=("front_force 2e+06 N is outside",)), 1, 0.5)
    assert "front_force 2e+06 N" in (outside.withheld or "")
    misfit = replace(memory.belief, nis=np.full(60, 40.0), readings=np.full(60, 4.0))
    assert "does not fit" in (life_of_field(b, replace(memory, belief=misfit), 1, 0.5).withheld or "")


def test_a_snapshot_without_a_chance_of_its_own_gets_none(housing):  # noqa: F811
    life = Life("housing_fatigue", "cracked", ((0.1, 1.0), (0.5, 2.0), (0.9, 3.0)), ((1.0, 0.1), (4e6, 0.9)))
    found = combined(snapshot(None), life, "text", None)
    assert found.p_fail_30d is None
    assert found.why.evidence[0].weight == 1.0


def test_the_live_loop_publishes_it_with_every_snapshot(housing):  # noqa: F811
    from didymos.formats.wire import unpack

    outputs = said(Loop(plant_of(housing)), stream(26))
    shown = [unpack(Snapshot, data) for subject, data, _ in outputs if ".snapshot." in subject]
    assert all(s.life[-1].mode == "housing_fatigue" for s in shown)
    assert all(s.why.evidence[-1].link == "housing_fatigue" for s in shown)
    assert replace(shown[0], life=()).life == ()
