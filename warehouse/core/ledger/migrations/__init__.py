"""The ledger's schema, one numbered SQL file after the other, each applied once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from importlib.resources import files

import psycopg

from warehouse.core import ours
from warehouse.core.errors import LedgerOfAnotherVersion, SetupError

_CREATE = """
create table ledger.migrations (
    number int primary key,
    name text not null,
    sha256 text not null,
    applied_at timestamptz not null default now()
)
"""

_APPLIED = "insert into ledger.migrations (number, name, sha256) values (%s, %s, %s)"

_NAME = re.compile(r"^(\d{4})_[a-z0-9_]+\.sql$")


def available() -> list[tuple[int, str, str]]:
    """The migrations in their order, as (number, file name, SQL).

    Raises:
        SetupError: two files have one number, or a number is missing; both have happened to the old reporting copy.
    """
    found = []
    for entry in files(__name__).iterdir():
        match = _NAME.match(entry.name)
        if match:
            found.append((int(match[1]), entry.name, entry.read_text(encoding="utf-8")))
    found.sort()
    numbers = [number for number, _, _ in found]
    if numbers != list(range(1, len(found) + 1)):
        raise SetupError(
            f"The ledger's migrations are not numbered 1, 2, 3 ... without a gap or a repeat: {numbers}.",
            meaning="The ledger was not touched.",
            next_command="Renumber the files in warehouse/core/ledger/migrations/.",
        )
    return found


def migrate(connection: psycopg.Connection) -> list[str]:
    """Bring the ledger's schema up to date and return the names of the files that were applied now.

    One transaction: two runs at once cannot clash, and a failure leaves the ledger as it was. The lock is one that only
    those who write the ledger can take, and only where there is something to apply.

    Raises:
        SetupError: a file that was applied before has been changed since.
        LedgerOfAnotherVersion: a file was applied that this version does not have.
        NotOurs: there is no ledger yet, and somebody else uses the database by the names that the warehouse needs.
    """
    files = available()
    if _has_ledger(connection) and not _missing(connection, files):
        return []
    try:
        return _bring_up_to_date(connection, files)
    except (psycopg.errors.DuplicateSchema, psycopg.errors.UniqueViolation):
        # Another command has just made the ledger; this one waited for it to be done.
        return _bring_up_to_date(connection, files)


def _bring_up_to_date(connection: psycopg.Connection, files: Sequence[tuple[int, str, str]]) -> list[str]:
    with connection.transaction():
        if _has_ledger(connection):
            connection.execute("lock table ledger.migrations in share row exclusive mode")
        else:
            ours.refuse_occupied(connection)
            connection.execute("create schema ledger")
            connection.execute(_CREATE)
        missing = _missing(connection, files)
        for number, name, text in missing:
            connection.execute(text.encode())
            connection.execute(_APPLIED, (number, name, _digest(text)))
    return [name for _, name, _ in missing]


def _has_ledger(connection: psycopg.Connection) -> bool:
    return connection.execute("select to_regclass('ledger.migrations')").fetchone() != (None,)


def _missing(connection: psycopg.Connection, files: Sequence[tuple[int, str, str]]) -> list[tuple[int, str, str]]:
    """The files that were not applied yet; refuses a ledger of another version, and files that were changed."""
    done: dict[str, str] = dict(connection.execute("select name, sha256 from ledger.migrations order by number"))
    _refuse_unknown([name for name in done if name not in {name for _, name, _ in files}])
    for _, name, text in files:
        if name in done and done[name] != _digest(text):
            raise SetupError(
                f"{name} was changed after this warehouse had applied it.",
                meaning="The ledger was not touched.",
                next_command="Put the file back (git checkout) and write the change as a new migration.",
            )
    return [one for one in files if one[1] not in done]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _refuse_unknown(names: Sequence[str]) -> None:
    if names:
        raise LedgerOfAnotherVersion(
            f"Another version of this program made the ledger: this one does not have {ours.some(names)}.",
            meaning="The ledger was not touched, and nothing else was done. The ledger of a later version, or of one "
            "before the first release, cannot be used by this version.",
            next_command="Run the version that made it. A warehouse that was only made to try the program out can be "
            "made again, without the history that it kept: `make clean`, or an empty database for "
            "WAREHOUSE_DATABASE_URL; then warehouse run",
        )
