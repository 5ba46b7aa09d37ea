"""By what else a person is known: the records that were merged with theirs, and the identifiers of all of these."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import psycopg

from warehouse.core import identifiers
from warehouse.core.database import one
from warehouse.core.identifiers import NINO, PERSON_ID, TRN, Identifier

_THERE = "select to_regclass('versions.persons') is not null"
_BY_NUMBER = """
select person_id::text, trn::text, national_insurance_number::text from versions.persons
where trn::text = any (%(trns)s)
    or left(translate(lower(national_insurance_number::text), ' ', ''), 8) = any (%(ninos)s)
"""
# A merge that was undone since counts for nothing.
_MERGED = """
select person_id::text, merged_with_person_id::text from versions.persons
where merged_with_person_id is not null and to_xid is null
"""
_OF_RECORDS = """
select person_id::text, trn::text, national_insurance_number::text from versions.persons
where person_id = any (%s::text[]::uuid[])
"""


@dataclass(frozen=True)
class Known:
    """What a person is known by. Never printed.

    Attributes:
        identifiers: of all their records.
        written: each as the warehouse has it, from which pseudonyms are made.
    """

    identifiers: frozenset[Identifier] = field(default=frozenset(), repr=False)
    written: frozenset[tuple[Identifier, str]] = field(default=frozenset(), repr=False)

    def texts(self, given: Identifier) -> Iterator[tuple[str, bool]]:
        """The texts whose pseudonyms are looked for, each with whether it is the identifier that was given."""
        found = {(text, of == given) for of, text in self.written}
        yield from found
        for text in {given.value, given.value.upper()} - {text for text, _ in found}:
            yield text, True


_NOBODY: Final = Known()


def known(connection: psycopg.Connection, given: Sequence[Identifier]) -> list[Known]:
    """What the persons of some identifiers are known by; nothing more for those whom the warehouse does not have.

    Args:
        connection: to the warehouse.
    """
    if not one(connection, _THERE)[0]:
        return [_NOBODY for _ in given]
    records = _records_of(connection, given)
    together = _together(connection, set().union(*records.values()) if records else set())
    of_record: dict[str, set[tuple[Identifier, str]]] = defaultdict(set)
    every = sorted({record for found in together.values() for record in found})
    for person_id, *numbers in connection.execute(_OF_RECORDS, (every,)):
        texts = zip((PERSON_ID, TRN, NINO), (person_id, *numbers), strict=True)
        of_record[person_id] |= {(identifiers.of_kind(kind, text), text) for kind, text in texts if text}
    found = []
    for identifier in given:
        theirs = {record for start in records.get(identifier, ()) for record in together[start]}
        written = frozenset(pair for record in theirs for pair in of_record[record])
        found.append(Known(frozenset(of for of, _ in written), written))
    return found


def _records_of(connection: psycopg.Connection, given: Iterable[Identifier]) -> Mapping[Identifier, set[str]]:
    """The records that have each identifier in any version."""
    found: dict[Identifier, set[str]] = defaultdict(set)
    values: dict[str, list[str]] = {PERSON_ID: [], TRN: [], NINO: []}
    for identifier in given:
        values[identifier.kind].append(identifier.value)
        if identifier.kind == PERSON_ID:
            found[identifier].add(identifier.value)
    if values[TRN] or values[NINO]:
        for person_id, trn, nino in connection.execute(_BY_NUMBER, {"trns": values[TRN], "ninos": values[NINO]}):
            for kind, text in ((TRN, trn), (NINO, nino)):
                if text:
                    found[identifiers.of_kind(kind, text)].add(person_id)
    return found


def _together(connection: psycopg.Connection, records: Iterable[str]) -> dict[str, set[str]]:
    """All records of the person of each record: what was merged into it, what it was merged into, and so on."""
    beside: dict[str, set[str]] = defaultdict(set)
    for merged, kept in connection.execute(_MERGED):
        beside[merged].add(kept)
        beside[kept].add(merged)
    found = {}
    for record in records:
        group, waiting = {record}, [record]
        while waiting:
            more = beside.get(waiting.pop(), set()) - group
            group |= more
            waiting += more
        found[record] = group
    return found
