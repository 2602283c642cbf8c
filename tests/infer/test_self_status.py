"""One table of status signals, and nobody says a letter of their own."""

import ast
from pathlib import Path

import pytest

from didymos.infer import self_status
from didymos.infer.self_status import ORDER, RULES, status_of, worst

INFER = Path(self_status.__file__).parent


def test_every_rule_has_a_status_of_ne_107_says_what_it_means_and_what_to_do():
    for name, rule in RULES.items():
        assert rule.status in ORDER[:-1], name
        assert rule.meaning, name
        assert rule.do.endswith("."), name
        assert rule.usable or rule.status != "M", name


def test_the_worst_of_several_conditions_is_shown_and_of_none_ok():
    assert worst(["low_fidelity", "outside_envelope", "drift"]) == "drift"
    assert worst(["spike", "stuck"]) == "stuck"
    assert (worst([]), status_of("")) == ("", "ok")


@pytest.mark.parametrize("file", ["validity.py", "sensors.py"])
def test_validity_and_sensor_checks_take_their_letters_from_the_table(file):
    tree = ast.parse((INFER / file).read_text())
    letters = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and n.value in ("F", "C", "S", "M")]
    assert letters == []
