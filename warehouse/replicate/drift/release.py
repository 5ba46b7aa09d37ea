"""Letting go of a column so that the source can change it: PostgreSQL forbids to drop or retype a published one."""

from __future__ import annotations

from collections.abc import Iterable

from warehouse.core.errors import UsageError
from warehouse.replicate.drift import catalog, noted, publishing, states
from warehouse.replicate.drift.apply import Work


def release(work: Work, names: Iterable[str]) -> None:
    """Take columns out of the publication until the next `warehouse replicate apply` that a person calls.

    Args:
        names: each `table.column`.

    Raises:
        UsageError: there is no such replicated column, or it is part of the key.
    """
    for name in names:
        table, _, column = name.partition(".")
        now = catalog.read(work.source, work.warehouse, work.name, work.schema)
        sent = now.publication.sends.get(table, frozenset()) if now.publication else frozenset()
        in_key = table in now.identities and column in now.identities[table].columns
        if column not in sent or in_key:
            raise UsageError(
                f"{name} cannot be let go of: " + ("rows are told apart by it." if in_key else "it is not published."),
                meaning="Nothing was changed.",
                next_command="Name a column as table.column; a key is changed with the whole table left behind in "
                "replication/trs.yml.",
            )
        listing = publishing.publish(work.source, work.name, work.schema, table, sorted(sent - {column}))
        noted.note_listing(work.warehouse, table, listing)
        reason = "let go of so that the source can change it"
        states.put(work.warehouse, table, column, "released", reason)
        states.changed(work.warehouse, "released", table, column, reason)
        work.done.append(f"{name}: out of the publication; the source can drop or change it now")
