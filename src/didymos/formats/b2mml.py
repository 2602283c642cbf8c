"""ISA-95 messages in B2MML (MESA) -> plain rows of neutral fields. Versions V0600 and V0700 (and later: same namespace).

    message = read(data, "performance.xml")      Message(rows=[("performance", place, {field: text}), ...], passed=7)

    WorkOrder / JobOrder         -> operations (a JobOrder is one), orders (a WorkOrder); from WorkSchedule, ProcessWorkSchedule,
    ... MaterialLot                  -> lots; from MaterialInformation, ProcessMaterialLot, ...
    ProductionPerformance        -> performance: one row a SegmentResponse; MaterialProducedActual gives lot and serial,
                                    EquipmentActual the machine; a lot ID with a MaterialSubLot is lot and serial
A message may stand alone or in any transaction (Process..., Sync..., Show...): these elements are found wherever they are.
Elements that nobody here reads are passed over and counted. Times are ISO 8601 as XML Schema writes them.

Source: names of elements after ISA-95 part 2 / IEC 62264-2 and B2MML's published schemas; no schema is shipped or needed.
Verified: tests/formats/test_b2mml.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from didymos.core.errors import DataError
from didymos.formats.xml_safe import local, namespace, parse

NAMESPACES = (
    "http://www.mesa.org/xml/B2MML",
    "http://www.mesa.org/xml/B2MML-V0600",
    "http://www.mesa.org/xml/B2MML-V0700",
    "http://www.wbf.org/xml/b2mml-v0600",
)
Found = tuple[str, str, dict[str, str]]  # entity, place, field -> text


@dataclass(frozen=True, slots=True)
class Message:
    """`passed`: elements that were not read."""

    rows: tuple[Found, ...]
    passed: int


def read(data: bytes, where: str) -> Message:
    """DataError for what is no XML or no B2MML."""
    root = parse(data, where)
    if namespace(root) not in NAMESPACES:
        raise DataError(
            f"{where}: namespace {namespace(root) or 'none'!r} is no B2MML. Allowed: {', '.join(NAMESPACES)}. Export as B2MML."
        )
    reading = _Reading(namespace(root))
    reading.walk(root, {})
    return Message(tuple(reading.rows), reading.passed(root))


class _Reading:
    """One walk over one message; `used` are the elements that were read."""

    def __init__(self, space: str) -> None:
        self.space = space
        self.rows: list[Found] = []
        self.used: set[int] = set()

    def walk(self, e: Element, above: dict[str, str]) -> None:
        read = {
            "WorkOrder": self.work_order,
            "JobOrder": self.job_order,
            "MaterialLot": self.material_lot,
            "ProductionResponse": self.production_response,
            "SegmentResponse": self.segment_response,
        }.get(local(e) if namespace(e) == self.space else "")
        if read is not None:
            self.used.add(id(e))
            above = {**above, **read(e, above)}
        for child in e:
            self.walk(child, above)

    def passed(self, e: Element) -> int:
        """Elements of which neither they nor anything in them was read; one that holds what was read is its wrapping."""
        inside = [self.passed(child) for child in e]
        return sum(inside) + (id(e) not in self.used and not any(id(x) in self.used for x in e.iter()))

    def text(self, e: Element, *path: str) -> str:
        """Text of the first element on `path`; "" when there is none."""
        found = next(self.all(e, *path), None)
        return (found.text or "").strip() if found is not None else ""

    def all(self, e: Element, *path: str) -> Iterator[Element]:
        for child in e:
            if local(child) == path[0] and namespace(child) == self.space:
                if len(path) == 1:
                    self.used.add(id(child))
                    yield child
                else:
                    found = list(self.all(child, *path[1:]))
                    if found:
                        self.used.add(id(child))
                    yield from found

    def add(self, entity: str, place: str, **fields: str) -> None:
        self.rows.append((entity, place, {name: value for name, value in fields.items() if value}))

    def work_order(self, e: Element, above: dict[str, str]) -> dict[str, str]:
        order = self.text(e, "ID")
        self.add(
            "orders", f"WorkOrder {order}", order=order, product=self.text(e, "WorkMasterID") or self.text(e, "WorkDefinitionID"),
            start=self.text(e, "StartTime"), end=self.text(e, "EndTime"), state=self.text(e, "DispatchStatus"),
        )  # fmt: skip
        return {"order": order}

    def job_order(self, e: Element, above: dict[str, str]) -> dict[str, str]:
        number = self.text(e, "ID")
        order = above.get("order", "") or self.text(e, "WorkRequestID") or self.text(e, "WorkOrderID")
        equipment = self.text(e, "EquipmentRequirement", "EquipmentID") or self.text(e, "EquipmentRequirement", "EquipmentClassID")
        self.add(
            "operations", f"JobOrder {number}", order=order, operation=number, asset=equipment,
            program=self.text(e, "WorkMasterID") or self.text(e, "WorkDefinitionID"),
            start=self.text(e, "StartTime"), end=self.text(e, "EndTime"), state=self.text(e, "DispatchStatus"),
        )  # fmt: skip
        return {"order": order}

    def material_lot(self, e: Element, above: dict[str, str]) -> dict[str, str]:
        lot = self.text(e, "ID")
        self.add(
            "lots", f"MaterialLot {lot}", lot=lot, part=self.text(e, "MaterialDefinitionID"), state=self.text(e, "Status"),
            quantity=self.text(e, "Quantity", "QuantityString"), unit=self.text(e, "Quantity", "UnitOfMeasure"),
            heat=self.property(e, "MaterialLotProperty", "heat"),
        )  # fmt: skip
        return {}

    def production_response(self, e: Element, above: dict[str, str]) -> dict[str, str]:
        return {"response": self.text(e, "ID"), "order": self.text(e, "ProductionRequestID")}

    def segment_response(self, e: Element, above: dict[str, str]) -> dict[str, str]:
        number = self.text(e, "ID")
        whole = "/".join(part for part in (above.get("response", ""), number) if part)
        lot, sub = (
            self.text(e, "MaterialProducedActual", "MaterialLotID"),
            self.text(e, "MaterialProducedActual", "MaterialSubLotID"),
        )
        self.add(
            "performance", f"SegmentResponse {whole}", number=whole if number else "", order=above.get("order", ""),
            operation=self.text(e, "ProcessSegmentID") or self.text(e, "ProductSegmentID"), lot=lot, serial=sub,
            asset=self.text(e, "EquipmentActual", "EquipmentID"),
            start=self.text(e, "ActualStartTime"), end=self.text(e, "ActualEndTime"),
            good=self.text(e, "MaterialProducedActual", "Quantity", "QuantityString"),
        )  # fmt: skip
        return {"response": whole}

    def property(self, e: Element, kind: str, name: str) -> str:
        """Value of the property whose ID is `name`, whatever its case."""
        for found in self.all(e, kind):
            if self.text(found, "ID").casefold() == name:
                return self.text(found, "Value", "ValueString")
        return ""
