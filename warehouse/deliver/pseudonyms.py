"""Identifiers leave as keyed pseudonyms where the contract says so: replaced in this process, while a file is written.

The key never reaches the database: others see a statement's text in pg_stat_activity, in pg_stat_statements and in the
server's log, and a bound parameter in the log of a server that logs durations (docs/adr/0037-keyed-pseudonyms.md). COPY
sends each row with the identifiers in front, in hexadecimal, and a random mark in the place of each, which the
pseudonym then takes.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import psycopg
from psycopg import sql

from warehouse.core import keys
from warehouse.core.contracts import Column, Contract
from warehouse.core.errors import KeyUnusable
from warehouse.core.settings import Settings
from warehouse.deliver.edition import Edition

_SETTING = "warehouse.order_of_pseudonyms"
_SET = "select set_config(%s, %s, true)"
_ORDERED = "\0order of rows"

_FIRST = """
insert into ledger.pseudonym_periods (recipient, extract, period, key_name, key_version) values (%s, %s, %s, %s, %s)
on conflict do nothing
"""
_OF_PERIOD = """
select key_name, key_version from ledger.pseudonym_periods where (recipient, extract, period) = (%s, %s, %s)
"""


class Pseudonyms:
    """The pseudonyms of one contract's columns."""

    def __init__(self, contract: Contract, key: keys.Key) -> None:
        self._key = key
        self._columns = [column for column in contract.columns if column.pseudonym]
        self._marks = {column.name: secrets.token_hex(16) for column in self._columns}

    def of(self, contract: Contract) -> Pseudonyms | None:
        """Those of one file of several; None where it has none."""
        if contract.table and not any(column.pseudonym for column in contract.columns):
            return None
        return Pseudonyms(contract, self._key) if contract.table else self

    def prepare(self, connection: psycopg.Connection) -> None:
        """Give the session what rows are sorted by, until its transaction ends: no key, and derived from it."""
        connection.execute(_SET, (_SETTING, self._key.digest(_ORDERED)))

    @property
    def in_front(self) -> list[sql.Composed]:
        """What a row begins with: the identifiers themselves, in digits that need no quotes."""
        return [
            sql.SQL("encode(convert_to({}::text, 'UTF8'), 'hex')").format(sql.Identifier(column.name))
            for column in self._columns
        ]

    def in_place(self, column: Column) -> sql.Composed:
        """What stands in the place of an identifier; null where there is none."""
        return sql.SQL("case when {} is not null then {} end").format(
            sql.Identifier(column.name), sql.Literal(self._marks[column.name])
        )

    def order(self, column: Column) -> sql.Composed:
        """What rows are sorted by instead of an identifier: its order would say which pseudonym is whose."""
        return sql.SQL("sha256(convert_to(current_setting({}) || {}::text, 'UTF8'))").format(
            sql.Literal(_SETTING), sql.Identifier(column.name)
        )

    def write(self, rows: Sequence[bytes]) -> list[bytes]:
        """Rows of COPY with pseudonyms in the places of the marks, and nothing in front."""
        marks = [mark.encode() for mark in self._marks.values()]
        written = []
        for row in rows:
            *identifiers, rest = row.split(b",", len(marks))
            for mark, identifier in zip(marks, identifiers, strict=True):
                if identifier:
                    text = bytes.fromhex(identifier.strip(b'"').decode()).decode()
                    rest = rest.replace(mark, self._key.digest(text).encode(), 1)
            written.append(rest)
        return written


def of_edition(connection: psycopg.Connection, settings: Settings, edition: Edition) -> Pseudonyms | None:
    """What makes the pseudonyms of a delivery; None where its contract asks for none.

    The key of a period stays what it was: whoever had pseudonyms of two keys, or pseudonyms and the identifiers
    themselves, in two files about the same people, could join them row by row.

    Raises:
        KeyUnusable: the key is missing, unusable or another than before; or the contract names another for a period
            of which a file was made.
    """
    contract, period = edition.contract, str(edition.period)
    wanted = contract.pseudonym_key
    place = (contract.recipient, contract.name, period)
    before = connection.execute(_OF_PERIOD, place).fetchone()
    now = (f"{contract.recipient}.{wanted.purpose}", wanted.version) if wanted else None
    if before is not None and tuple(before) != now:
        raise KeyUnusable(
            f"{edition.delivery_id} would have pseudonyms of {_named(now)}, and an earlier file of {period} has those "
            f"of {_named(tuple(before))}.",
            meaning="Both files are about the same people: row by row they would say which pseudonyms belong together. "
            "Nothing was sent.",
            next_command="Give the contract the key that the period has, or wait for the next period "
            "(docs/runbooks/keys.md).",
        )
    if now is None:
        return None
    key = keys.use(connection, settings, *now, make=not settings.on_servers)
    connection.execute(_FIRST, (*place, *now))
    return Pseudonyms(contract, key)


def of_dry_run(settings: Settings, contract: Contract) -> Pseudonyms | None:
    """What makes the pseudonyms of a file that nobody gets: the key where there is one, or else a passing one.

    Nothing is written down, and no key is made.

    Raises:
        KeyUnusable: the key is there and not usable.
    """
    wanted = contract.pseudonym_key
    if wanted is None:
        return None
    name = f"{contract.recipient}.{wanted.purpose}"
    key = keys.find(settings, name, wanted.version)
    return Pseudonyms(contract, key or keys.Key(name, wanted.version, "this dry run", secrets.token_bytes(32)))


def _named(key: tuple[str, int] | None) -> str:
    return f"the key {key[0]}, version {key[1]}" if key else "no key"
