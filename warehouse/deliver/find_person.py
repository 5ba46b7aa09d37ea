"""Which deliveries held a person: by the index of what was sent, without reading a file.

A person is looked for by all that the warehouse knows them by: every record that was merged with theirs, every TRN and
National Insurance number of these in any version, and the pseudonyms that any key gives them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg.rows import class_row

from warehouse.core import delivered_people, identifiers, keys
from warehouse.core.delivered_people import PSEUDONYM
from warehouse.core.errors import DeliveriesNotSearched, KeyUnusable, UsageError
from warehouse.core.identifiers import Identifier
from warehouse.core.keys import Key
from warehouse.core.settings import Settings
from warehouse.deliver.known_by import Known, known
from warehouse.deliver.people_in_files import NO_COLUMN, key_of_kind, kind_behind

NOT_INDEXED: Final = "it was sent before deliveries were indexed"

AS_GIVEN: Final = "as given"
OTHERWISE: Final = "another identifier or record of the person"

_KeyName = tuple[str, int]

# What an attempt sent, if it is what was delivered, or if it may be there although the delivery is not closed.
_SENT = """
select
    d.delivery_id, d.recipient, d.extract, d.period, d.revision, d.contract_version, d.state, d.destination,
    coalesce(d.closed_at, (
        select max(coalesce(f.uploaded_at, f.naming_at)) from ledger.delivery_files as f
        where f.delivery_id = d.delivery_id and f.attempt = a.attempt
    )) as sent_at,
    a.attempt, i.kinds, coalesce(i.unsearchable, case when i.kinds is null then %(not_indexed)s end) as unsearchable
from ledger.deliveries as d
cross join lateral (
    select d.attempt where d.state = 'closed'
    union
    select f.attempt from ledger.delivery_files as f
    where d.state <> 'closed' and f.delivery_id = d.delivery_id and f.removed_at is null
        and (f.uploaded_at is not null or f.naming_at is not null)
) as a (attempt)
left join ledger.delivery_indexes as i on i.delivery_id = d.delivery_id and i.attempt = a.attempt
order by d.recipient, d.extract, d.period, d.revision, a.attempt
"""


@dataclass(frozen=True)
class Sent:
    """What was sent by an attempt at a delivery, whole or in part.

    Attributes:
        kinds: of identifiers in its files; None where it was not looked through.
        unsearchable: why it cannot be searched; None where it can.
    """

    delivery_id: str
    recipient: str
    extract: str
    period: str
    revision: int
    contract_version: str
    state: str
    destination: str | None
    sent_at: datetime | None
    attempt: int
    kinds: list[str] | None
    unsearchable: str | None


@dataclass(frozen=True)
class Held:
    """A delivery that held the person of a line.

    Attributes:
        line: of the input, from 1.
        through: whether the files have the identifier itself, or another one of the same person.
    """

    line: int
    sent: Sent
    through: str

    def as_dict(self) -> dict[str, Any]:
        """The shape of `--json`."""
        told = asdict(self.sent)
        del told["kinds"], told["unsearchable"], told["attempt"]
        return {"line": self.line, "through": self.through, **told}


@dataclass(frozen=True)
class NotSearched:
    """A delivery of which it is not known whether it held somebody.

    Attributes:
        lines: of the input; none when it holds for all of them.
    """

    delivery_id: str
    why: str
    lines: tuple[int, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether somebody has to look elsewhere; not where no column says whose a row is."""
        return self.why != NO_COLUMN


@dataclass(frozen=True)
class Answer:
    """What a search came to. No identifier is in it.

    Attributes:
        lines: how many there were.
        searched: how many deliveries were searched, for some line at the least.
    """

    lines: int
    searched: int
    held: list[Held]
    not_searched: list[NotSearched]

    def error(self) -> DeliveriesNotSearched | None:
        """What a command ends with when silence about a delivery does not mean that it held nobody."""
        missing = sorted({one.delivery_id for one in self.not_searched if one.is_open})
        if not missing:
            return None
        return DeliveriesNotSearched(
            f"{len(missing)} deliveries could not be searched: {', '.join(missing[:5])}"
            + (" …" if len(missing) > 5 else "."),
            meaning="What was found is right. Of these deliveries it is not known whom they held.",
            next_command="The report says why of each. Give the person's TRN and id, too; restore a key that is gone "
            "(docs/runbooks/keys.md); of the rest, look into the files that you keep, or ask the recipient.",
        )


MOST_LINES: Final = 1_000
"""At once: each person may be in every delivery, and the answer is in memory as a whole."""


