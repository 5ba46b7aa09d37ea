"""The person in the index of deliveries: where it says that they were, and how it forgets them."""

from __future__ import annotations

from dataclasses import dataclass, field

import psycopg

from warehouse.core import delivered_people, identifiers
from warehouse.core.delivered_people import PSEUDONYM
from warehouse.core.identifiers import NINO, PERSON_ID, TRN, Identifier
from warehouse.core.keys import Key
from warehouse.erase.rows import Found
from warehouse.erase.subject import Subject

PLACE = "ledger.delivered_identifiers"

_SEARCHABLE = "select delivery_id, attempt, kinds from ledger.delivery_indexes where unsearchable is null"


@dataclass(frozen=True)
class Index:
    """The index of one warehouse, asked about one person. Without the key it says nothing.

    Attributes:
        subject: the person, with their pseudonyms.
        key: of the installation.
    """

    connection: psycopg.Connection
    subject: Subject = field(repr=False)
    key: Key | None

    @property
    def digests(self) -> list[int]:
        if self.key is None:
            return []
        found = {identifiers.of_kind(kind, value) for kind in (PERSON_ID, TRN, NINO) for value in self._values(kind)}
        found |= {Identifier(PSEUDONYM, value) for value in self._values(PSEUDONYM)}
        return [delivered_people.digest(self.key, one) for one in sorted(found)]

    def searched(self) -> set[tuple[str, int]]:
        """The attempts at deliveries of which the index can say whether the person was in them."""
        if self.key is None:
            return set()
        known = {kind for kind in (PERSON_ID, TRN, NINO) if self._values(kind)}
        return {
            (str(delivery), int(attempt))
            for delivery, attempt, kinds in self.connection.execute(_SEARCHABLE)
            if known & {kind.rsplit(":", maxsplit=1)[-1] for kind in kinds}
        }

    def held(self) -> set[tuple[str, int]]:
        """The attempts whose files held them."""
        return {(delivery, attempt) for _, delivery, attempt in delivered_people.search(self.connection, self.digests)}

    def count(self) -> list[Found]:
        """How many of their identifiers it has."""
        number = delivered_people.count(self.connection, self.digests)
        return [Found(PLACE, "ledger", number)] if number else []

    def forget(self) -> list[Found]:
        """Delete these."""
        number = delivered_people.forget(self.connection, self.digests)
        return [Found(PLACE, "ledger", number)] if number else []

    def _values(self, kind: str) -> list[str]:
        return self.subject.values(kind)
