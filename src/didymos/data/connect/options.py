"""Options of a source as they stand in plant.toml -> a typed, frozen dataclass. Every mistake is a ConfigError that lists what is
allowed.

A connector declares its options as a dataclass of str, int, float and bool fields. A field without default is required;
`metadata={"low": .., "high": .., "allowed": (..)}` limits its value. The docstring of the dataclass explains each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, field, fields
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

from didymos.core.errors import ConfigError

Option = str | int | float | bool
T = TypeVar("T")
_TYPES = {"str": str, "int": int, "float": float, "bool": bool}


def limited(default: Any, low: float | None = None, high: float | None = None, allowed: Sequence[str] = ()) -> Any:
    """A dataclass field with limits."""
    return field(default=default, metadata={"low": low, "high": high, "allowed": tuple(allowed)})


def read_options(kind: type[T], given: Mapping[str, Option], source_id: str) -> T:
    """An instance of options dataclass `kind` from `given`."""
    known = {entry.name: entry for entry in fields(kind)}  # pyright: ignore[reportArgumentType]
    for name in given:
        if name not in known:
            raise ConfigError(
                f"source {source_id}: option {name!r} is not known. Allowed: {', '.join(sorted(known))}. Correct or remove it."
            )
    required = [name for name, entry in known.items() if entry.default is MISSING and name not in given]
    if required:
        raise ConfigError(f"source {source_id}: option {required[0]!r} is missing. Add it to the source in plant.toml.")
    return kind(**{name: _checked(known[name], value, source_id) for name, value in given.items()})


def _checked(entry: Any, value: Option, source_id: str) -> Option:
    where = f"source {source_id}: option {entry.name} = {value!r}"
    wanted = _TYPES[entry.type]
    if wanted is float and type(value) is int:
        value = float(value)
    if type(value) is not wanted:
        raise ConfigError(f"{where} is a {type(value).__name__}; a {wanted.__name__} is allowed")
    low, high, allowed = (entry.metadata.get(name) for name in ("low", "high", "allowed"))
    if (low is not None and not value >= low) or (high is not None and not value <= high):
        raise ConfigError(
            f"{where} is out of range; allowed is {low if low is not None else '-inf'} to {high if high is not None else 'inf'}"
        )
    if allowed and value not in allowed:
        raise ConfigError(f"{where} is not allowed; write one of {', '.join(map(repr, allowed))}")
    return value


def read_url(url: str, schemes: Sequence[str], source_id: str) -> SplitResult:
    """`url` split, when its scheme is one of `schemes` and it names a host; its port is checked as well."""
    example = f"{schemes[0]}://host:port"
    try:
        parts = urlsplit(url)
        port_ok = parts.port is None or parts.port >= 0
    except ValueError as error:
        raise ConfigError(f"source {source_id}: url {url!r} cannot be read ({error}); write {example}") from error
    if parts.scheme not in schemes or not parts.hostname or not port_ok:
        raise ConfigError(f"source {source_id}: url {url!r} is not allowed; write {example} (schemes: {', '.join(schemes)})")
    return parts
