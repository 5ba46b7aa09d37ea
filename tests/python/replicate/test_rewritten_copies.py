"""A table that comes later, and that the source rewrites while PostgreSQL copies it."""

from __future__ import annotations

import pytest

from tests.python.replicate.drifting import World, world
from tests.python.replicate.trouble import Killed
from warehouse.core.progress import Silent
from warehouse.replicate import drift
from warehouse.replicate.catalog import known_meanings
from warehouse.replicate.drift import new_tables
from warehouse.replicate.repair import repair

__all__ = ["world"]
pytestmark = pytest.mark.slow


def test_a_new_table_that_is_rewritten_while_it_is_copied_is_doubted_until_it_is_compared(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether PostgreSQL's copy reads it before or after that, or as empty in between, nobody is told."""
    world.trs.execute("create table schools (urn int primary key, name text)")
    world.trs.execute("insert into schools select n, 's' from generate_series(1, 500) as n")
    world.file["schools"] = {"urn": "open", "name": "open"}
    refresh = new_tables.refresh

    def rewritten_meanwhile(work: drift.Work, *, copy_data: bool) -> None:
        refresh(work, copy_data=copy_data)
        if copy_data:
            world.trs.execute("alter table schools add column stamp uuid default gen_random_uuid()")

    monkeypatch.setattr(new_tables, "refresh", rewritten_meanwhile)
    world.apply()
    assert "rewrote it while PostgreSQL copied it" in known_meanings.doubts(world.warehouse)["schools"]
    repair(world.databases, Silent())
    assert known_meanings.doubts(world.warehouse) == {}
    world.assert_equal("schools")


@pytest.mark.parametrize("rewrites", [True, False])
def test_a_copy_that_another_program_continues_is_doubted_if_the_source_rewrote_the_table(
    world: World, monkeypatch: pytest.MonkeyPatch, rewrites: bool
) -> None:
    """The program that began the copy was killed: what the table's files were is in the ledger."""
    world.trs.execute("create table schools (urn int primary key, name text)")
    world.trs.execute("insert into schools select n, 's' from generate_series(1, 500) as n")
    world.file["schools"] = {"urn": "open", "name": "open"}

    def killed(work: drift.Work, table: str) -> int:
        if rewrites:
            world.trs.execute("alter table schools add column stamp uuid default gen_random_uuid()")
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(new_tables, "finish", killed)
        with pytest.raises(Killed):
            world.apply()
    assert world.state("schools") == "copying"
    world.apply()
    assert world.state("schools") == "complete"
    assert ("schools" in known_meanings.doubts(world.warehouse)) == rewrites
    if rewrites:
        repair(world.databases, Silent())
    assert known_meanings.doubts(world.warehouse) == {}
    world.assert_equal("schools")
