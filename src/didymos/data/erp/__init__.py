"""Business systems: SOURCES names each kind that [[erp]] `type` may be; how its rows come in, and which options it has."""

from __future__ import annotations

from collections.abc import Callable

from didymos.data.erp import drop, odata, sql_rows
from didymos.data.erp.delivery import Source, SourceConfig

SOURCES: dict[str, Callable[[SourceConfig], Source]] = {
    "sql": sql_rows.SqlRows,
    "csv": drop.csv_drop,
    "xlsx": drop.xlsx_drop,
    "b2mml": drop.b2mml_drop,
    "odata": odata.OData,
}
OPTIONS: dict[str, tuple[str, ...]] = {
    "sql": sql_rows.OPTIONS,
    "csv": drop.OPTIONS,
    "xlsx": drop.OPTIONS,
    "b2mml": drop.OPTIONS,
    "odata": odata.OPTIONS,
}
FOLDERS = ("csv", "xlsx", "b2mml")  # whose url is a folder

__all__ = ["FOLDERS", "OPTIONS", "SOURCES", "Source", "SourceConfig"]
