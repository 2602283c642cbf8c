"""The ERP's tables, in its own schema. Times are ISO 8601 text in UTC; `changed_at` is when somebody last touched the row."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Integer, MetaData, String, Table

META = MetaData()


def _text(name: str, *more, **options) -> Column:
    return Column(name, String, *more, **options)


PART = Table("part", META, _text("part_no", primary_key=True), _text("name"), _text("supplier"), Column("price_eur", Float))
HEAT = Table("heat", META, _text("heat_no", primary_key=True), _text("steel"), _text("mill"), _text("melted_at"))
CERTIFICATE = Table(
    "certificate",
    META,
    _text("cert_no", primary_key=True),
    _text("property", primary_key=True),
    _text("heat_no", ForeignKey("heat.heat_no")),
    _text("standard"),
    Column("value", Float),
    _text("unit"),
    Column("low", Float),
    Column("high", Float),
    _text("issued_at"),
)
COMPONENT = Table(
    "component",
    META,
    _text("serial", primary_key=True),
    _text("part_no", ForeignKey("part.part_no")),
    _text("heat_no", ForeignKey("heat.heat_no")),
    _text("asset"),
    _text("component"),
    _text("installed_at"),
    _text("removed_at"),
)
SPARE = Table(
    "spare",
    META,
    _text("part_no", ForeignKey("part.part_no"), primary_key=True),
    Column("stock", Integer),
    _text("bin"),
    Column("lead_time_days", Integer),
)
PRODUCTION_ORDER = Table(
    "production_order",
    META,
    _text("order_no", primary_key=True),
    _text("product"),
    Column("quantity", Integer),
    _text("start_at"),
    _text("end_at"),
    _text("state"),
)
OPERATION = Table(
    "operation",
    META,
    _text("order_no", ForeignKey("production_order.order_no"), primary_key=True),
    Column("op_no", Integer, primary_key=True),
    _text("asset"),
    _text("program"),
    Column("minutes_per_part", Float),
)
WORK_ORDER = Table(
    "work_order",
    META,
    _text("number", primary_key=True),
    _text("asset"),
    _text("component"),
    _text("action"),
    _text("state"),
    _text("reported_at"),
    _text("closed_at"),
    _text("changed_at"),
    _text("old_serial"),
    _text("new_serial"),
    _text("note"),
)
