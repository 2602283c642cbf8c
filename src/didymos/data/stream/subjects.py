"""Which subject belongs to which stream, and what a wildcard means: `*` is one token, `>` is one or more to the end."""

from __future__ import annotations

from didymos.core.errors import DataError

STREAMS: dict[str, tuple[str, ...]] = {"plant": ("tel.*", "wav.*", "evt.*"), "results": ("res.>",)}


def matches(pattern: str, subject: str) -> bool:
    """True when `subject` falls under `pattern`: matches('res.*.snapshot.>', 'res.7.snapshot.cm-01')."""
    wanted, given = pattern.split("."), subject.split(".")
    for place, token in enumerate(wanted):
        if token == ">":
            return len(given) > place
        if place >= len(given) or token not in ("*", given[place]):
            return False
    return len(wanted) == len(given)


def stream_of(subject: str) -> str:
    """Name of the stream that stores `subject`; DataError for a subject that no stream stores."""
    for stream, patterns in STREAMS.items():
        if not any(token in ("", "*", ">") for token in subject.split(".")) and any(matches(p, subject) for p in patterns):
            return stream
    raise DataError(
        f"subject {subject!r} belongs to no stream. Allowed: tel.<p>, wav.<p>, evt.<p> (plant) and res.<p>.… (results). "
        "Use notify for what need not be stored."
    )


def check_stream(stream: str) -> str:
    """`stream` when it exists, else DataError."""
    if stream not in STREAMS:
        raise DataError(f"stream {stream!r} does not exist. Allowed: {', '.join(STREAMS)}.")
    return stream
