"""Our OData reader and writer against SAP CAP over real HTTP: V4 and V2, basic authentication, its own paging."""

from __future__ import annotations

import socket

import pytest

from didymos.core.clock import parse_time
from didymos.core.errors import ConnectError
from didymos.data.erp import SOURCES, SourceConfig
from didymos.data.erp.entities import ENTITIES
from didymos.data.erp.rows import EntityMap
from didymos.data.erp.staging import Staging, dump
from didymos.data.erp.write import ODataWriter, Target, WorkRequest, write_once
from didymos.formats.cells import Customs
from tests.erp.cap import USER, Cap, modules

PATHS = {"v4": "/erp", "v2": "/odata/v2/erp"}
COLUMNS = {
    "number": "OrderId", "asset": "Equipment", "component": "Part", "action": "Action", "state": "Status", "closed": "ClosedAt",
    "note": "Note",
}  # fmt: skip
AUTH = {"auth": "basic", "user_env": "PEER_USER", "password_env": "PEER_PASSWORD"}


@pytest.fixture(scope="module")
def cap(tmp_path_factory):
    folder = modules()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Cap(tmp_path_factory.mktemp("cap"), port, folder)
    server.post("WorkOrders", *(order(n) for n in range(95)))
    server.post("Stock", {"Material": "P-1", "Bin": "R1", "Quantity": 12345678.125, "Price": 0.07, "LeadDays": 21})
    yield server
    server.stop()


def order(n: int) -> dict:
    """95 orders in ten moments of change, so that many share one."""
    return {
        "OrderId": f"WO-{n:03d}", "Equipment": "sp-01", "Part": "front_bearing", "Action": "ersetzt – Gehäuse", "Status": "closed",
        "ClosedAt": "2026-01-07T10:00:00.123Z", "ChangedAt": f"2026-01-08T10:{n // 10:02d}:00.000Z", "Note": None,
    }  # fmt: skip


@pytest.fixture(params=["v4", "v2"])
def config(request, cap, monkeypatch):
    monkeypatch.setenv("PEER_USER", USER[0])
    monkeypatch.setenv("PEER_PASSWORD", USER[1])
    orders = EntityMap(ENTITIES["work_orders"], "WorkOrders", COLUMNS, changed="ChangedAt", customs=Customs("."))
    stock = {"part": "Material", "location": "Bin", "stock": "Quantity", "price": "Price", "lead_time_days": "LeadDays"}
    spares = EntityMap(ENTITIES["spares"], "Stock", stock, customs=Customs("."))
    return SourceConfig("sap", cap.url + PATHS[request.param], (orders, spares), AUTH)


@pytest.fixture
def staging(tmp_path):
    found = Staging(f"sqlite:///{tmp_path / 'staging.db'}")
    yield found
    found.close()


def run(config, staging, known_ns):
    source = SOURCES["odata"](config)
    try:
        return [staging.take(delivery, known_ns) for delivery in source.deliveries(staging)]
    finally:
        source.close()


def test_every_page_is_read_with_its_times_decimals_and_umlauts(config, staging):
    taken = run(config, staging, 1)
    rows = [row for row in staging.rows("work_orders") if row["number"].startswith("WO-")]
    assert [row["number"] for row in rows] == [f"WO-{n:03d}" for n in range(95)]
    assert {row["closed"] for row in rows} == {parse_time("2026-01-07T10:00:00.123Z")}
    assert {row["action"] for row in rows} == {"ersetzt – Gehäuse"}
    assert sum(t.name.startswith("WorkOrders") for t in taken) >= 3
    (spare,) = staging.rows("spares")
    assert (spare["stock"], spare["price"], spare["lead_time_days"]) == (12345678.125, 0.07, 21.0)


def test_a_second_run_asks_only_for_what_changed_and_leaves_equal_tables(config, staging):
    run(config, staging, 1)
    first = dump(staging)
    again = run(config, staging, 2)
    assert dump(staging) == first
    assert sum(t.same for t in again if t.name.startswith("WorkOrders")) < 40


def test_a_changed_order_comes_as_its_next_revision(config, staging, cap):
    run(config, staging, 1)
    before = len(staging.revisions("work_orders", "WO-007"))
    cap.patch("WorkOrders('WO-007')", {"Note": config.url, "ChangedAt": f"2026-02-0{before}T00:00:{len(config.url):02d}Z"})
    run(config, staging, 2)
    found = staging.revisions("work_orders", "WO-007")
    assert len(found) == before + 1
    assert found[-1]["note"] == config.url


def test_a_wrong_password_and_a_wrong_set_are_named(config, staging, monkeypatch):
    monkeypatch.setenv("PEER_PASSWORD", "wrong")
    with pytest.raises(ConnectError, match="401"):
        run(config, staging, 1)
    monkeypatch.setenv("PEER_PASSWORD", USER[1])
    nothing = SourceConfig(config.id, config.url, (EntityMap(ENTITIES["orders"], "Nothing", {"order": "Id"}),), AUTH)
    with pytest.raises(ConnectError, match="404"):
        run(nothing, staging, 1)


def test_a_request_is_written_once_and_found_by_its_reference(config, staging, cap, tmp_path):
    columns = {"reference": "Reference", "asset": "Equipment", "component": "Part", "text": "Note", "action": "Action"}
    version = "v2" if "v2" in config.url else "v4"
    target = Target("WorkOrders", columns, {"OrderId": f"REQ-{version}", "Status": "open"})
    reference = f"sp-01-o'race-{version}"
    wanted = WorkRequest(reference, "sp-01", "front_bearing", "m", "because ring", 2, "", "", "", "renew", 0.9, 1.0)
    writer = ODataWriter(config, target)
    assert write_once(writer, staging, "sap", wanted, 1) == (f"REQ-{version}", True)
    fresh = Staging(f"sqlite:///{tmp_path / 'lost.db'}")
    assert write_once(writer, fresh, "sap", wanted, 1) == (f"REQ-{version}", False)
    fresh.close()
    writer.close()
    rows = cap.client.get(f"/erp/WorkOrders?$filter=OrderId%20eq%20'REQ-{version}'").json()["value"]
    assert [(row["Reference"], row["Status"]) for row in rows] == [(reference, "open")]
