"""The JSON shapes of the API, as frozen values, and how each is made from the read model. Times leave as epoch ms.

Field names are the contract; units are SI and named by `unit`.
"""

from __future__ import annotations

from dataclasses import dataclass

from didymos.core.case import Case
from didymos.core.clock import iso
from didymos.core.estimate import Estimate, Evidence, Fidelity, Life, ParameterEstimate, SensorStatus, Snapshot, Validity
from didymos.service.context import MS_NS, Context
from didymos.service.field_view import FieldState, field_states
from didymos.service.read_model import AssetView, ChannelView


@dataclass(frozen=True, slots=True)
class DeviationRow:
    """The sensor furthest from the twin, in standard deviations of the whitened residual, signed."""

    channel: str
    title: str
    sigma: float


@dataclass(frozen=True, slots=True)
class LifeRow:
    """One failure mode. `p_fail` [[seconds from now, probability], ...]; a quantile is null beyond the horizon."""

    mode: str
    title: str
    quantiles_s: dict[str, float | None]
    p_fail: list[tuple[float, float]]
    withheld: str | None
    p_fail_next_stop: float | None


@dataclass(frozen=True, slots=True)
class WorstLife:
    """The mode that matters most now. `horizon_s`: how far the curve was computed."""

    mode: str
    title: str
    quantiles_s: dict[str, float | None]
    horizon_s: float


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One suspected failure, from evidence to verdict."""

    id: str
    asset: str
    mode: str
    component: str
    state: str
    priority: int
    opened: int
    changed: int
    sentence: str
    action: str
    spare: str
    p_fail: float
    next_stop: int | None
    expected_cost: float
    verdict: str | None
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class AssetRow:
    """One line of the fleet. `status` after NAMUR NE 107: F, C, S, M or ok. `stale`: too old, or never heard of. `fidelity`: how
    well the twin mirrors its machine, with its parts; null while it is being commissioned, and without a model."""

    id: str
    name: str
    path: str
    model: str
    model_title: str
    status: str
    validity: Validity
    p_fail_30d: float | None
    p_fail_next_stop: float | None
    deviation: DeviationRow | None
    life: WorstLife | None
    withheld: str | None
    priority: int
    case: CaseRow | None
    running: bool
    time: int | None
    stale: bool
    fidelity: Fidelity | None


@dataclass(frozen=True, slots=True)
class ComponentRow:
    """A fitted part; `since` and `running_s` are its survival clock, null until the worker has said it."""

    id: str
    title: str
    part: str
    serial: str
    since: int | None
    running_s: float | None


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A step in what the machine does that is not wear. `explained`: work order, event or verdict; "" while nobody has said."""

    id: str
    kind: str
    time: int
    found: int
    text: str
    candidates: dict[str, float]
    sensor: str
    explained: str


@dataclass(frozen=True, slots=True)
class AssetDetail(AssetRow):
    """A line of the fleet and everything else the twin says about that machine now."""

    consequence_cost: float
    currency: str
    next_stop: int | None
    model_version: str
    belief: tuple[Estimate, ...]
    parameters: tuple[ParameterEstimate, ...]
    components: list[ComponentRow]
    channels: tuple[ChannelView, ...]
    fields: list[FieldState]
    sensors: tuple[SensorStatus, ...]
    changes: list[ChangeRow]


@dataclass(frozen=True, slots=True)
class ModeRow:
    mode: str
    probability: float


@dataclass(frozen=True, slots=True)
class WhyRow:
    sentence: str
    evidence: tuple[Evidence, ...]
    modes: list[ModeRow]


NO_DATA = Validity(False, 0.0, "C", "No estimate yet: the worker has not published this asset.")


def case_row(case: Case) -> CaseRow:
    stop = None if case.next_stop_ns is None else case.next_stop_ns // MS_NS
    return CaseRow(
        case.id, case.asset, case.mode, case.component, case.state, case.priority, case.opened_ns // MS_NS,
        case.changed_ns // MS_NS, case.sentence, case.action, case.spare, case.p_fail_next_stop,
        stop, case.expected_cost, case.verdict, case.evidence,
    )  # fmt: skip


def furthest(estimates: tuple[Estimate, ...]) -> DeviationRow | None:
    """The sensor with the largest |residual|, None where no sensor has one."""
    known = [each for each in estimates if each.kind == "sensor" and each.residual_sigma is not None]
    worst = max(known, key=lambda each: abs(each.residual_sigma or 0.0), default=None)
    return worst and DeviationRow(worst.channel, worst.title, worst.residual_sigma or 0.0)


def stop_horizon_s(snapshot: Snapshot) -> float | None:
    """Seconds from the snapshot to the next planned stop."""
    return None if snapshot.next_stop_ns is None else (snapshot.next_stop_ns - snapshot.time_ns) / 1e9


