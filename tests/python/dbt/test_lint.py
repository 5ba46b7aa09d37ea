"""sqlfluff's rules are on, and `make lint` holds the models to them. Exceptions stand in .sqlfluff with a reason."""

import configparser
import re
from pathlib import Path

PROJECT = Path(__file__).parents[3]


def test_no_rule_is_switched_off() -> None:
    text = (PROJECT / ".sqlfluff").read_text(encoding="utf-8")
    settings = configparser.ConfigParser()
    settings.read_string(text)
    assert "exclude_rules" not in settings["sqlfluff"]
    assert settings["sqlfluff"].get("rules", "all") == "all"
    assert "models" not in (PROJECT / ".sqlfluffignore").read_text(encoding="utf-8")


def test_no_model_switches_a_rule_off_for_itself() -> None:
    noqa = re.compile(r"noqa", re.IGNORECASE)
    assert not [p.name for p in (PROJECT / "models").rglob("*.sql") if noqa.search(p.read_text(encoding="utf-8"))]
