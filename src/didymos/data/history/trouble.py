"""What history cannot do at the moment, and the room on the disk that it keeps in reserve."""

from __future__ import annotations

import errno
import logging
from typing import final

from didymos.data.history.store import Store

_log = logging.getLogger(__name__)


@final
class Trouble:
    """What history cannot do now, by place; said in the log once when it begins and once when it ends."""

    def __init__(self) -> None:
        self._now: dict[str, str] = {}

    def begin(self, where: str, error: BaseException) -> None:
        if where not in self._now:
            _log.error("%s: nothing is written (%s); tried again until it can be, nothing is lost", where, _said(error))
        self._now[where] = _said(error)

    def end(self, where: str) -> None:
        if self._now.pop(where, None) is not None:
            _log.warning("%s: written again", where)

    def now(self) -> tuple[str, str]:
        """(state, what is wrong and what to do); both empty when all is well."""
        if not self._now:
            return "", ""
        text = "; ".join(f"{where}: {what}" for where, what in self._now.items())
        full = "No space left" in text
        todo = "Make room on the disk." if full else "See the historian's log."
        return "disk_full" if full else "unwritable", f"{text}. Rows wait in the stream, reads go on. {todo}"


def _said(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def check_room(store: Store, reserve_bytes: int) -> None:
    free = store.free_bytes()
    if free < reserve_bytes:
        raise OSError(errno.ENOSPC, f"No space left: {free >> 20} MB free, {reserve_bytes >> 20} MB are kept in reserve")
