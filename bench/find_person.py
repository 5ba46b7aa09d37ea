"""Finding a person in what was sent: the index of deliveries against a plain indexed table of the same facts.

`python -m bench.find_person` makes synthetic deliveries on a cluster of its own: 100 of 10,000 rows, or with --full
the 1,000 of 1,000,000 that the aim is for. A plain table of those would have a thousand million rows, so at that size
the peer has every hundredth delivery, and its size is reckoned from that.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

import psycopg

from bench.measure import Aim, Figure, show, timing
from warehouse.core import delivered_people
from warehouse.core.delivered_people import BLOCK, Builder, packed
from warehouse.core.identifiers import TRN, Identifier
from warehouse.core.keys import Key
from warehouse.core.ledger import migrate
from warehouse.core.postgres import Cluster, find_binaries

TOPIC = "find-person"
KEY = Key("installation", 1, "the bench", bytes(range(32)))
SEARCHES = 50
SHARE = 0.875
"""Of the people, who are in one delivery; see _drawn."""

_PACKED_BYTES = 8


def main() -> None:
    """Make the deliveries, search, print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.find_person", description=__doc__)
    parser.add_argument("--deliveries", type=int, default=100)
    parser.add_argument("--rows", type=int, default=10_000, help="in each delivery (10,000)")
    parser.add_argument("--peer-every", type=int, default=1, metavar="N", help="every Nth delivery in the peer (1)")
    parser.add_argument(
        "--full", action="store_true", help="1,000 deliveries of 1,000,000 rows, every 100th in the peer"
    )
    given = parser.parse_args()
    if given.full:
        given.deliveries, given.rows, given.peer_every = 1_000, 1_000_000, 100
    home = Path(tempfile.mkdtemp(prefix="trw-bench-"))
    home.chmod(0o755)
    cluster = Cluster("warehouse", home, find_binaries(), {"shared_buffers": "'512MB'", "max_wal_size": "'4GB'"})
    try:
        cluster.start()
        cluster.create_database("bench")
        with psycopg.connect(cluster.conninfo("bench"), autocommit=True) as connection:
            migrate(connection)
            figures = measured(connection, given.deliveries, given.rows, given.peer_every)
        show(figures, TOPIC)
    finally:
        cluster.stop()
        shutil.rmtree(home, ignore_errors=True)


def measured(connection: psycopg.Connection, deliveries: int, rows: int, peer_every: int) -> list[Figure]:
    """The index and its peer filled with the same deliveries, and the same people looked for in both."""
    people = [delivered_people.digest(KEY, _person(number)) for number in range(round(rows / SHARE))]
    with timing() as first:
        numbers = _numbered(connection, people)
    connection.execute("create table plain (digest bigint not null, delivery_id text not null)")
    in_peer = 0
    with timing() as writing:
        for place in range(deliveries):
            delivery = _planned(connection, place)
            bits = _drawn(place, len(people))
            _keep(connection, delivery, bits)
            if place % peer_every == 0:
                in_peer += _into_peer(connection, delivery, bits, numbers)
    connection.execute("create index on plain (digest, delivery_id)")
    connection.execute("vacuum analyze")
    searched = random.Random(60).sample(people, SEARCHES)
    ours, found = _timed(searched, lambda one: {row[1] for row in delivered_people.search(connection, [one])})
    plain, expected = _timed(
        searched,
        lambda one: {row[0] for row in connection.execute("select delivery_id from plain where digest = %s", (one,))},
    )
    in_both = {name for names in expected for name in names}
    assert [names & in_both for names in found] == expected, "the index and the table do not say the same"
    with timing() as together:
        delivered_people.search(connection, searched)
    held = deliveries * round(len(people) * SHARE)
    sizes = {
        "index MB": _megabytes(connection, "delivered_identifiers", "delivered_people", "delivery_indexes"),
        "of it the numbers MB": _megabytes(connection, "delivered_identifiers"),
        f"packed digests of {_PACKED_BYTES} bytes would be MB": held * _PACKED_BYTES / 1e6,
        "packed digests of 5 bytes would be MB": held * 5 / 1e6,
        "plain table with its index MB": _megabytes(connection, "plain", schema="public") * held / in_peer,
    }
    slowest = Aim("the slowest search, ms", 1000 * max(ours), "at most", 1000)
    ratio = median(ours) / median(plain)
    return [
        Figure(TOPIC, f"plain indexed table, {in_peer:,} rows", median(plain), 1),
        Figure(TOPIC, "the index, one person", median(ours), 1, ratio, "the table", (slowest,), sizes),
        Figure(TOPIC, f"the index, {SEARCHES} people at once", together.seconds, SEARCHES),
        Figure(TOPIC, "the first delivery's identifiers get their numbers", first.seconds, len(people)),
        Figure(TOPIC, "all deliveries are written, and the peer's rows", writing.seconds, held),
    ]


