"""GET sql and samples: data out, as JSON or, where `Accept` asks for it, as an Arrow stream. Read-only, limited in rows and time.

A SELECT sees the tables samples, waveforms, snapshots, events, minutes, hours, dropped and no file; the historian stops it after
ten seconds or 100,000 rows and says so.
"""

from __future__ import annotations

import base64
from typing import Annotated, Any
from urllib.parse import urlencode

import pyarrow as pa
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from didymos.core.channel import channel_id
from didymos.core.series import Series
from didymos.service.context import MS_NS, With, find_channel, json_answer, span_ns
from didymos.service.routes.history import Moment

router = APIRouter(tags=["export"])
ARROW = "application/vnd.apache.arrow.stream"
NEXT_NS = "X-Next-Ns"


@router.get("/sql", responses={200: {"content": {"application/json": {}, ARROW: {}}}})
async def sql(
    context: With, request: Request, query: Annotated[str, Query(max_length=20_000, description="One SELECT")]
) -> Response:
    """{"columns": [{"name", "type"}], "rows": [[...]]}, or Arrow. Bytes travel as base64 in JSON."""
    table = await context.history.sql(query)
    if wants_arrow(request):
        return arrow_answer(table)
    columns = [{"name": field.name, "type": str(field.type)} for field in table.schema]
    rows = [[plain(value) for value in row] for row in zip(*(column.to_pylist() for column in table.columns), strict=True)]
    return json_answer({"columns": columns, "rows": rows})


@router.get("/samples", responses={200: {"content": {"application/json": {}, ARROW: {}}}})
async def samples(
    context: With, request: Request, channel: str, start: Moment = None, end: Moment = None, as_of: Moment = None,
    after_ns: Annotated[int | None, Query(ge=0, description="go on from here: the header X-Next-Ns of the page before")] = None,
) -> Response:  # fmt: skip
    """Every sample at its own time, up to 200,000 at once: time_ns, value, quality. `Link` and X-Next-Ns name the next page."""
    asset, name, unit = find_channel(context, channel)
    first, last = span_ns(context, start, end)
    known = None if as_of is None else as_of * MS_NS
    found, go_on = await context.history.page(channel_id(asset.id, name), max(first, after_ns or 0), last, known)
    headers = {}
    if go_on is not None:
        query = urlencode({**request.query_params, "start": first // MS_NS, "end": last // MS_NS, "after_ns": go_on})
        headers = {NEXT_NS: str(go_on), "Link": f'<{request.url.path}?{query}>; rel="next"'}
    if wants_arrow(request):
        return arrow_answer(table_of(found, unit), headers)
    rows = list(zip(found.time_ns.tolist(), found.value.tolist(), found.quality.tolist(), strict=True))
    return json_answer({"channel": channel, "unit": unit, "rows": rows}, headers)


def wants_arrow(request: Request) -> bool:
    return ARROW in request.headers.get("accept", "")


def table_of(found: Series, unit: str) -> pa.Table:
    columns = {"time_ns": pa.int64(), "value": pa.float64(), "quality": pa.uint8()}
    schema = pa.schema(list(columns.items()), metadata={"channel": found.channel, "unit": unit})
    arrays = [pa.Array.from_buffers(kind, len(found), [None, pa.py_buffer(getattr(found, name))]) for name, kind in columns.items()]
    return pa.Table.from_arrays(arrays, schema=schema)


def arrow_answer(table: pa.Table, headers: dict[str, str] | None = None) -> Response:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return Response(sink.getvalue().to_pybytes(), headers=headers, media_type=ARROW)


def plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value if isinstance(value, int | float | str | list | dict) or value is None else str(value)
