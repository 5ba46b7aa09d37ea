"""A migration at the source lets go of columns by itself, by the function that `warehouse replicate sql` prints."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tests.python.replicate.drifting import World, world
from warehouse.cli.replicate import sql as sql_command
from warehouse.core.errors import DriftHeld, MissingPrivilege, RuleChanged
from warehouse.core.progress import Silent
from warehouse.replicate import drift, replicate, status
from warehouse.replicate.catalog import meaning
from warehouse.replicate.drift import publishing
from warehouse.replicate.preflight import at_source
from warehouse.replicate.preflight.preflight import examined
from warehouse.replicate.repair import repair
from warehouse.replicate.stream import marks, subscription
from warehouse.replicate.stream.slot import drop_slot

__all__ = ["world"]
pytestmark = pytest.mark.slow


class Roles:
    """An owner of the tables and the publication, the warehouse's user, and who migrates; none of them a superuser."""

    def __init__(self, world: World) -> None:
        self.world = world
        number = world.name.removeprefix("trw_")
        self.names = {kind: f"{kind}_{number}" for kind in ("owner", "reader", "migrator")}

    def make(self) -> None:
        trs = self.world.trs
        for kind, name in self.names.items():
            trs.execute(sql.SQL("create role {} login password 'p'").format(sql.Identifier(name)))
            database = sql.Identifier(trs.info.dbname)
            if kind == "owner":
                trs.execute(sql.SQL("grant create on database {} to {}").format(database, sql.Identifier(name)))
                trs.execute(sql.SQL("grant all on schema public to {}").format(sql.Identifier(name)))
        owner = sql.Identifier(self.names["owner"])
        trs.execute(sql.SQL("alter table people owner to {}").format(owner))
        trs.execute(sql.SQL("alter table posts owner to {}").format(owner))
        trs.execute(sql.SQL("alter publication {} owner to {}").format(sql.Identifier(self.world.name), owner))
        # The tables were given away: that is for a person to look at, and here the test does.
        self.world.warehouse.execute("delete from ledger.source_meanings")
        marks.note(self.world.ends)
        with self.session("owner") as connection:
            connection.execute(at_source.function(self.world.name, self.names["reader"]))
            connection.execute(at_source.for_migrations(self.world.name, "public", self.names["migrator"]))

    def session(self, kind: str) -> psycopg.Connection:
        conninfo = make_conninfo(self.world.databases.source_conninfo, user=self.names[kind], password="p")
        return psycopg.connect(conninfo, autocommit=True)

    def drop(self) -> None:
        trs = self.world.trs
        trs.execute(sql.SQL("drop publication {}").format(sql.Identifier(self.world.name)))
        for name in self.names.values():
            trs.execute(sql.SQL("drop owned by {} cascade").format(sql.Identifier(name)))
            trs.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


@pytest.fixture
def roles(world: World) -> Iterator[Roles]:
    made = Roles(world)
    made.make()
    world.apply(by_person=False)
    try:
        yield made
    finally:
        made.drop()


def call(roles: Roles, *arguments: str, kind: str = "migrator") -> bool:
    with roles.session(kind) as connection:
        row = connection.execute(
            sql.SQL("select {}({})").format(
                sql.Identifier(roles.world.name, "release"), sql.SQL(", ").join(map(sql.Literal, arguments))
            )
        ).fetchone()
    assert row is not None
    return bool(row[0])


def told(world: World) -> list[tuple[str, int]]:
    return [(one.code, one.exit_code) for one in status(world.databases, pause=None).reasons]


def sent(world: World, table: str = "people") -> set[str]:
    row = world.trs.execute(
        "select attnames::text[] from pg_publication_tables where pubname = %s and tablename = %s", (world.name, table)
    ).fetchone()
    return set(row[0]) if row else set()


def test_a_migration_lets_go_of_a_column_and_drops_it_and_the_warehouse_holds_it(world: World, roles: Roles) -> None:
    with pytest.raises(psycopg.errors.DependentObjectsStillExist):
        world.trs.execute("alter table people drop column age")
    with roles.session("owner") as migration, migration.transaction():
        migration.execute(at_source.release_call(world.name, "public", "people", ["age"]))
        migration.execute("alter table people drop column age")
    assert sent(world) == {"person_id", "name", "note"}
    assert world.found() == [("dropped column", "people.age")]
    _, held = replicate(world.databases, Silent())
    assert isinstance(held.first, DriftHeld)
    assert world.warehouse.execute("select count(*) from people where age is not null").fetchone() != (0,)
    world.trs.execute("update people set name = 'on'")
    del world.file["people"]["age"]
    assert world.apply().error() is None
    world.assert_equal("people")


