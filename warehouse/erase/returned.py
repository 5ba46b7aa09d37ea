"""Erased persons who are there again: a restored backup, a repair or an insert at the source brought them back.

The register has a keyed digest of each identifier of those erased. The key never reaches the database, so the register
alone says of nobody that they were erased; together with the key, a value that is there can be compared with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

import psycopg
from psycopg import sql

from warehouse.core.database import one
from warehouse.core.errors import PersonReturned
from warehouse.core.identifiers import PERSON_ID
from warehouse.core.keys import Key
from warehouse.core.progress import Progress
from warehouse.core.returned import returned_error
from warehouse.erase import relations
from warehouse.erase.conditions import Relation, text_of
from warehouse.erase.rules import PersonRule, Rules
from warehouse.erase.stored_identifiers import REGISTERED
from warehouse.erase.subject import Subject, usage

FULL_AFTER_DAYS = 7

_REGISTER = """
insert into ledger.erased_identifiers (erasure_id, digest) select %s, unnest(%s::text[]) on conflict do nothing
"""
_ANY = "select exists (select from ledger.erased_identifiers)"
_KNOWN = "select digest, erasure_id from ledger.erased_identifiers"
_FULL_IS_DUE = """
select exists (
    select from ledger.erasures as e
    where exists (select from ledger.erased_identifiers as i where i.erasure_id = e.erasure_id) and (
        coalesce(e.checked_at, e.finished_at, e.asked_at) < now() - make_interval(days => %s)
        or exists (select from ledger.gaps as g where g.repaired_at > coalesce(e.checked_at, e.asked_at))
        or exists (select from ledger.restarts as r where r.noticed_at > coalesce(e.checked_at, e.asked_at))
    )
)
"""
_LAST_FULL = """
select min(coalesce(e.checked_at, e.finished_at, e.asked_at)) from ledger.erasures as e
where exists (select from ledger.erased_identifiers as i where i.erasure_id = e.erasure_id)
"""
_NOTE = """
update ledger.erasures as e
set returned_at = case
        when e.erasure_id = any(%(returned)s::bigint[]) then coalesce(e.returned_at, clock_timestamp())
        when not %(everywhere)s then e.returned_at
    end,
    checked_at = case when %(everywhere)s then clock_timestamp() else e.checked_at end
where exists (select from ledger.erased_identifiers as i where i.erasure_id = e.erasure_id)
"""
_ACCEPT = """
update ledger.erasures set returned_at = null, returned_because = %s where erasure_id = %s and returned_at is not null
"""
_FORGET = "delete from ledger.erased_identifiers where erasure_id = %s"


@dataclass(frozen=True)
class Check:
    """What a check came to, in numbers.

    Attributes:
        values: how many different identifiers of the warehouse were compared.
        registered: how many erasures the register knows.
        returned: the erasures whose persons are there again.
        asked: how many persons the list named.
        found: the lines of the list, from 1, whose persons are there.
        files: how many data files that are kept here were looked into.
        unread: those that could not be.
    """

    values: int
    registered: int
    returned: list[int]
    asked: int = 0
    found: tuple[int, ...] = ()
    files: int = 0
    unread: tuple[str, ...] = ()

    def error(self) -> PersonReturned | None:
        """What a command ends with because of it; None when nobody is there again."""
        if not self.returned and not self.found:
            return None
        who = [f"erasure {number}" for number in self.returned]
        if self.found:
            lines = ", ".join(map(str, self.found[:10])) + (" …" if len(self.found) > 10 else "")
            who.append(f"{len(self.found)} of {self.asked} persons of the list (lines {lines})")
        return returned_error(who)


def register(connection: psycopg.Connection, erasure_id: int, subject: Subject, key: Key) -> None:
    """Keep the digests of a person's identifiers, in the transaction that deletes their rows."""
    digests = [_digest(key, kind, value) for kind in REGISTERED for value in subject.compared(kind)]
    connection.execute(_REGISTER, (erasure_id, digests))


