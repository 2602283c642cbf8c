"""VTU files: read back by a structural reader always, by meshio where it is installed."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from didymos.core.errors import DataError
from didymos.formats.vtu import CELLS, vtu

RNG = np.random.default_rng(4)
NODES = RNG.normal(size=(30, 3))


def made(family):
    width = int(re.sub(r"\D", "", family))
    elements = np.stack([RNG.permutation(30)[:width] for _ in range(4)])
    fields = {"T [K]": RNG.normal(size=30), 'u "&" <m>': RNG.normal(size=(30, 3))}
    return elements, fields, vtu(NODES, elements, family, fields)


def read(data):
    """name -> array, by the lengths in front of each block."""
    head, rest = data.split(b'<AppendedData encoding="raw">\n_')
    root = ElementTree.fromstring(head + b"</VTKFile>")
    kinds = {"Float64": "<f8", "Int64": "<i8", "UInt8": "u1"}
    found = {}
    for array in root.iter("DataArray"):
        begin = int(array.get("offset"))
        size = int.from_bytes(rest[begin : begin + 8], "little")
        values = np.frombuffer(rest[begin + 8 : begin + 8 + size], kinds[array.get("type")])
        parts = int(array.get("NumberOfComponents", 1))
        found[array.get("Name")] = values.reshape(-1, parts) if parts > 1 else values
    piece = root.find("UnstructuredGrid/Piece")
    return found, int(piece.get("NumberOfPoints")), int(piece.get("NumberOfCells"))


@pytest.mark.parametrize("family", CELLS)
def test_every_family_comes_back_to_the_bit(family):
    elements, fields, data = made(family)
    found, points, cells = read(data)
    assert (points, cells) == (30, 4)
    assert np.array_equal(found["points"], NODES)
    assert np.array_equal(found["connectivity"].reshape(4, -1), elements)
    assert found["offsets"].tolist() == [elements.shape[1] * k for k in (1, 2, 3, 4)]
    assert found["types"].tolist() == [CELLS[family]] * 4
    assert all(np.array_equal(found[name], field) for name, field in fields.items())


@pytest.mark.parametrize("family", CELLS)
def test_meshio_reads_what_we_write(family, tmp_path):
    meshio = pytest.importorskip("meshio", reason="meshio is not installed; pip install meshio")
    elements, fields, data = made(family)
    path = tmp_path / "part.vtu"
    path.write_bytes(data)
    found = meshio.read(path)
    assert np.array_equal(found.points, NODES)
    assert np.array_equal(found.cells[0].data, elements)
    assert all(np.array_equal(found.point_data[name], field) for name, field in fields.items())


def test_a_field_of_another_length_and_an_unknown_family_are_refused():
    with pytest.raises(DataError, match="field 'T' has 29 rows for 30 nodes"):
        vtu(NODES, np.array([[0, 1, 2, 3]]), "tet4", {"T": np.zeros(29)})
    with pytest.raises(DataError, match="elements 'wedge15'"):
        vtu(NODES, np.zeros((1, 15), int), "wedge15", {})