def test_what_is_let_go_of_is_held_and_shown_until_it_is_taken_up_again(world: World, roles: Roles) -> None:
    assert call(roles, "public.people", "age")
    # Before any run: neither is it altered by somebody, nor would a run take it up again under the migration.
    assert world.found() == [("released", "people.age")]
    assert told(world) == [("structure_held", 42)]
    for _ in range(2):
        _, held = replicate(world.databases, Silent())
        assert isinstance(held.first, DriftHeld)
        assert f"released at the source by a migration ({roles.names['migrator']}, " in held.first.what
        assert "age" not in sent(world)
    assert told(world) == [("structure_held", 42)]
    world.trs.execute("alter table people alter column age type bigint using age * 2")
    assert world.apply().error() is None
    world.assert_equal("people")
    assert told(world) == []
    # The next one is another.
    assert call(roles, "public.people", "age")
    assert world.found() == [("released", "people.age")]


def test_classified_otherwise_it_is_held_no_more(world: World, roles: Roles) -> None:
    call(roles, "public.people", "age")
    world.file["people"]["age"] = {"class": "personal", "replicate": False, "because": "a test"}
    # What is left is the rule: what the warehouse holds of the column has to be removed, in marts and files as well.
    assert isinstance(world.apply().error(), RuleChanged)
    assert told(world) == [("rule_changed", RuleChanged.exit_code)]
    assert "released" not in [kind for kind, _ in world.found()]


def test_a_whole_table_is_let_go_of_and_comes_back_with_a_gap(world: World, roles: Roles) -> None:
    assert call(roles, "public.people")
    assert world.found() == [("released", "people")]
    world.trs.execute("update people set name = 'missed' where age = 1")
    for _ in range(2):
        _, held = replicate(world.databases, Silent())
        assert isinstance(held.first, DriftHeld)
        assert sent(world) == set()
    assert ("structure_held", 42) in told(world)
    world.apply()
    assert sent(world) == {"person_id", "name", "note", "age"}
    assert "gap" in [code for code, _ in told(world)]


def test_it_takes_out_of_our_publication_and_nothing_else(world: World, roles: Roles) -> None:
    before = sent(world)
    with pytest.raises(psycopg.errors.RaiseException, match=r"rows of public\.people are identified by person_id"):
        call(roles, "public.people", "age", "person_id")
    with pytest.raises(psycopg.errors.UndefinedColumn):
        call(roles, "public.people", "aeg")
    with pytest.raises(psycopg.errors.UndefinedTable):
        call(roles, "public.pepole", "age")
    assert sent(world) == before
    assert not call(roles, "public.people", "nin")
    assert not call(roles, "pg_catalog.pg_class", "relname")
    assert sent(world) == before
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        call(roles, "public.people", "age", kind="reader")
    with roles.session("migrator") as migrator:
        for statement in ("insert into {}.releases default values", "select * from {}.releases", "drop schema {}"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                migrator.execute(sql.SQL(statement).format(sql.Identifier(world.name)))
        # Names of the caller's own lead nowhere.
        migrator.execute("create temp table pg_publication_rel (oid oid, prpubid oid, prrelid oid)")
        migrator.execute("create temp table pg_class (oid oid, relname name, relnamespace oid)")
        migrator.execute("set search_path = pg_temp, public")
        migrator.execute(at_source.release_call(world.name, "public", "people", ["age"]))
    assert sent(world) == before - {"age"}


def test_a_name_that_needs_quotes_is_let_go_of(world: World, roles: Roles) -> None:
    with roles.session("owner") as owner:
        owner.execute('create table "Odd ""Table" (id int primary key, "a ; b" text, "C" text)')
        publication = sql.Identifier(world.name)
        owner.execute(sql.SQL('alter publication {} add table "Odd ""Table" (id, "a ; b", "C")').format(publication))
        owner.execute(at_source.release_call(world.name, "public", 'Odd "Table', ["a ; b"]))
    assert sent(world, 'Odd "Table') == {"id", "C"}


def test_a_repair_does_not_take_up_what_was_let_go_of(world: World, roles: Roles) -> None:
    call(roles, "public.people", "age")
    subscription.stop(world.warehouse, world.name)
    drop_slot(world.trs, world.epoch.slot_name)
    repair(world.databases, Silent())
    assert sent(world) == {"person_id", "name", "note"}


def test_where_neither_table_nor_publication_is_ours_nothing_is_half_done(world: World, roles: Roles) -> None:
    with roles.session("reader") as reader:
        reader.execute("set default_transaction_read_only = on")
        work = world.work()
        work.source = reader
        before = sent(world), sent(world, "posts")
        with pytest.raises(MissingPrivilege) as caught:
            drift.release(work, ["people.age", "posts.title"])
    assert caught.value.exit_code == 17
    assert f"""select "{world.name}"."release"('public.people', 'age');""" in caught.value.next_command
    assert (sent(world), sent(world, "posts")) == before
    assert (world.state("people", "age"), world.state("posts", "title")) == (None, None)
    with roles.session("owner") as owner:
        owner.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(world.name)))
    with roles.session("reader") as reader:
        work = world.work()
        work.source = reader
        with pytest.raises(MissingPrivilege) as caught:
            drift.release(work, ["people.age"])
    told = caught.value.next_command
    with roles.session("owner") as owner:
        owner.execute(told[told.index("begin;") : told.index("commit;") + len("commit;")].encode())
    assert sent(world) == {"person_id", "name", "note"}
    # The same command releases what its owner has taken out.
    with roles.session("reader") as reader:
        work = world.work()
        work.source = reader
        drift.release(work, ["people.age"])
    # That no one else took the table out is known only of the function.
    assert world.found() == [("other table", "people"), ("released", "people.age")]


