"""glTF: every rule of the binary container and its accessors by a reader of our own; pygltflib where it is installed."""

import json

import numpy as np
import pytest

from didymos.core.errors import DataError
from didymos.formats.gltf import SCALE, colours, glb

POINTS = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 3.0], [1.0, 1.0, 1.0]])
TRIANGLES = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 4]])
VALUE = np.array([10.0, 20.0, 30.0, np.nan, 50.0])
KINDS = {5126: ("<f4", 4), 5125: ("<u4", 4), 5121: ("u1", 1)}
WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}


def read(data):
    """(document, accessor arrays), every length and alignment checked on the way."""
    assert data[:4] == b"glTF"
    assert int.from_bytes(data[4:8], "little") == 2
    assert int.from_bytes(data[8:12], "little") == len(data)
    size = int.from_bytes(data[12:16], "little")
    assert size % 4 == 0
    assert data[16:20] == b"JSON"
    document = json.loads(data[20 : 20 + size])
    rest = data[20 + size :]
    assert rest[4:8] == b"BIN\0"
    body = rest[8:]
    assert int.from_bytes(rest[:4], "little") == len(body) >= document["buffers"][0]["byteLength"]
    arrays = []
    for accessor in document["accessors"]:
        view = document["bufferViews"][accessor["bufferView"]]
        kind, align = KINDS[accessor["componentType"]]
        assert view["byteOffset"] % align == 0
        width = WIDTHS[accessor["type"]]
        array = np.frombuffer(body[view["byteOffset"] : view["byteOffset"] + view["byteLength"]], kind).reshape(-1, width)
        assert len(array) == accessor["count"]
        if "min" in accessor:
            assert np.array_equal(array.min(axis=0), np.array(accessor["min"], "<f4"))
            assert np.array_equal(array.max(axis=0), np.array(accessor["max"], "<f4"))
        arrays.append(array)
    return document, arrays


def test_a_coloured_surface_comes_back_with_its_values():
    document, arrays = read(glb(POINTS, TRIANGLES, VALUE, "temperature [K]"))
    primitive = document["meshes"][0]["primitives"][0]
    place = {name: arrays[number] for name, number in primitive["attributes"].items()}
    assert np.array_equal(place["POSITION"], POINTS.astype("<f4"))
    assert arrays[primitive["indices"]].ravel().tolist() == TRIANGLES.ravel().tolist()
    assert place["_VALUE"].ravel().tolist() == [10.0, 20.0, 30.0, 0.0, 50.0]
    assert place["COLOR_0"][0].tolist() == [*SCALE[0], 255]
    assert place["COLOR_0"][4].tolist() == [*SCALE[-1], 255]
    assert place["COLOR_0"][3].tolist() == [128, 128, 128, 255]
    assert document["meshes"][0]["extras"] == {"label": "temperature [K]", "low": 10.0, "high": 50.0}


def test_one_value_everywhere_is_one_colour_and_a_given_range_bounds_the_rest():
    assert len(np.unique(colours(np.full(5, 3.0), 3.0, 3.0), axis=0)) == 1
    assert colours(np.array([-5.0, 99.0]), 0.0, 1.0).tolist() == [[*SCALE[0], 255], [*SCALE[-1], 255]]


def test_pygltflib_reads_what_we_write(tmp_path):
    pygltflib = pytest.importorskip("pygltflib", reason="pygltflib is not installed; pip install pygltflib")
    path = tmp_path / "part.glb"
    path.write_bytes(glb(POINTS, TRIANGLES, VALUE, "x"))
    found = pygltflib.GLTF2().load(str(path))
    assert found.accessors[0].count == 5
    assert found.meshes[0].primitives[0].attributes.COLOR_0 == 1


@pytest.mark.parametrize(
    ("points", "triangles", "value", "said"),
    [
        (POINTS[:0], TRIANGLES, VALUE, "needs points and triangles"),
        (POINTS, TRIANGLES + 3, VALUE, "They must agree"),
        (POINTS, TRIANGLES, VALUE[:3], "They must agree"),
        (np.where(POINTS > 2.0, np.nan, POINTS), TRIANGLES, VALUE, "a point is no number"),
    ],
)
def test_a_surface_that_cannot_be_drawn_is_refused(points, triangles, value, said):
    with pytest.raises(DataError, match=said):
        glb(points, triangles, value, "x")
