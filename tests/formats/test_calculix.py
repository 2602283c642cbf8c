"""CalculiX decks and printed answers as text: damaged answers are named, long element lines are broken where ccx allows it."""

import numpy as np
import pytest

from didymos.core.errors import DataError, ModelError
from didymos.formats.calculix import Deck, printed, text

NODES = np.eye(4, 3)
ANSWER = """
 displacements (vx,vy,vz) for set NALL and time  0.1000000E+01

         1  1.000000E-06 -2.000000E-06  0.000000E+00
         2  4.000000E-06  5.000000E-06  6.000000E-06

"""


def test_the_last_table_of_an_answer_is_read():
    nodes, rows = printed(ANSWER + ANSWER.replace("4.0", "7.0"))
    assert nodes.tolist() == [0, 1]
    assert rows[1].tolist() == [7e-6, 5e-6, 6e-6]


@pytest.mark.parametrize(
    ("answer", "said"),
    [("", "holds no displacements"), (ANSWER.replace("5.000000E-06", "5.0*****"), "damaged"), (" stresses\n 1 2 3\n", "holds no")],
)
def test_an_answer_that_cannot_be_used_says_why(answer, said):
    with pytest.raises(DataError, match=said):
        printed(answer)


def test_a_deck_counts_from_one_and_keeps_lines_of_sixteen_numbers():
    deck = Deck(np.zeros((20, 3)), np.arange(20)[None], "hex20", [(0, 2, 0.5)], [(19, 0, -3.0)], 2e11, 0.3)
    lines = text(deck).splitlines()
    begin = lines.index("*ELEMENT,TYPE=C3D20,ELSET=EALL")
    assert lines[begin + 1] == "1," + ",".join(map(str, range(1, 11))) + ","
    assert lines[begin + 2] == ",".join(map(str, range(11, 21)))
    assert "1,3,3,5.0000000000000e-01" in lines
    assert "20,1,-3.0000000000000e+00" in lines
    assert all(len(line.split(",")) <= 16 for line in lines)


def test_a_family_that_calculix_lacks_is_refused():
    with pytest.raises(ModelError, match="elements 'hex27'"):
        text(Deck(NODES, np.zeros((1, 27), int), "hex27", [], []))