def test_what_was_let_go_of_here_stays_visible(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.release("people.age")
    for _ in range(2):
        _, held = replicate(world.databases, Silent())
        assert isinstance(held.first, DriftHeld)
        assert "people.age: released" in held.first.what
        assert told(world) == [("structure_held", 42)]
    assert world.apply().error() is None
    assert told(world) == []


def test_a_lock_that_cannot_be_had_leaves_everything_as_it_was(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise DriftHeld("locked", meaning="-", next_command="-")

    monkeypatch.setattr(publishing, "publish", refused)
    with pytest.raises(DriftHeld):
        world.release("people.age")
    assert world.state("people", "age") is None
    assert world.found() == []


def test_the_command_prints_what_runs_as_it_is(
    world: World, roles: Roles, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(type(world.databases), "start", lambda _: [])
    monkeypatch.setattr("warehouse.cli.opening.Databases", lambda _: world.databases)
    monkeypatch.setattr(sql_command, "load_classification", lambda: world.classification)
    for _ in range(2):
        sql_command.show_sql(role=roles.names["reader"], migrations_role=roles.names["migrator"], json=False)
        world.trs.execute(capsys.readouterr().out.encode())
    assert call(roles, "public.people", "age")
    with roles.session("reader") as reader:
        reader.execute("select person_id, name, note, age from people limit 1")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("select nin from people limit 1")


def test_preflight_tells_whoever_operates_the_source(world: World, roles: Roles) -> None:
    def check() -> tuple[str, str]:
        found = examined(world.ends)
        return next((one.state, one.what) for one in found if one.code == "migrations of the source")

    assert check()[0] == "ok"
    world.trs.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(world.name)))
    state, what = check()
    assert state == "warning"
    assert "refuses to drop a published column" in what


def test_what_the_command_prints_gives_the_rights_and_again_changes_nothing(world: World) -> None:
    """A grant writes the column's row in the catalog anew, which could not be told from a rename there and back."""
    role = f"again_{world.name}"
    world.trs.execute(sql.SQL("create role {} login").format(sql.Identifier(role)))
    try:
        printed = at_source.script(world.trs, world.name, world.classification, role, None)
        world.trs.execute(printed.encode())
        for table, columns in world.classification.published.items():
            for column in columns:
                row = world.trs.execute(
                    "select has_column_privilege(%s, %s, %s, 'select')", (role, f"public.{table}", column)
                ).fetchone()
                assert row == (True,), f"{table}.{column}"
        before = meaning.read(world.trs, world.name, "public")
        world.trs.execute(printed.encode())
        assert meaning.read(world.trs, world.name, "public") == before
    finally:
        name = sql.Identifier(role)
        world.trs.execute(sql.SQL("drop owned by {}; drop role {}").format(name, name))
