"""Whether the publication still sends what the replica rests on, and nothing that nobody has classified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

import psycopg

from warehouse.replicate.catalog.publication import published_columns


@dataclass(frozen=True)
class Publication:
    """What the publication is like at the source.

    Attributes:
        sends: its tables with their columns.
        verbs: which of insert, update, delete and truncate it sends.
        filtered: tables of which it sends only some rows.
        whole: it sends every table, or every table of a schema, whatever the file says.
    """

    sends: Mapping[str, Sequence[str]]
    verbs: Set[str]
    filtered: Sequence[str]
    whole: bool


def read(source: psycopg.Connection, name: str) -> Publication | None:
    """The publication, or None when there is none of that name."""
    sends = published_columns(source, name)
    row = source.execute(
        "select pubinsert, pubupdate, pubdelete, pubtruncate,"
        " puballtables or exists (select from pg_publication_namespace as n where n.pnpubid = p.oid),"
        " array(select c.relname::text from pg_publication_rel as r join pg_class as c on c.oid = r.prrelid"
        "  where r.prpubid = p.oid and r.prqual is not null order by 1)"
        " from pg_publication as p where pubname = %s",
        (name,),
    ).fetchone()
    if sends is None or row is None:
        return None
    verbs = {verb for verb, sent in zip(("insert", "update", "delete", "truncate"), row, strict=False) if sent}
    return Publication(sends, verbs, row[5], row[4])


def alterations(
    publication: Publication | None,
    classified: Mapping[str, Sequence[str]],
    replicated: Mapping[str, Set[str]],
) -> list[str]:
    """What somebody else has changed of the publication, one phrase each.

    Args:
        classified: what replication/trs.yml publishes.
        replicated: the columns of each table that the replica has. What is classified and not here yet is not an
            alteration: it waits for `warehouse replicate apply`.
    """
    if publication is None:
        return ["it is gone"]
    told = []
    if publication.whole:
        told.append("it sends whole schemas, not the columns that were listed")
    missing = sorted({"insert", "update", "delete", "truncate"} - publication.verbs)
    if missing:
        told.append(f"it no longer sends {', '.join(missing)}")
    for table in publication.filtered:
        told.append(f"it sends only some rows of {table}")
    for table, columns in publication.sends.items():
        extra = sorted(set(columns) - set(classified.get(table, ())))
        if table not in classified:
            told.append(f"it sends table {table}, which nobody has classified for it")
        elif extra:
            told.append(f"it sends {table}.{', '.join(extra)}, which nobody has classified for it")
    for table, columns in classified.items():
        wanted = set(columns) & replicated.get(table, set())
        if wanted and table not in publication.sends:
            told.append(f"it no longer sends table {table}")
        elif lost := sorted(wanted - set(publication.sends.get(table, ()))):
            told.append(f"it no longer sends {table}.{', '.join(lost)}")
    return told
