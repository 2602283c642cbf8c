"""Mesh files: decks and .msh as other programs write them, and every way in which one can be damaged."""

import numpy as np
import pytest

from didymos.core.errors import DataError
from didymos.formats.mesh_files import GMSH_ORDER, read_mesh

INP = """** made by hand
*HEADING
two tetrahedra
*NODE, NSET=ALL
10, 0, 0, 0
20, 1.0, 0, 0
30, 0, 1., 0
40, 0, 0, 1e0
50, 1, 1, 1
*ELEMENT, TYPE=S3, ELSET=SKIN
7, 10, 20, 30
*ELEMENT, TYPE=C3D4, ELSET=BODY
1, 10, 20, 30, 40
2, 20, 50, 30, 40
*MATERIAL, NAME=M
*ELASTIC
1, 0
"""
MSH2 = """$MeshFormat
2.2 0 8
$EndMeshFormat
$Nodes
5
1 0 0 0
2 1 0 0
3 0 1 0
4 0 0 1
5 1 1 1
$EndNodes
$Elements
3
1 2 2 0 1 1 2 3
2 4 2 0 1 1 2 3 4
3 4 2 0 1 2 5 3 4
$EndElements
"""
MSH4 = """$MeshFormat
4.1 0 8
$EndMeshFormat
$Nodes
2 5 1 5
0 1 0 2
1
2
0 0 0
1 0 0
3 1 0 3
3
4
5
0 1 0
0 0 1
1 1 1
$EndNodes
$Elements
2 3 1 3
2 1 2 1
1 1 2 3
3 1 4 2
2 1 2 3 4
3 2 5 3 4
$EndElements
"""


def read(tmp_path, text, name):
    path = tmp_path / name
    path.write_text(text)
    return read_mesh(path)


@pytest.mark.parametrize(("text", "name"), [(INP, "a.inp"), (MSH2, "a.msh"), (MSH4, "b.msh")])
def test_solid_elements_are_read_and_surfaces_beside_them_left_out(tmp_path, text, name):
    nodes, elements, family = read(tmp_path, text, name)
    assert family == "tet4"
    assert elements.tolist() == [[0, 1, 2, 3], [1, 4, 2, 3]]
    assert nodes.tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]]


def test_an_element_may_go_over_two_lines(tmp_path):
    nodes = "\n".join(f"{n}, {n}, 0, 0" for n in range(1, 21))
    text = (
        f"*NODE\n{nodes}\n*ELEMENT, TYPE=C3D20R\n1, "
        + ", ".join(map(str, range(1, 11)))
        + ",\n"
        + ", ".join(map(str, range(11, 21)))
    )
    _, elements, family = read(tmp_path, text, "a.inp")
    assert family == "hex20"
    assert elements.tolist() == [list(range(20))]


def test_gmsh_s_order_of_mid_side_nodes_becomes_the_common_one():
    # gmsh reference manual, chapter on node ordering: edges of its tetrahedron and hexahedron are `theirs`
    ours = {"tet10": "01 12 20 03 13 23", "hex20": "01 12 23 30 45 56 67 74 04 15 26 37"}
    theirs = {"tet10": "01 12 20 03 23 13", "hex20": "01 03 04 12 15 23 26 37 45 47 56 67"}
    for family, order in GMSH_ORDER.items():
        corners = 4 if family == "tet10" else 8
        edges = ["".join(sorted(edge)) for edge in theirs[family].split()]
        assert [edges[place - corners] for place in order[corners:]] == ["".join(sorted(edge)) for edge in ours[family].split()]


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        (INP, "a.stl", "ends with .inp or .msh"),
        (INP.replace("C3D4", "S3"), "a.inp", "solid elements: none. Allowed: exactly one of hex20"),
        (INP + "*ELEMENT, TYPE=C3D8\n9, 10, 20, 30, 40, 50, 10, 20, 30\n", "a.inp", "tet4 and hex8"),
        (INP.replace("50, 1, 1, 1", ""), "a.inp", "nodes that the file does not define"),
        (INP.replace("50, 1, 1, 1", "50, 1, x, 1"), "a.inp", "damaged or cut off"),
        (INP.replace("50, 1, 1, 1", "50, 1, 1"), "a.inp", "node 50 has 2 coordinates"),
        (MSH4.replace("4.1 0 8", "4.1 1 8"), "a.msh", "save it as ASCII"),
        (MSH4.replace("4.1 0 8", "4.0 0 8"), "a.msh", "save it as 4.1 or 2.2"),
        (MSH4[: MSH4.index("$Elements")], "a.msh", r"\$Elements is missing"),
        (MSH4[: MSH4.index("3 2 5 3 4")], "a.msh", "1 elements where 2 are announced"),
        (MSH2.replace("5 1 1 1\n", ""), "a.msh", "4 nodes where 5 are announced"),
        ("", "a.msh", r"\$MeshFormat is missing"),
        ("", "a.inp", "solid elements: none"),
    ],
)
def test_a_mesh_file_that_cannot_be_used_says_why(tmp_path, text, name, said):
    with pytest.raises(DataError, match=said):
        read(tmp_path, text, name)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_mesh(tmp_path / "none.msh")


def test_nodes_keep_their_places_whatever_their_numbers(tmp_path):
    shuffled = INP.replace("10, 0, 0, 0\n", "").replace("*ELEMENT, TYPE=S3", "10, 0, 0, 0\n*ELEMENT, TYPE=S3")
    nodes, elements, _ = read(tmp_path, shuffled, "a.inp")
    first, _, _ = read(tmp_path, INP, "b.inp")
    assert np.array_equal(nodes[elements], first[[[0, 1, 2, 3], [1, 4, 2, 3]]])
