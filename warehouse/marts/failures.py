"""Builds that failed: what happened, the next command, and what they made, which is kept for inspection."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import psycopg
from psycopg.rows import class_row

from warehouse.core.errors import BuildFailed, WarehouseError

STOPPED: Final = "interrupted"
"""What stands in the place of the models and tests that failed, where somebody stopped the build."""

_FAILED = """
with failed as (
    update ledger.builds set state = 'failed', ended_at = clock_timestamp(), failed = %(names)s
    where build_id = %(build_id)s and state = 'building'
    returning build_id
)
insert into ledger.build_errors (build_id, error)
select build_id, %(error)s::jsonb from failed where %(error)s::jsonb is not null
"""

# Schemas that were made after it began are its own: the next build drops them before it makes others.
_LAST = """
select
    b.build_id, b.as_at, b.started_at, b.ended_at, coalesce(b.failed, '{}') as failed,
    coalesce(e.error, '{}') as error,
    array(
        select m.name
        from ledger.made_here as m
        join pg_namespace as n on n.oid = m.object_oid and n.nspname = m.name
        where m.kind = 'candidate' and m.made_at >= b.started_at
        order by m.name
    ) as kept_in
from ledger.builds as b
left join ledger.build_errors as e using (build_id)
where b.state = 'failed'
    and b.build_id = (select max(build_id) from ledger.builds where vintage is null)
"""
_IS_THERE = "select to_regclass('ledger.build_errors') is not null"
_NEXT = "warehouse run"


@dataclass(frozen=True)
class FailedBuild:
    """The last build, where it failed.

    Attributes:
        failed: the names of the models and tests that failed; empty where something else was the reason.
        error: what a person met, as `--json` prints it; empty where the build was killed or stopped.
        kept_in: the schemas that it made, which no reader sees.
    """

    build_id: int
    as_at: date
    started_at: datetime
    ended_at: datetime | None
    failed: Sequence[str]
    error: Mapping[str, Any]
    kept_in: Sequence[str]

    @property
    def meaning(self) -> str:
        """What happened, and where to look at what was made."""
        kept = f"What it made is kept in {', '.join(self.kept_in)} until the next build; no reader sees it."
        nothing = "Nothing of what it made is kept."
        return " ".join([*([self.error["what"]] if "what" in self.error else []), kept if self.kept_in else nothing])

    @property
    def next_command(self) -> str:
        return str(self.error.get("next") or _NEXT)

    def as_dict(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "build_id": self.build_id,
            "as_at": self.as_at.isoformat(),
            "started_at": self.started_at.isoformat(),
            "ended_at": self.ended_at and self.ended_at.isoformat(),
            "failed": list(self.failed),
            "what": self.error.get("what"),
            "next_command": self.next_command,
            "kept_in": list(self.kept_in),
        }


@contextmanager
def noted(connection: psycopg.Connection, build_id: int) -> Iterator[None]:
    """Write down that a build or a vintage failed, and why, if that is how the block ends."""
    try:
        yield
    except BaseException as error:
        if not connection.closed and not connection.broken:
            said = _said(error)
            told = {"names": _names(error), "build_id": build_id, "error": json.dumps(said) if said else None}
            connection.execute(_FAILED, told)
        raise


def last(connection: psycopg.Connection) -> FailedBuild | None:
    """The last build, if it failed. Without a ledger, or with one of an earlier version, there is nothing to say."""
    if connection.execute(_IS_THERE).fetchone() != (True,):
        return None
    with connection.cursor(row_factory=class_row(FailedBuild)) as cursor:
        return cursor.execute(_LAST).fetchone()


def _names(error: BaseException) -> list[str]:
    if isinstance(error, KeyboardInterrupt):
        return [STOPPED]
    return list(error.failed) if isinstance(error, BuildFailed) else []


def _said(error: BaseException) -> Mapping[str, Any] | None:
    """An exception that no stage expects may hold a row's values, so its kind alone is kept."""
    if isinstance(error, KeyboardInterrupt):
        return None
    return error.as_dict() if isinstance(error, WarehouseError) else {"error": type(error).__name__}
