"""A checked part file to an answer: what was asked, in figures with units, fields for pictures, solver and what a slow one costs.

    static          displacement, stress              thermoelastic   steady heat, then the stress that it makes
    heat            steady temperature                modal           natural frequencies
    transient       temperature over time             harmonic        response at probes over frequency

Verified: tests/plant/test_part_solve.py, by closed forms.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from didymos.core.errors import ConfigError, ModelError
from didymos.numerics.fe import elastic, harmonic, heat, modal, recover
from didymos.numerics.fe import supports as held
from didymos.numerics.fe.elastic import Body
from didymos.numerics.fe.material import Conductor, Isotropic
from didymos.numerics.fe.mesh import facets_where
from didymos.numerics.fe.solve import Factor
from didymos.numerics.fe.thermoelastic import thermal_load
from didymos.plant.part.file import Part
from didymos.plant.part.geometry import Geometry, Region, region

Array = NDArray[np.float64]
PIN = 1e-6  # of the extent: how near a node must be to a point that names it


@dataclass(frozen=True, slots=True)
class Answer:
    """`figures` name -> (value, unit); `fields` a row per node; `vertex` a row per mesh vertex; `curves` name -> columns."""

    figures: dict[str, tuple[float, str]]
    basis: Any
    factor: Factor
    said: str
    level: float
    fields: dict[str, Array] = field(default_factory=dict)
    vertex: dict[str, Array] = field(default_factory=dict)
    curves: dict[str, dict[str, Array]] = field(default_factory=dict)
    colour: str = ""


def solve(part: Part, shape: Geometry) -> Answer:
    """ModelError, SolveError in words of the part's own names."""
    return ANALYSES[part.analysis](part, shape)


def _body(part: Part, shape: Geometry) -> Body:
    m = part.material
    law = Isotropic(m["young_Pa"], m["poisson"], m["density_kg_m3"] or 0.0, m["expansion_per_K"] or 0.0)
    return elastic.body(shape.mesh, law, part.top["kind"])


def _supports(part: Part, body: Body) -> list[held.Support]:
    found = []
    for row in part.rows["support"]:
        if row["surface"] is not None:
            facets = facets_where(body.basis.mesh, region(part, body.basis.mesh, row["surface"]), f"support {row['surface']!r}")
            nodes = np.asarray(body.basis.get_dofs(facets).all())
        else:
            nodes = np.array([_node(part, body.nodes, row["point"], "support")])
        moves = row["move_m"] or dict.fromkeys(row["fix"], 0.0)
        for axis, metres in moves.items():
            if axis not in part.axes:
                raise ConfigError(f"support: direction {axis!r}. Allowed for {part.top['kind']}: {', '.join(part.axes)}.")
            found.append(held.Support(nodes, part.axes.index(axis), metres))
    return found


def _loads(part: Part, body: Body) -> Array:
    total = np.zeros(body.unknowns)
    for row in part.rows["load"]:
        if row["gravity_m_s2"] is not None:
            if body.material.density_kg_m3 <= 0.0:
                raise ModelError("load: gravity needs density_kg_m3 > 0. Add it to [material].")
            pull = body.material.density_kg_m3 * np.array(row["gravity_m_s2"])
            total += elastic.body_force(body, lambda x, f=pull: np.multiply.outer(f, np.ones(x.shape[1:])))
            continue
        where = _named(part, body, row["surface"])
        if row["pressure_Pa"] is not None:
            total += elastic.pressure(body, where, row["pressure_Pa"])
        elif row["traction_Pa"] is not None:
            even = np.array(row["traction_Pa"])
            total += elastic.traction(body, where, lambda x, _n, t=even: np.multiply.outer(t, np.ones(x.shape[1:])))
        else:
            total += elastic.force(body, where, np.array(row["force_N"]))
    return total


def _named(part: Part, body: Body, name: str) -> Region:
    where = region(part, body.basis.mesh, name)
    facets_where(body.basis.mesh, where, f"surface {name!r}")
    return where


def _node(part: Part, nodes: Array, point: tuple[float, ...], who: str) -> int:
    if len(point) != len(part.axes):
        raise ConfigError(f"{who}: a point of {len(point)} numbers. Allowed: {len(part.axes)} for {part.top['kind']}.")
    gap = np.linalg.norm(nodes - np.array(point)[:, None], axis=0)
    node = int(np.argmin(gap))
    if gap[node] > PIN * float(np.ptp(nodes, axis=1).max()):
        near = np.array2string(nodes[:, node], precision=6)
        raise ModelError(
            f"{who}: no node lies at {list(point)}; the nearest is {near}, {gap[node]:.3g} m away. Take a corner of the part."
        )
    return node


