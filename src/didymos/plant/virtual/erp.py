"""The ERP of line 7: what is in it at the start of a run, and the work orders that are written while the line runs.

    create(url, line)              tables and content; replaces what is there
    Clerk(url, line).until(ns)     writes every work order opened, closed or entered up to plant time `ns`

An unplanned order is opened when a machine fails and closed when it is repaired. The planned seal replacement is entered three days
after it was done: closed_at long before changed_at. Orders of former years have state "settled".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Engine, create_engine, insert, select, update

from didymos.core.clock import iso
from didymos.plant.virtual import draw
from didymos.plant.virtual import erp_tables as t
from didymos.plant.virtual.days import PRODUCTS, product
from didymos.plant.virtual.faults import Fault
from didymos.plant.virtual.line import BAD_HEAT_SPINDLES, HEAT_BAD, HEAT_GOOD, MACHINES, MOTORS, PUMPS, SPINDLES, plc
from didymos.plant.virtual.plant import Line

DAY_NS = 86_400_000_000_000
LATE_NS = 3 * DAY_NS
COMMISSIONED = "2025-06-02T06:00:00Z"
FITTED = {
    "sp": (("front_bearing", "P-7014C-DT", "FB"), ("rear_bearing", "P-7012C", "RB"), ("lubrication", "P-OIL-VG32", "OL")),
    "cp": (("wear_ring", "P-WR-080", "WR"), ("impeller", "P-IMP-200", "IM"), ("seal", "P-MS-033", "MS")),
    "cm": (("winding", "P-M132-7K5", "MO"), ("bearing", "P-6208-SET", "MB"), ("fan", "P-FAN-132", "FN")),
    "pm": (("winding", "P-M132-7K5", "MO"), ("bearing", "P-6208-SET", "MB"), ("fan", "P-FAN-132", "FN")),
}
PARTS = (
    ("P-7014C-DT", "Angular contact bearing 7014 C, tandem pair", "Waldlager", 640.0, 2, 21),
    ("P-7012C", "Angular contact bearing 7012 C", "Waldlager", 280.0, 3, 14),
    ("P-OIL-VG32", "Spindle oil ISO VG 32, 20 l", "Donau Schmierstoffe", 95.0, 12, 2),
    ("P-WR-080", "Wear ring set 80 mm", "Traunpumpen", 120.0, 2, 10),
    ("P-IMP-200", "Impeller 200 mm, grey cast iron", "Traunpumpen", 410.0, 1, 28),
    ("P-MS-033", "Mechanical seal 33 mm, SiC/carbon", "Traunpumpen", 165.0, 3, 7),
    ("P-M132-7K5", "Motor 7.5 kW, frame 132, IE3", "Elin Motoren", 980.0, 1, 35),
    ("P-6208-SET", "Motor bearing set 6208-2Z/C3", "Waldlager", 38.0, 6, 3),
    ("P-FAN-132", "Fan and cover, frame 132", "Elin Motoren", 54.0, 2, 5),
)
ACTIONS = {
    "outer_race_spall": "replaced", "oil_viscosity_loss": "oil changed", "wear_ring_loss": "replaced",
    "pump_cavitation": "replaced", "seal_leak": "replaced", "cooling_fouling": "cleaned", "motor_bearing_wear": "replaced",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Order:
    """One work order of this run and the moments (plant time) at which its two versions appear in the database."""

    number: str
    asset: str
    component: str
    action: str
    reported_ns: int
    closed_ns: int
    opened_in_erp_ns: int
    closed_in_erp_ns: int
    note: str


def serial(machine: str, prefix: str, generation: int = 1) -> str:
    return f"{prefix}-{plc(machine)}-{generation}"


def orders(line: Line) -> tuple[Order, ...]:
    """Every work order of the run, numbered in order of entry."""
    found = [_unplanned(fault) for fault in line.faults if fault.failure_ns is not None and fault.repaired_ns is not None]
    done = line.renewed_ns
    late = Order(
        "", line.renewed_pump, "seal", "replaced", done, done, done + LATE_NS, done + LATE_NS, "planned; paper slip entered later"
    )
    found = sorted([*found, late], key=lambda order: order.opened_in_erp_ns)
    return tuple(replace(order, number=f"WO-{4711 + i}") for i, order in enumerate(found))


def _unplanned(fault: Fault) -> Order:
    assert fault.failure_ns is not None
    assert fault.repaired_ns is not None
    begun, ended, note = fault.failure_ns, fault.repaired_ns, f"unplanned stop of {fault.machine}"
    return Order(
        "", fault.machine, fault.component, ACTIONS[fault.kind], begun, ended, begun, ended, note
    )  # fmt: skip


def create(url: str, line: Line) -> None:
    """A new database with parts, heats, certificates, installed components, spares, production orders and settled work orders."""
    engine = create_engine(url)
    t.META.drop_all(engine)
    t.META.create_all(engine)
    with engine.begin() as db:
        db.execute(insert(t.PART), [{"part_no": p, "name": n, "supplier": s, "price_eur": e} for p, n, s, e, _, _ in PARTS])
        stock = [{"part_no": p, "stock": k, "bin": f"R{i:02d}", "lead_time_days": d} for i, (p, _, _, _, k, d) in enumerate(PARTS)]
        db.execute(insert(t.SPARE), stock)
        db.execute(insert(t.HEAT), _heats())
        db.execute(insert(t.CERTIFICATE), _certificates(line.seed))
        db.execute(insert(t.COMPONENT), _components())
        production = _production(line)
        db.execute(insert(t.PRODUCTION_ORDER), production)
        db.execute(insert(t.OPERATION), [row for order in production for row in _operations(order)])
        db.execute(insert(t.WORK_ORDER), _settled(line))
    engine.dispose()


def _heats() -> list[dict[str, Any]]:
    return [
        {"heat_no": HEAT_GOOD, "steel": "100Cr6 (1.3505)", "mill": "Ennstal Stahl", "melted_at": "2024-11-12T00:00:00Z"},
        {"heat_no": HEAT_BAD, "steel": "100Cr6 (1.3505)", "mill": "Ennstal Stahl", "melted_at": "2025-01-20T00:00:00Z"},
    ]


LIMITS = (
    ("C", "%", 0.93, 1.05, 0.99),
    ("Cr", "%", 1.35, 1.60, 1.46),
    ("O", "ppm", 0.0, 15.0, 7.0),
    ("Ti", "ppm", 0.0, 50.0, 22.0),
    ("inclusions DS", "1", 0.0, 1.0, 0.5),
    ("hardness", "HRC", 58.0, 65.0, 61.5),
)
DIRTY = {"O": 13.5, "Ti": 41.0, "inclusions DS": 1.0}


def _certificates(seed: int) -> list[dict[str, Any]]:
    """EN 10204 3.1 values: both heats pass; the bad one is dirtier, just inside its limits."""
    rng = draw.at(seed, "certificates")
    rows = []
    for heat in (HEAT_GOOD, HEAT_BAD):
        for name, unit, low, high, usual in LIMITS:
            value = usual * (1 + 0.01 * rng.standard_normal())
            if heat == HEAT_BAD:
                value = DIRTY.get(name, value)
            row = {"cert_no": f"31-{heat}", "heat_no": heat, "standard": "EN 10204 3.1", "issued_at": "2025-02-03T00:00:00Z"}
            rows.append(row | {"property": name, "unit": unit, "low": low, "high": high, "value": round(value, 3)})
    return rows


def _components() -> list[dict[str, Any]]:
    """What is fitted; front bearings carry their heat of steel."""
    return [
        {
            "serial": serial(machine, prefix), "part_no": part, "asset": machine, "component": component,
            "heat_no": (HEAT_BAD if machine in BAD_HEAT_SPINDLES else HEAT_GOOD) if component == "front_bearing" else None,
            "installed_at": COMMISSIONED, "removed_at": None,
        }
        for machine in (*SPINDLES, *PUMPS, *MOTORS)
        for component, part, prefix in FITTED[machine[:2]]
    ]  # fmt: skip


def _production(line: Line) -> list[dict[str, Any]]:
    """One production order per product change of the coming fortnight."""
    names = [f"housing {letter}" for letter in "ABCD"[: len(PRODUCTS)]]
    hours = [(line.start_ns + h * DAY_NS // 24, product(line.seed, (line.start_ns / 1e9) + h * 3600.0)) for h in range(14 * 24)]
    begins = [i for i in range(len(hours)) if i == 0 or hours[i][1] != hours[i - 1][1]]
    ends = [*begins[1:], len(hours)]
    return [
        {
            "order_no": f"PO-{88001 + n}", "product": names[hours[i][1]], "quantity": 18 * (j - i), "start_at": iso(hours[i][0]),
            "end_at": iso(hours[i][0] + (j - i) * DAY_NS // 24), "state": "released",
        }
        for n, (i, j) in enumerate(zip(begins, ends, strict=True))
    ]  # fmt: skip


def _operations(order: dict[str, Any]) -> list[dict[str, Any]]:
    program = order["product"][-1]
    steps = [
        *((10 * (i + 1), machine, 3.2 + 0.3 * i) for i, machine in enumerate(SPINDLES)),
        (70, "pm-01", 0.8),
        (80, "pm-02", 0.8),
    ]
    return [
        {"order_no": order["order_no"], "op_no": op, "asset": asset, "program": f"O{program}{op:03d}", "minutes_per_part": minutes}
        for op, asset, minutes in steps
    ]


def _settled(line: Line) -> list[dict[str, Any]]:
    """Last half year's inspections."""
    rng = draw.at(line.seed, "settled orders")
    rows = []
    for i, machine in enumerate(MACHINES):
        done = line.start_ns - int(rng.uniform(20, 170) * DAY_NS)
        rows.append(
            {
                "number": f"WO-{4000 + i}", "asset": machine, "component": None, "action": "inspected", "state": "settled",
                "reported_at": iso(done - 2 * DAY_NS), "closed_at": iso(done), "changed_at": iso(done + DAY_NS), "old_serial": None,
                "new_serial": None, "note": "half-yearly inspection, no finding",
            }
        )  # fmt: skip
    return rows


