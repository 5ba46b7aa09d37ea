"""sqlfluff's rules are on, and `make lint` holds the models to them. Exceptions stand in .sqlfluff with a reason."""

import configparser
import re
from pathlib import Path

from tests.python.dbt.nodes import is_one_macro

PROJECT = Path(__file__).parents[3]


def test_no_rule_is_switched_off() -> None:
    text = (PROJECT / ".sqlfluff").read_text(encoding="utf-8")
    settings = configparser.ConfigParser()
    settings.read_string(text)
    assert "exclude_rules" not in settings["sqlfluff"]
    assert settings["sqlfluff"].get("rules", "all") == "all"
    left_out = re.findall(r"^[^#\n]*models.*$", (PROJECT / ".sqlfluffignore").read_text(encoding="utf-8"), re.M)
    assert left_out == ["/models/legacy/trs/"]
    without_sql = list((PROJECT / "models" / "legacy" / "trs").glob("*.sql"))
    assert len(without_sql) == 26
    assert all(is_one_macro({"raw_code": p.read_text(encoding="utf-8")}) for p in without_sql)


def test_no_model_switches_a_rule_off_for_itself() -> None:
    noqa = re.compile(r"noqa", re.IGNORECASE)
    assert not [p.name for p in (PROJECT / "models").rglob("*.sql") if noqa.search(p.read_text(encoding="utf-8"))]
