"""What populate promises: the same content for the same seed, everything or nothing, no special rights."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable

import psycopg
import pytest
from psycopg import sql

import sandbox.schema
from sandbox.domain.numbers import SECRET_MARK
from sandbox.population import AlreadyPopulatedError, populate
from sandbox.population.arrays import day
from sandbox.population.chunk import chunk_frames
from sandbox.population.cohorts import make_cohorts
from sandbox.population.columns import providers
from sandbox.population.establishments import make_establishments
from sandbox.population.users import make_users
from sandbox.population.world import World
from sandbox.schema import TABLES
from warehouse.core.databases import Databases

TODAY = datetime.date(2026, 10, 1)


def small_world(seed: int, people: int) -> World:
    users = make_users(seed, people, day(TODAY))
    return World(seed, people, TODAY, users, providers(seed), make_establishments(seed, people))


def digests(world: World, chunk: int, start: int, stop: int) -> list[tuple[str, str]]:
    plan = make_cohorts(world.people, world.today)
    return [
        (table, hashlib.sha256(frame.write_csv().encode()).hexdigest())
        for table, frame in chunk_frames(world, chunk, plan, start, stop)
    ]


def test_the_same_seed_gives_the_same_chunk_whatever_was_made_before() -> None:
    world = small_world(7, 4000)
    alone = digests(world, 1, 2000, 4000)
    digests(world, 0, 0, 2000)
    assert digests(small_world(7, 4000), 1, 2000, 4000) == alone
    other = dict(digests(small_world(8, 4000), 1, 2000, 4000))
    assert other["persons"] != dict(alone)["persons"]


def content(conninfo: str) -> dict[str, str]:
    with psycopg.connect(conninfo) as connection:
        query = "SELECT md5(coalesce(string_agg(md5(t::text), '' ORDER BY md5(t::text)), '')) FROM {} AS t"
        return {
            table: connection.execute(sql.SQL(query).format(sql.Identifier(table))).fetchone()[0] for table in TABLES
        }


@pytest.mark.slow
def test_the_same_seed_gives_the_same_tables(new_database: Callable[[str], str]) -> None:
    first, second = new_database("population_one"), new_database("population_two")
    counts = populate(first, 1500, 42, TODAY)
    assert populate(second, 1500, 42, TODAY) == counts
    assert content(first) == content(second)


@pytest.mark.slow
def test_every_table_has_rows_and_the_counts_are_right(default_world: tuple[str, dict[str, int]]) -> None:
    conninfo, counts = default_world
    assert set(counts) == set(TABLES)
    assert [table for table, rows in counts.items() if rows == 0] == []
    with psycopg.connect(conninfo) as connection:
        for table, rows in counts.items():
            query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
            assert connection.execute(query).fetchone() == (rows,), table


@pytest.mark.slow
def test_the_world_has_its_clock(world: psycopg.Connection) -> None:
    row = world.execute("SELECT seed, people, started_on, today FROM sandbox.world").fetchone()
    assert row == (20_260_901, 20_000, TODAY, TODAY)


@pytest.mark.slow
def test_every_credential_is_marked(world: psycopg.Connection) -> None:
    secrets = [
        *world.execute("SELECT client_secret FROM users WHERE client_secret IS NOT NULL"),
        *world.execute("SELECT key FROM api_keys"),
        *world.execute("SELECT client_secret FROM oidc_applications"),
        *world.execute("SELECT token FROM authz_registration_tokens"),
    ]
    assert len(secrets) > 30
    assert all(str(value).startswith(SECRET_MARK) for (value,) in secrets)
    (pem,) = world.execute("SELECT min(one_login_private_key_pem) FROM users").fetchone()
    assert pem.startswith("-----BEGIN PRIVATE KEY-----")
    in_events = (
        "SELECT count(*) FROM process_events WHERE event_name LIKE 'ApplicationUser%%' AND payload::text LIKE %s"
    )
    assert world.execute(in_events, (f"%{SECRET_MARK}%",)).fetchone()[0] > 0


@pytest.mark.slow
def test_new_rows_follow_on(world: psycopg.Connection) -> None:
    (highest,) = world.execute("SELECT max(trn) FROM persons").fetchone()
    (following,) = world.execute("SELECT fn_generate_trn()").fetchone()
    assert int(following) == int(highest) + 1
    world.execute(
        "INSERT INTO support_tasks (created_on, updated_on, support_task_type, status, data) VALUES (now(),"
        " now(), 2, 0, '{}')"
    )
    world.execute(
        "INSERT INTO integration_transactions (interface_type, import_status, total_count, success_count,"
        " warning_count,"
        " failure_count, duplicate_count, file_name, created_date) VALUES (1, 0, 0, 0, 0, 0, 0, 'x', now())"
    )


@pytest.mark.slow
def test_a_second_population_is_refused(default_world: tuple[str, dict[str, int]]) -> None:
    with pytest.raises(AlreadyPopulatedError):
        populate(default_world[0], 10)


def test_impossible_worlds_are_refused() -> None:
    with pytest.raises(ValueError, match="people must be at least 1"):
        populate("", 0)
    with pytest.raises(ValueError, match="today must be 2026-01-01 or later"):
        populate("", 10, 1, datetime.date(2020, 1, 1))


@pytest.mark.slow
def test_an_interrupted_population_leaves_nothing(new_database: Callable[[str], str]) -> None:
    conninfo = new_database("population_broken")

    def interrupt(step: str, _people: int) -> None:
        raise KeyboardInterrupt(step)

    with pytest.raises(KeyboardInterrupt):
        populate(conninfo, 300, 1, TODAY, interrupt)
    with psycopg.connect(conninfo) as connection:
        assert connection.execute("SELECT count(*) FROM persons").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM pg_indexes WHERE schemaname = 'public'").fetchone() == (138,)
        assert connection.execute("SELECT count(*) FROM establishments").fetchone() == (44,)


@pytest.mark.slow
@pytest.mark.parametrize("people", [1, 90])
def test_small_worlds_work_for_an_owner_without_special_rights(clusters: Databases, people: int) -> None:
    cluster = clusters.cluster("trs")
    name = f"population_owned_{people}"
    with psycopg.connect(cluster.conninfo("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'owner'").format(sql.Identifier(name)))
        admin.execute(sql.SQL("CREATE DATABASE {0} OWNER {0}").format(sql.Identifier(name)))
    conninfo = psycopg.conninfo.make_conninfo(cluster.conninfo(name), user=name, password="owner")
    try:
        with psycopg.connect(conninfo) as connection:
            sandbox.schema.create(connection)
        counts = populate(conninfo, people, 3, datetime.date(2027, 3, 9))
        assert counts["persons"] == people
        with psycopg.connect(conninfo) as connection:
            before = connection.execute(
                "SELECT count(*) FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype"
                " IN ('p', 'f')"
            )
            assert before.fetchone() == (103,)
            off = "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'O'"
            assert connection.execute(off).fetchone() == (0,)
    finally:
        with psycopg.connect(cluster.conninfo("postgres"), autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))
