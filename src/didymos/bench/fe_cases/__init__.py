"""Published finite-element cases: geometry, material, supports, load, target with its source. One list, exact ones first."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from didymos.bench.fe_cases import beam, exact, modal, stress, thermal
from didymos.bench.fe_cases.case import Case, Row, judge
from didymos.core.errors import ConfigError

CASES: dict[str, Case] = {
    case.name: case for module in (exact, stress, thermal, modal, beam) for case in module.CASES
}  # a new case: one entry in one module


def chosen(names: Sequence[str]) -> list[Case]:
    """The named cases, all when none is named; ConfigError for a name that is not there."""
    unknown = [name for name in names if name.lower() not in CASES]
    if unknown:
        raise ConfigError(f"fe verify: case {unknown[0]!r} is not known. Allowed: {', '.join(CASES)}. Correct the name.")
    return [CASES[name.lower()] for name in names] or list(CASES.values())


def verify(case: Case, on_level: Callable[[str], None] = lambda _text: None) -> list[Row]:
    """Solve every level and judge; `on_level` hears of each mesh before it is solved."""
    answers = []
    for n in case.levels:
        on_level(f"{case.name}, {n} elements a side")
        answers.append(case.solve(n))
    return judge(case, answers)
