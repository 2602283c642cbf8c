"""Wildcards mean what NATS says: `*` one token, `>` one or more tokens at the end (docs.nats.io, Subject-Based Messaging)."""

from __future__ import annotations

import asyncio

import pytest

from didymos.core.errors import ConfigError, DataError
from didymos.data.stream import open_bus
from didymos.data.stream.subjects import matches, stream_of


@pytest.mark.parametrize(
    ("pattern", "subject", "expected"),
    [
        ("time.*.east", "time.us.east", True),
        ("time.*.east", "time.us.west", False),
        ("time.us.>", "time.us.east.atlanta", True),
        ("time.us.>", "time.us", False),
        (">", "anything", True),
        ("tel.*", "tel.1.2", False),
        ("tel.1", "tel.1", True),
        ("tel.1", "tel.11", False),
    ],
)
def test_wildcards(pattern, subject, expected):
    assert matches(pattern, subject) is expected


def test_each_subject_has_its_stream():
    assert [stream_of(s) for s in ("tel.0", "wav.63", "evt.5", "res.5.snapshot.cp-01")] == ["plant", "plant", "plant", "results"]
    with pytest.raises(DataError, match=r"subject 'res.\*' belongs to no stream"):
        stream_of("res.*")


def test_an_unknown_scheme_is_refused():
    with pytest.raises(ConfigError, match=r"bus url 'kafka://x' is not allowed. Allowed: nats://host:port"):
        asyncio.run(open_bus("kafka://x"))