def _static(part: Part, shape: Geometry) -> Answer:
    body = _body(part, shape)
    load = _loads(part, body)
    return _strained(part, shape, body, elastic.static(body, _supports(part, body), load, part.top["solver"]), load)


def _strained(part: Part, shape: Geometry, body: Body, found: elastic.Static, load: Array, rise: Array | None = None) -> Answer:
    u = found.at(body)
    stress = recover.stress(body, found.u, rise)
    mises = recover.von_mises(body, stress, None if rise is None else rise[: stress.points.shape[1]])
    length = np.linalg.norm(u, axis=0)
    figures = {
        "displacement_largest": (float(length.max()), "m"),
        "von_mises_largest": (float(np.nanmax(mises)), "Pa"),
        "von_mises_spread_there": (float(np.abs(stress.spread[:, int(np.nanargmax(mises))]).max()), "Pa"),
    }
    if rise is None:
        figures["work_of_loads"] = (float(0.5 * (load @ found.u)), "J")
    reactions = found.reactions.reshape(-1, len(part.axes))
    rounding = 1e-12 * float(np.abs(reactions).sum())
    for axis, sum_N in zip(part.axes, reactions.sum(axis=0), strict=True):
        figures[f"reaction_{axis}"] = (float(sum_N) if abs(sum_N) > rounding else 0.0, "N")
    for row in part.rows["probe"]:
        node = _node(part, body.nodes[:, : stress.points.shape[1]], row["at"], f"probe {row['name']!r}")
        figures |= {f"{row['name']}.u_{axis}": (float(u[n, node]), "m") for n, axis in enumerate(part.axes)}
        figures |= {f"{row['name']}.s_{c}": (float(stress.mean[n, node]), "Pa") for n, c in enumerate(stress.components)}
        figures[f"{row['name']}.von_mises"] = (float(mises[node]), "Pa")
    vertex = {"von_mises_Pa": mises, "stress_spread_Pa": np.abs(stress.spread).max(axis=0)}
    vertex |= {f"stress_{c}_Pa": stress.mean[n] for n, c in enumerate(stress.components)}
    fields = {"displacement_m": u.T} | ({} if rise is None else {"temperature_K": rise + part.top["reference_K"]})
    return Answer(figures, body.basis, found.factor, shape.said, shape.level, fields, vertex, colour="von_mises_Pa")


def conductor(part: Part) -> Conductor:
    """k as a number, or straight lines between pairs and flat beyond them."""
    m = part.material
    k, more = m["conductivity_W_mK"], (m["density_kg_m3"] or 0.0, m["heat_J_kgK"] or 0.0)
    if isinstance(k, float):
        return Conductor(k, *more)
    kelvin, value = (np.array(column) for column in zip(*k, strict=True))
    slopes = np.concatenate([[0.0], np.diff(value) / np.diff(kelvin), [0.0]])
    return Conductor(lambda t: np.interp(t, kelvin, value), *more, lambda t: slopes[np.searchsorted(kelvin, t)])


def _heat_part(part: Part, shape: Geometry) -> heat.Part:
    mesh, turned = shape.mesh, part.top["kind"] == "axisymmetric"
    given = [heat.Given(_on(part, mesh, row["surface"]), row["kelvin"]) for row in part.rows["temperature"]]
    surfaces = []
    for row in part.rows["exchange"]:
        where, inflow = _on(part, mesh, row["surface"]), row["inflow_W_m2"]
        if row["heat_W"] is not None:
            bare = heat.part(mesh, Conductor(1.0), [], [heat.Surface(where)], axisymmetric=turned)
            inflow += row["heat_W"] / float(np.sum(bare.volume(bare.surfaces[0][1])))
        numbers = (row["film_W_m2K"], row["ambient_K"], row["emissivity"], row["surroundings_K"], inflow)
        surfaces.append(heat.Surface(where, *numbers))
    made = part.heat["source_W_m3"]
    return heat.part(
        mesh, conductor(part), given, surfaces, (lambda x: np.full(x.shape[1:], made)) if made else None, axisymmetric=turned
    )


def _on(part: Part, mesh: Any, name: str) -> Region:
    where = region(part, mesh, name)
    facets_where(mesh, where, f"surface {name!r}")
    return where


