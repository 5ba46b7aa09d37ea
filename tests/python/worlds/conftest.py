"""Places for worlds: two databases each on shared servers, the source's rows being the same in all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from psycopg import connect, sql
from psycopg.conninfo import make_conninfo

from tests.python.worlds import tls
from tests.python.worlds.servers import ICU, READY, SystemServer
from tests.python.worlds.world import Place, make_source, url
from warehouse.core.databases import Databases
from warehouse.replicate.stream import subscription
from warehouse.replicate.stream.slot import drop_slot

MakePlace = Callable[[str], Place]


@pytest.fixture(scope="session")
def full_source(clusters: Databases) -> str:
    """A database with the synthetic operational world, to be copied."""
    clusters.cluster("trs").create_database("full")
    make_source(clusters.cluster("trs").conninfo("full"))
    return "full"


@pytest.fixture(scope="session")
def new_place(clusters: Databases, full_source: str, short_folder: Path) -> MakePlace:
    """Makes a place: a source with the rows of all worlds, an empty warehouse, both by URL. Nobody stops its stream."""

    def make(name: str) -> Place:
        for cluster, template in (("trs", full_source), ("warehouse", "template1")):
            with connect(clusters.cluster(cluster).conninfo("postgres"), autocommit=True) as connection:
                connection.execute(
                    sql.SQL("create database {} template {} strategy file_copy").format(
                        sql.Identifier(name), sql.Identifier(template)
                    )
                )
        source, warehouse = (clusters.cluster(cluster).conninfo(name) for cluster in ("trs", "warehouse"))
        home = _home(short_folder / name)
        return Place(home, name, source, warehouse, url(source, sslmode="disable"), url(warehouse, sslmode="disable"))

    return make


@pytest.fixture
def make_place(new_place: MakePlace) -> Iterator[MakePlace]:
    """As `new_place`, for one test: its streams end with it."""
    made: list[Place] = []

    def make(name: str) -> Place:
        made.append(new_place(name))
        return made[-1]

    yield make
    for place in made:
        end_streams(place)


def _home(folder: Path) -> Path:
    """A folder for what a world keeps, with the places that its deliveries go to."""
    for recipient in ("dandi", "tad", "tps", "tra"):
        (folder / recipient).mkdir(parents=True)
    return folder


@pytest.fixture(scope="session")
def system(short_folder: Path) -> Iterator[SystemServer]:
    """A system PostgreSQL with TLS that lets everybody in who has a password, and has a source to be copied."""
    folder = short_folder / "system"
    folder.mkdir()
    server = SystemServer(folder, "server", tls.make_authority(folder), READY)
    server.allow("hostssl all all 127.0.0.1/32 scram-sha-256\nlocal all all scram-sha-256\n")
    with connect(server.administrator(), autocommit=True) as connection:
        connection.execute(f"create database full_source template template0 encoding 'UTF8' {ICU}")
    make_source(server.administrator("full_source"))
    yield server
    server.stop()


@pytest.fixture
def make_system_place(system: SystemServer, short_folder: Path) -> Iterator[MakePlace]:
    """Makes a place on the system's PostgreSQL: both databases on one server, compared by the rules of a language."""
    made: list[Place] = []

    def make(name: str) -> Place:
        with connect(system.administrator(), autocommit=True) as connection:
            connection.execute(sql.SQL("create database {} template full_source").format(sql.Identifier(name)))
            connection.execute(
                sql.SQL(f"create database {{}} template template0 encoding 'UTF8' {ICU}").format(
                    sql.Identifier(f"{name}_w")
                )
            )
        source, warehouse = system.administrator(name), system.administrator(f"{name}_w")
        home = _home(short_folder / f"system_{name}")
        made.append(Place(home, name, source, warehouse, source, warehouse))
        return made[-1]

    yield make
    for place in made:
        end_streams(place)


def end_streams(place: Place) -> None:
    """Drop a world's subscription and slots: a server has few of them, and the tests after it need theirs."""
    with connect(place.warehouse_admin, autocommit=True) as warehouse:
        for (name,) in warehouse.execute(
            "select subname from pg_subscription"
            " where subdbid = (select oid from pg_database where datname = current_database())"
        ).fetchall():
            subscription.drop(warehouse, name)
    with connect(place.source_admin, autocommit=True) as source:
        # Some odd worlds have their source in another database of the server, with a name made from the place's.
        slots = source.execute(
            "select slot_name, database from pg_replication_slots"
            " where database = current_database() or starts_with(database, current_database() || '_')"
        ).fetchall()
    for name, database in slots:
        with connect(make_conninfo(place.source_admin, dbname=database), autocommit=True) as source:
            drop_slot(source, name)
