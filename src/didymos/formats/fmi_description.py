"""modelDescription.xml of FMI 2.0 and 3.0 -> `core.black_box.BlackBox`. Verified: tests/fmu/test_files.py."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import inf, isfinite, nan, prod
from xml.etree.ElementTree import Element

from didymos.core.black_box import BlackBox, Experiment, Unit, Variable
from didymos.core.errors import DataError
from didymos.formats.xml_safe import local

KINDS = {
    "Real": "real", "Float32": "real", "Float64": "real", "Integer": "integer", "Boolean": "boolean", "Enumeration": "enumeration",
    "String": "text", "Binary": "binary", "Clock": "clock",
    **{f"{sign}Int{bits}": "integer" for sign in ("", "U") for bits in (8, 16, 32, 64)},
}  # fmt: skip
ROLES = {"input": "input", "output": "output", "parameter": "parameter", "structuralParameter": "local", "independent": "time"}
FLAGS = {"2.0": ("canGetAndSetFMUstate", "canSerializeFMUstate"), "3.0": ("canGetAndSetFMUState", "canSerializeFMUState")}
BASE = {"kg": "kg", "m": "m", "s": "s", "A": "A", "K": "K", "mol": "mol", "cd": "cd", "rad": "rad"}
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
LONGEST_ARRAY = 100_000


def describe(root: Element, where: str, sha256: str, platforms: tuple[str, ...], has_sources: bool) -> BlackBox:
    version = _version(root, where)
    simulation = _co_simulation(root, where)
    identifier = simulation.get("modelIdentifier", "")
    if not IDENTIFIER.match(identifier):  # it becomes a path
        raise DataError(f"{where}: modelIdentifier {identifier!r} is no C identifier. Export the FMU anew.")
    token = root.get("guid" if version == "2.0" else "instantiationToken", "")
    variables = _variables(root, version, where)
    if not token:
        raise DataError(f"{where}: it has no {'guid' if version == '2.0' else 'instantiationToken'}. Export the FMU anew.")
    return BlackBox(
        name=root.get("modelName", identifier),
        standard=f"FMI {version}",
        token=token,
        identifier=identifier,
        sha256=sha256,
        variables=variables,
        experiment=_experiment(root, where),
        keeps_state=_flag(simulation, FLAGS[version][0]),
        stores_state=_flag(simulation, FLAGS[version][1]),
        any_step=_flag(simulation, "canHandleVariableCommunicationStepSize"),
        platforms=platforms,
        tool=root.get("generationTool", ""),
        has_sources=has_sources,
        once_per_process=_flag(simulation, "canBeInstantiatedOnlyOncePerProcess"),
    )


def _version(root: Element, where: str) -> str:
    given = root.get("fmiVersion", "")
    if local(root) != "fmiModelDescription":
        raise DataError(
            f"{where}: modelDescription.xml begins with <{local(root)}>, not <fmiModelDescription>. Export the FMU anew."
        )
    if given == "2.0" or given.startswith("3.0"):
        return given[:3]
    raise DataError(f"{where}: FMI version {given or 'not given'!r}. Allowed: 2.0 and 3.0. Export the FMU in one of these.")


def _co_simulation(root: Element, where: str) -> Element:
    interfaces = {local(e): e for e in root if local(e) in ("CoSimulation", "ModelExchange", "ScheduledExecution")}
    if "CoSimulation" in interfaces:
        return interfaces["CoSimulation"]
    raise DataError(
        f"{where}: an FMU for {' and '.join(interfaces) or 'nothing'} only; it brings no solver of its own. "
        "Allowed: co-simulation. Export the FMU for co-simulation."
    )


def _variables(root: Element, version: str, where: str) -> tuple[Variable, ...]:
    holder = next((e for e in root if local(e) == "ModelVariables"), None)
    if holder is None:
        raise DataError(f"{where}: modelDescription.xml has no <ModelVariables>. Export the FMU anew.")
    units, types = _units(root, where), _types(root, version)
    read = _variable_of_2 if version == "2.0" else _variable_of_3
    sizes = {} if version == "2.0" else _structural(holder)
    found = [read(element, units, types, sizes, where) for element in holder]
    names = [v.name for v in found]
    twice = next((name for name in names if not name), None) if "" in names else _first_twice(names)
    if twice is not None:
        raise DataError(f"{where}: two variables are named {twice!r}, or one has no name. Export the FMU anew.")
    return tuple(v for v in found if v.role != "time")


def _first_twice(names: Sequence[str]) -> str | None:
    seen: set[str] = set()
    return next((name for name in names if name in seen or seen.add(name)), None)


def _variable_of_2(
    element: Element, units: dict[str, Unit], types: dict[str, Element], sizes: dict[int, int], where: str
) -> Variable:
    typed = next((e for e in element if local(e) in KINDS), None)
    if typed is None:
        raise DataError(f"{where}: variable {element.get('name')!r} has no type that FMI 2.0 knows. Export the FMU anew.")
    return _variable(element, typed, local(typed), 1, units, types, where)


def _variable_of_3(
    element: Element, units: dict[str, Unit], types: dict[str, Element], sizes: dict[int, int], where: str
) -> Variable:
    name = element.get("name")
    if local(element) not in KINDS:
        raise DataError(
            f"{where}: variable {name!r} has type {local(element)!r}, which FMI 3.0 does not know. Export the FMU anew."
        )
    sides = []
    for dimension in (e for e in element if local(e) == "Dimension"):
        side = (
            sizes.get(_int(dimension, "valueReference", where), 0)
            if dimension.get("start") is None
            else _int(dimension, "start", where)
        )
        sides.append(side)
    size = prod(sides) if sides else 1
    if not 0 < size <= LONGEST_ARRAY:
        raise DataError(f"{where}: variable {name!r} holds {size} numbers. Allowed: 1 to {LONGEST_ARRAY}.")
    return _variable(element, element, local(element), size, units, types, where)


def _variable(
    element: Element, typed: Element, type: str, size: int, units: dict[str, Unit], types: dict[str, Element], where: str
) -> Variable:
    name, causality, variability = element.get("name", ""), element.get("causality", "local"), element.get("variability", "")
    declared = types.get(typed.get("declaredType", ""))
    unit = typed.get("unit") or (declared.get("unit") if declared is not None else None)
    role = ROLES.get(causality, "local")
    return Variable(
        name=name,
        role=role,
        kind=KINDS[type],
        type=type,
        reference=_int(element, "valueReference", f"{where}: variable {name!r}"),
        unit=units.get(unit, Unit(unit, "")) if unit else None,
        start=_number(typed.get("start"), nan),
        low=_bound(typed, declared, "min", -inf),
        high=_bound(typed, declared, "max", inf),
        size=size,
        tunable=variability == "tunable",
        settable=_settable(element, role, variability),
        title=element.get("description", ""),
    )


def _settable(element: Element, role: str, variability: str) -> bool:
    """Whether it may be given another value before the start."""
    if role in ("input", "parameter"):
        return True
    initial = element.get("initial", "calculated")
    return variability != "constant" and initial in ("exact", "approx")


def _structural(holder: Element) -> dict[int, int]:
    """valueReference -> start of what may be an array's size."""
    found = {}
    for e in holder:
        if local(e).endswith("Int64") or e.get("causality") == "structuralParameter":
            value = _number(e.get("start"), nan)
            if isfinite(value) and (e.get("valueReference") or "").isdigit():
                found[int(e.get("valueReference", "0"))] = int(value)
    return found


