"""What somebody else has by the name of our replication is refused, not altered, dropped or read."""

from __future__ import annotations

import pytest
from psycopg import sql

from tests.python.conftest import FreshDatabases
from warehouse.core.errors import NotOurs
from warehouse.core.progress import Silent
from warehouse.replicate import load_classification, replicate
from warehouse.replicate.catalog import publication

pytestmark = pytest.mark.slow


def test_a_publication_of_somebody_else_is_not_altered(prepared: FreshDatabases) -> None:
    name = prepared.settings.warehouse_replication_name
    with prepared.at_source() as trs:
        trs.execute(sql.SQL("create publication {} for table countries").format(sql.Identifier(name)))
        with pytest.raises(NotOurs, match="publication"):
            replicate(prepared, Silent())
        sent = publication.read(trs, name, "public")
        assert sent is not None
        assert list(sent.sends) == ["countries"]
        assert (
            trs.execute("select count(*) from pg_replication_slots where database = current_database()").fetchone()[  # type: ignore[index]
                0
            ]
            == 0
        )


def test_a_publication_that_sends_only_some_changes_is_not_ours(prepared: FreshDatabases) -> None:
    name = prepared.settings.warehouse_replication_name
    with prepared.at_source() as trs:
        trs.execute(publication.statement(name, load_classification()))
        trs.execute(sql.SQL("alter publication {} set (publish = 'insert')").format(sql.Identifier(name)))
        with pytest.raises(NotOurs, match="publication"):
            replicate(prepared, Silent())
        sent = publication.read(trs, name, "public")
    assert sent is not None
    assert sent.verbs == {"insert"}


def test_a_publication_that_an_administrator_made_for_us_will_do(prepared: FreshDatabases) -> None:
    name = prepared.settings.warehouse_replication_name
    with prepared.at_source() as trs:
        trs.execute(publication.statement(name, load_classification()))
    replicate(prepared, Silent())


def test_a_subscription_of_somebody_else_is_not_dropped(prepared: FreshDatabases) -> None:
    name = prepared.settings.warehouse_replication_name
    with prepared.at_warehouse() as warehouse:
        warehouse.execute(
            sql.SQL(
                "create subscription {} connection 'host=127.0.0.1 port=1 dbname=none' publication other"
                " with (connect = false, slot_name = none)"
            ).format(sql.Identifier(name))
        )
        with pytest.raises(NotOurs, match="subscription"):
            replicate(prepared, Silent())
        assert warehouse.execute(
            "select subpublications from pg_subscription where subname = %s", (name,)
        ).fetchone() == (["other"],)
