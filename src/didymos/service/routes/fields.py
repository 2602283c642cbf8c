"""GET assets/{id}/fields: temperature and stress of a machine's components, as the worker last found them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from didymos.service.context import With, find_asset, json_answer
from didymos.service.field_view import FieldRow, Wanted, field_row

router = APIRouter(tags=["assets"])


@router.get("/assets/{asset_id}/fields", response_model=list[FieldRow])
async def fields(
    context: With,
    asset_id: str,
    surface: Annotated[bool, Query(description="With points, faces, temperature and stress of the surface")] = True,
    geometry: Annotated[bool, Query(description="With points and faces of the surface; they stay while `mesh` does")] = True,
    shapes: Annotated[bool, Query(description="With what the websocket's field frames are told in")] = False,
) -> Response:
    """One row per Field of the plant file, empty before its first step; hot spots with stress and fatigue damage."""
    asset = find_asset(context, asset_id)
    found = context.model.fields.get(asset.id)
    wanted = Wanted(surface, geometry, shapes)
    rows = [field_row(context, asset.id, each, wanted) for each in (found.fields if found is not None else ())]
    return json_answer([row for row in rows if row is not None])