def read_lines(lines: Mapping[int, str]) -> dict[int, Identifier]:
    """One identifier of each line, by the line's number.

    Raises:
        UsageError: a line has none; says which, and never what is in it. Or there are too many.
    """
    if len(lines) > MOST_LINES:
        raise UsageError(
            f"{len(lines):,} persons were given; at most {MOST_LINES:,} are looked for at once.",
            meaning="Nothing was looked for.",
            next_command=f"Give them in parts: split --lines={MOST_LINES} FILE",
        )
    found = {number: identifiers.read(text) for number, text in lines.items()}
    wrong = [number for number, one in found.items() if one is None]
    if wrong or not found:
        listed = ", ".join(map(str, wrong[:10])) + (" …" if len(wrong) > 10 else "")
        raise UsageError(
            f"There is no identifier of a person in line {listed}."
            if wrong
            else "There is no identifier in the input.",
            meaning="Nothing was looked for. A TRN has seven digits, a National Insurance number two letters and six "
            "digits, and a person's id is a UUID.",
            next_command="Give one identifier a line, from standard input: warehouse deliveries find-person < FILE",
        )
    return {number: one for number, one in found.items() if one is not None}


def find_person(connection: psycopg.Connection, settings: Settings, lines: Mapping[int, str]) -> Answer:
    """Which deliveries held the persons of some lines.

    Args:
        connection: to the warehouse.
        lines: an identifier each, by the line's number: a TRN, a person's id or a National Insurance number.

    Raises:
        UsageError: a line has no identifier.
        KeyUnusable: the installation's key is gone or another: nothing can be found.
    """
    given = read_lines(lines)
    people = dict(zip(given, known(connection, list(given.values())), strict=True))
    key = keys.installation(connection, settings)
    usable, gone = _pseudonym_keys(connection, settings)
    digests = {line: _digests(key, usable, one, people[line]) for line, one in given.items()}
    with connection.cursor(row_factory=class_row(Sent)) as cursor:
        sent = cursor.execute(_SENT, {"not_indexed": NOT_INDEXED}).fetchall()
    at: dict[tuple[str, int], set[int]] = defaultdict(set)
    for digest, delivery, attempt in delivered_people.search(connection, set().union(*digests.values())):
        at[delivery, attempt].add(digest)
    held = []
    for line, theirs in digests.items():
        for one in sent:
            through = {theirs[digest] for digest in at[one.delivery_id, one.attempt] & theirs.keys()}
            if through:
                held.append(Held(line, one, AS_GIVEN if AS_GIVEN in through else OTHERWISE))
    kinds = {line: {given[line].kind, *(one.kind for one in people[line].identifiers)} for line in given}
    unsearched = list(_not_searched(sent, kinds, gone))
    return Answer(len(given), len(sent) - sum(not one.lines for one in unsearched), held, unsearched)


def _pseudonym_keys(connection: psycopg.Connection, settings: Settings) -> tuple[list[Key], set[_KeyName]]:
    """The keys of pseudonyms that can be used, and the names and versions of those that are gone."""
    usable, gone = list[Key](), set[_KeyName]()
    for name, version, _, _ in keys.all_recorded(connection):
        if name != keys.INSTALLATION:
            try:
                usable.append(keys.use(connection, settings, name, version))
            except KeyUnusable:
                gone.add((name, version))
    return usable, gone


def _digests(key: Key, pseudonym_keys: Iterable[Key], given: Identifier, person: Known) -> dict[int, str]:
    """What a person is looked for by, and whether that is the identifier that was given."""
    found = {}
    for one in (*person.identifiers, given):
        found[delivered_people.digest(key, one)] = AS_GIVEN if one == given else OTHERWISE
    for text, is_given in person.texts(given):
        for other in pseudonym_keys:
            digest = delivered_people.digest(key, Identifier(PSEUDONYM, other.digest(text)))
            found[digest] = AS_GIVEN if is_given else OTHERWISE
    return found


def _not_searched(sent: Iterable[Sent], kinds: Mapping[int, set[str]], gone: set[_KeyName]) -> Iterator[NotSearched]:
    for one in sent:
        if one.unsearchable:
            yield NotSearched(one.delivery_id, one.unsearchable)
            continue
        made_by = {kind: key_of_kind(kind) for kind in one.kinds or ()}
        lost = [key for key in made_by.values() if key and key in gone]
        readable = {kind_behind(kind) for kind, key in made_by.items() if key not in gone}
        if lost and not readable:
            name, version = lost[0]
            yield NotSearched(one.delivery_id, f"the key of its pseudonyms, {name} version {version}, is gone")
        elif lines := tuple(line for line, theirs in kinds.items() if not theirs & readable):
            why = f"its files have people by {' and '.join(sorted(readable))} alone"
            yield NotSearched(one.delivery_id, why, lines)
