"""What differs in structure between the source, replication/trs.yml, the publication and the replica. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from warehouse.replicate.catalog.publication import VERBS
from warehouse.replicate.catalog.relations import key_of
from warehouse.replicate.catalog.types import type_change
from warehouse.replicate.classification import Classification
from warehouse.replicate.drift import changed_rules, moved, subscribing
from warehouse.replicate.drift.both_sides import Catalogs
from warehouse.replicate.drift.difference import NOT_CLASSIFIED, Difference, Kind, Needs
from warehouse.replicate.ledger import column_states

_TAKEN_UP = (
    "nothing new arrives for it, its last values are kept; `warehouse replicate apply` takes it up again, or leave it "
    "behind in replication/trs.yml"
)


def compare(classification: Classification, now: Catalogs) -> list[Difference]:
    """Every difference, the publication's own first, then table by table."""
    found = [
        *_of_publication(now),
        *moved.differences(now),
        *subscribing.of_subscription(now),
        *(
            one
            for table in sorted({*classification.published, *now.replica, *now.source, *now.sends})
            for one in (*changed_rules.of_table(classification, now, table), *_of_table(classification, now, table))
        ),
    ]
    return [*found, *changed_rules.of_lines(classification, now, found)]


def altered_in_publication(found: Sequence[Difference], now: Catalogs) -> list[Difference]:
    """Those differences that somebody else has made at the publication: not what waits for `apply` to publish it."""
    return [
        one
        for one in found
        if one.kind in ("publication", "unpublish", "unpublish table")
        or (one.kind in ("publish", "publish table") and _streamed(now, one.table, one.column))
    ]


def _streamed(now: Catalogs, table: str, column: str | None) -> bool:
    names = now.replica[table].columns if column is None else [column]
    return bool(column_states.streaming(now.states, table, names))


def _of_publication(now: Catalogs) -> Iterator[Difference]:
    publication = now.publication
    if publication is None:
        yield Difference(
            "publication", "", None, "it is gone", "created again; `warehouse replicate repair` finds what was missed"
        )
        return
    if publication.whole:
        yield Difference("publication", "", None, "it sends whole schemas", "created again with the listed columns")
    missing = [verb for verb in VERBS if verb not in publication.verbs]
    if missing or publication.via_root:
        what = f"it does not send every {', '.join(missing)}" if missing else "it sends partitions as their parent"
        yield Difference("publication", "", None, what, "corrected; a gap is recorded where changes were missed")
    for schema, table in publication.foreign:
        yield Difference("publication", "", None, f"it sends {schema}.{table}", "taken out of it")


def _of_table(classification: Classification, now: Catalogs, table: str) -> Iterator[Difference]:
    published = classification.columns_of(table)
    is_sink = now.state(table) == "held"
    if not published:
        yield from _of_unwanted_table(classification, now, table, is_sink=is_sink)
    elif table not in now.source and table in now.identities:
        yield _no_identity(now, table, now.identities[table].fault([]) or "it is not a table")
    elif table not in now.source:
        yield from _of_dropped_table(now, table)
    else:
        known = [name for name in published if name in now.source[table] and (table, name) not in now.generated]
        fault = now.identities[table].fault(known)
        key = key_of(now.source[table])
        if fault:
            yield _no_identity(now, table, fault)
        elif table not in now.replica or is_sink or now.state(table) == "removed":
            yield from _of_classified_table(now, table, known)
        elif now.state(table) == "copying":
            yield Difference("copying", table, None, "its copy is not complete", "continued")
        elif set(now.replica[table].key) != set(key):
            yield Difference(
                "key",
                table,
                None,
                f"its key is ({', '.join(key)}) at the source, ({', '.join(now.replica[table].key)}) in the warehouse",
                "taken out of the publication, since rows cannot be matched; to copy it again with the new key: "
                f"warehouse replicate apply --accept {table}",
                "decision",
                pending=table in now.sends or table in now.subscribed,
            )
        else:
            yield from _of_columns(classification, now, table)


