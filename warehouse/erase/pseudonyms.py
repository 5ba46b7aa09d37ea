"""A person's pseudonyms in delivered files: erasure has to find rows that do not hold an identifier itself."""

from __future__ import annotations

import psycopg

from warehouse.core import keys
from warehouse.core.delivered_people import PSEUDONYM
from warehouse.core.settings import Settings
from warehouse.erase.subject import Subject


def with_pseudonyms(connection: psycopg.Connection, settings: Settings, subject: Subject) -> Subject:
    """The person with the pseudonyms that any key that was ever used gives their identifiers.

    Raises:
        KeyUnusable: such a key is gone or another: which rows of files are theirs cannot be known.
    """
    found: set[str] = set()
    for name, version, _, _ in keys.all_recorded(connection):
        if name != keys.INSTALLATION:
            key = keys.use(connection, settings, name, version)
            # Identifiers are kept in lower case here, and files had them as the models have them.
            values = {value for many in subject.identifiers.values() for value in many}
            found |= {key.digest(form) for value in values for form in (value, value.upper())}
    return subject.with_more(PSEUDONYM, found) if found else subject
