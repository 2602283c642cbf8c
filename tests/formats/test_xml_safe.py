"""Documents that attack. Each is refused by name, at once, whatever it would have grown to."""

from __future__ import annotations

import pytest

from didymos.core.errors import DataError
from didymos.formats.xml_safe import Limits, local, namespace, parse

_NINE = "".join(f'<!ENTITY lol{i} "' + f"&lol{i - 1};" * 10 + '">' for i in range(1, 10))
LAUGHS = f'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol0 "lol">{_NINE}]><lolz>&lol9;</lolz>'


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (LAUGHS, "document type declaration"),
        ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "document type declaration"),
        ('<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><a/>', "document type declaration"),
        ('<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:9/p"> %p;]><a/>', "document type declaration"),
        ("<a>&nosuch;</a>", "not well-formed"),
        ("<a><b></a>", "not well-formed"),
        ("<a></a><b></b>", "not well-formed"),
        ("", "not well-formed"),
        ('<?xml version="1.0" encoding="klingon"?><a/>', "not well-formed"),
        ("<a>" * 100 + "</a>" * 100, "nested deeper"),
        ("<a " + " ".join(f'x{i}="1"' for i in range(100)) + "/>", "100 attributes"),
    ],
)
def test_what_attacks_or_is_no_xml_is_refused(document, why):
    with pytest.raises(DataError, match=why):
        parse(document.encode(), "f.xml")


def test_size_and_number_of_elements_are_bounded():
    with pytest.raises(DataError, match="more than 10 elements"):
        parse(b"<a>" + b"<b/>" * 10 + b"</a>", "f.xml", Limits(elements=10))
    with pytest.raises(DataError, match="at most 5"):
        parse(b"<abcdef/>", "f.xml", Limits(size_bytes=5))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_a_plain_document_is_a_tree_with_its_namespaces(encoding):
    root = parse(
        f'<?xml version="1.0" encoding="{encoding}"?><a xmlns="u:1" k="v">Größe<b xmlns=""/></a>'.encode(encoding), "f.xml"
    )
    assert (local(root), namespace(root), root.text, root.get("k")) == ("a", "u:1", "Größe", "v")
    assert [(local(child), namespace(child)) for child in root] == [("b", "")]


def test_a_refusal_names_the_file_and_the_line():
    with pytest.raises(DataError, match=r"f\.xml, line 2"):
        parse(b"<?xml version='1.0'?>\n<!DOCTYPE a><a/>", "f.xml")
