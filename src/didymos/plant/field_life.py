"""Fatigue of a Field's hot spots as a failure mode of the machine: a Life, its share in the reasons, a finding.

    verdict = with_fatigue(plant, fields, asset, verdict)        the verdict of the lumped model, and the fields' beside it

The mode is "<component>_fatigue". Its Life is that of the hot spot that is worst off (most damage at the horizon if the load goes
on): all spots share the scatter of the material, so that a minimum over spots taken as independent would be too short. The other
modes are taken as independent of it: 1 - (1 - p) (1 - p_fatigue).
In the reasons it has the share w = p_fatigue / (p_fatigue + p_of_the_rest) of the risk within the horizon, and the evidence for the
rest 1 - w; its sentence goes first once it is the larger half. Without damage its share is 0 and its text says how far from it.
Verified: tests/plant/test_field_life.py.
"""

from __future__ import annotations

from dataclasses import replace
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from didymos.core.estimate import Evidence, Life, Snapshot, Why
from didymos.core.model import Model
from didymos.decide.alerts import Finding
from didymos.infer import field_filter
from didymos.infer.damage import FEWEST, life_of_spot, per_hour
from didymos.infer.life import life_of
from didymos.infer.plain import plain, plain_chance, plain_time
from didymos.plant.config import Asset, Plant
from didymos.plant.field_memory import Bound, FieldMemory, hot
from didymos.plant.fields import Fields, so_far, used
from didymos.plant.judge import HORIZON_S, SEED, Verdict, seconds_to_stop

Array = NDArray[np.float64]
FATIGUE = "_fatigue"
NEXT_TO_NONE = 1e-6


def with_fatigue(plant: Plant, fields: Fields, asset: Asset, model: Model, verdict: Verdict) -> Verdict:
    """Of an asset without fields, or before their first step: the verdict itself."""
    for bound in fields.bound.get(asset.id, ()):
        memory = fields.memory.get(bound.key)
        if memory is not None:
            verdict = _with(plant, asset, model, bound, memory, verdict)
    return verdict


def _with(plant: Plant, asset: Asset, model: Model, b: Bound, m: FieldMemory, verdict: Verdict) -> Verdict:
    snapshot, damage = verdict.snapshot, so_far(b, m)
    worst = worst_off(damage, m.damage.rates, used(b, m))
    life = life_of_field(b, m, worst, float(damage[worst]))
    text = reason(model, b, m, worst, damage)
    stop_s = seconds_to_stop(plant, snapshot.time_ns)
    within_s = stop_s if stop_s is not None else HORIZON_S
    chance = life.probability(within_s)
    told = combined(snapshot, life, text, stop_s)
    cost = chance * asset.consequence_cost
    finding = Finding(
        life.mode, b.binding.component, cost / plant.case_cost, chance, cost, snapshot.next_stop_ns,
        f"{life.title}: {text}; {plain_chance(chance)} chance that it fails within {plain_time(within_s)}.",
        f"Look for cracks at {hot(b.field)[worst].title.lower()}; lower the load until then", "", told.why.evidence,
    )  # fmt: skip
    found = () if life.withheld is not None else (finding,)
    return replace(verdict, snapshot=told, findings=(*verdict.findings, *found))


