"""What a build published is told from what somebody changed, added or took away since."""

from __future__ import annotations

from datetime import date

import psycopg
import pytest

from warehouse.core import builds
from warehouse.core.databases import Databases

MADE = """
create schema marts;
create table marts.dim_one as select n as x, 'row ' || n as label from generate_series(1, 3) as n;
create view marts.seen as select x from marts.dim_one;
"""


def make_build(connection: psycopg.Connection, statements: str, *places: tuple[str, str], as_at: date) -> int:
    """Record a build that consists of what the statements make."""
    row = connection.execute(
        "insert into ledger.builds (as_at, project_sha256) values (%s, '') returning build_id", (as_at,)
    ).fetchone()
    assert row is not None
    with connection.transaction():
        connection.execute(statements.encode())
        builds.remember(connection, int(row[0]), places)
    return int(row[0])


def altered(connection: psycopg.Connection) -> list[tuple[str, str]]:
    build = builds.published(connection)
    assert build is not None
    return [(one.place, one.what) for one in builds.alterations(connection, build)]


@pytest.fixture
def made(prepared: Databases) -> Databases:
    with prepared.at_warehouse() as connection:
        assert builds.published(connection) is None
        make_build(connection, MADE, ("marts", "dim_one"), ("marts", "seen"), as_at=date(2026, 10, 1))
        assert altered(connection) == []
    return prepared


def test_a_build_of_several_transactions_is_as_it_was_made(made: Databases) -> None:
    with made.at_warehouse() as connection:
        more = "delete from marts.dim_one where x = 1; insert into marts.dim_one values (4, 'row 4'), (5, 'row 5')"
        last = make_build(connection, more, ("marts", "dim_one"), ("marts", "seen"), as_at=date(2026, 10, 2))
        connection.execute("vacuum (freeze, full) marts.dim_one")
        build = builds.published(connection)
        assert build is not None
        assert (build.build_id, build.as_at) == (last, date(2026, 10, 2))
        assert altered(connection) == []


MOVE = "with gone as (delete from marts.dim_one returning *) insert into marts.dim_one select * from gone"
REPLACE = """create table marts.other as table marts.dim_one; drop table marts.dim_one cascade;
    alter table marts.other rename to dim_one"""


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("update marts.dim_one set label = 'EVALUATOR' where x = 2", "has 1 rows that no build wrote"),
        ("insert into marts.dim_one values (9, 'more')", "has 1 rows that no build wrote"),
        ("delete from marts.dim_one where x = 2", "has 2 rows instead of 3"),
        ("truncate marts.dim_one", "has 0 rows instead of 3"),
        (MOVE, "has 3 rows that no build wrote"),
        ("alter table marts.dim_one alter label type varchar", "has other columns"),
        ("alter table marts.dim_one rename label to name", "has other columns"),
        ("alter table marts.dim_one add extra int", "has other columns"),
        (REPLACE, "was made by somebody else"),
        ("drop table marts.dim_one cascade", "is gone"),
        ("alter schema marts rename to marts_before", "is gone"),
        ("drop view marts.seen", "is gone"),
        ("create or replace view marts.seen as select x + 1 as x from marts.dim_one", "has another query"),
    ],
)
def test_what_somebody_changed_is_seen(made: Databases, statement: str, told: str) -> None:
    with made.at_warehouse() as connection:
        connection.execute(statement.encode())
        found = altered(connection)
        assert told in found[0][1]
        build = builds.published(connection)
        assert build is not None
        assert "is not what build" in builds.altered(build, builds.alterations(connection, build)).what


def test_what_is_no_part_of_the_build_counts_as_altered(made: Databases) -> None:
    with made.at_warehouse() as connection:
        build = builds.published(connection)
        assert build is not None
        assert builds.alterations(connection, build, ["marts.dim_one"]) == []
        (found,) = builds.alterations(connection, build, ["extracts.dandi_teachers"])
        assert (found.place, found.what) == ("extracts.dandi_teachers", "is not part of the published build")
