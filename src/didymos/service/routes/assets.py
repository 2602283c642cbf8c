"""GET assets, assets/{id}, assets/{id}/life, assets/{id}/why: what the twin says now, out of memory."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from didymos.service.context import With, find_asset, json_answer, page_of
from didymos.service.views import (
    AssetDetail,
    AssetRow,
    LifeRow,
    ModeRow,
    WhyRow,
    asset_detail,
    asset_row,
    life_row,
    live_snapshot,
    stop_horizon_s,
)

router = APIRouter(tags=["assets"])
Limit = Annotated[int, Query(ge=1, le=5000, description="Rows in one answer")]
Offset = Annotated[int, Query(ge=0, le=10_000_000, description="Rows to leave out before the first")]


@router.get("/assets", response_model=list[AssetRow])
async def assets(request: Request, context: With, limit: Limit = 500, offset: Offset = 0) -> Response:
    """Every machine in the order of the plant file; the next page is named in the Link header."""
    everything = context.plant.assets
    rows = [asset_row(context, asset) for asset in everything[offset : offset + limit]]
    return page_of(request, rows, len(everything), limit, offset)


@router.get("/assets/{asset_id}", response_model=AssetDetail)
async def asset(context: With, asset_id: str) -> Response:
    """One machine: the line of the fleet, every channel measured beside the twin, wear parameters, components."""
    return json_answer(asset_detail(context, find_asset(context, asset_id)))


@router.get("/assets/{asset_id}/life", response_model=list[LifeRow])
async def life(context: With, asset_id: str) -> Response:
    """Failure-time distribution per failure mode, conditional on survival until now."""
    snapshot = live_snapshot(context, find_asset(context, asset_id))
    return json_answer([life_row(each, stop_horizon_s(snapshot)) for each in snapshot.life] if snapshot else [])


@router.get("/assets/{asset_id}/why", response_model=WhyRow)
async def why(context: With, asset_id: str) -> Response:
    """The reason in one sentence, the evidence, the modes by probability."""
    asset = find_asset(context, asset_id)
    snapshot = live_snapshot(context, asset)
    if snapshot is None:
        return json_answer(WhyRow(asset_row(context, asset).validity.reason, (), []))
    said = snapshot.why
    return json_answer(WhyRow(said.sentence, said.evidence, [ModeRow(*each) for each in said.modes]))
