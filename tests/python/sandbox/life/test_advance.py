"""Days of life: what happens, what holds afterwards, and that an interrupted day continues."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql
from rules import RULES

import sandbox.population
import sandbox.schema
from sandbox.domain.events import shapes
from sandbox.life import LifeInProgressError, WorldNotReadyError, advance, clock
from sandbox.life import advance as _advance_function
from sandbox.life.registry import JOBS, KINDS
from sandbox.source import SandboxSource
from tests.python.somebodys import could_be_somebodys
from tests.python.waiting import until

pytestmark = pytest.mark.slow

DAYS = 31
advance_module = sys.modules[_advance_function.__module__]
NewWorld = Callable[[str], str]


def rows(conninfo: str, query: str) -> list[Any]:
    with psycopg.connect(conninfo) as connection:
        return connection.execute(query.encode()).fetchall()


def digests(conninfo: str, tables: tuple[str, ...]) -> dict[str, str]:
    """The content of tables, whatever the order of their rows."""
    found = {}
    with psycopg.connect(conninfo) as connection:
        for table in tables:
            statement = sql.SQL("SELECT md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))) FROM {} t")
            row = connection.execute(statement.format(sql.Identifier(table))).fetchone()
            found[table] = row[0] if row else ""
    return found


EVERYTHING = (
    "persons", "qualifications", "alerts", "previous_names", "notes", "events", "processes", "process_events",
    "support_tasks", "support_task_notes", "trn_request_metadata", "one_login_users", "oidc_tokens", "emails",
    "webhook_messages", "integration_transactions", "integration_transaction_records", "establishments",
    "tps_establishments", "tps_csv_extracts", "tps_csv_extract_load_items", "tps_csv_extract_items", "tps_employments",
    "person_search_attributes", "job_metadata",
)  # fmt: skip


@pytest.fixture(scope="module")
def lived(new_world: NewWorld) -> tuple[str, dict[str, int]]:
    """A world that lived for a month without trouble."""
    conninfo = new_world("lived")
    return conninfo, advance(conninfo, DAYS)


def test_the_clock_moves_by_the_days_asked_for(lived: tuple[str, dict[str, int]]) -> None:
    ((started, today),) = rows(lived[0], "SELECT started_on, today FROM sandbox.world")
    assert today - started == timedelta(days=DAYS)
    assert rows(lived[0], "SELECT * FROM sandbox.life_day") == []


def test_it_is_on_record_when_each_day_was_over(lived: tuple[str, dict[str, int]]) -> None:
    """By the server's clock, as history knows moments of that alone."""
    ((started,),) = rows(lived[0], "SELECT started_on FROM sandbox.world")
    ended = [SandboxSource().day_ended(lived[0], started + timedelta(days=number)) for number in range(DAYS + 2)]
    assert (ended[0], ended[-1]) == (None, None), "before it lived, and a day to come"
    known = [moment for moment in ended if moment]
    assert len(set(known)) == DAYS and known == sorted(known)


def test_everything_that_can_happen_happens_in_a_month(lived: tuple[str, dict[str, int]]) -> None:
    missing = {entry.name for entry in (*KINDS, *JOBS)} - lived[1].keys()
    assert not missing


@pytest.mark.parametrize("rule", RULES)
def test_rule_holds(lived: tuple[str, dict[str, int]], rule: str) -> None:
    assert rows(lived[0], RULES[rule]) == []


@pytest.fixture(scope="module")
def populated(cluster: str) -> str:
    """A world with a real population, which has old defects in it, that lived for a month."""
    with psycopg.connect(f"{cluster} dbname=postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE populated")
    conninfo = f"{cluster} dbname=populated"
    with psycopg.connect(conninfo) as connection:
        sandbox.schema.create(connection)
    sandbox.population.populate(conninfo, 1_000, 11, date(2026, 10, 1))
    advance(conninfo, DAYS)
    return conninfo


# Some keys of employments come twice in the population, as they do in the operational data.
@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "one employment for a key"])
def test_rule_holds_for_a_population_too(populated: str, rule: str) -> None:
    assert rows(populated, RULES[rule]) == []


def test_employments_are_added_changed_ended_and_opened_again(lived: tuple[str, dict[str, int]]) -> None:
    results = {result for (result,) in rows(lived[0], "SELECT DISTINCT result FROM tps_csv_extract_items")}
    assert results >= {1, 2, 3, 4}
    assert rows(lived[0], "SELECT 1 FROM tps_csv_extract_load_items WHERE errors > 0")
    changed = "SELECT 1 FROM events WHERE event_name = 'TpsEmploymentUpdatedEvent' "
    changed += "AND payload -> '{}' ->> 'EndDate' {}"
    ended = changed.format("TpsEmployment", "IS NOT NULL") + " AND payload -> 'OldTpsEmployment' ->> 'EndDate' IS NULL"
    opened = changed.format("TpsEmployment", "IS NULL") + " AND payload -> 'OldTpsEmployment' ->> 'EndDate' IS NOT NULL"
    assert rows(lived[0], ended)
    assert rows(lived[0], opened)


