"""A line plot as SVG, for the scripts beside this file: axes, a legend, limits as dashed lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 430, 78, 190, 40, 52
COLOURS = ("#1b6ca8", "#d1495b", "#3a7d44", "#8d6b94", "#b07d2b", "#4a4e69")


def lines(
    name: str, title: str, x: Sequence[float], curves: Mapping[str, Sequence[float]], across: str, up: str,
    limits: Mapping[str, float] | None = None,
) -> Path:  # fmt: skip
    """Writes NAME.svg into the working directory and says so."""
    columns = {label: np.broadcast_to(np.asarray(y, float), np.shape(x)) for label, y in curves.items()}
    every = np.concatenate([*columns.values(), np.array([*(limits or {}).values()])])
    every = every[np.isfinite(every)]
    low, high = float(every.min()), float(every.max())
    low, high = low - 0.04 * (high - low + 1e-12), high + 0.04 * (high - low + 1e-12)
    first, last = float(np.min(x)), float(np.max(x))

    def at(a: float, b: float) -> str:
        px = LEFT + (a - first) / (last - first) * (WIDTH - LEFT - RIGHT)
        return f"{px:.1f},{HEIGHT - BOTTOM - (b - low) / (high - low) * (HEIGHT - TOP - BOTTOM):.1f}"

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12">']
    out += [f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>', f'<text x="{LEFT}" y="22" font-size="15">{title}</text>']
    for tick in np.linspace(low, high, 6):
        (a, y), (b, _) = at(first, tick).split(","), at(last, tick).split(",")
        out.append(f'<line x1="{a}" y1="{y}" x2="{b}" y2="{y}" stroke="#ddd"/>')
        out.append(f'<text x="{LEFT - 6}" y="{y}" text-anchor="end" dominant-baseline="middle">{tick:.4g}</text>')
    for tick in np.linspace(first, last, 6):
        px = at(tick, low).split(",")[0]
        out.append(f'<text x="{px}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{tick:.4g}</text>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">{across}</text>')
    out.append(f'<text transform="translate(14 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">{up}</text>')
    for i, (label, y) in enumerate(columns.items()):
        points = " ".join(at(float(a), float(b)) for a, b in zip(x, y, strict=True) if np.isfinite(b))
        out.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[i % 6]}" stroke-width="2"/>')
        out.append(f'<text x="{WIDTH - RIGHT + 12}" y="{TOP + 14 + 18 * i}" fill="{COLOURS[i % 6]}">{label}</text>')
    for i, (label, value) in enumerate((limits or {}).items()):
        out.append(f'<polyline points="{at(first, value)} {at(last, value)}" stroke="#900" stroke-dasharray="5 4"/>')
        out.append(f'<text x="{WIDTH - RIGHT + 12}" y="{TOP + 24 + 18 * (len(columns) + i)}" fill="#900">{label}</text>')
    path = Path(f"{name}.svg")
    path.write_text("\n".join([*out, "</svg>"]), encoding="utf-8")
    print(f"wrote {path}")
    return path
