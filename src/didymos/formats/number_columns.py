"""Columns of texts -> numbers and qualities, a whole column at a time.

A number has one decimal sign, given; thousands are not separated. A system state of PI (`pi_states`) is a sample without value.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from didymos.core.series import Quality
from didymos.formats.pi_states import STATES

pc: Any = pyarrow.compute  # its functions are made when it is imported; no type checker sees them
_NUMBER = r"^-?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?$"
EMPTY, UNREADABLE = 254, 255  # beside the qualities: no sample here, and no meaning found


def numbers(column: pa.Array, decimal: str) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """(value (n,), what (n,)): what is a Quality, EMPTY or UNREADABLE; the value of anything but GOOD is NaN."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type)):
        return _plain(column)
    text = column.cast(pa.string())
    if decimal == ",":
        text = _decimal_point(text)
    try:
        value = text.cast(pa.float64())
        if not text.null_count:
            return _marked(value, np.zeros(len(text), np.uint8))
    except pa.ArrowInvalid:
        pass
    return _mixed(text)


def _plain(column: pa.Array) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """A column of numbers or of true and false."""
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    if pa.types.is_null(column.type):
        return np.full(len(column), np.nan), np.full(len(column), EMPTY, np.uint8)
    try:
        value = column.cast(pa.float64(), safe=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return np.full(len(column), np.nan), np.full(len(column), UNREADABLE, np.uint8)
    what = np.zeros(len(column), np.uint8)
    if column.null_count:
        what[column.is_null().to_numpy(zero_copy_only=False)] = EMPTY
    return _marked(value, what)


def _marked(value: pa.Array, what: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    found = value.to_numpy(zero_copy_only=False)
    finite = np.isfinite(found)
    if finite.all():
        return found, what
    what[~finite & (what == Quality.GOOD)] = Quality.BAD
    return np.where(finite, found, np.nan), what


def _decimal_point(text: pa.Array) -> pa.Array:
    """Commas to points; a text with a point already is left as it is, so that 1.234,5 is refused and not 1.2345."""
    pointed = pc.match_substring(text, ".")
    return pc.if_else(pointed.fill_null(False), text, pc.replace_substring(text, ",", "."))


def _mixed(text: pa.Array) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    text = pc.utf8_trim_whitespace(text.fill_null(""))
    text = pc.replace_substring_regex(text, r"^\+", "")
    number = pc.match_substring_regex(text, _NUMBER)
    value = pc.if_else(number, text, "nan").cast(pa.float64()).to_numpy(zero_copy_only=False).copy()
    what = np.zeros(len(text), np.uint8)
    odd = np.flatnonzero(~number.to_numpy(zero_copy_only=False))
    if len(odd):
        said = pc.dictionary_encode(text.take(pa.array(odd)))
        meaning = np.array([_meaning(word) for word in said.dictionary.to_pylist()], np.uint8)
        what[odd] = meaning[said.indices.to_numpy(zero_copy_only=False)]
        value[odd] = np.nan
    return _marked(pa.array(value), what)


def _meaning(word: str) -> int:
    return EMPTY if not word else int(STATES.get(word.lower(), UNREADABLE))
