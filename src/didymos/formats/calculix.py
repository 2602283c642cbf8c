"""CalculiX: an input deck for one static or steady heat step, and the printed answer. Text only; nothing is run here.

    Deck(...) -> text(deck)            printed(text) -> node numbers and rows

Nodes and elements count from 1 in the file, from 0 here. Numbers are written with 14 digits, CalculiX prints 7.
Source: Dhondt, CalculiX CrunchiX user's manual 2.20. Verified: tests/formats/test_calculix.py, and against the program itself
in tests/verify/test_fe_calculix.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from didymos.core.errors import DataError, ModelError

Array = NDArray[np.float64]
ELEMENTS = {"tet4": "C3D4", "tet10": "C3D10", "hex8": "C3D8", "hex20": "C3D20"}
TITLE = re.compile(r"\s*(displacements|temperatures) ")


@dataclass(frozen=True, slots=True)
class Deck:
    """Nodes (n, 3), elements (e, nodes) of one `family`; `fixed` and `loads` are rows of (node, component, value).

    With `conductivity_W_mK` it is steady heat, component 0 the temperature; else elasticity with components 0, 1, 2.
    `print_nodes`: those whose answer is wanted, all when empty. Without `analysis` there is no step: the
    program reads the model and ends.
    """

    nodes: Array
    elements: NDArray[np.int64]
    family: str
    fixed: Iterable[tuple[int, int, float]]
    loads: Iterable[tuple[int, int, float]]
    young_Pa: float = 1.0
    poisson: float = 0.0
    conductivity_W_mK: float | None = None
    print_nodes: tuple[int, ...] = ()
    analysis: bool = True


def text(deck: Deck) -> str:
    """The whole .inp; ModelError for elements that CalculiX does not have."""
    if deck.family not in ELEMENTS:
        raise ModelError(f"calculix: elements {deck.family!r}. Allowed: {', '.join(ELEMENTS)}. Mesh with one of these.")
    heat = deck.conductivity_W_mK is not None
    material = f"*CONDUCTIVITY\n{deck.conductivity_W_mK:.13e}" if heat else f"*ELASTIC\n{deck.young_Pa:.13e},{deck.poisson:.13e}"
    first = 11 if heat else 1
    step = "*HEAT TRANSFER,STEADY STATE" if heat else "*STATIC"
    nodes = (f"{i},{x:.13e},{y:.13e},{z:.13e}" for i, (x, y, z) in enumerate(deck.nodes.tolist(), 1))
    fixed = (f"{node + 1},{first + c},{first + c},{value:.13e}" for node, c, value in deck.fixed)
    loads = (f"{node + 1},{first + c},{value:.13e}" for node, c, value in deck.loads)
    parts = [
        "*NODE,NSET=NALL",
        *nodes,
        f"*ELEMENT,TYPE={ELEMENTS[deck.family]},ELSET=EALL",
        *_element_lines(deck.elements),
        "*MATERIAL,NAME=M",
        material,
        "*SOLID SECTION,ELSET=EALL,MATERIAL=M",
        *(("*NSET,NSET=NSOME", *(str(node + 1) for node in deck.print_nodes)) if deck.print_nodes else ()),
        "*BOUNDARY",
        *fixed,
    ]
    if not deck.analysis:
        return "\n".join(parts) + "\n"
    parts += [
        "*STEP",
        step,
        "*CFLUX" if heat else "*CLOAD",
        *loads,
        f"*NODE PRINT,NSET={'NSOME' if deck.print_nodes else 'NALL'}",
        "NT" if heat else "U",
        "*END STEP",
    ]
    return "\n".join(parts) + "\n"


def printed(answer: str) -> tuple[NDArray[np.intp], Array]:
    """Nodes (n,) from 0 and their rows (n, 3) or (n, 1) of the last table in a .dat; DataError when there is none."""
    lines = answer.splitlines()
    titles = [place for place, line in enumerate(lines) if TITLE.match(line)]
    if not titles:
        raise DataError("calculix: the .dat holds no displacements or temperatures. Read what ccx itself printed.")
    rows: list[list[float]] = []
    for line in lines[titles[-1] + 1 :]:
        words = line.split()
        if not words:
            if rows:
                break
            continue
        try:
            rows.append([float(word) for word in words])
        except ValueError as error:
            raise DataError(
                f"calculix: {line.strip()!r} among the printed rows: {error}. The .dat is damaged; run again."
            ) from error
    table = np.array(rows)
    return table[:, 0].astype(np.intp) - 1, table[:, 1:]


def _element_lines(elements: NDArray[np.int64]) -> Iterable[str]:
    """A line holds at most 16 numbers; the rest follows on the next."""
    for number, nodes in enumerate((elements + 1).tolist(), 1):
        words = [str(number), *map(str, nodes)]
        yield ",".join(words) if len(words) <= 16 else ",".join(words[:11]) + ",\n" + ",".join(words[11:])
