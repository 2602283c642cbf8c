"""What every route needs, handed over as one frozen value, and how text from a request becomes an asset, a channel or a time."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from fastapi import Depends, Request
from starlette.responses import Response

from didymos.core.channel import channel_id
from didymos.core.clock import Clock
from didymos.core.ports import Bus, HistoryClient
from didymos.plant.config import Plant
from didymos.plant.diagnosis import Diagnosis
from didymos.service.problem import Problem, unknown
from didymos.service.read_model import AssetView, PlantView, ReadModel

MS_NS = 1_000_000
LAST_MS = 253_402_300_799_000  # end of the year 9999
_ID = re.compile(r"[a-z0-9._-]{1,128}\Z")


@dataclass(frozen=True, slots=True)
class Context:
    """The service's parts. `token` None = read-only. `examine`: the doctor, and `configured`, where a plant file is known."""

    bus: Bus
    history: HistoryClient
    plant: PlantView
    clock: Clock
    token: str | None
    model: ReadModel
    examine: Callable[[], Awaitable[Diagnosis]] | None = None
    configured: Plant | None = None


def _context(request: Request) -> Context:
    return request.app.state.context


With = Annotated[Context, Depends(_context)]


def json_answer(value: Any, headers: dict[str, str] | None = None) -> Response:
    """JSON in which what is not a number (NaN, infinity) reads null."""
    return Response(msgspec.json.encode(value), headers=headers, media_type="application/json")


def check_text_id(kind: str, text: str) -> str:
    if not _ID.match(text):
        raise Problem(400, f"Not a legal {kind} id", f"{kind} id", repr(text[:200]), "1 to 128 of a-z 0-9 . _ -", "Correct the id.")
    return text


def find_asset(context: Context, asset_id: str) -> AssetView:
    """Problem 400 for an illegal id, 404 for one that the plant file does not have."""
    found = context.plant.asset(check_text_id("asset", asset_id))
    if found is None:
        raise unknown("asset", asset_id, [asset.id for asset in context.plant.assets], "Take an id from GET /api/v1/assets.")
    return found


def find_channel(context: Context, full_id: str) -> tuple[AssetView, str, str]:
    """'cp-01.flow' -> (asset, 'flow', SI unit). Channels that only the twin computes are found in the newest snapshot."""
    asset_id, dot, name = check_text_id("channel", full_id).partition(".")
    if not dot or not name:
        raise Problem(400, "Not a channel id", "channel id", repr(full_id), "<asset>.<channel>", "Write for example pump-03.flow.")
    asset = find_asset(context, asset_id)
    units = channel_units(context, asset)
    if name not in units:
        known = [channel_id(asset_id, each) for each in units]
        raise unknown("channel", full_id, known, f"Take a channel from GET /api/v1/assets/{asset_id}.")
    return asset, name, units[name]


def channel_units(context: Context, asset: AssetView) -> dict[str, str]:
    """Channel name -> SI unit, configured channels first, then those of the newest snapshot."""
    snapshot = context.model.snapshots.get(asset.id)
    found = {channel.name: channel.unit for channel in asset.channels}
    for estimate in snapshot.estimates if snapshot else ():
        found.setdefault(estimate.channel, estimate.unit)
    return found


def span_ns(context: Context, start_ms: int | None, end_ms: int | None, days: float = 7.0) -> tuple[int, int]:
    """[start, end) in ns; end defaults to the plant's now, start to `days` before the end."""
    end = context.clock.now_ns() if end_ms is None else end_ms * MS_NS
    start = end - int(days * 86_400e9) if start_ms is None else start_ms * MS_NS
    if start >= end:
        given = f"start={start // MS_NS} end={end // MS_NS}"
        raise Problem(
            400, "The period is empty", "period", given, "start < end, both epoch milliseconds", "Exchange or correct them."
        )
    return start, end


def page_of(request: Request, rows: list[Any], total: int, limit: int, offset: int) -> Response:
    """`rows` are those from `offset` on, out of `total`; the next page, where there is one, is named in the `Link` header."""
    headers = {"X-Total-Count": str(total)}
    if offset + limit < total:
        query = urlencode({**request.query_params, "limit": limit, "offset": offset + limit})
        headers["Link"] = f'<{request.url.path}?{query}>; rel="next"'
    return json_answer(rows, headers)
