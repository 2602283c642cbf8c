"""SAP's CAP (@sap/cds, npm) as an OData server that nobody here wrote: V4, and V2 by @cap-js-community/odata-v2-adapter.

It is used where DIDYMOS_CAP names a folder whose node_modules hold them:

    npm i @sap/cds@9 express@4 @cap-js/sqlite@2 @cap-js-community/odata-v2-adapter
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import httpx
import pytest

USER = ("alice", "wonder")
MODEL = """
namespace peer;
entity WorkOrders {
  key OrderId : String(20); Equipment : String(20); Part : String(20); Action : String(40); Status : String(10);
  ClosedAt : Timestamp; ChangedAt : Timestamp; Note : String(200); Reference : String(60);
}
entity Stock { key Material : String(20); key Bin : String(10);
  Quantity : Decimal(13,3); Price : Decimal(11,2); LeadDays : Integer; }
@requires: 'authenticated-user'
service Erp @(path:'/erp') { entity WorkOrders as projection on peer.WorkOrders; entity Stock as projection on peer.Stock; }
"""
SETTINGS = {
    "requires": {
        "db": {"kind": "sqlite", "credentials": {"url": ":memory:"}},
        "auth": {"kind": "basic", "users": {USER[0]: {"password": USER[1]}}},
    },
    "cov2ap": {"plugin": True},
    "query": {"limit": {"default": 40, "max": 40}},
}


class Cap:
    """One server process; `client` speaks to it as its own administrator would."""

    def __init__(self, folder: Path, port: int, modules: Path) -> None:
        (folder / "srv").mkdir()
        (folder / "srv" / "erp.cds").write_text(MODEL)
        (folder / "package.json").write_text(json.dumps({"name": "peer", "version": "1.0.0", "cds": SETTINGS} | _needs()))
        (folder / "node_modules").symlink_to(modules)
        command = ["node", str(modules / "@sap/cds/bin/serve.js"), "all", "--port", str(port), "--in-memory"]
        self._log = (folder / "cap.log").open("wb")
        self._process = subprocess.Popen(command, cwd=folder, stdout=self._log, stderr=self._log)
        self.url = f"http://127.0.0.1:{port}"
        self.client = httpx.Client(base_url=self.url, auth=USER, timeout=20)
        self._wait(folder)

    def _wait(self, folder: Path) -> None:
        for _ in range(600):
            try:
                if self.client.get("/erp/Stock").status_code == 200:
                    return
            except httpx.HTTPError:
                time.sleep(0.2)
            if self._process.poll() is not None:
                break
        self.stop()
        raise AssertionError(f"CAP did not start: {(folder / 'cap.log').read_text()[-2000:]}")

    def post(self, entity: str, *rows: dict) -> None:
        for row in rows:
            self.client.post(f"/erp/{entity}", json=row).raise_for_status()

    def patch(self, path: str, row: dict) -> None:
        self.client.patch(f"/erp/{path}", json=row).raise_for_status()

    def stop(self) -> None:
        self.client.close()
        self._process.terminate()
        self._process.wait(20)
        self._log.close()


def _needs() -> dict:
    return {"dependencies": {name: "*" for name in ("@sap/cds", "@cap-js/sqlite", "@cap-js-community/odata-v2-adapter")}}


def modules() -> Path:
    """Skips, and says so, where the peer is absent."""
    folder = Path(os.environ.get("DIDYMOS_CAP", "/nowhere")) / "node_modules"
    if not (folder / "@sap" / "cds").is_dir() or not (folder / "@cap-js-community" / "odata-v2-adapter").is_dir():
        pytest.skip("SAP CAP is absent: set DIDYMOS_CAP to a folder with @sap/cds and @cap-js-community/odata-v2-adapter installed")
    return folder.resolve()
