"""What is written back to an ERP, and where: plain values, so that the plant file can be checked without a database library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FIELDS = (
    "reference",
    "asset",
    "component",
    "mode",
    "text",
    "priority",
    "reported",
    "due",
    "spare",
    "action",
    "probability",
    "cost",
)


@dataclass(frozen=True, slots=True)
class WorkRequest:
    """`reference`: our own number, the case's id; times ISO 8601."""

    reference: str
    asset: str
    component: str
    mode: str
    text: str
    priority: int
    reported: str
    due: str
    spare: str
    action: str
    probability: float
    cost: float


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go: `origin` is a table, an entity set or a folder; `columns` field -> column; `constant` column -> value."""

    origin: str
    columns: Mapping[str, str]
    constant: Mapping[str, Any]