def _warm(part: Part, shape: Geometry, model: heat.Part, found: heat.Heat, curves: dict[str, dict[str, Array]]) -> Answer:
    t, vertices = found.temperature, shape.mesh.p.shape[1]
    figures = {"temperature_highest": (float(t.max()), "K"), "temperature_lowest": (float(t.min()), "K")}
    flow = heat.flow(model, t)
    for row, (_, nodes) in zip(part.rows["temperature"], model.given, strict=True):
        figures[f"{row['surface']}.heat_in"] = (float(flow[nodes].sum()), "W")
    for row in part.rows["probe"]:
        node = _node(part, np.asarray(model.basis.doflocs)[:, :vertices], row["at"], f"probe {row['name']!r}")
        figures[f"{row['name']}.temperature"] = (float(t[node]), "K")
    return Answer(
        figures, model.basis, found.factor, shape.said, shape.level, {"temperature_K": t}, {}, curves, colour="temperature_K"
    )


def _steady(part: Part, shape: Geometry) -> Answer:
    model = _heat_part(part, shape)
    return _warm(part, shape, model, heat.steady(model, part.heat["start_K"], part.top["solver"]), {})


def _transient(part: Part, shape: Geometry) -> Answer:
    model, rows = _heat_part(part, shape), part.heat
    places = {r["name"]: _node(part, np.asarray(model.basis.doflocs), r["at"], f"probe {r['name']!r}") for r in part.rows["probe"]}
    history, last = [], None
    for time_s, last in heat.transient(model, rows["start_K"], rows["step_s"], rows["steps"], theta=1.0):
        t = last.temperature
        history.append([time_s, float(t.min()), float(t.max()), *(float(t[node]) for node in places.values())])
    columns = ["time_s", "lowest_K", "highest_K", *(f"{name}_K" for name in places)]
    curve = dict(zip(columns, np.array(history).T, strict=True))
    return _warm(part, shape, model, last, {"history": curve})  # pyright: ignore[reportArgumentType]  steps >= 1


def _thermoelastic(part: Part, shape: Geometry) -> Answer:
    model = _heat_part(part, shape)
    warm = heat.steady(model, part.heat["start_K"], part.top["solver"]).temperature
    body, rise = _body(part, shape), warm - part.top["reference_K"]
    load = thermal_load(body, rise) + _loads(part, body)
    found = _strained(part, shape, body, elastic.static(body, _supports(part, body), load, part.top["solver"]), load, rise)
    found.figures.update({"temperature_highest": (float(warm.max()), "K"), "temperature_lowest": (float(warm.min()), "K")})
    return found


def _modal(part: Part, shape: Geometry) -> Answer:
    body = _body(part, shape)
    found = modal.modes(body, _supports(part, body), part.modes["count"], part.top["solver"])
    figures = {f"mode_{n}": (float(f), "Hz") for n, f in enumerate(found.frequency_Hz, 1)}
    fields = {f"mode_{n}": column.reshape(-1, len(part.axes)) for n, column in enumerate(found.shapes.T, 1)}
    return Answer(figures, body.basis, found.factor, shape.said, shape.level, fields)


def _harmonic(part: Part, shape: Geometry) -> Answer:
    body, row = _body(part, shape), part.harmonic or {}
    damping = harmonic.Damping(row["damping_ratio"], row["damping_mass_per_s"], row["damping_stiffness_s"])
    frequency = np.linspace(row["from_Hz"], row["to_Hz"], row["points"])
    fixed, load = _supports(part, body), _loads(part, body)
    found = harmonic.response(body, fixed, load, frequency, damping, row["modes"], part.top["solver"])
    figures, curves = {f"mode_{n}": (float(f), "Hz") for n, f in enumerate(found.natural_Hz[:6], 1)}, {}
    for probe in part.rows["probe"]:
        node = _node(part, body.nodes, probe["at"], f"probe {probe['name']!r}")
        columns: dict[str, Array] = {"frequency_Hz": frequency}
        for n, axis in enumerate(part.axes):
            seen = found.of(node * len(part.axes) + n)
            columns |= {f"u_{axis}_m": np.abs(seen), f"phase_{axis}_rad": np.angle(seen)}
            place = int(np.argmax(np.abs(seen)))
            figures[f"{probe['name']}.u_{axis}_largest"] = (float(np.abs(seen[place])), "m")
            figures[f"{probe['name']}.u_{axis}_largest_at"] = (float(frequency[place]), "Hz")
        curves[probe["name"]] = columns
    return Answer(figures, body.basis, found.factor, shape.said, shape.level, {}, {}, curves)


ANALYSES = {
    "static": _static,
    "heat": _steady,
    "transient": _transient,
    "thermoelastic": _thermoelastic,
    "modal": _modal,
    "harmonic": _harmonic,
}
