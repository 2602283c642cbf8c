"""Business systems: SOURCES names each kind that [[erp]] `type` may be, OPTIONS what each may be told.

A kind's own file, and the libraries it needs, are imported when the first of its sources is opened.
"""

from __future__ import annotations

from collections.abc import Callable

from didymos.data.erp.delivery import Source, SourceConfig


def _sql(config: SourceConfig) -> Source:
    from didymos.data.erp.sql_rows import SqlRows

    return SqlRows(config)


def _odata(config: SourceConfig) -> Source:
    from didymos.data.erp.odata import OData

    return OData(config)


def _csv(config: SourceConfig) -> Source:
    from didymos.data.erp.drop import csv_drop

    return csv_drop(config)


def _xlsx(config: SourceConfig) -> Source:
    from didymos.data.erp.drop import xlsx_drop

    return xlsx_drop(config)


def _b2mml(config: SourceConfig) -> Source:
    from didymos.data.erp.drop import b2mml_drop

    return b2mml_drop(config)


SOURCES: dict[str, Callable[[SourceConfig], Source]] = {
    "sql": _sql,
    "csv": _csv,
    "xlsx": _xlsx,
    "b2mml": _b2mml,
    "odata": _odata,
}
ENTITY_OPTIONS = ("encoding", "delimiter", "sheet", "header_row")  # of one [[erp.entity]] of a folder
_FOLDER = ("settle_s", "require_checksum", *ENTITY_OPTIONS)
OPTIONS: dict[str, tuple[str, ...]] = {
    "sql": (),
    "csv": _FOLDER,
    "xlsx": _FOLDER,
    "b2mml": _FOLDER,
    "odata": ("auth", "user_env", "password_env", "token_env", "page", "patience_s", "timeout_s", "delta"),
}
FOLDERS = ("csv", "xlsx", "b2mml")  # whose url is a folder

__all__ = ["ENTITY_OPTIONS", "FOLDERS", "OPTIONS", "SOURCES", "Source", "SourceConfig"]
