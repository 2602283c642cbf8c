"""The report of a fit: one self-contained HTML page with SVG plots, and nothing fetched from elsewhere.

    page(model, body, record, before, after)    body: the fitted file's content; before, after: `Curve`s of the same record

Shown: the sentence of the result, parameters with interval and who told them, what cannot be told, data against the model before
and after (open loop), innovations' autocorrelation. Verified: tests/plant/test_fit_command.py.
"""

from __future__ import annotations

from html import escape
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from didymos.core.model import Model
from didymos.infer.prediction_error import Record

Array = NDArray[np.float64]
W, H, LEFT, BOTTOM, MOST = 720, 180, 64, 22, 600
STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#1b1f24}
table{border-collapse:collapse;width:100%}td,th{padding:.2em .6em;border-bottom:1px solid #d8dee4;text-align:right}
td:first-child,th:first-child,td:last-child,th:last-child{text-align:left}svg{width:100%;height:auto}.data{color:#0a6e31}
.prior,.known{color:#6e7781}.combination{color:#9a5b00}@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}}"""
COLOUR = {"measured": "#8c959f", "before": "#c2571a", "after": "#0969da"}


class Curve(NamedTuple):
    """readings (T, m) of the model open loop; whitened (T, m): one-step innovations over their expected spread."""

    readings: Array
    whitened: Array


def page(model: Model, body: dict[str, Any], record: Record, before: Curve, after: Curve) -> str:
    parts = [f"<h1>{escape(body['asset'])}: {escape(model.title.lower())}, fitted</h1>", f"<p>{sentence(body)}</p>"]
    parts += ["<h2>Parameters</h2>", table(model, body)]
    if body["not_told"]:
        items = "".join(f"<li>{escape(text)}</li>" for text in body["not_told"])
        parts.append(
            f"<h2>What these data cannot tell</h2><p>Along these directions the values stay at the prior:</p><ul>{items}</ul>"
        )
    parts.append("<h2>Data against model</h2><p>Grey: measured. Orange: before. Blue: after. The model runs open loop.</p>")
    for j, channel in enumerate(model.sensors):
        if np.isfinite(record.measured[:, j]).any():
            lines = {"measured": record.measured[:, j], "before": before.readings[:, j], "after": after.readings[:, j]}
            parts.append(plot(f"{channel.title} [{channel.unit}]", lines, record.step_s))
            parts.append(f"<p>{_quality(body['sensors'][channel.name])}</p>")
    parts.append("<h2>Are the residuals white?</h2><p>Autocorrelation of the one-step innovations; inside the band they are.</p>")
    for j, channel in enumerate(model.sensors):
        if np.isfinite(after.whitened[:, j]).sum() > 60:
            parts.append(correlogram(channel.title, after.whitened[:, j]))
    if "posterior" in body:
        parts.append(_posterior(body))
    parts.append("<h2>Learned residual on top of physics</h2><p>Kept only where it beats physics on time it has not seen; ")
    parts.append("bounded to the residuals seen. Shown here; the live filter runs on physics alone.</p><ul>")
    parts += [f"<li>{escape(line)}</li>" for line in body["residual"]["said"]] + ["</ul>"]
    head = f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(body['asset'])} fitted</title><style>{STYLE}</style>"
    return head + "".join(parts) + f"<p><small>{escape(_provenance(body))}</small></p></html>"


def sentence(body: dict[str, Any]) -> str:
    kinds = [p["kind"] for p in body["params"].values()]
    c = body["convergence"]
    where = "the optimum was reached" if c["reached"] else "the optimum was NOT reached; give more starts or a longer period"
    return (
        f"Parameters told by the data: {kinds.count('data')}; only in combination: {kinds.count('combination')}; "
        f"not at all, they stay at {escape(body['prior'])}: {kinds.count('prior')}; known: {kinds.count('known')}. "
        f"From {c['starts']} start{'s' * (c['starts'] > 1)} {c['agree']} ended at the same place; {where} "
        f"({c['decrement']:.2g} standard deviations from it)."
    )


def table(model: Model, body: dict[str, Any]) -> str:
    unit = {p.name: (p.title, p.unit) for p in model.parameters}
    rows = ["<tr><th>parameter<th>prior<th>value<th>90 % interval<th>unit<th>share told<th>told by</tr>"]
    order = {"data": 0, "combination": 1, "prior": 2, "known": 3}
    for name, p in sorted(body["params"].items(), key=lambda item: order[item[1]["kind"]]):
        span = "" if p["kind"] == "known" else f"{p['low']:.4g} to {p['high']:.4g}"
        rows.append(
            f"<tr class={p['kind']}><td>{escape(unit[name][0])}<td>{p['prior']:.4g}<td>{p['value']:.4g}<td>{span}"
            f"<td>{escape(unit[name][1])}<td>{p['told']:.0%}<td>{p['kind']}</tr>"
        )
    return f"<table>{''.join(rows)}</table>"


def _posterior(body: dict[str, Any]) -> str:
    """Quantiles by sampling beside those of the table."""
    p = body["posterior"]
    word = "mixed" if p["believed"] else "NOT mixed: draw longer before you use these"
    rows = [
        f"<tr><td>{escape(name)}<td>{median:.4g}<td>{low:.4g} to {high:.4g}</tr>"
        for name, (low, median, high) in p["params"].items()
        if high > low
    ]
    return (
        f"<h2>Posterior by sampling</h2><p>R-hat {p['r_hat']:.3f}, {p['effective']:.0f} effective draws, "
        f"{p['accepted']:.0%} accepted: {word}.</p><table><tr><th>parameter<th>median<th>5 to 95 %</tr>{''.join(rows)}</table>"
    )


def plot(title: str, lines: dict[str, Array], step_s: float) -> str:
    """Lines over time, thinned to MOST points each; NaN breaks a line."""
    known = np.concatenate([v[np.isfinite(v)] for v in lines.values()])
    low, high = float(known.min()), float(known.max())
    room = (high - low) * 0.05 or max(abs(high) * 0.01, 1e-12)
    low, high = low - room, high + room
    days = len(next(iter(lines.values()))) * step_s / 86_400.0
    drawn = [_axes(title, low, high, f"{days:.1f} days")]
    for name, values in lines.items():
        every = max(1, len(values) // MOST)
        y = (H - BOTTOM) * (1.0 - (values[::every] - low) / (high - low))
        x = LEFT + (W - LEFT) * np.arange(len(y)) / max(1, len(y) - 1)
        drawn.append(f'<path d="{_path(x, y)}" fill="none" stroke="{COLOUR[name]}" stroke-width="1.3"/>')
    return f'<svg viewBox="0 0 {W} {H}" role="img" aria-label="{escape(title)}">{"".join(drawn)}</svg>'


def correlogram(title: str, white: Array, lags: int = 40) -> str:
    x = white[np.isfinite(white)]
    x = x - x.mean()
    rho = np.array([x[k:] @ x[:-k] for k in range(1, lags + 1)]) / max(float(x @ x), 1e-300)
    half, middle = (H - BOTTOM) / 2.0, (H - BOTTOM) / 2.0
    band = 1.96 / np.sqrt(len(x)) * half
    bars = [_axes(f"{title}: autocorrelation", -1.0, 1.0, f"{lags} steps")]
    bars.append(
        f'<rect x="{LEFT}" y="{middle - band:.1f}" width="{W - LEFT}" height="{2 * band:.1f}" fill="#0969da" opacity=".15"/>'
    )
    for k, r in enumerate(rho):
        at, top = LEFT + (k + 0.5) * (W - LEFT) / lags, middle - max(r, 0.0) * half
        bars.append(f'<rect x="{at - 3:.1f}" y="{top:.1f}" width="6" height="{abs(r) * half:.1f}" fill="{COLOUR["after"]}"/>')
    return f'<svg viewBox="0 0 {W} {H}" role="img" aria-label="autocorrelation of {escape(title)}">{"".join(bars)}</svg>'


def _axes(title: str, low: float, high: float, span: str) -> str:
    text = 'font-size="11" fill="currentColor" font-family="system-ui"'
    return (
        f'<path d="M{LEFT} 0V{H - BOTTOM}H{W}" fill="none" stroke="currentColor" opacity=".4"/>'
        f'<text x="{LEFT - 4}" y="11" text-anchor="end" {text}>{high:.4g}</text>'
        f'<text x="{LEFT - 4}" y="{H - BOTTOM}" text-anchor="end" {text}>{low:.4g}</text>'
        f'<text x="{LEFT + 6}" y="12" {text}>{escape(title)}</text><text x="{W}" y="{H - 6}" text-anchor="end" {text}>{span}</text>'
    )


def _path(x: Array, y: Array) -> str:
    drawn, pen = [], False
    for a, b in zip(x, y, strict=True):
        if not np.isfinite(b):
            pen = False
            continue
        drawn.append(f"{'L' if pen else 'M'}{a:.1f} {b:.1f}")
        pen = True
    return "".join(drawn)


def _quality(row: dict[str, Any]) -> str:
    def share(value: float | None) -> str:
        return "not known" if value is None else f"{value:.1%}"

    white = row["white_p"]
    said = (
        "" if white is None else f" Ljung-Box p = {white:.2g}: " + ("white." if white >= 0.01 else "not white, intervals widened.")
    )
    return (
        f"Explained variance {share(row['explained_before'])} before, {share(row['explained'])} after; "
        f"residual {row['residual_sd']:.3g}, correlated over {row['correlation_steps']:.1f} steps.{said}"
    )


def _provenance(body: dict[str, Any]) -> str:
    return (
        f"{body['from']} to {body['to']}, {body['steps']} steps of {body['step_s']:g} s, samples sha256 {body['data_sha256']}; "
        f"model {body['model']} version {body['model_version']}; parameters sha256 {body['sha256']}"
    )
