"""ISA-95 messages. Element names after B2MML V0600 and V0700; expected rows are read off the message."""

from __future__ import annotations

import pytest

from didymos.core.errors import DataError
from didymos.formats.b2mml import NAMESPACES, read
from tests.erp.rigs import line, performance

SCHEDULE = """<?xml version="1.0" encoding="UTF-8"?>
<ProcessWorkSchedule xmlns="%s" releaseID="">
  <ApplicationArea><CreationDateTime>2026-01-05T05:00:00Z</CreationDateTime></ApplicationArea>
  <DataArea><Process/>
    <WorkSchedule><ID>WS-1</ID>
      <WorkRequest><ID>WR-1</ID>
        <WorkOrder><ID>PO-88001</ID><WorkMasterID>housing A</WorkMasterID><StartTime>2026-01-05T06:00:00Z</StartTime>
          <DispatchStatus>released</DispatchStatus><Priority>3</Priority></WorkOrder>
        <JobOrder><ID>10</ID><WorkMasterID>OA010</WorkMasterID><WorkRequestID>PO-88001</WorkRequestID>
          <StartTime>2026-01-05T06:00:00Z</StartTime><EndTime>2026-01-05T06:10:00Z</EndTime>
          <EquipmentRequirement><EquipmentID>sp-01</EquipmentID></EquipmentRequirement>
          <Extended:Custom xmlns:Extended="urn:own"><Extended:Deep>x</Extended:Deep></Extended:Custom></JobOrder>
      </WorkRequest></WorkSchedule></DataArea>
</ProcessWorkSchedule>"""
LOT = """<MaterialInformation xmlns="%s"><MaterialLot><ID>L-5</ID><MaterialDefinitionID>P-7014C</MaterialDefinitionID>
  <Status>free</Status>
  <MaterialLotProperty><ID>Heat</ID><Value><ValueString>H-48213</ValueString></Value></MaterialLotProperty>
  <Quantity><QuantityString>12.5</QuantityString><UnitOfMeasure>kg</UnitOfMeasure></Quantity></MaterialLot></MaterialInformation>"""


@pytest.mark.parametrize("space", NAMESPACES)
def test_orders_and_their_operations_come_out_of_a_schedule(space):
    found = dict((entity, fields) for entity, _, fields in read((SCHEDULE % space).encode(), "m.xml").rows)
    assert found["orders"] == {
        "order": "PO-88001", "product": "housing A", "start": "2026-01-05T06:00:00Z", "state": "released"
    }  # fmt: skip
    assert found["operations"] == {
        "order": "PO-88001", "operation": "10", "asset": "sp-01", "program": "OA010", "start": "2026-01-05T06:00:00Z",
        "end": "2026-01-05T06:10:00Z",
    }  # fmt: skip


def test_a_lot_comes_with_its_quantity_and_heat():
    ((entity, place, fields),) = read((LOT % NAMESPACES[0]).encode(), "m.xml").rows
    assert (entity, place) == ("lots", "MaterialLot L-5")
    assert fields == {"lot": "L-5", "part": "P-7014C", "state": "free", "quantity": "12.5", "unit": "kg", "heat": "H-48213"}


@pytest.mark.parametrize("space", NAMESPACES)
def test_a_segment_response_is_a_performance_row(space):
    ((entity, _, fields),) = read(performance([line("7")], space), "m.xml").rows
    assert entity == "performance"
    assert fields == {n: line("7")[n] for n in ("number", "order", "operation", "serial", "asset", "start", "end")}


def test_elements_that_nobody_reads_are_passed_over_and_counted():
    message = read((SCHEDULE % NAMESPACES[0]).encode(), "m.xml")
    # ApplicationArea, CreationDateTime, Process, ID of schedule and of request, Priority, Custom, Deep
    assert message.passed == 8


def test_elements_of_another_namespace_with_a_known_name_are_not_read():
    other = LOT.replace("<MaterialLot>", '<MaterialLot xmlns="urn:own">') % NAMESPACES[0]
    message = read(other.encode(), "m.xml")
    assert message.rows == ()
    assert message.passed == 12  # the whole message, its root too


@pytest.mark.parametrize("document", ["<a/>", '<ProductionPerformance xmlns="urn:own"/>', "no xml"])
def test_what_is_no_b2mml_is_refused(document):
    with pytest.raises(DataError, match=r"m\.xml"):
        read(document.encode(), "m.xml")