def worst_off(damage: Array, rates: Array, share: Array) -> int:
    """The hot spot with most damage at the horizon; while none has any, the one nearest to its endurance limit."""
    known = np.isfinite(rates)
    rate = np.where(known, rates, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    ends = np.nan_to_num(damage, posinf=1e300) + rate * HORIZON_S
    return int(np.lexsort((share, ends))[-1])


def life_of_field(b: Bound, m: FieldMemory, worst: int, damage: float) -> Life:
    mode = f"{b.binding.component}{FATIGUE}"
    title = f"{b.field.title} cracked"
    rates = m.damage.rates[worst]
    if doubt := doubtful(m):
        return Life(mode, title, withheld=doubt)
    known = rates[np.isfinite(rates)]
    if len(known) >= FEWEST and damage + HORIZON_S * known.max() < NEXT_TO_NONE:
        return life_of(mode, title, np.full(1, np.inf), HORIZON_S)  # no scatter of a material brings that to an end
    spot = replace(hot(b.field)[worst], name=mode, title=title)
    return life_of_spot(spot, damage, rates, HORIZON_S, SEED ^ crc32(b.key.encode()), m.damage.full_s)


def doubtful(m: FieldMemory) -> str:
    """Why the field is not to be relied on now; empty when it is."""
    if m.beyond:
        return f"the field is used outside what it was made for: {m.beyond[0]}"
    good, ratio = field_filter.fits(m.belief)
    return "" if good else f"the field does not fit its thermocouples: squared innovations {ratio:.1f} times what they should be"


def reason(model: Model, b: Bound, m: FieldMemory, worst: int, damage: Array) -> str:
    """What the worst spot has come to, in words: its share of all damage, its speed, and the load of its highest stress."""
    spot, share = hot(b.field)[worst], float(used(b, m)[worst])
    limit = f"the largest stress cycle reached {share:.0%} of the endurance limit"
    highest = f"highest stress {1e-6 * m.worst[worst]:.0f} MPa{_under(model, m.worst_at[worst])}"
    total = float(damage.sum())
    if total < NEXT_TO_NONE:
        return f"{spot.title}: next to no fatigue damage ({total:.1g} of 1 at all hot spots together); {limit}; {highest}"
    rate, low, high = per_hour(m.damage.rates[worst])
    speed = f", {rate:.2g} [{low:.2g} to {high:.2g}] an hour" if np.isfinite(rate) else ""
    part = f"{plain_chance(float(damage[worst] / total))} of the damage at {len(damage)} hot spots" if np.isfinite(total) else limit
    return f"{spot.title}: fatigue damage {damage[worst]:.2g} of 1{speed}; {part}; {limit}; {highest}"


def _under(model: Model, inputs: Array) -> str:
    """The machine's inputs when it was; nothing of those that nobody knows."""
    told = [f"{c.title.lower()} {plain(float(v), c.unit)}" for c, v in zip(model.inputs, inputs, strict=True) if np.isfinite(v)][:2]
    return f" at {' and '.join(told)}" if told else ""


def combined(snapshot: Snapshot, life: Life, text: str, stop_s: float | None) -> Snapshot:
    """The snapshot with this mode: Life, chances, evidence and reason."""
    mine = life.probability(HORIZON_S)
    rest = snapshot.p_fail_30d if snapshot.p_fail_30d is not None else 0.0
    share = mine / (mine + rest) if mine > 0.0 else 0.0
    both = lambda p, q: p if p is None or q == 0.0 else 1.0 - (1.0 - p) * (1.0 - q)  # noqa: E731
    before = life.probability(stop_s) if stop_s is not None else 0.0
    return replace(
        snapshot, life=(*snapshot.life, life), why=with_reason(snapshot.why, life, mine, share, text, stop_s),
        p_fail_30d=both(snapshot.p_fail_30d, mine), p_fail_next_stop=both(snapshot.p_fail_next_stop, before),
    )  # fmt: skip


def with_reason(why: Why, life: Life, mine: float, share: float, text: str, stop_s: float | None) -> Why:
    """Weights and probabilities sum to 1 as before; the sentence is this mode's when its share is the larger half."""
    link = life.mode
    others = tuple(replace(e, weight=(1.0 - share) * e.weight) for e in why.evidence)
    mine_of = Evidence("life", text, share, link)
    first = share > 0.5
    evidence = (mine_of, *others) if first else (*others, mine_of)
    modes = tuple(sorted([*((name, (1.0 - mine) * p) for name, p in why.modes), (link, mine)], key=lambda m: -m[1]))
    if life.withheld is not None:
        modes = why.modes
    if not first:
        return Why(why.sentence, evidence, modes)
    at_s = stop_s if stop_s is not None else HORIZON_S
    when = "before the planned stop" if stop_s is not None else "within the horizon"
    urgency = f"{plain_chance(life.probability(at_s))} chance that it fails {when} in {plain_time(at_s)}"
    return Why(f"{life.title}: {plain_chance(share)} of the risk, because {text}; {urgency}.", evidence, modes)