def _person(number: int) -> Identifier:
    return Identifier(TRN, f"{number:07}")


def _numbered(connection: psycopg.Connection, people: Sequence[int]) -> dict[int, int]:
    """Every identifier with its number, as deliveries give them: a batch of a file at a time."""
    builder = Builder(connection, KEY)
    for start in range(0, len(people), 65_536):
        builder.add(_person(number) for number in range(start, min(start + 65_536, len(people))))
    found = connection.execute("select number, digest from ledger.delivered_identifiers").fetchall()
    return dict(found)


def _drawn(seed: int, people: int) -> bytearray:
    """Who is in a delivery: a bit for each number, seven of eight set."""
    chance = random.Random(seed)
    size = people // 8 + 1
    # Each of these sets half of what is not set yet.
    bits = chance.randbytes(size)
    for _ in range(2):
        bits = (int.from_bytes(bits) | int.from_bytes(chance.randbytes(size))).to_bytes(size)
    return bytearray(bits)


def _keep(connection: psycopg.Connection, delivery: str, bits: bytearray) -> None:
    """As Builder.keep does, of bits that are there already."""
    delivered_people.note(connection, delivery, 1, [TRN], identifiers=int.from_bytes(bits).bit_count())
    size = BLOCK // 8
    with connection.cursor() as cursor, cursor.copy(delivered_people.BLOCKS) as copy:
        for block in range(0, len(bits), size):
            part = bits[block : block + size]
            copy.write_row((block // size, delivery, 1, *packed(part + bytes(size - len(part)))))


def _into_peer(connection: psycopg.Connection, delivery: str, bits: bytearray, numbers: Mapping[int, int]) -> int:
    rows = 0
    with connection.cursor() as cursor, cursor.copy("copy plain (digest, delivery_id) from stdin") as copy:
        for number, digest in numbers.items():
            if bits[number >> 3] >> (number & 7) & 1:
                copy.write_row((digest, delivery))
                rows += 1
    return rows


def _planned(connection: psycopg.Connection, place: int) -> str:
    period = f"{1000 + place // 12}-{place % 12 + 1:02}"
    connection.execute(
        "insert into ledger.deliveries (delivery_id, recipient, extract, period, state, contract_version,"
        " contract_sha256, model) values (%s, 'dandi', 'teachers', %s, 'planned', '1.0.0', '', 'm')",
        (f"dandi/teachers/{period}", period),
    )
    return f"dandi/teachers/{period}"


def _timed(searched: Sequence[int], search: Callable[[int], set[str]]) -> tuple[list[float], list[set[str]]]:
    taken, found = [], []
    for one in searched:
        with timing() as watch:
            found.append(search(one))
        taken.append(watch.seconds)
    return taken, found


def _megabytes(connection: psycopg.Connection, *tables: str, schema: str = "ledger") -> float:
    total = "select sum(pg_total_relation_size(to_regclass(t))) from unnest(%s::text[]) as t"
    row = connection.execute(total, ([f"{schema}.{name}" for name in tables],)).fetchone()
    return float(row[0]) / 1e6 if row else 0.0


if __name__ == "__main__":
    main()
