"""What a changed rule of replication/trs.yml asks for besides the replica: marts, kept builds and delivered files.

`warehouse replicate apply` cuts out of the replica and its history what is not allowed any more. What was made of it is
seen to here, as after an erasure: the models are built again, vintages and what builds left behind are dropped, columns
of delivered files that are kept here are emptied, and so is the outbox. Other files, and tables of analysts' own, are
named for a person. A kill is made good by the same command.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import psycopg

from warehouse.core.columns_of_changes import NOT_IN_PARQUET
from warehouse.core.databases import Databases
from warehouse.core.lineage.reached import columns_made_of
from warehouse.core.progress import Progress
from warehouse.erase import columns, storage, traces
from warehouse.erase.stored import StoredFile, unexplained
from warehouse.jobs import own_copies
from warehouse.jobs.erasing import alone, rebuild
from warehouse.marts import vintages
from warehouse.replicate.ledger import rules
from warehouse.replicate.rule_lines import Place

_COLUMNS = """
select a.attname::text from ledger.deliveries as d
join ledger.delivery_files as f using (delivery_id)
join pg_attribute as a on a.attrelid = to_regclass(format('extracts.%%I', coalesce(f.content ->> 'model', d.model)))
where d.delivery_id = %s and f.attempt = %s and f.name = %s
    and a.attname = %s and a.attnum > 0 and not a.attisdropped
"""

_OF_CHANGE_FILES = """
select one ->> 'name'
from ledger.change_sets as s cross join lateral jsonb_array_elements(s.facts -> 'tables' -> %s -> 'columns') as one
where s.delivery_id = %s
"""
"""The columns of a table in a set of change files, which no model makes."""

_LINEAGE = """
select coalesce(f.content ->> 'model', d.model), to_jsonb(b) -> 'lineage'
from ledger.deliveries as d
join ledger.delivery_files as f using (delivery_id)
join ledger.builds as b using (build_id)
where d.delivery_id = %s and f.attempt = %s and f.name = %s
"""


def _nothing(step: str) -> None:
    del step


def finish(databases: Databases, progress: Progress, hook: Callable[[str], None] = _nothing) -> list[str]:
    """See to marts and files after the rules that `apply` has followed; returns what a person has to do, a line each.

    Args:
        hook: called with the name of each step when it is done, and within some; tests stop the process there.

    Raises:
        AlreadyRunning: a run or a delivery is in progress.
        BuildFailed: the models do not work without what was cut out; the same command resumes there.
        ErasureRefused: a session has been reading what is gone for too long.
    """
    with databases.warehouse() as warehouse:
        begun = rules.begun(warehouse)
        if not begun:
            return []
        with alone(warehouse, "Replica and history follow the rules; marts and delivered files do not yet"):
            changes = {number: partial(_made_of, warehouse, place) for number, place in begun.items()}
            theirs = columns.take_out(warehouse, databases.settings, changes, progress, hook)
            traces.empty_outbox(databases.settings)
            hook("files")
            # They were built before, of values that may not be held any more.
            dropped = vintages.drop_every(warehouse)
            rebuild(databases, warehouse, progress)
            hook("built")
            storage.rewrite(warehouse, [], progress)
            rules.finish(warehouse, begun)
        of_analysts = own_copies.to_do(warehouse)
        ours = databases.settings.warehouse_deliveries.expanduser().resolve()
        strays = [str(path.relative_to(ours)) for path in unexplained(warehouse, ours)]
    informed = [f"inform the recipient of {one}: it holds what may not be held any more" for one in theirs]
    again = [
        f"build the vintage {one} again if it is needed: it was older than the rule and is dropped" for one in dropped
    ]
    unknown = (
        [f"look into {_some(strays)} among the deliveries: the ledger does not know what is in it"] if strays else []
    )
    return informed + again + unknown + of_analysts


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _made_of(warehouse: psycopg.Connection, place: Place, file: StoredFile) -> list[str]:
    """The columns of a file that are made from a column of the source, or from any of a table.

    By the lineage of the build that it was made from; without one, the columns of the same name. In change files it is
    the column itself, in the file of its table.
    """
    sent = [name for (name,) in warehouse.execute(_OF_CHANGE_FILES, (place[0], file.delivery_id)).fetchall()]
    if sent:
        label = file.delivery_id.rsplit("/", maxsplit=1)[-1]
        is_its_file = file.name.endswith(f"/{place[0]}-{label}.parquet")
        held = [name for name in sent if is_its_file and place[1] in ("", name)]
        # Dates that the column itself cannot hold stand there, by its name.
        return [*held, NOT_IN_PARQUET] if held else []
    which = (file.delivery_id, file.attempt, file.name)
    row = warehouse.execute(_LINEAGE, which).fetchone()
    if row is not None and row[1] is not None:
        return sorted(made_of(row[1], place, f"extracts.{row[0]}"))
    return [name for (name,) in warehouse.execute(_COLUMNS, (*which, place[1])).fetchall()]


def made_of(lineage: Mapping[str, Any], place: Place, relation: str) -> set[str]:
    """The columns of a relation whose values are computed from a place of the source; see columns_made_of()."""
    return {name for at, name in columns_made_of(lineage, place) if at == relation}