def life_row(life: Life, horizon_s: float | None) -> LifeRow:
    chance = None if horizon_s is None or life.withheld else life.probability(horizon_s)
    quantiles = {f"{level:g}": value for level, value in life.quantiles_s}
    return LifeRow(life.mode, life.title, quantiles, list(life.p_fail), life.withheld, chance)


def worst_life(snapshot: Snapshot) -> LifeRow | None:
    """The mode most likely to fail before the next stop; among equals the one with the shortest median. None = all withheld."""
    rows = [life_row(each, stop_horizon_s(snapshot)) for each in snapshot.life if each.withheld is None]
    rows.sort(key=lambda row: (-(row.p_fail_next_stop or 0.0), row.quantiles_s.get("0.5") or float("inf")))
    return rows[0] if rows else None


def is_stale(context: Context, snapshot: Snapshot | None) -> bool:
    """Older than the plant's `stale_s`, or never heard of."""
    return snapshot is None or context.clock.now_ns() - snapshot.time_ns > context.plant.stale_s * 1e9


def asset_row(context: Context, asset: AssetView) -> AssetRow:
    cases = context.model.active_cases(asset.id)
    case = case_row(cases[0]) if cases else None
    snapshot = context.model.snapshots.get(asset.id)
    name, path, out = _by_lifecycle(context, asset)
    who = (asset.id, name, path, asset.model, asset.model_title)
    priority = case.priority if case else 0
    if out is not None:
        return AssetRow(*who, out.status, out, None, None, None, None, out.reason, priority, case, False, None, False, None)
    if snapshot is None:
        return AssetRow(*who, NO_DATA.status, NO_DATA, None, None, None, None, None, priority, case, False, None, True, None)
    life = worst_life(snapshot)
    shown = life and WorstLife(life.mode, life.title, life.quantiles_s, max((t for t, _ in life.p_fail), default=0.0))
    withheld = None if life else next((each.withheld for each in snapshot.life), "no failure mode configured")
    return AssetRow(
        *who, snapshot.validity.status, snapshot.validity, snapshot.p_fail_30d, snapshot.p_fail_next_stop,
        furthest(snapshot.estimates), shown, withheld, priority, case, snapshot.running, snapshot.time_ns // MS_NS,
        is_stale(context, snapshot), snapshot.fidelity,
    )  # fmt: skip


def _by_lifecycle(context: Context, asset: AssetView) -> tuple[str, str, Validity | None]:
    """(name, path) as they are now, and what is said instead of an estimate when the machine is out of service."""
    life, now = context.model.lives.get(asset.id), context.clock.now_ns()
    if life is None:
        return asset.name, asset.path, None
    gone = life.out_of_service(now)
    reason = f"Decommissioned since {iso(gone.time_ns)}: no live estimate." if gone is not None else ""
    return life.name_at(now), life.path_at(now), Validity(False, 0.0, "C", reason) if gone is not None else None


def live_snapshot(context: Context, asset: AssetView) -> Snapshot | None:
    """The newest one; None while there is none, and for a machine that is out of service."""
    return context.model.snapshots.get(asset.id) if _by_lifecycle(context, asset)[2] is None else None


def component_rows(asset: AssetView, snapshot: Snapshot | None) -> list[ComponentRow]:
    """What is mounted now: the worker knows of exchanges; until it has spoken, the configuration."""
    if snapshot is None or not snapshot.components:
        return [ComponentRow(each.id, each.id.replace("_", " "), each.part, each.serial, None, None) for each in asset.components]
    return [ComponentRow(c.id, c.title, c.part, c.serial, c.since_ns // MS_NS, c.running_s) for c in snapshot.components]


def change_rows(snapshot: Snapshot | None) -> list[ChangeRow]:
    return [
        ChangeRow(
            c.id, c.kind, c.time_ns // MS_NS, c.found_ns // MS_NS, c.text, dict(c.candidates), c.sensor, c.explained
        )
        for c in (snapshot.changes if snapshot else ())
    ]  # fmt: skip


def asset_detail(context: Context, asset: AssetView) -> AssetDetail:
    row = asset_row(context, asset)
    snapshot = live_snapshot(context, asset)
    stop = context.plant.calendar.next_stop(context.clock.now_ns())
    return AssetDetail(
        **{name: getattr(row, name) for name in AssetRow.__dataclass_fields__},
        consequence_cost=asset.consequence_cost,
        currency=context.plant.currency,
        next_stop=None if stop is None else stop // MS_NS,
        model_version=snapshot.model_version if snapshot else "",
        belief=snapshot.estimates if snapshot else (),
        parameters=snapshot.parameters if snapshot else (),
        components=component_rows(asset, snapshot),
        channels=asset.channels,
        fields=field_states(context, asset.id, _by_lifecycle(context, asset)[2]),
        sensors=snapshot.sensors if snapshot else (),
        changes=change_rows(snapshot),
    )
