"""GET history and assets/{id}/twin: what was measured, and what the twin said then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from didymos.core.channel import channel_id
from didymos.formats.wire import unpack
from didymos.service.context import LAST_MS, MS_NS, Context, With, channel_units, find_asset, find_channel, json_answer, span_ns
from didymos.service.problem import unknown

router = APIRouter(tags=["history"])
Moment = Annotated[int | None, Query(ge=0, le=LAST_MS, description="Epoch milliseconds")]
Points = Annotated[int, Query(ge=1, le=10_000, description="Most rows in the answer")]


@dataclass(frozen=True, slots=True)
class HistoryRows:
    """rows: [[time ms, min, mean, max, worst quality]], unit SI. dropped: [[start ms, end ms, minutes | hours | nothing]], where
    samples are no longer kept and rows come from what is named, with quality 1 or worse."""

    channel: str
    unit: str
    start: int
    end: int
    rows: list[tuple[int, float, float, float, int]]
    dropped: list[tuple[int, int, str]]


@dataclass(frozen=True, slots=True)
class TwinRows:
    """rows: [[time ms, value, low, high]]: the twin's estimate and its 95 % band, unit SI."""

    channel: str
    unit: str
    start: int
    end: int
    rows: list[tuple[int, float | None, float | None, float | None]]


@dataclass(frozen=True, slots=True)
class _Said:
    """One channel of a stored snapshot; the rest of the snapshot is left undecoded."""

    channel: str
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class _Moment:
    time_ns: int
    estimates: tuple[_Said, ...]


@router.get("/history", response_model=HistoryRows)
async def history(
    context: With, channel: str, start: Moment = None, end: Moment = None, points: Points = 600, as_of: Moment = None
) -> Response:
    """Measured samples in at most `points` equal buckets; with `as_of` only what was known then. Empty buckets are left out."""
    asset, name, unit = find_channel(context, channel)
    first, last = span_ns(context, start, end)
    known = None if as_of is None else as_of * MS_NS
    rows = await context.history.buckets(channel_id(asset.id, name), first, last, points, known)
    shown = [(time_ns // MS_NS, low, mean, high, quality) for time_ns, low, mean, high, quality in rows]
    return json_answer(HistoryRows(channel, unit, first // MS_NS, last // MS_NS, shown, await dropped(context, first, last)))


async def dropped(context: Context, start_ns: int, end_ns: int) -> list[tuple[int, int, str]]:
    return [(first // MS_NS, last // MS_NS, tier) for first, last, tier in await context.history.held(start_ns, end_ns)]


@router.get("/assets/{asset_id}/twin", response_model=TwinRows)
async def twin(
    context: With, asset_id: str, channel: str, start: Moment = None, end: Moment = None, points: Points = 600
) -> Response:
    """What the twin believed of one channel at each stored snapshot: never recomputed with later knowledge."""
    asset = find_asset(context, asset_id)
    units = channel_units(context, asset)
    if channel not in units:
        raise unknown("channel", channel, list(units), f"Take a channel from GET /api/v1/assets/{asset_id}.")
    first, last = span_ns(context, start, end)
    stored = [unpack(_Moment, data) for data in await context.history.snapshots(asset.id, first, last)]
    rows = [
        (moment.time_ns // MS_NS, said.value, said.low, said.high)
        for moment in stored
        for said in moment.estimates
        if said.channel == channel
    ]
    return json_answer(TwinRows(channel, units[channel], first // MS_NS, last // MS_NS, thinned(rows, points)))


def thinned(
    rows: list[tuple[int, float | None, float | None, float | None]], points: int
) -> list[tuple[int, float | None, float | None, float | None]]:
    """At most `points` rows: of each run of neighbours the last value, the lowest low and the highest high."""
    if len(rows) <= points:
        return rows
    size = -(-len(rows) // points)
    runs = [rows[at : at + size] for at in range(0, len(rows), size)]
    return [
        (
            run[-1][0],
            run[-1][1],
            min((row[2] for row in run if row[2] is not None), default=None),
            max((row[3] for row in run if row[3] is not None), default=None),
        )
        for run in runs
    ]