class Clerk:
    """Enters the orders of one run as plant time passes. Each version of an order is one transaction."""

    def __init__(self, url: str, line: Line) -> None:
        self._engine: Engine = create_engine(url)
        steps = [(order.opened_in_erp_ns, 0, order) for order in orders(line)] + [(o.closed_in_erp_ns, 1, o) for o in orders(line)]
        self._steps = sorted(steps, key=lambda step: (step[0], step[1], step[2].number))

    def until(self, time_ns: int) -> int:
        """Number of entries made."""
        count = 0
        while self._steps and self._steps[0][0] <= time_ns:
            _, closing, order = self._steps.pop(0)
            self._close(order) if closing else self._open(order)
            count += 1
        return count

    def _open(self, order: Order) -> None:
        row = {
            "number": order.number, "asset": order.asset, "component": order.component, "action": order.action, "state": "open",
            "reported_at": iso(order.reported_ns), "changed_at": iso(order.opened_in_erp_ns), "note": order.note,
        }  # fmt: skip
        with self._engine.begin() as db:
            db.execute(insert(t.WORK_ORDER).values(**row))

    def _close(self, order: Order) -> None:
        """Close the order; a replaced part gets a new serial, and its spare leaves the store."""
        where = (t.COMPONENT.c.asset == order.asset, t.COMPONENT.c.component == order.component, t.COMPONENT.c.removed_at.is_(None))
        with self._engine.begin() as db:
            old = db.execute(select(t.COMPONENT).where(*where)).mappings().one()
            new = None
            if order.action != "cleaned":
                prefix, place, generation = old["serial"].rsplit("-", 2)
                new = f"{prefix}-{place}-{int(generation) + 1}"
                db.execute(update(t.COMPONENT).where(*where).values(removed_at=iso(order.closed_ns)))
                fitted = dict(old) | {"serial": new, "heat_no": old["heat_no"] and HEAT_GOOD, "installed_at": iso(order.closed_ns)}
                db.execute(insert(t.COMPONENT).values(**fitted))
                db.execute(update(t.SPARE).where(t.SPARE.c.part_no == old["part_no"]).values(stock=t.SPARE.c.stock - 1))
            closed = {
                "state": "closed", "closed_at": iso(order.closed_ns), "changed_at": iso(order.closed_in_erp_ns),
                "old_serial": old["serial"], "new_serial": new,
            }  # fmt: skip
            db.execute(update(t.WORK_ORDER).where(t.WORK_ORDER.c.number == order.number).values(**closed))

    def close(self) -> None:
        self._engine.dispose()
