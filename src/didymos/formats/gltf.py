"""A coloured surface as binary glTF 2.0 (.glb): triangles, a colour per vertex, the value itself as attribute `_VALUE`.

    glb(points (n, 3), triangles (t, 3), value (n,), label) -> bytes

Colours run from the smallest to the largest value, or over the given range, along `SCALE` (a perceptually even one, recalled
from matplotlib's viridis); vertices without a number are grey. Source: Khronos glTF 2.0 specification.
Verified: tests/formats/test_gltf.py.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from didymos.core.errors import DataError

Array = NDArray[np.float64]
SCALE = np.array(
    [
        [68, 1, 84],
        [71, 44, 122],
        [59, 81, 139],
        [44, 113, 142],
        [33, 144, 141],
        [39, 173, 129],
        [92, 200, 99],
        [170, 220, 50],
        [253, 231, 37],
    ]
)
GREY = (128, 128, 128)
FLOAT, UINT, UBYTE = 5126, 5125, 5121
VERTICES, INDICES = 34962, 34963


def glb(points: Array, triangles: NDArray[np.int64], value: Array, label: str, span: tuple[float, float] | None = None) -> bytes:
    """DataError for triangles that name no vertex, points that are no number, or values of another length."""
    if len(points) == 0 or len(triangles) == 0:
        raise DataError("gltf: a surface needs points and triangles; there are none. Give the boundary of the body.")
    if not np.isfinite(points).all():
        raise DataError("gltf: a point is no number. Correct the mesh.")
    if triangles.min() < 0 or triangles.max() >= len(points) or len(value) != len(points):
        raise DataError(
            f"gltf: {len(points)} points, {len(value)} values, triangles up to point {triangles.max()}. They must agree."
        )
    low, high = span or (float(np.nanmin(value, initial=np.inf)), float(np.nanmax(value, initial=-np.inf)))
    place = points.astype("<f4")
    parts = [
        (place, "VEC3", FLOAT, VERTICES, {"min": place.min(axis=0).tolist(), "max": place.max(axis=0).tolist()}),
        (colours(value, low, high), "VEC4", UBYTE, VERTICES, {"normalized": True}),
        (np.nan_to_num(value).astype("<f4"), "SCALAR", FLOAT, VERTICES, {}),
        (triangles.astype("<u4").ravel(), "SCALAR", UINT, INDICES, {}),
    ]
    document, body = _document(parts), b"".join(part[0].tobytes() for part in parts)
    document["meshes"][0]["extras"] = {"label": label, "low": low, "high": high}
    return _chunks(document, body)


def colours(value: Array, low: float, high: float) -> NDArray[np.uint8]:
    """RGBA (n, 4)."""
    share = np.clip((value - low) / (high - low), 0.0, 1.0) if high > low else np.zeros(len(value))
    stops = np.linspace(0.0, 1.0, len(SCALE))
    found = np.full((len(value), 4), 255, np.uint8)
    for channel in range(3):
        even = np.interp(np.nan_to_num(share), stops, SCALE[:, channel])
        found[:, channel] = np.where(np.isfinite(value), np.round(even), GREY[channel])
    return found


def _document(parts: list[tuple[Any, str, int, int, dict[str, Any]]]) -> dict[str, Any]:
    views, accessors, offset = [], [], 0
    for number, (array, kind, component, target, more) in enumerate(parts):
        views.append({"buffer": 0, "byteOffset": offset, "byteLength": array.nbytes, "target": target})
        accessors.append({"bufferView": number, "componentType": component, "count": len(array), "type": kind, **more})
        offset += array.nbytes
    material = {"pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 1.0}, "doubleSided": True}
    primitive = {"attributes": {"POSITION": 0, "COLOR_0": 1, "_VALUE": 2}, "indices": 3, "material": 0, "mode": 4}
    return {
        "asset": {"version": "2.0", "generator": "didymos"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [primitive]}],
        "materials": [material],
        "buffers": [{"byteLength": offset}],
        "bufferViews": views,
        "accessors": accessors,
    }


def _chunks(document: dict[str, Any], body: bytes) -> bytes:
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    body += b"\0" * (-len(body) % 4)
    chunks = b"".join(len(data).to_bytes(4, "little") + kind + data for kind, data in ((b"JSON", text), (b"BIN\0", body)))
    return b"glTF" + (2).to_bytes(4, "little") + (12 + len(chunks)).to_bytes(4, "little") + chunks
