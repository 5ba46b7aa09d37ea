"""Tables and columns whose names have quotes or signs of parameters are replicated, and are not called altered."""

from __future__ import annotations

import pytest
from psycopg import sql

from tests.python.replicate.drifting import World, world
from warehouse.core.progress import Silent
from warehouse.replicate import replicate
from warehouse.replicate.integrity import apparatus

__all__ = ["world"]
pytestmark = pytest.mark.slow

NAMES = ("o'clock", 'say "so"', "100% o'r\\ more", "%s")


@pytest.mark.parametrize("name", NAMES)
def test_an_odd_name_is_no_alteration(world: World, name: str) -> None:
    table, column = sql.Identifier(name), sql.Identifier(f"k{name}")
    world.trs.execute(sql.SQL("create table {} (person_id uuid primary key, {} text)").format(table, column))
    world.trs.execute(sql.SQL("insert into {} values (gen_random_uuid(), 'first')").format(table))
    world.file[name] = {"person_id": "open", f"k{name}": "open"}
    replicate(world.databases, Silent())
    world.apply()
    world.trs.execute(sql.SQL("update {} set {} = 'second'").format(table, column))
    world.sync()
    values = world.warehouse.execute(sql.SQL("select {} from versions.{} order by known_from").format(column, table))
    assert values.fetchall() == [("first",), ("second",)]
    published = world.classification.published
    assert name in published
    assert apparatus.faults(world.warehouse, world.classification, published) == []