def _bound(typed: Element, declared: Element | None, name: str, otherwise: float) -> float:
    text = typed.get(name) or (declared.get(name) if declared is not None else None)
    return _number(text, otherwise)


def _number(text: str | None, otherwise: float) -> float:
    """The first of what may be several numbers; `true` and `false` count as 1 and 0."""
    words = (text or "").split()
    if len(words) != 1:
        return otherwise
    if words[0] in ("true", "false"):
        return float(words[0] == "true")
    try:
        return float(words[0])
    except ValueError:
        return otherwise


def _int(element: Element, name: str, where: str) -> int:
    text = element.get(name, "")
    if not text.isdigit() or int(text) >= 1 << 32:
        raise DataError(f"{where}: {name} {text[:40]!r} is not a number from 0 to 4294967295. Export the FMU anew.")
    return int(text)


def _flag(element: Element, name: str) -> bool:
    return element.get(name, "false") in ("true", "1")


def _experiment(root: Element, where: str) -> Experiment:
    found = next((e for e in root if local(e) == "DefaultExperiment"), None)
    if found is None:
        return Experiment()
    start, stop, step, tolerance = (_number(found.get(n), nan) for n in ("startTime", "stopTime", "stepSize", "tolerance"))
    given = [value if isfinite(value) else None for value in (stop, step, tolerance)]
    return Experiment(start if isfinite(start) else 0.0, *given)


def _types(root: Element, version: str) -> dict[str, Element]:
    """Declared types by name; FMI 2 nests the attributes one level deeper."""
    holder = next((e for e in root if local(e) == "TypeDefinitions"), None)
    found = {}
    for e in holder if holder is not None else ():
        inner = next(iter(e), e) if version == "2.0" else e
        found[e.get("name", "")] = inner
    return found


def _units(root: Element, where: str) -> dict[str, Unit]:
    holder = next((e for e in root if local(e) == "UnitDefinitions"), None)
    return {e.get("name", ""): _unit(e, where) for e in holder if e.get("name")} if holder is not None else {}


def _unit(element: Element, where: str) -> Unit:
    name = element.get("name", "")
    base = next((e for e in element if local(e) == "BaseUnit"), None)
    if base is None:
        return Unit(name, "")
    powers = [(BASE[key], base.get(key, "0")) for key in BASE if base.get(key, "0") != "0"]
    factor, offset = _number(base.get("factor", "1"), nan), _number(base.get("offset", "0"), nan)
    if not (isfinite(factor) and factor != 0.0 and isfinite(offset)):
        raise DataError(
            f"{where}: unit {name!r} has factor {base.get('factor')} and offset {base.get('offset')}. Export the FMU anew."
        )
    text = " * ".join(f"{unit}**{power}" for unit, power in powers) or "1"
    return Unit(name, text, factor, offset)
