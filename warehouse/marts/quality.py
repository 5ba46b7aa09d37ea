"""What the tests of the last build found, with the time of the first build that found it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import psycopg

from warehouse.core.errors import UsageError
from warehouse.marts.findings import FailedTest

# A vintage is not what readers see, and its findings are not kept.
_LAST = """
select build_id, state from ledger.builds
where state <> 'building' and vintage is null
order by build_id desc
limit 1
"""
_FOUND = """
select f.test_name, f.model_name, f.column_name, f.severity, f.rows, f.keys, f.rule, f.value, first.started_at
from ledger.build_findings as f
cross join lateral (
    select min(b.started_at) as started_at
    from ledger.build_findings as e join ledger.builds as b using (build_id)
    where (e.test_name, e.model_name) = (f.test_name, f.model_name)
        and (e.column_name, e.rule, e.value) is not distinct from (f.column_name, f.rule, f.value)
) as first
where f.build_id = %(build_id)s and (%(model)s::text is null or f.model_name = %(model)s)
order by f.place
"""
_KNOWN = "select exists (select from ledger.published_relations where relation_name = %s)"


@dataclass(frozen=True)
class Listed(FailedTest):
    """What a test found.

    Attributes:
        since: the start of the first build that found the same.
    """

    since: datetime | None = None


@dataclass(frozen=True)
class Quality:
    """What the tests of a build found.

    Attributes:
        build_id: None when there is no build yet.
        state: published or failed.
    """

    build_id: int | None
    state: str | None
    findings: list[Listed]


def last(connection: psycopg.Connection, model: str | None = None) -> Quality:
    """What the tests of the last build found, of one model or of all.

    Raises:
        UsageError: nothing was ever found in such a model, and none of that name is published.
    """
    row = connection.execute(_LAST).fetchone()
    if row is None:
        return Quality(None, None, [])
    found = connection.execute(_FOUND, {"build_id": row[0], "model": model}).fetchall()
    if model and not found:
        known = connection.execute(_KNOWN, (model,)).fetchone()
        if not (known and known[0]):
            raise UsageError(
                f"There is no model {model}.",
                meaning="Nothing was looked up.",
                next_command="Run `warehouse quality` to see what was found in every model.",
            )
    return Quality(row[0], row[1], [Listed(*one) for one in found])