def test_nothing_in_a_world_that_lived_could_be_somebodys(lived: tuple[str, dict[str, int]], populated: str) -> None:
    for conninfo in (lived[0], populated):
        with psycopg.connect(conninfo) as connection:
            names = connection.execute(
                "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            ).fetchall()
            found: dict[str, set[str]] = {}
            for (name,) in names:
                rows_as_text = sql.SQL("SELECT to_jsonb(t)::text FROM {} t").format(sql.Identifier(name))
                for (row,) in connection.execute(rows_as_text):
                    for kind, text in could_be_somebodys(row):
                        found.setdefault(f"{name}: {kind}", set()).add(text)
        assert not found


def written(conninfo: str, store: str) -> list[tuple[str, dict[str, Any]]]:
    created = "created" if store == "events" else "created_on"
    query = f"SELECT event_name, payload FROM {store} e, sandbox.world w WHERE e.{created} >= w.started_on + 1"
    return [(name, payload) for name, payload in rows(conninfo, query)]


@pytest.mark.parametrize("store", ["events", "process_events"])
def test_payloads_have_the_fields_of_their_events(lived: tuple[str, dict[str, int]], store: Any) -> None:
    seen = set()
    for name, payload in written(lived[0], store):
        shape = shapes()[store, name]
        assert shape.written_today, name
        seen.add(name)
        assert tuple(payload) and set(payload) == set(shape.fields), name
        for nested, inner in shape.objects.items():
            if payload[nested] is not None:
                assert set(inner.columns) <= set(payload[nested]), f"{name}.{nested}"
        if shape.flags:
            assert payload["Changes"] & ~_mask(shape.flags) == 0, name
    # Staff, consumers and their keys do not change in a month; nobody applies for an NPQ any more.
    quiet = ("User", "Application", "ApiKey", "WebhookEndpoint", "Authorize", "Npq")
    written_today = [shape for shape in shapes().values() if shape.store == store and shape.written_today]
    expected = {shape.name for shape in written_today if not shape.name.startswith(quiet)}
    # Of a month's requests for a change few are refused or withdrawn: a small world may see none of them.
    seldom = {name for name in expected if name.endswith(("TaskCancelledEvent", "TaskRejectedEvent"))}
    assert expected - seen <= seldom


def _mask(flags: Any) -> int:
    mask = 0
    for number in flags.values():
        # Negative numbers are names for groups of bits.
        mask |= max(number, 0)
    return mask


def test_mirrored_events_share_their_id_and_no_others_do(lived: tuple[str, dict[str, int]]) -> None:
    query = """
        SELECT e.event_name, p.process_event_id IS NOT NULL AS both
        FROM events e LEFT JOIN process_events p ON p.process_event_id = e.event_id, sandbox.world w
        WHERE e.created >= w.started_on + 1
    """
    for name, both in rows(lived[0], query):
        assert both == (shapes()["events", name].written == "mirror"), name


def test_the_same_seed_gives_the_same_days(lived: tuple[str, dict[str, int]], new_world: NewWorld) -> None:
    conninfo = new_world("again")
    assert advance(conninfo, DAYS) == lived[1]
    assert digests(conninfo, EVERYTHING) == digests(lived[0], EVERYTHING)


class Broken(Exception):
    pass


def test_a_broken_day_is_taken_up_where_it_stopped(
    lived: tuple[str, dict[str, int]], new_world: NewWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    conninfo = new_world("broken")
    monkeypatch.setattr(advance_module, "REPORT_EVERY", 1)
    calls = 0

    def breaks(day: date, _: dict[str, int]) -> None:
        nonlocal calls
        calls += 1
        if calls % 37 == 0:
            raise Broken

    target = date(2026, 10, 1) + timedelta(days=DAYS)
    broken = waited = 0
    while (today := rows(conninfo, "SELECT today FROM sandbox.world")[0][0]) < target:
        try:
            advance(conninfo, (target - today).days, breaks)
        except Broken:
            broken += 1
        except LifeInProgressError:
            # The server has yet to see that the session of the broken one has ended.
            waited += 1
            assert waited < 1_000
            time.sleep(0.1)
    assert broken > 5
    assert digests(conninfo, EVERYTHING) == digests(lived[0], EVERYTHING)


def _until_at_work(process: subprocess.Popen[bytes], conninfo: str, events: int) -> None:
    """Until it has written so many events, or is through."""
    until(
        "it is at work",
        lambda: process.poll() is not None or rows(conninfo, "SELECT count(*) FROM events")[0][0] > events,
        pause=0.01,
    )


def test_a_killed_process_leaves_a_day_that_goes_on(lived: tuple[str, dict[str, int]], new_world: NewWorld) -> None:
    conninfo = new_world("killed")
    program = f"from sandbox.life import advance; advance({conninfo!r}, {DAYS})"
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL)
        before = rows(conninfo, "SELECT count(*) FROM events")[0][0]
        _until_at_work(process, conninfo, before + 40)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        _until_alone(conninfo)
    today = rows(conninfo, "SELECT today FROM sandbox.world")[0][0]
    advance(conninfo, (date(2026, 10, 1) + timedelta(days=DAYS) - today).days)
    # A task's number comes from a sequence, which a kill may leave a gap in; what holds no such number is the same.
    same = ("persons", "qualifications", "alerts", "previous_names", "notes", "tps_employments", "tps_establishments")
    assert digests(conninfo, same) == digests(lived[0], same)
    assert rows(conninfo, "SELECT count(*) FROM events") == rows(lived[0], "SELECT count(*) FROM events")


def _until_alone(conninfo: str) -> None:
    query = (
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND backend_type = 'client backend'"
    )
    while rows(conninfo, query):
        time.sleep(0.02)


def test_two_cannot_advance_one_world(new_world: NewWorld) -> None:
    conninfo = new_world("busy")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        clock.take_turn(connection)
        with pytest.raises(LifeInProgressError):
            advance(conninfo, 1)


def test_a_database_without_a_world_is_refused(cluster: str) -> None:
    with pytest.raises(WorldNotReadyError):
        advance(f"{cluster} dbname=postgres", 1)
