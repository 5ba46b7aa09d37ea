"""History without dbt: what builds an extract as known at a moment, and what the ledger has to know for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime

import psycopg

from warehouse.core.errors import BeforeHistory
from warehouse.deliver.history import Then

SCHEMA = "trw_then_extracts"


def know(conninfo: str, *moments: datetime) -> None:
    """Transactions that were committed at these moments; the newest build knows all of them."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(
            "insert into ledger.epochs (slot_name, replication_name, source_system_id, source_database, timeline)"
            " select 's', 's', '1', 'trs', 1 where not exists (select from ledger.epochs)"
        )
        for moment in moments:
            connection.execute(
                "insert into ledger.transactions (xid, epoch_id, committed_at, kind)"
                " select (coalesce(max(xid::text::bigint), 100) + 1)::text::xid8, min(e.epoch_id), %s, 'stream'"
                " from ledger.epochs as e left join ledger.transactions as t using (epoch_id)",
                (moment,),
            )
        connection.execute(
            "update ledger.builds set known_up_to = (select xid from ledger.transactions order by xid desc limit 1)"
            " where build_id = (select max(build_id) from ledger.builds)"
        )


@dataclass
class MadeByHand:
    """The table of the published build with other rows, as a build of what was known then.

    Attributes:
        change: SQL on the table, as `{table}`: what was otherwise then.
        reaches: the moment at which history begins.
        asked: what was asked for: model, moment, day, whether tested.
    """

    conninfo: str
    change: str = ""
    reaches: datetime | None = None
    project_sha256: str = ""
    asked: list[tuple[str, datetime, date, bool]] = field(default_factory=list)

    @contextmanager
    def build(self, models: Sequence[str], known_at: datetime, as_at: date, *, tested: bool) -> Iterator[Then]:
        self.asked.append((" ".join(models), known_at, as_at, tested))
        if self.reaches is None or known_at < self.reaches:
            raise BeforeHistory("The warehouse knew nothing.", meaning="Nothing was built.", next_command="x")
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            connection.execute(f"create schema {SCHEMA}".encode())
            for model in models:
                connection.execute(f"create table {SCHEMA}.{model} as select * from extracts.{model}".encode())
            if self.change:
                connection.execute(self.change.format(table=f"{SCHEMA}.{models[0]}").encode())
            row = connection.execute(
                "insert into ledger.builds (as_at, known_up_to, project_sha256, vintage, known_at)"
                " select %(day)s, (select xid from ledger.transactions where committed_at <= %(moment)s"
                " order by xid desc limit 1), %(project)s, 'trw_then', %(moment)s"
                " returning build_id, known_up_to::text::bigint, started_at",
                {"day": as_at, "moment": known_at, "project": self.project_sha256},
            ).fetchone()
            assert row is not None
            try:
                yield Then(row[0], SCHEMA, as_at, row[1], row[2], self.project_sha256)
            finally:
                connection.execute("update ledger.builds set state = 'dropped' where build_id = %s", (row[0],))
                connection.execute(f"drop schema {SCHEMA} cascade".encode())
