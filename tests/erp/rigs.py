"""One foreign system per kind of SOURCES, each holding the same performance rows: a database, folders of files, an OData server."""

from __future__ import annotations

import csv
import io
import json
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from sqlalchemy import Column, MetaData, String, Table, create_engine, delete, insert

from didymos.data.erp.delivery import SourceConfig
from didymos.data.erp.entities import ENTITIES
from didymos.data.erp.rows import EntityMap
from didymos.formats.cells import Customs

NAMES = ("number", "order", "operation", "serial", "asset", "start", "end")
CHANGED = "changed_at"


def line(number: str, **changes: str) -> dict[str, str]:
    """One performance row; times are ISO 8601."""
    usual = {
        "order": "PO-1", "operation": "10", "serial": f"SN-{number}", "asset": "sp-01", "start": "2026-01-05T06:00:00Z",
        "end": "2026-01-05T06:10:00Z", CHANGED: "2026-01-05T07:00:00Z",
    }  # fmt: skip
    return {"number": number, **usual, **changes}


def mapping(origin: str, changed: str = "") -> EntityMap:
    return EntityMap(
        ENTITIES["performance"], origin, {name: name for name in NAMES}, changed=changed, customs=Customs("", "", "UTC")
    )


class SqlRig:
    """SQLite, with a change column."""

    kind = "sql"

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder / 'foreign.db'}"
        self.engine = create_engine(self.url)
        self.table = Table("confirmation", meta := MetaData(), *(Column(name, String) for name in (*NAMES, CHANGED)))
        meta.create_all(self.engine)

    def put(self, rows: list[dict[str, str]]) -> None:
        """These rows are what the system holds now."""
        with self.engine.begin() as db:
            db.execute(delete(self.table))
            db.execute(insert(self.table), rows)

    def config(self) -> SourceConfig:
        return SourceConfig("erp", self.url, (mapping("confirmation", CHANGED),))

    def broken(self) -> SourceConfig:
        return SourceConfig("erp", "sqlite:////nowhere/at/all.db", (mapping("confirmation", CHANGED),))

    def close(self) -> None:
        self.engine.dispose()


class _FolderRig:
    """A new file for everything that is put; the files before stay."""

    kind = ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "drop"
        self.folder.mkdir()
        self.count = 0

    def put(self, rows: list[dict[str, str]]) -> None:
        self.count += 1
        (self.folder / f"export_{self.count:03d}.{self.suffix()}").write_bytes(self.bytes_of(rows))

    def suffix(self) -> str:
        return "xml" if self.kind == "b2mml" else self.kind

    def bytes_of(self, rows: list[dict[str, str]]) -> bytes:
        raise NotImplementedError

    def config(self) -> SourceConfig:
        return SourceConfig("erp", str(self.folder), (mapping(f"*.{self.suffix()}"),), {"settle_s": 0})

    def broken(self) -> SourceConfig:
        return SourceConfig("erp", str(self.folder / "absent"), (mapping("*"),), {"settle_s": 0})

    def close(self) -> None:
        """Nothing runs."""


