"""What is published, as far as it is known: by replication/trs.yml alone, or by the source's own catalog."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

import psycopg

from warehouse.replicate.catalog import identity, publication
from warehouse.replicate.classification import Classification

_RULES = """
select
    c.relname,
    coalesce(array_agg(i.indexrelid::regclass::text) filter (where i.indisreplident), '{}'),
    coalesce(array_agg(x.relname::text) filter (where i.indisprimary or i.indisreplident), '{}')
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
left join pg_index as i on i.indrelid = c.oid
left join pg_class as x on x.oid = i.indexrelid
where n.nspname = %s and c.relkind in ('r', 'p')
group by c.relname
"""


@dataclass(frozen=True)
class Sent:
    """What the judgement rests on.

    Attributes:
        name: of the publication, and of the schema of release().
        columns: the published columns of each published table.
        known: the tables of replication/trs.yml with all their columns.
        keys: the columns that identify rows; None when only the file is known.
        rules: names of the constraints and indexes that this rests on; None when only the file is known.
    """

    name: str
    schema: str
    columns: Mapping[str, Set[str]]
    known: Mapping[str, Set[str]] = field(default_factory=dict)
    keys: Mapping[str, Set[str]] | None = None
    rules: Mapping[str, Set[str]] | None = None


def from_file(name: str, classification: Classification) -> Sent:
    """What replication/trs.yml publishes."""
    return Sent(
        name,
        classification.schema_name,
        {table: frozenset(columns) for table, columns in classification.published.items()},
        {table: frozenset(of.columns) for table, of in classification.tables.items()},
    )


def from_source(source: psycopg.Connection, name: str, classification: Classification) -> Sent:
    """What the publication sends now."""
    schema = classification.schema_name
    published = publication.read(source, name, schema)
    file = from_file(name, classification)
    rules = {table: frozenset(names) for table, _, names in source.execute(_RULES, (schema,))}
    keys = {table: frozenset(one.columns) for table, one in identity.read(source, schema).items()}
    return Sent(name, schema, published.sends if published else {}, file.known, keys, rules)
