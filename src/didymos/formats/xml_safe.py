"""XML from outside, read without trust: no DTD, no entities, no external anything, bounded in size, depth and element count.

    root = parse(data, "orders.xml")      an ElementTree element; names as {namespace}local
    local(element)                        its name without namespace

An entity can only be declared in a DTD, so that refusing `<!DOCTYPE` refuses the billion laughs, quadratic blow-up and file
inclusion (XXE) at once. Nothing is fetched: expat resolves no external reference unless it is told how, and it is not told.
Every refusal is a DataError that names the file, the line, what was found and what is allowed.

Verified: tests/formats/test_xml_safe.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from didymos.core.errors import DataError


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document may hold."""

    size_bytes: int = 64 << 20
    depth: int = 64
    elements: int = 2_000_000
    attributes: int = 64  # of one element


def parse(data: bytes, where: str, limits: Limits = Limits()) -> Element:
    """The document's root. DataError for what is not well-formed, goes beyond `limits`, or declares a document type."""
    if len(data) > limits.size_bytes:
        raise DataError(f"{where}: {len(data)} bytes of XML; at most {limits.size_bytes} are read. Split the file.")
    building = _Building(where, limits)
    parser = expat.ParserCreate(namespace_separator="}")
    building.parser = parser
    parser.buffer_text = True
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.StartElementHandler = building.start
    parser.EndElementHandler = building.end
    parser.CharacterDataHandler = building.tree.data
    parser.StartDoctypeDeclHandler = building.refuse_doctype
    parser.EntityDeclHandler = building.refuse_entity
    parser.ExternalEntityRefHandler = building.refuse_reference
    try:
        parser.Parse(data, True)
        return building.tree.close()
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise DataError(f"{where}: not well-formed XML: {error}. Export the file anew.") from error


def local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def namespace(element: Element) -> str:
    return element.tag[1:].partition("}")[0] if element.tag.startswith("{") else ""


class _Building:
    """expat's events -> a tree, counting."""

    def __init__(self, where: str, limits: Limits) -> None:
        self.where = where
        self.limits = limits
        self.tree = TreeBuilder()
        self.parser: Any = None
        self.depth = 0
        self.elements = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        self.elements += 1
        if self.depth > self.limits.depth:
            self.refuse(f"elements nested deeper than {self.limits.depth}", "a flatter document")
        if self.elements > self.limits.elements:
            self.refuse(f"more than {self.limits.elements} elements", "a smaller document; split the file")
        if len(attributes) > self.limits.attributes:
            self.refuse(f"{len(attributes)} attributes on one element", f"at most {self.limits.attributes}")
        self.tree.start(_clark(name), {_clark(key): value for key, value in attributes.items()})

    def end(self, name: str) -> None:
        self.depth -= 1
        self.tree.end(_clark(name))

    def refuse(self, given: str, allowed: str) -> None:
        raise DataError(f"{self.where}, line {self.parser.CurrentLineNumber}: {given}. Allowed: {allowed}.")

    def refuse_doctype(self, name: str, *_: Any) -> None:
        self.refuse(f"a document type declaration (<!DOCTYPE {name[:40]}>)", "XML without DTD and entities. Remove it")

    def refuse_entity(self, name: str, *_: Any) -> None:
        self.refuse(f"an entity declaration ({name[:40]!r})", "XML without DTD and entities. Remove it")

    def refuse_reference(self, *_: Any) -> int:
        self.refuse("a reference to another document", "XML that stands alone")
        return 0


def _clark(name: str) -> str:
    return "{" + name if "}" in name else name