def register_is_empty(connection: psycopg.Connection) -> bool:
    """Whether nobody was erased, so that nobody can come back."""
    return not one(connection, _ANY)[0]


def full_is_due(connection: psycopg.Connection) -> bool:
    """Whether everything has to be looked through: after a week, a repair, or a start of an older data folder."""
    return bool(one(connection, _FULL_IS_DUE, (FULL_AFTER_DAYS,))[0])


def last_full(connection: psycopg.Connection) -> datetime | None:
    """When everything was looked through last, for each erasure; None where nobody was erased."""
    moment: datetime | None = one(connection, _LAST_FULL)[0]
    return moment


def check(
    connection: psycopg.Connection,
    rules: Rules,
    key: Key,
    progress: Progress,
    *,
    everywhere: bool = True,
    listed: Sequence[str] = (),
    kept: Iterable[tuple[str, str]] = (),
    widened: Callable[[Subject], Subject] = lambda one: one,
) -> Check:
    """Compare the identifiers in the warehouse with the register, and with a list; note in the ledger who is back.

    Args:
        everywhere: in replica, history and landed tables; else only in the replica's table of persons.
        listed: TRNs and ids of persons, when somebody keeps a list of those erased.
        kept: identifiers with their kinds that are to be compared besides: those of stored files.
        widened: adds to a person of the list what else may stand for them in such a file: their pseudonyms.
    """
    known = {str(digest): int(number) for digest, number in connection.execute(_KNOWN)}
    wanted: dict[tuple[str, str], int] = {}
    for line, text in enumerate(listed, 1):
        subject = widened(Subject.read(text))
        wanted |= {(kind, value): line for kind in subject.identifiers for value in subject.compared(kind)}
    returned: set[int] = set()
    found: set[int] = set()
    values = 0

    def in_tables() -> Iterator[tuple[str, str]]:
        for relation, rule in relations.of_persons(connection, rules):
            if everywhere or (relation.kind == "replica" and PERSON_ID in rule.tells.values()):
                progress.say(f"comparing {relation.place}")
                yield from _values(connection, relation, rule)

    for kind, value in chain(in_tables(), kept):
        values += 1
        if number := known.get(_digest(key, kind, value)):
            returned.add(number)
        if (kind, value) in wanted:
            found.add(wanted[kind, value])
    connection.execute(_NOTE, {"returned": sorted(returned), "everywhere": everywhere})
    return Check(values, len(set(known.values())), sorted(returned), len(listed), tuple(sorted(found)))


def accept(connection: psycopg.Connection, erasure_id: int, because: str) -> None:
    """Write down that the person has come back in their own right: the register forgets them.

    Raises:
        UsageError: no check has found the person of that erasure.
    """
    with connection.transaction():
        if not connection.execute(_ACCEPT, (because, erasure_id)).rowcount:
            raise usage(f"No check has found the person of erasure {erasure_id} in the warehouse.")
        connection.execute(_FORGET, (erasure_id,))


def _values(connection: psycopg.Connection, relation: Relation, rule: PersonRule) -> Iterator[tuple[str, str]]:
    named: Iterable[tuple[str, str]] = {**rule.rows, **rule.tells}.items()
    columns = {name: kind for name, kind in named if kind in REGISTERED and relation.has(name)}
    queries = [(kind, text_of(relation, name, kind)) for name, kind in columns.items()]
    if rule.people and relation.has(rule.people):
        queries.append((PERSON_ID, sql.SQL("unnest({}::text[])").format(relation.value(rule.people))))
    for kind, value in queries:
        query = sql.SQL("select distinct {} from {} as t").format(value, relation.identifier)
        with connection.transaction(), connection.cursor("trw_identifiers") as cursor:
            cursor.itersize = 50_000
            for (text,) in cursor.execute(query):
                if text:
                    yield kind, text


def _digest(key: Key, kind: str, value: str) -> str:
    return key.digest(f"erased:{kind}:{value}")