def _no_identity(now: Catalogs, table: str, fault: str) -> Difference:
    retired = table not in now.replica or now.state(table) == "retired"
    return Difference(
        "identity",
        table,
        None,
        fault,
        "not published, because the source's own updates and deletes would fail or its changes would not come; have it "
        "changed there, classify what is missing, or leave it behind",
        "decision",
        pending=table in now.sends or not retired,
    )


def _of_classified_table(now: Catalogs, table: str, known: list[str]) -> Iterator[Difference]:
    unknown = sorted({now.source[table][name].type for name in known} & now.unknown_types)
    if unknown:
        yield _unknown_type(table, None, unknown)
    else:
        what = "it is classified and not in the warehouse yet"
        yield Difference("add table", table, None, what, "created, published and copied")


def _of_dropped_table(now: Catalogs, table: str) -> Iterator[Difference]:
    if table not in now.replica:
        yield Difference(
            "missing", table, None, "neither the source nor the replica has it", "nothing", "decision", pending=False
        )
        return
    columns = set(now.replica[table].columns)
    renamed = [
        other
        for other, found in now.source.items()
        if other not in now.replica or now.states.get((other, "")) is not None
        if columns <= set(found)
    ]
    places = [place for place, name in now.publication.foreign if name == table] if now.publication else []
    hint = (
        f"; it is {places[0]}.{table} now" if places else f"; it may be {renamed[0]} now" if len(renamed) == 1 else ""
    )
    yield Difference(
        "dropped table",
        table,
        None,
        f"the source does not have it any more{hint}",
        "its rows are kept as they were; take it out of replication/trs.yml to agree",
        "decision",
        pending=now.state(table) != "retired",
    )


def _of_unwanted_table(
    classification: Classification, now: Catalogs, table: str, *, is_sink: bool
) -> Iterator[Difference]:
    sent = table in now.sends
    if table not in classification.tables and table in now.source and (table not in now.replica or is_sink or sent):
        yield _not_classified("unpublish table" if sent else "new table", table, None, sent=sent)
    elif sent and not changed_rules.holds(now, table):
        yield Difference("unpublish table", table, None, "it is not to be replicated", "taken out of the publication")
    if table in now.replica and not is_sink and table not in classification.tables and not sent:
        pending = now.state(table) != "retired"
        what, will = "it is not replicated any more", "its rows are kept as they were"
        yield Difference("retire table", table, None, what, will, pending=pending)


def _of_columns(classification: Classification, now: Catalogs, table: str) -> Iterator[Difference]:
    publication = now.publication
    if publication is not None:
        if table not in publication.sends and now.state(table) == "released":
            reason = now.states[table, ""].reason
            yield Difference("released", table, None, reason, _TAKEN_UP, "decision", automatic=False)
        elif table not in publication.sends:
            yield Difference(
                "publish table",
                table,
                None,
                "the publication does not send it",
                "published again, and the gap recorded; `warehouse replicate repair` fills it",
            )
        elif table in publication.filtered or table in publication.unlisted:
            what = "only some of its rows" if table in publication.filtered else "every column of it"
            yield Difference("publish table", table, None, f"the publication sends {what}", "corrected")
    yield from subscribing.of_table(now, table)
    wanted = classification.columns_of(table)
    for column in dict.fromkeys([*wanted, *now.source[table], *now.replica[table].columns]):
        if column in wanted:
            yield from _of_wanted(classification, now, table, column)
        else:
            yield from _of_unwanted(classification, now, table, column)


def _of_wanted(classification: Classification, now: Catalogs, table: str, column: str) -> Iterator[Difference]:
    here = now.replica[table].columns.get(column)
    there = now.source[table].get(column)
    if there is None:
        yield _dropped(classification, now, table, column)
    elif (table, column) in now.generated:
        yield Difference(
            "generated",
            table,
            column,
            "the source computes it and does not send it",
            "not replicated: give it `replicate: false`, and compute it in a model",
            "decision",
            pending=False,
        )
    elif there.type in now.unknown_types:
        yield _unknown_type(table, column, [there.type])
    elif here is None:
        what = "it is classified and not in the warehouse yet"
        yield Difference("add column", table, column, what, "added, published and back-filled")
    else:
        yield from _of_type(now, table, column, here)


