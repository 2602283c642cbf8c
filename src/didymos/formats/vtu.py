"""A finite-element answer as a VTK XML file (.vtu): nodes, elements, one array per field, appended as raw bytes.

    vtu(nodes, elements, family, point_fields) -> bytes           what ParaView, VisIt, PyVista and meshio read

Elements in the order of `CELLS`, which is also CalculiX's up to 20 nodes. Fields have one row per node. Source: VTK file formats,
"XML file formats", version 1.0. Verified: tests/formats/test_vtu.py (meshio where it is installed, a structural reader always).
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from didymos.core.errors import DataError

Array = NDArray[np.float64]
CELLS = {  # family -> VTK cell type
    "tri3": 5,
    "tri6": 22,
    "quad4": 9,
    "quad8": 23,
    "quad9": 28,
    "tet4": 10,
    "tet10": 24,
    "hex8": 12,
    "hex20": 25,
    "hex27": 29,
}
TYPES = {"float64": "Float64", "float32": "Float32", "int64": "Int64", "uint8": "UInt8"}


def vtu(nodes: Array, elements: NDArray[np.int64], family: str, fields: Mapping[str, Array]) -> bytes:
    """nodes (n, 2 or 3), elements (e, k), fields (n,) or (n, components). DataError for a field of another length."""
    if family not in CELLS:
        raise DataError(f"vtu: elements {family!r}. Allowed: {', '.join(CELLS)}.")
    count, width = elements.shape
    places = np.zeros((len(nodes), 3))
    places[:, : nodes.shape[1]] = nodes
    for name, field in fields.items():
        if len(field) != len(nodes):
            raise DataError(f"vtu: field {name!r} has {len(field)} rows for {len(nodes)} nodes. Give one row per node.")
    appended = _Appended()
    points = appended.array("points", places)
    cells = [
        appended.array("connectivity", np.ascontiguousarray(elements, np.int64).ravel()),
        appended.array("offsets", np.arange(1, count + 1, dtype=np.int64) * width),
        appended.array("types", np.full(count, CELLS[family], np.uint8)),
    ]
    data = [appended.array(name, np.asarray(field, np.float64)) for name, field in fields.items()]
    head = (
        '<?xml version="1.0"?>\n<VTKFile type="UnstructuredGrid" version="1.0" byte_order="LittleEndian" header_type="UInt64">\n'
        f'<UnstructuredGrid><Piece NumberOfPoints="{len(nodes)}" NumberOfCells="{count}">\n'
        f"<Points>{points}</Points>\n<Cells>{''.join(cells)}</Cells>\n<PointData>{''.join(data)}</PointData>\n"
        '</Piece></UnstructuredGrid>\n<AppendedData encoding="raw">\n_'
    )
    return head.encode() + b"".join(appended.blocks) + b"\n</AppendedData>\n</VTKFile>\n"


class _Appended:
    """Blocks of bytes, each behind its length, and where the next begins."""

    def __init__(self) -> None:
        self.blocks: list[bytes] = []
        self.offset = 0

    def array(self, name: str, values: NDArray) -> str:
        data = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
        block = len(data).to_bytes(8, "little") + data
        parts = f' NumberOfComponents="{values.shape[1]}"' if values.ndim == 2 else ""
        tag = (
            f'<DataArray type="{TYPES[values.dtype.name]}" Name={quoteattr(name)}{parts} format="appended" offset="{self.offset}"/>'
        )
        self.blocks.append(block)
        self.offset += len(block)
        return tag
