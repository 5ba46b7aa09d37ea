"""Row level security at the source, and a publication that sends only some rows: refused, and nothing is deleted."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from tests.python.replicate.test_bad_source import as_role, untouched
from tests.python.replicate.trouble import one, populate
from warehouse.core.databases import Databases
from warehouse.core.errors import MissingPrivilege
from warehouse.core.progress import Silent
from warehouse.replicate import load_classification, replicate, status
from warehouse.replicate.catalog import publication
from warehouse.replicate.compare.reconcile import reconcile
from warehouse.replicate.preflight.preflight import preflight
from warehouse.replicate.repair import repair

pytestmark = pytest.mark.slow

SEES_SOME = (
    "alter table persons enable row level security",
    "create policy some_rows on persons for select using (trn < '0000010')",
)
SEES_NONE = ("alter table persons enable row level security",)
OWNER_SEES_NONE = (
    "alter table persons owner to filtered_reader",
    "alter table persons enable row level security",
    "alter table persons force row level security",
)
PEOPLE = 100


@pytest.fixture
def as_owner(prepared: Databases, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """The source is read by a user of least privilege from here on; returns how its administrator does something."""
    populate(prepared, PEOPLE)
    owner = prepared.source_conninfo

    def do(statement: str) -> None:
        with psycopg.connect(owner, autocommit=True) as trs:
            trs.execute(statement.encode())

    with psycopg.connect(owner, autocommit=True) as trs:
        trs.execute(publication.statement(prepared.settings.warehouse_replication_name, load_classification()))
    grants = ("alter role {role} replication", "grant select on all tables in schema public to {role}")
    as_role(prepared, monkeypatch, "filtered_reader", *grants)
    return do


@pytest.mark.parametrize("hidden_by", [SEES_SOME, SEES_NONE, OWNER_SEES_NONE], ids=["policy", "none", "force"])
def test_before_the_first_copy(
    prepared: Databases, as_owner: Callable[[str], None], hidden_by: tuple[str, ...]
) -> None:
    for statement in hidden_by:
        as_owner(statement)
    failed = {check.code: check for check in preflight(prepared) if check.state == "failed"}
    assert "persons" in failed["row security"].what and "BYPASSRLS" in str(failed["row security"].next_command)
    with pytest.raises(MissingPrivilege, match="hides rows of persons from the user filtered_reader") as caught:
        replicate(prepared, Silent())
    assert caught.value.exit_code == 17
    assert untouched(prepared)


@pytest.mark.parametrize("hidden_by", [SEES_SOME, OWNER_SEES_NONE], ids=["policy", "force"])
def test_after_it(prepared: Databases, as_owner: Callable[[str], None], hidden_by: tuple[str, ...]) -> None:
    replicate(prepared, Silent())
    for statement in hidden_by:
        as_owner(statement)
    as_owner("update persons set last_name = 'Jones' where trn = '0000050'")
    for command in (
        lambda: replicate(prepared, Silent()),
        lambda: reconcile(prepared, Silent()),
        lambda: repair(prepared, Silent(), depth="all"),
        lambda: repair(prepared, Silent(), depth="full", allow_deletes=["persons"]),
    ):
        with pytest.raises(MissingPrivilege, match="persons"):
            command()
    assert one(prepared.at_warehouse, "select count(*) from persons") == (PEOPLE,), "nothing was deleted"
    # A comparison that does not look first is refused by PostgreSQL itself: our sessions never read what is filtered.
    with prepared.source() as trs, pytest.raises(psycopg.errors.InsufficientPrivilege, match="persons"):
        trs.execute("select count(*) from public.persons")
    as_owner("alter role filtered_reader bypassrls")
    replicate(prepared, Silent())
    assert reconcile(prepared, Silent()).differing == []
    assert status(prepared).exit_code == 0


def test_a_row_filter_of_the_publication(prepared: Databases) -> None:
    populate(prepared, PEOPLE)
    replicate(prepared, Silent())
    name = prepared.settings.warehouse_replication_name
    columns = ", ".join(load_classification().published["persons"])
    with prepared.at_source() as trs:
        trs.execute(f"alter publication {name} drop table persons".encode())
        trs.execute(f"alter publication {name} add table persons ({columns}) where (person_id is null)".encode())
        trs.execute("update persons set last_name = 'Jones' where trn = '0000050'")
    told = {reason.code: reason for reason in status(prepared).reasons}["publication_altered"]
    assert told.exit_code == 53 and "persons" in told.what
    replicate(prepared, Silent())
    assert one(prepared.at_warehouse, "select tables from ledger.gaps where repaired_at is null") == (["persons"],)
    done = repair(prepared, Silent())
    assert done.gap is not None and (done.gap.rows_updated, done.gap.rows_deleted) == (1, 0)
    assert one(prepared.at_warehouse, "select count(*) from persons") == (PEOPLE,)
    replicate(prepared, Silent())
    assert status(prepared).exit_code == 0
