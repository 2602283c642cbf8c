"""GET history/rollup: one channel over every machine below a level of the plant, weighted by time; GET history/state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from didymos.core.channel import channel_id
from didymos.service.context import MS_NS, Context, With, channel_units, json_answer, span_ns
from didymos.service.problem import Problem, unknown
from didymos.service.routes.history import Moment, Points, dropped

router = APIRouter(tags=["history"])


@dataclass(frozen=True, slots=True)
class RollupRows:
    """rows: [[time ms, value, worst quality, machines known, seconds known]], unit SI; buckets from a minute on are whole minutes.
    channels: those that were taken together."""

    path: str
    channel: str
    how: str
    unit: str
    channels: list[str]
    start: int
    end: int
    rows: list[tuple[int, float, int, int, float]]
    dropped: list[tuple[int, int, str]]


@dataclass(frozen=True, slots=True)
class HistoryState:
    """state: ok, over_budget, disk_full, unwritable. text: what it cannot do now and what to do. lost: what is gone for good."""

    state: str
    text: str
    bytes: int
    budget_bytes: int
    dropped_samples: list[int]
    dropped_minutes: list[int]
    lost: list[str]


@router.get("/history/rollup", response_model=RollupRows)
async def rollup(
    context: With,
    channel: Annotated[str, Query(description="A channel's name, such as power")],
    path: Annotated[str, Query(max_length=500, description="Site, Site/Area or Site/Area/Line; empty: the plant")] = "",
    how: Literal["sum", "mean", "min", "max"] = "sum",
    start: Moment = None,
    end: Moment = None,
    points: Points = 600,
) -> Response:
    """Sum, mean, min or max over the machines of their time-weighted means."""
    channels, unit = below(context, path.strip("/"), channel)
    first, last = span_ns(context, start, end)
    rows = await context.history.rollup(channels, how, first, last, points)
    shown = [(time_ns // MS_NS, value, quality, known, seconds) for time_ns, value, quality, known, seconds in rows]
    gone = await dropped(context, first, last)
    return json_answer(RollupRows(path, channel, how, unit, channels, first // MS_NS, last // MS_NS, shown, gone))


def below(context: Context, path: str, channel: str) -> tuple[list[str], str]:
    """(full channel ids, their unit) of the machines below `path` that have `channel`. Problem 404 where there are none, 409 where
    their units differ."""
    assets = [a for a in context.plant.assets if not path or f"{a.path.strip('/')}/".startswith(f"{path}/")]
    if not assets:
        levels = sorted({"/".join(a.path.strip("/").split("/")[:n]) for a in context.plant.assets for n in (1, 2, 3)})
        raise unknown("level of the plant", path, levels, "Take a path, or a beginning of it, from GET /api/v1/assets.")
    units = {asset.id: channel_units(context, asset) for asset in assets}
    found = {id: known[channel] for id, known in units.items() if channel in known}
    if not found:
        known = sorted({name for each in units.values() for name in each})
        raise unknown("channel below this level", channel, known, "Take a name without its machine, such as power.")
    if len(set(found.values())) > 1:
        given = ", ".join(f"{channel_id(id, channel)} in {unit}" for id, unit in list(found.items())[:8])
        todo = "Ask for a level whose machines agree, or give them one unit in plant.toml."
        raise Problem(409, "Units differ", f"channel {channel!r} below {path or 'the plant'}", given, "one unit", todo)
    return [channel_id(id, channel) for id in found], next(iter(found.values()))


@router.get("/history/state", response_model=HistoryState)
async def state(context: With) -> Response:
    """How history stands: what it takes, what it dropped, and what it cannot do now."""
    return json_answer(await context.history.state())
