"""Every domain rule holds in the default world, but for the declared defects."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from sandbox.domain.defects import defects

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Rule:
    name: str
    query: str
    defect: str | None = None
    of: str | None = None


def rules() -> list[Rule]:
    found = []
    text = (Path(__file__).parent / "rules.sql").read_text(encoding="utf-8")
    for part in text.split("\n-- rule: ")[1:]:
        name, *lines = part.split("\n")
        tags = dict(line[3:].split(": ", 1) for line in lines if line.startswith(("-- defect: ", "-- of: ")))
        query = "\n".join(line for line in lines if not line.startswith("-- "))
        found.append(Rule(name, query, tags.get("defect"), tags.get("of")))
    return found


def count(connection: psycopg.Connection, query: str) -> int:
    return int(connection.execute(query.encode()).fetchone()[0])


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.name)
def test_rule(world: psycopg.Connection, rule: Rule) -> None:
    violations = count(world, rule.query)
    if rule.defect is None or rule.of is None:
        assert violations == 0
        return
    expected = defects()[rule.defect].share * count(world, rule.of)
    # Counts of rare things scatter; four standard deviations and the few that small worlds are given anyway.
    assert 0 < violations <= expected + 4 * expected**0.5 + 4


def test_every_declared_defect_has_its_rule() -> None:
    assert {rule.defect for rule in rules() if rule.defect} == set(defects())


def test_the_triggers_would_change_nothing(world: psycopg.Connection) -> None:
    world.execute(
        "CREATE TEMPORARY TABLE before AS SELECT person_id, names, last_names, national_insurance_numbers"
        " FROM persons LIMIT 500"
    )
    world.execute("UPDATE persons SET last_name = last_name WHERE person_id IN (SELECT person_id FROM before)")
    assert (
        count(
            world,
            "SELECT count(*) FROM before b JOIN persons p USING (person_id) WHERE (b.names, b.last_names,"
            " b.national_insurance_numbers)"
            " IS DISTINCT FROM (p.names, p.last_names, p.national_insurance_numbers)",
        )
        == 0
    )