def _of_type(now: Catalogs, table: str, column: str, here: str) -> Iterator[Difference]:
    there, state = now.source[table][column].type, now.state(table, column)
    sent, released = column in now.sends.get(table, ()), state == "released"
    change = type_change(here, there)
    what = f"type changed: {there} at the source, {here} in the warehouse"
    if change == "widened":
        will = "widened in the warehouse, and its values compared"
        if released:
            will = f"{will} by `warehouse replicate apply`: it was released"
        needs: Needs = "decision" if released else "nothing"
        yield Difference("widened", table, column, what, will, needs, automatic=not released)
        return
    if change == "changed":
        yield Difference(
            "changed type",
            table,
            column,
            what,
            "held: its last values are kept, and it is taken out of the publication; to take the new type: "
            f"warehouse replicate apply --accept {table}.{column}",
            "decision",
            pending=released or (sent and column not in now.identities[table].columns),
            automatic=not released,
        )
        return
    if change == "narrowed":
        yield Difference(
            "narrowed",
            table,
            column,
            what,
            "still replicated: what arrives fits; to take the new type: "
            f"warehouse replicate apply --accept {table}.{column}",
            "decision",
            pending=False,
        )
    if released:
        reason = now.states[table, column].reason
        yield Difference("released", table, column, reason, _TAKEN_UP, "decision", automatic=False)
    elif not sent and table in now.sends:
        yield Difference("publish", table, column, "the publication does not send it", "published, and back-filled")
    elif state in ("adding", "backfilling"):
        yield Difference("back-fill", table, column, "not every row has its value yet", "its back-fill is continued")


def _of_unwanted(classification: Classification, now: Catalogs, table: str, column: str) -> Iterator[Difference]:
    line = classification.tables[table].columns.get(column)
    sent = column in now.sends.get(table, ())
    here, there = column in now.replica[table].columns, column in now.source[table]
    state = now.state(table, column)
    if line is None and there:
        yield _not_classified("unpublish" if sent else "new column", table, column, sent=sent)
    elif sent and not changed_rules.holds(now, table, column):
        what, will = "it is not to be replicated", "taken out of the publication; nothing of it is stored"
        yield Difference("unpublish", table, column, what, will)
    elif line is None and here and state != "held":
        what, kept = "it is not replicated any more", "its last values are kept"
        if state in ("retired", "removed"):
            yield Difference("retired", table, column, what, kept, pending=False)
        else:
            yield Difference("retire", table, column, what, kept)


def _not_classified(kind: Kind, table: str, column: str | None, *, sent: bool) -> Difference:
    what = NOT_CLASSIFIED + (", and the publication sends it" if sent else "")
    will = "held back" + (": taken out of the publication, nothing of it is stored" if sent else "")
    return Difference(kind, table, column, what, will, "classification", pending=sent)


def _dropped(classification: Classification, now: Catalogs, table: str, column: str) -> Difference:
    here = now.replica[table].columns.get(column)
    if here is None:
        what = "neither the source nor the replica has it"
        return Difference("missing", table, column, what, "nothing", "decision", pending=False)
    new = [
        name
        for name, found in now.source[table].items()
        if name not in classification.tables[table].columns and found.type == here
    ]
    sent = [name for name in new if name in now.sends.get(table, ())]
    hint = f"; it is called {sent[0]} now" if len(sent) == 1 else ""
    if not hint and len(new) == 1:
        hint = f"; it may be {new[0]} now, of the same type"
    return Difference(
        "dropped column",
        table,
        column,
        f"the source does not have it any more{hint}",
        "its last values are kept; take its line out of replication/trs.yml to agree",
        "decision",
        pending=now.state(table, column) != "retired",
    )


def _unknown_type(table: str, column: str | None, types: list[str]) -> Difference:
    return Difference(
        "unknown type",
        table,
        column,
        f"the warehouse has no type {', '.join(types)}",
        "not replicated: make the type or its extension in the warehouse, or leave it behind in replication/trs.yml",
        "decision",
        pending=False,
    )