class CsvRig(_FolderRig):
    kind = "csv"

    def bytes_of(self, rows: list[dict[str, str]]) -> bytes:
        out = io.StringIO()
        writer = csv.DictWriter(out, NAMES, delimiter=";", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
        return out.getvalue().encode("cp1252")


class XlsxRig(_FolderRig):
    kind = "xlsx"

    def bytes_of(self, rows: list[dict[str, str]]) -> bytes:
        return workbook([list(NAMES), *([row[name] for name in NAMES] for row in rows)])


class B2mmlRig(_FolderRig):
    kind = "b2mml"

    def bytes_of(self, rows: list[dict[str, str]]) -> bytes:
        return performance(rows)


class ODataRig:
    """A small V4 server that pages by two and filters by the change time."""

    kind = "odata"

    def __init__(self, folder: Path) -> None:
        self.rows: list[dict[str, Any]] = []
        self.server = serve(self.answer)

    def put(self, rows: list[dict[str, str]]) -> None:
        self.rows = sorted(rows, key=lambda row: (row[CHANGED], row["number"]))

    def answer(self, path: str, headers: Any) -> tuple[int, dict[str, str], Any]:
        query = parse_qs(urlsplit(path).query)
        since = query.get("$filter", [" ge "])[0].split(" ge ")[1]
        skip = int(query.get("$skiptoken", ["0"])[0])
        rows = [row for row in self.rows if row[CHANGED] >= since]
        body: dict[str, Any] = {"value": rows[skip : skip + 2]}
        if skip + 2 < len(rows):
            kept = f"&$filter={query['$filter'][0]}" if "$filter" in query else ""
            body["@odata.nextLink"] = f"Confirmations?$skiptoken={skip + 2}{kept}".replace(" ", "%20")
        return 200, {}, body

    def config(self) -> SourceConfig:
        return SourceConfig("erp", f"{self.server.url}/odata", (mapping("Confirmations", CHANGED),))

    def broken(self) -> SourceConfig:
        return SourceConfig("erp", "http://127.0.0.1:9/odata", (mapping("Confirmations", CHANGED),))

    def close(self) -> None:
        self.server.stop()


class SqlWholeRig(SqlRig):
    """Without a change column: the whole table each time."""

    def config(self) -> SourceConfig:
        return SourceConfig("erp", self.url, (mapping("confirmation"),))


class ODataWholeRig(ODataRig):
    def config(self) -> SourceConfig:
        return SourceConfig("erp", f"{self.server.url}/odata", (mapping("Confirmations"),))


RIGS = {
    "sql": SqlRig,
    "sql, whole": SqlWholeRig,
    "csv": CsvRig,
    "xlsx": XlsxRig,
    "b2mml": B2mmlRig,
    "odata": ODataRig,
    "odata, whole": ODataWholeRig,
}


class Served:
    """An HTTP server on a free loopback port, in a thread."""

    def __init__(self, answer: Any) -> None:
        outer = self
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.reply()

            def do_POST(self) -> None:
                self.reply()

            def reply(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.asked.append((self.command, unquote(self.path), headers, body))
                extra = (body,) if self.command == "POST" else ()
                code, given, payload = answer(unquote(self.path), headers, *extra)
                data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
                self.send_response(code)
                for name, value in {"content-type": "application/json", "content-length": str(len(data)), **given}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def serve(answer: Any) -> Served:
    """`answer(path, headers[, body])` -> (status, headers, JSON or bytes)."""
    return Served(answer)


def workbook(rows: list[list[Any]], cells: str = "", styles: str = "", date1904: bool = False, sheet: str = "Sheet1") -> bytes:
    """A workbook by hand, with inline texts: what the reader must understand, no more. `cells`: raw sheetData instead of rows."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    data = cells or "".join(f"<row>{''.join(map(_text_cell, row))}</row>" for row in rows)
    flag = '<workbookPr date1904="1"/>' if date1904 else ""
    link = f'<Relationship Id="r1" Type="{rel}'
    sheets = f'<sheets><sheet name="{sheet}" sheetId="1" r:id="r1"/></sheets>'
    parts = {
        "_rels/.rels": f'<Relationships xmlns="{package}">{link}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{rel}">{flag}{sheets}</workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}">{link}/worksheet" Target="worksheets/sheet1.xml"/>'
        "</Relationships>",
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{data}</sheetData></worksheet>',
    }
    if styles:
        parts["xl/styles.xml"] = f'<styleSheet xmlns="{main}">{styles}</styleSheet>'
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 5, 0, 0, 0)), text)
    return out.getvalue()


def _text_cell(value: Any) -> str:
    return f'<c t="inlineStr"><is><t>{escape(str(value))}</t></is></c>'


def performance(rows: list[dict[str, str]], space: str = "http://www.mesa.org/xml/B2MML-V0600") -> bytes:
    """A ProductionPerformance with one SegmentResponse a row."""
    responses = "".join(
        f"<ProductionResponse><ProductionRequestID>{r['order']}</ProductionRequestID><SegmentResponse><ID>{r['number']}</ID>"
        f"<ProcessSegmentID>{r['operation']}</ProcessSegmentID><ActualStartTime>{r['start']}</ActualStartTime>"
        f"<ActualEndTime>{r['end']}</ActualEndTime>"
        f"<MaterialProducedActual><MaterialSubLotID>{r['serial']}</MaterialSubLotID></MaterialProducedActual>"
        f"<EquipmentActual><EquipmentID>{r['asset']}</EquipmentID></EquipmentActual></SegmentResponse></ProductionResponse>"
        for r in rows
    )
    return f'<?xml version="1.0"?><ProductionPerformance xmlns="{space}"><ID>P1</ID>{responses}</ProductionPerformance>'.encode()
