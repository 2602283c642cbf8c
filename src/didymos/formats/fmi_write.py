"""A frozen description -> modelDescription.xml of FMI 2.0 or 3.0; the inverse of `formats.fmi_description`.

    text = write(description, "2.0")

Same description, same bytes: no time of day, no name of a machine. Verified: tests/fmu/test_export.py (read back
equal; FMPy's schema).
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from xml.sax.saxutils import quoteattr

from didymos.core.black_box import BlackBox, Unit, Variable

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
STEPS = 'canHandleVariableCommunicationStepSize="true"'


def write(d: BlackBox, version: str) -> str:
    variables = [_variable(v, version) for v in _ordered(d, version)]
    parts = [_units(d), _experiment(d), "  <ModelVariables>", *variables, "  </ModelVariables>", *_structure(d, version)]
    token = "guid" if version == "2.0" else "instantiationToken"
    state = "FMUstate" if version == "2.0" else "FMUState"
    root = (
        f'<fmiModelDescription fmiVersion="{version}" modelName={quoteattr(d.name)} {token}={quoteattr(d.token)} '
        f'generationTool={quoteattr(d.tool)} variableNamingConvention="structured">'
    )
    simulation = f'modelIdentifier="{d.identifier}" {STEPS} canGetAndSet{state}="true" canSerialize{state}="true"'
    sources = (
        f'  <CoSimulation {simulation}>\n    <SourceFiles><File name="fmi2.c"/></SourceFiles>\n  </CoSimulation>'
        if version == "2.0" and d.has_sources
        else f"  <CoSimulation {simulation}/>"
    )
    return HEAD + "\n".join([root, sources, *(part for part in parts if part), "</fmiModelDescription>\n"])


BUILD = (
    HEAD
    + """<fmiBuildDescription fmiVersion="3.0">
  <BuildConfiguration modelIdentifier="{identifier}">
    <SourceFileSet language="C99"><SourceFile name="fmi3.c"/></SourceFileSet>
  </BuildConfiguration>
</fmiBuildDescription>
"""
)


def _ordered(d: BlackBox, version: str) -> Iterator[Variable]:
    if version != "2.0":
        yield Variable("time", "time", "real", "Float64", 0)
    yield from d.variables


def _units(d: BlackBox) -> str:
    units = {v.unit.name: v.unit for v in d.variables if v.unit is not None}
    lines = [_unit(unit) for _, unit in sorted(units.items())]
    return "\n".join(["  <UnitDefinitions>", *lines, "  </UnitDefinitions>"]) if lines else ""


def _unit(unit: Unit) -> str:
    powers = [part.split("**") for part in unit.base.split(" * ")] if unit.base not in ("", "1") else []
    words = [f'{name}="{power}"' for name, power in powers]
    words += [f'factor="{unit.factor!r}"'] if unit.factor != 1.0 else []
    words += [f'offset="{unit.offset!r}"'] if unit.offset != 0.0 else []
    return f"    <Unit name={quoteattr(unit.name)}><BaseUnit {' '.join(words)}/></Unit>"


def _experiment(d: BlackBox) -> str:
    e = d.experiment
    words = {"startTime": e.start_s, "stopTime": e.stop_s, "tolerance": e.tolerance, "stepSize": e.step_s}
    return "  <DefaultExperiment " + " ".join(f'{name}="{value!r}"' for name, value in words.items() if value is not None) + "/>"


def _variable(v: Variable, version: str) -> str:
    """Inputs, tunable parameters, start values of states (local and settable) and what is calculated."""
    named = f'name={quoteattr(v.name)} valueReference="{v.reference}"' + (f" description={quoteattr(v.title)}" if v.title else "")
    if v.role == "time":
        return f'    <Float64 {named} causality="independent" variability="continuous"/>'
    variability = "tunable" if v.role == "parameter" else "continuous"
    initial = ' initial="exact"' if v.settable and v.role != "input" else ' initial="calculated"' if not v.settable else ""
    role = f'causality="{v.role}" variability="{variability}"{initial}'
    words = [f"unit={quoteattr(v.unit.name)}"] if v.unit is not None else []
    words += [f'{name}="{value!r}"' for name, value in (("min", v.low), ("max", v.high)) if isfinite(value)]
    words += [f'start="{v.start!r}"'] if v.settable else []
    rest = "".join(f" {word}" for word in words)
    if version == "2.0":
        return f"    <ScalarVariable {named} {role}><Real{rest}/></ScalarVariable>"
    return f"    <Float64 {named} {role}{rest}/>"


def _structure(d: BlackBox, version: str) -> list[str]:
    outputs = [(i + 1, v.reference) for i, v in enumerate(d.variables) if v.role == "output"]
    if version == "2.0":
        lines = [f'<Unknown index="{index}"/>' for index, _ in outputs]
        inner = [f"    <Outputs>{''.join(lines)}</Outputs>", f"    <InitialUnknowns>{''.join(lines)}</InitialUnknowns>"]
    else:
        inner = [f'    <Output valueReference="{r}"/>' for _, r in outputs] + [
            f'    <InitialUnknown valueReference="{r}"/>' for _, r in outputs
        ]
    return ["  <ModelStructure>", *inner, "  </ModelStructure>"]
