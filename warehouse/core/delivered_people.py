"""Who was in which delivery: the index that finds a person in what was sent, and names nobody.

Each identifier has a number, under the first 64 bits of its HMAC by the installation's key; a delivery has a bit for
each number (docs/adr/0060-who-was-delivered.md). So the index says of nobody that they were delivered to anybody who
has not got the key, which is in no database.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import psycopg

from warehouse.core.identifiers import Identifier
from warehouse.core.keys import Key

PSEUDONYM: Final = "pseudonym"
"""The kind of an identifier that left as a pseudonym."""

BLOCK: Final = 1 << 13
"""Numbers in a block: 1,024 bytes of bits, which fit into a row of a page."""

_BLOCK_BYTES: Final = BLOCK // 8
_LIST_HEADER: Final = 24
"""Bytes of an array of PostgreSQL besides its values, of two bytes each."""

# Only one run delivers at a time; a digest that came from elsewhere meanwhile breaks the key, and nothing is lost.
_NUMBERS = """
with given as (select unnest(%(digests)s::bigint[]) as digest),
known as (select i.digest, i.number from given join ledger.delivered_identifiers as i using (digest)),
added as (
    insert into ledger.delivered_identifiers (digest)
    select digest from given where digest not in (select digest from known) order by digest
    returning number
)
select number from known union all select number from added
"""
_INDEX = """
insert into ledger.delivery_indexes (delivery_id, attempt, kinds, identifiers, unsearchable)
values (%s, %s, %s, %s, %s)
"""
BLOCKS: Final = "copy ledger.delivered_people (block, delivery_id, attempt, bits, few) from stdin"
_SEARCH = """
select i.digest, p.delivery_id, p.attempt
from unnest(%(digests)s::bigint[]) as g (digest)
join ledger.delivered_identifiers as i using (digest)
join ledger.delivered_people as p on p.block = i.number / %(block)s
where case
    when p.bits is null then (i.number %% %(block)s)::smallint = any (p.few)
    else get_bit(p.bits, i.number %% %(block)s) = 1
end
"""
_COUNT = "select count(*) from ledger.delivered_identifiers where digest = any (%s::bigint[])"
_FORGET = "delete from ledger.delivered_identifiers where digest = any (%s::bigint[])"


@dataclass
class Builder:
    """The index of one delivery while its files are read. Memory is a bit for each number that was ever given.

    Attributes:
        identifiers: how many different ones of them there are so far.
    """

    connection: psycopg.Connection
    key: Key
    _bits: dict[int, bytearray] = field(default_factory=dict)

    def add(self, found: Iterable[Identifier]) -> None:
        """Identifiers of the files; those that no delivery had before get their numbers."""
        digests = sorted({digest(self.key, one) for one in found})
        if not digests:
            return
        with self.connection.cursor(binary=True) as cursor:
            for (number,) in cursor.execute(_NUMBERS, {"digests": digests}):
                block, place = divmod(number, BLOCK)
                self._bits.setdefault(block, bytearray(_BLOCK_BYTES))[place >> 3] |= 1 << (place & 7)

    @property
    def identifiers(self) -> int:
        return sum(int.from_bytes(bits).bit_count() for bits in self._bits.values())

    def keep(self, delivery_id: str, attempt: int, kinds: Iterable[str]) -> None:
        """Write the index of an attempt."""
        note(self.connection, delivery_id, attempt, kinds, identifiers=self.identifiers)
        with self.connection.cursor() as cursor, cursor.copy(BLOCKS) as copy:
            for block, bits in sorted(self._bits.items()):
                copy.write_row((block, delivery_id, attempt, *packed(bits)))


def note(
    connection: psycopg.Connection,
    delivery_id: str,
    attempt: int,
    kinds: Iterable[str],
    *,
    identifiers: int = 0,
    unsearchable: str | None = None,
) -> None:
    """Write down that an attempt's files were looked through, or why they could not be."""
    connection.execute(_INDEX, (delivery_id, attempt, sorted(kinds), identifiers, unsearchable))


def packed(bits: bytearray) -> tuple[bytes | None, list[int] | None]:
    """A block as it is kept: its bits, or a list of the places that are set, whichever is shorter."""
    set_ = int.from_bytes(bits).bit_count()
    if _LIST_HEADER + 2 * set_ >= len(bits):
        return bytes(bits), None
    return None, [at * 8 + bit for at, byte in enumerate(bits) if byte for bit in range(8) if byte >> bit & 1]


def digest(key: Key, one: Identifier) -> int:
    """What stands for an identifier in the index: 64 bits of its HMAC, as PostgreSQL's bigint."""
    return int.from_bytes(bytes.fromhex(key.digest(f"delivered:{one.kind}:{one.value}")[:16]), signed=True)


def search(connection: psycopg.Connection, digests: Iterable[int]) -> list[tuple[int, str, int]]:
    """The attempts whose files hold one of some digests, each as the digest, the delivery's id and the attempt."""
    found = connection.execute(_SEARCH, {"digests": list(digests), "block": BLOCK})
    return [(int(one), str(delivery), int(attempt)) for one, delivery, attempt in found]


def count(connection: psycopg.Connection, digests: Sequence[int]) -> int:
    """How many of some digests the index has."""
    row = connection.execute(_COUNT, (list(digests),)).fetchone()
    return int(row[0]) if row else 0


def forget(connection: psycopg.Connection, digests: Sequence[int]) -> int:
    """Delete a person's digests; returns how many there were. Nothing leads to their numbers any more."""
    return connection.execute(_FORGET, (list(digests),)).rowcount
