"""The ledger of differences: what a comparison found stays known until a comparison of the same table is equal.

It has the limit to what a repair may delete, too. A read of the source that was filtered, or a table that was emptied
by mistake, looks like thousands of rows too many; so a table of which more than a small share would be deleted is left
as it is, and named, until a person says that it is right.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import psycopg

from warehouse.core.errors import DeletesRefused
from warehouse.core.settings import Settings

FEW_ROWS = 50
"""So many rows may be deleted from any table: in a table of codes a single one may be more than the share."""


@dataclass(frozen=True)
class Known:
    """A table that is known to differ.

    Attributes:
        deletes_held: a person has to allow that the rows that are too many are deleted.
    """

    table: str
    missing: int
    extra: int
    changed: int
    warehouse_rows: int
    deletes_held: bool = False

    def __str__(self) -> str:
        return f"{self.table} ({self.missing:,} missing, {self.extra:,} too many, {self.changed:,} different)"


@dataclass(frozen=True)
class Limit:
    """How much a repair may delete of a table by itself.

    Attributes:
        percent: of the rows that the replica has of it.
        allowed: tables for which a person has allowed it.
    """

    percent: float
    allowed: Collection[str] = ()

    @classmethod
    def of(cls, settings: Settings, allowed: Collection[str] = ()) -> Limit:
        return cls(settings.warehouse_repair_deletes_percent, allowed)

    def holds(self, found: Known) -> bool:
        """Whether a repair of this table has to wait for a person."""
        few = max(FEW_ROWS, found.warehouse_rows * self.percent / 100)
        return found.extra > few and found.table not in self.allowed


def refused(held: Sequence[Known], percent: float) -> DeletesRefused:
    """The error for tables that a repair left as they are."""
    named = "; ".join(f"{one.extra:,} of {one.warehouse_rows:,} rows of {one.table} ({_share(one)} %)" for one in held)
    options = " ".join(f"--allow-deletes {one.table}" for one in held)
    return DeletesRefused(
        f"The repair would have deleted {named}, more than {percent:g} % of a table.",
        meaning="The source does not show these rows: they were deleted there, or this user is not shown them. Nothing "
        "of such a table was changed; all other tables were repaired, and the stream continues.",
        next_command="Look at the table on the operational database. If the rows are gone there: "
        f"warehouse replicate repair {options}",
    )


def _share(one: Known) -> str:
    return f"{100 * one.extra / max(one.warehouse_rows, 1):.1f}"


_RECORD = """
insert into ledger.differences as d (table_name, found_by, missing, extra, changed, warehouse_rows, deletes_held)
values (%s, %s, %s, %s, %s, %s, %s)
on conflict (table_name) where cleared_at is null do update set
    seen_at = clock_timestamp(),
    found_by = excluded.found_by,
    missing = excluded.missing,
    extra = excluded.extra,
    changed = excluded.changed,
    warehouse_rows = excluded.warehouse_rows,
    deletes_held = excluded.deletes_held or d.deletes_held
"""

_CLEAR = """
update ledger.differences set cleared_at = clock_timestamp() where cleared_at is null and table_name = any(%s)
"""

_KNOWN = """
select table_name, missing, extra, changed, warehouse_rows, deletes_held from ledger.differences
where cleared_at is null and table_name = any(%s) order by table_name
"""


def record(
    warehouse: psycopg.Connection,
    found: Iterable[Known],
    by: Literal["reconcile", "repair"],
) -> None:
    """Record tables that differ. What was known of them before is replaced, except when it was first found."""
    with warehouse.cursor() as cursor:
        cursor.executemany(
            _RECORD,
            [(k.table, by, k.missing, k.extra, k.changed, k.warehouse_rows, k.deletes_held) for k in found],
        )


def clear(warehouse: psycopg.Connection, tables: Sequence[str]) -> None:
    """Record that these very tables were compared and are equal now."""
    warehouse.execute(_CLEAR, (list(tables),))


def known(warehouse: psycopg.Connection, replicated: Collection[str]) -> list[Known]:
    """The tables that are known to differ, of those that are replicated."""
    return [Known(*row) for row in warehouse.execute(_KNOWN, (list(replicated),))]
