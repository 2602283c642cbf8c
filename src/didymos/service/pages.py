"""The web page's files, read once at start from `service/static`, which the wheel's build hook fills.

Each file is served under the version of the whole folder's content, cached for ever; the page itself is never cached.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from html import escape
from mimetypes import guess_type
from pathlib import Path

from fastapi import FastAPI, Request
from starlette.responses import Response

from didymos.service.problem import Problem

STATIC = Path(__file__).parent / "static"
CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src 'self' data:; "
    "object-src 'none'; frame-ancestors 'none'"
)
MISSING = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Didymos</title>
<body style="font-family:system-ui;max-width:40rem;margin:3rem auto"><h1>The page is not built</h1>
<p>The service runs; its API is at <a href="/api/v1/assets">/api/v1/assets</a>, described by
<a href="/api/v1/openapi.json">openapi.json</a>. To build the page, run in the project folder</p>
<pre>python hatch_build.py</pre><p>and start the service again. A released package carries the page.</p></body></html>"""


@dataclass(frozen=True, slots=True)
class File:
    body: bytes
    packed: bytes
    kind: str


@dataclass(frozen=True, slots=True)
class Pages:
    """The page and its files by name; `version` names their content."""

    version: str
    page: bytes
    files: dict[str, File]


def load_pages(folder: Path, plant_name: str) -> Pages:
    """Everything in `folder`; the page that says how to build it when there is none."""
    if not (folder / "index.html").is_file():
        return Pages("none", MISSING.encode(), {})
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    version = hashlib.sha256(b"".join(name.encode() + data for name, data in files.items())).hexdigest()[:16]
    page = files.pop("index.html").decode().replace("__VERSION__", version).replace("__PLANT__", escape(plant_name))
    kinds = {name: guess_type(name)[0] or "application/octet-stream" for name in files}
    packed = {name: File(data, gzip.compress(data, 9, mtime=0), kinds[name]) for name, data in files.items()}
    return Pages(version, page.encode(), packed)


def add_pages(app: FastAPI, pages: Pages) -> None:
    """/, /asset/{id} -> the page (it routes itself); /static/{version}/{name} -> its files."""

    async def page() -> Response:
        return Response(pages.page, media_type="text/html", headers={"Cache-Control": "no-cache"})

    async def file(request: Request, version: str, name: str) -> Response:
        found = pages.files.get(name)
        if version != pages.version or found is None:
            raise Problem(404, "No such file", f"/static/{version}/{name}", todo="Load the page again.")
        headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(found.packed, media_type=found.kind, headers={**headers, "Content-Encoding": "gzip"})
        return Response(found.body, media_type=found.kind, headers=headers)

    for path in ("/", "/asset/{asset_id}"):
        app.add_api_route(path, page, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route("/static/{version}/{name:path}", file, methods=["GET", "HEAD"], include_in_schema=False)
