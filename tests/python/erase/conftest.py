"""A person who was erased at the source and whose traces are still all over the warehouse."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psycopg
import pytest

from tests.python.conftest import fresh_databases
from tests.python.deliver.killed import no_check
from tests.python.deliver.world import document, write_contract
from tests.python.erase.world import Person, change, contents, erase_at_source, files_with, fill, fill_shared
from tests.python.marts.publishing import keep_vintage, make
from warehouse.core import keys
from warehouse.core.databases import Databases
from warehouse.core.keyed_hashes import hiding
from warehouse.core.progress import Silent
from warehouse.deliver import World as DeliveryWorld
from warehouse.deliver import deliver
from warehouse.erase import Erasure, Subject, Survey, erase, survey
from warehouse.jobs.erasing import resealed
from warehouse.marts import vintages
from warehouse.replicate import replicate

OCTOBER = date(2026, 10, 3)
KEPT = ["public", "history", "marts", "extracts"]

_TEACHERS = """
select trn::text as trn, last_name::text as last_name, date '1980-01-02' as born, 1.5::numeric(6, 2) as hours,
    1 as urn, true as is_active, timestamptz '2026-09-01' as changed
from public.persons
"""
MODELS = {
    "marts__people": "select person_id, trn::text as trn, last_name::text as last_name from public.persons",
    "extracts__dandi_teachers": _TEACHERS,
    "extracts__tad_teachers": _TEACHERS,
}


def _nothing(step: str) -> None:
    del step


@dataclass
class World:
    """Two databases with two people, and what was made of them."""

    databases: Databases
    gone: Person
    stays: Person
    exports: Path
    day: date = OCTOBER

    def sync(self) -> None:
        replicate(self.databases, Silent())

    def build(self) -> None:
        """Make the models as a build does: aside, then published."""
        make(self.databases, self.day, **MODELS)

    def rebuild(self) -> None:
        with self.databases.at_warehouse() as warehouse:
            vintages.drop_erased(warehouse)
        self.build()

    def deliver(self, today: date = OCTOBER) -> None:
        if today != self.day:
            self.day = today
            self.build()
        world = DeliveryWorld(
            self.databases.warehouse_conninfo, self.databases.settings, today, today, exports=self.exports
        )
        deliver(world, Silent(), check=no_check)

    def erase_at_source(self) -> None:
        with self.databases.at_source() as trs:
            trs.execute("set session_replication_role = replica")
            erase_at_source(trs, self.gone, self.stays)
        self.sync()

    def erase(self, hook: Callable[[str], None] = _nothing) -> Erasure:
        subject = Subject.given(str(self.gone.person_id), None)
        with self.databases.at_warehouse() as warehouse:
            key = keys.installation(warehouse, self.databases.settings)
        return erase(
            self.databases,
            subject,
            Silent(),
            rebuild=self.rebuild,
            resealed=resealed,
            key=key,
            reference="SAR 12/26",
            hook=hook,
        )

    def survey(self) -> Survey:
        return survey(self.databases, Subject.given(None, self.gone.trn), Silent())

    @property
    def deliveries(self) -> Path:
        return self.databases.settings.warehouse_deliveries

    def tables_with(self, traces: list[bytes]) -> list[str]:
        """The tables and indexes in whose files, as they are on the disk, a trace stands."""
        with self.databases.at_warehouse() as connection:
            connection.execute("checkpoint")
            folder = rows(connection, "select oid from pg_database where datname = current_database()")[0][0]
            nodes = rows(connection, "select pg_relation_filenode(oid)::text, relname from pg_class")
        names = {str(node): str(name) for node, name in nodes}
        found = files_with(self.databases.cluster("warehouse").data / "base" / str(folder), traces)
        return [names.get(file.split("_")[0].split(".")[0], file) for file in found]


@pytest.fixture
def filled(prepared: Databases, tmp_path: Path) -> World:
    """Both people everywhere: in the replica, in history, in marts, in delivered files."""
    return fill_world(prepared, tmp_path)


@pytest.fixture
def world(filled: World) -> World:
    """The one was erased at the source since, and the stream has brought that."""
    filled.erase_at_source()
    return filled


@pytest.fixture(scope="module")
def erased(
    clusters: Databases, templates: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Erased]:
    """A world in which the person was erased, with what was there before."""
    with fresh_databases(clusters, templates, "erased") as databases:
        world = fill_world(databases, tmp_path_factory.mktemp("erased"))
        world.erase_at_source()
        yield Erased.after(world)


def fill_world(databases: Databases, folder: Path) -> World:
    """Make the two people, and let the warehouse do with them all that it does."""
    databases.settings = databases.settings.model_copy(update={"warehouse_deliveries": folder / "deliveries"})
    gone = Person(trn="1234567", mark="Zzmark" + uuid.uuid4().hex[:12])
    stays = Person(trn="7654321", mark="Zzother" + uuid.uuid4().hex[:12])
    for recipient, kind in (("dandi", "parquet"), ("tad", "csv")):
        write_contract(folder / "exports", document(recipient=recipient, kind=kind))
    world = World(databases, gone, stays, folder / "exports")
    with databases.at_source() as trs:
        trs.execute("set session_replication_role = replica")
        for person in (gone, stays):
            fill(trs, person)
        fill_shared(trs, gone, stays)
        world.sync()
        change(trs, gone, stays)
        world.sync()
    world.build()
    people = "select person_id, trn::text as trn, last_name::text as last_name from public.persons"
    keep_vintage(databases, "of_both", "people", people)
    keep_vintage(databases, "of_one", "people", f"{people} where trn = '{stays.trn}'")
    world.deliver()
    with databases.at_warehouse() as warehouse:
        keys.installation(warehouse, databases.settings)
    return world


@dataclass
class Erased:
    """A world after the erasure, with its contents before and after."""

    world: World
    done: Erasure
    again: Erasure
    before: dict[str, list[str]]
    after: dict[str, list[str]]

    @classmethod
    def after(cls, world: World) -> Erased:
        """Leave traces everywhere, then erase."""
        home = world.databases.settings.warehouse_home
        results = home / "dbt" / "target" / "run_results.json"
        results.parent.mkdir(parents=True, exist_ok=True)
        results.write_text(f"duplicate key: {world.gone.mark} {world.gone.trn}")
        (home / "outbox" / "left").mkdir(parents=True, exist_ok=True)
        (home / "outbox" / "left" / "half.csv").write_text("x")
        log = home / "clusters" / "warehouse" / "extra.log"
        log.write_text(f"kept\nERROR: {world.gone.email} is odd\nkept too\n")
        with world.databases.at_warehouse() as warehouse:
            key = warehouse.execute(
                "select alert_id::text from history.alerts where details like %s", (world.gone.mark + "%",)
            )
            shown = hiding(warehouse, world.databases.settings)(world.gone.subject)
            ids = {"what": f"odd: {world.gone.person_id}", "key": key.fetchall()[0][0], "shown": shown}
            named = json.dumps({**ids, "trns": [1234567], "rows": 1234567})
            warehouse.execute("insert into ledger.runs (error) values (%s)", (named,))
            warehouse.execute("create schema scratch")
            warehouse.execute("create table scratch.mine as select person_id, trn::text from history.persons")
            _deliver_elsewhere(warehouse, world)
            before = contents(warehouse, KEPT)
            done = world.erase()
            after = contents(warehouse, [*KEPT, "ledger"])
            again = world.erase()
            # Its owner has seen to it.
            warehouse.execute("drop schema scratch cascade")
            warehouse.execute("vacuum (full) pg_catalog.pg_statistic")
        return cls(world, done, again, before, after)


def _deliver_elsewhere(warehouse: psycopg.Connection, world: World) -> None:
    """As if the same deliveries had gone to a recipient's folder and to a bucket, too."""
    theirs = world.exports.parent / "theirs"
    shutil.copytree(world.deliveries, theirs)
    warehouse.execute("alter table ledger.deliveries disable trigger user")
    # It is theirs, although the ledger's name for it begins with our folder.
    around = world.deliveries / ".." / theirs.name
    bucket = "gs://bucket/x"
    for period, destination in (
        ("2026-08", str(around)),
        ("2026-07", bucket),
        ("2026-06", bucket),
        ("2026-05", bucket),
        ("2026-04", str(world.exports.parent / "taken")),
    ):
        warehouse.execute(
            "insert into ledger.deliveries select (d).* from (select jsonb_populate_record(d, jsonb_build_object("
            " 'delivery_id', 'tad/teachers/' || %(period)s::text, 'period', %(period)s::text,"
            " 'destination', %(to)s::text)) as d"
            " from ledger.deliveries as d where delivery_id = 'tad/teachers/2026-09') as x",
            {"period": period, "to": destination},
        )
        warehouse.execute(
            "insert into ledger.delivery_files select (f).* from (select jsonb_populate_record(f, jsonb_build_object("
            " 'delivery_id', 'tad/teachers/' || %(period)s::text)) as f"
            " from ledger.delivery_files as f where delivery_id = 'tad/teachers/2026-09') as x",
            {"period": period},
        )
    warehouse.execute("alter table ledger.deliveries enable trigger user")
    # What was sent in July was in no index. In June and April the person was in it, in May not.
    for period in ("2026-06", "2026-05", "2026-04"):
        warehouse.execute(
            "insert into ledger.delivery_indexes (delivery_id, attempt, kinds, identifiers)"
            " select 'tad/teachers/' || %s, attempt, kinds, identifiers from ledger.delivery_indexes"
            " where delivery_id = 'tad/teachers/2026-09'",
            (period,),
        )
        if period != "2026-05":
            warehouse.execute(
                "insert into ledger.delivered_people (delivery_id, block, attempt, bits, few)"
                " select 'tad/teachers/' || %s, block, attempt, bits, few from ledger.delivered_people"
                " where delivery_id = 'tad/teachers/2026-09'",
                (period,),
            )


def rows(connection: psycopg.Connection, query: str) -> list[tuple[object, ...]]:
    return connection.execute(query.encode()).fetchall()
