"""Rules of replication/trs.yml that changed since values came in by them: noticed at every look, and followed.

A run lets nothing more in against the new rule: it takes what is left behind out of the publication and renews the
trigger that cuts values out of rows. What is stored is cut by `warehouse replicate apply` alone, which a person calls,
because no history can be fetched again. A rule that allows more needs no person: the values come from now on, current
rows are back-filled, and earlier versions stay without.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from warehouse.replicate.classification import Classification
from warehouse.replicate.drift import columns, cutting
from warehouse.replicate.drift.both_sides import Catalogs
from warehouse.replicate.drift.difference import RULES, Difference
from warehouse.replicate.drift.work import Work
from warehouse.replicate.ledger import rules
from warehouse.replicate.rule_lines import FILE, cut, lines, version

_APPLY = "`warehouse replicate apply` removes {} from the replica and its history"
_PAST = "; earlier versions stay without what was cut out of them"


def holds(now: Catalogs, table: str, column: str = "") -> bool:
    """Whether the warehouse may have values of a column, or of a table."""
    if table not in now.replica or now.state(table) in ("held", "removed"):
        return False
    return not column or (column in now.replica[table].columns and now.state(table, column) not in ("held", "removed"))


def of_table(classification: Classification, now: Catalogs, table: str) -> Iterator[Difference]:
    """What of a table is stored against the file, or by another rule than the file's."""
    entry = classification.tables.get(table)
    if entry is None or not holds(now, table):
        return
    if not entry.published:
        yield Difference(
            "left behind",
            table,
            None,
            "it is left behind now",
            f"taken out of the publication at once; {_APPLY.format('its rows')}",
            "decision",
            automatic=False,
        )
        return
    for column, line in entry.columns.items():
        if not line.is_published and holds(now, table, column):
            is_key = column in now.replica[table].key
            yield Difference(
                "left behind",
                table,
                column,
                "it is a secret now" if line.classification == "secret" else "it is left behind now",
                "it is part of the key: leave the table behind in replication/trs.yml"
                if is_key
                else f"taken out of the publication at once; {_APPLY.format('its values')}",
                "decision",
                pending=not is_key or column in now.sends.get(table, ()),
                automatic=False,
            )
    for column, wanted in cut(classification, table).items():
        if holds(now, table, column) and not rules.is_followed(now.rules, (table, column), wanted):
            yield Difference(
                "cut",
                table,
                column,
                "what is cut out of its values changed",
                f"new values come by the new rule from the next run on; {_APPLY.format('what is cut out now')}",
                "decision",
                automatic=False,
            )


def of_lines(classification: Classification, now: Catalogs, found: Sequence[Difference]) -> Iterator[Difference]:
    """What else was edited since the last run; and what was followed in the replica, but not in what is made of it."""
    for table, column in sorted(now.unfinished):
        yield Difference(
            "unfinished",
            table,
            column or None,
            "what is not allowed is gone from the replica and its history, and may be in marts and delivered files",
            "`warehouse replicate apply` sees to these",
            "decision",
            automatic=False,
        )
    reported = {(one.table, one.column or "") for one in found} | now.unfinished
    if any(one.kind == "cut" for one in found):
        # It is what changed in the file beside it.
        reported.add(FILE)
    for place, what in rules.edited(now.rules, lines(classification)).items():
        if place not in reported:
            yield Difference("line", place[0], place[1] or None, what, "it counts from now on; the next run records it")


def notice(work: Work) -> None:
    """Write down every edit of the file since the last run, and say so."""
    work.done += rules.notice(work.warehouse, lines(work.classification), version(work.classification))


def follow(work: Work, now: Catalogs, table: str, found: Sequence[Difference]) -> None:
    """Let nothing more in against the rules of a table; cut out what is stored, where a person asked for it.

    What holds nothing that is not allowed is followed by a run as well.
    """
    gone = [
        one for one in found if one.kind == "left behind" and one.column and one.column not in now.replica[table].key
    ]
    changed = [one for one in found if one.kind == "cut"]
    names = [one.column for one in changed if one.column]
    if changed:
        columns.alter(work, table, "its filter cannot be renewed", lambda: columns.filter_values(work, table))
    if not work.by_person:
        gone = []
        if not names or cutting.holding(work, table, names):
            return
    if not gone and not names:
        return
    sent = now.sends.get(table, frozenset())
    fetched = [
        name for name in names if name in sent and now.state(table, name) in ("complete", "adding", "backfilling")
    ]
    done = cutting.out_of_columns(work, table, [one.column for one in gone if one.column], names, fetched)
    for one in gone:
        work.record(one, f"its values were removed: {done}")
    for one in changed:
        work.record(one, f"by the new rule: {done} were rewritten{_PAST}")


def empty(work: Work, one: Difference) -> None:
    """Remove the rows of a table that is left behind; the subscription has let go of it."""
    work.record(one, f"left behind: {cutting.out_of_table(work, one.table)} were removed")


def settle(work: Work, left: Sequence[Difference]) -> None:
    """Record as followed what waits for nothing any more."""
    rules.settle(work.warehouse, [(one.table, one.column or "") for one in left if one.kind in RULES])
