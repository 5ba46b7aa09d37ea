"""The macros as_known_at and as_at against a plain model of what was known, and on a replica that was told late."""

from __future__ import annotations

import json
import random
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from dbt.cli.main import dbtRunner

from tests.python.dbt import reading
from tests.python.replicate.world import PERSON, insert
from warehouse.core.databases import Databases
from warehouse.core.progress import Silent
from warehouse.replicate import replicate

from .conftest import PROFILE, PROJECT

pytestmark = pytest.mark.slow

LONDON = ZoneInfo("Europe/London")
FIRST_DAY = date(2026, 5, 1)
GUIDE = (PROJECT / "docs" / "querying.md").read_text(encoding="utf-8")
ASKED_IN_DBT = re.findall(r"```jinja\n(.*?)```", GUIDE, re.S)

DATED = {"key": ["id"], "from": "start_date", "to": "end_date", "undated": "always", "removed": "deleted_on"}
RECORDED = {"key": ["id"], "since": "created_on", "removed": "deleted_on"}
BOTH = {"key": ["id"], "from": "start_date", "undated": "recorded", "since": "created_on"}
RULES = {"dated": DATED, "recorded": RECORDED, "both": BOTH}

QUERIES = {
    "known": "{{ versions_known_at('fixture', '%(known_at)s') }}",
    **{
        f"{name} {end}": "{{ versions_as_at('fixture', " + json.dumps(rule) + ", '%(day)s::date'" + known + ") }}"
        for name, rule in RULES.items()
        for end, known in (("now", ""), ("then", ", '%(known_at)s'"))
    },
    "late_alert": "{{ as_at('alerts', '%(day)s::date') }}",
    "late_alert_then": "{{ as_at('alerts', '%(day)s::date', known_at='%(known_at)s') }}",
    **{f"guide {place}": text for place, text in enumerate(ASKED_IN_DBT)},
}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The SQL that each of QUERIES becomes, rendered in one go."""
    target = tmp_path_factory.mktemp("inline")
    reading.bring(target)
    separator = "-- next --"
    result: Any = dbtRunner().invoke(
        [
            *("--no-version-check", "--quiet", "--partial-parse", "compile", "--no-introspect", "--no-populate-cache"),
            *("--inline", separator.join(QUERIES.values())),
            *("--project-dir", str(PROJECT), "--profiles-dir", str(PROFILE)),
            *("--target-path", str(target), "--log-path", str(target / "logs")),
        ]
    )
    assert result.success, result.exception
    texts = result.result.results[0].node.compiled_code.split(separator)
    # The profile has another database's name; the tables are the same.
    return {name: text.replace("warehouse.", "") for name, text in zip(QUERIES, texts, strict=True)}


# ---- a plain model of what was known


@dataclass(frozen=True)
class Row:
    id: int
    content: int
    start_date: date | None
    end_date: date | None
    created_on: datetime
    deleted_on: datetime | None


State = dict[int, Row]


@dataclass
class Told:
    """What was told, twice: as versions, and as the whole state after each transaction."""

    versions: list[tuple[Row, datetime, datetime | None, str]]
    states: list[tuple[datetime, State]]

    def known_at(self, moment: datetime | None) -> State:
        return next((s for at, s in reversed(self.states) if moment is None or at <= moment), {})


def tell(chance: random.Random, transactions: int = 12) -> Told:
    """Transactions at random times, each of one to three changes: late, corrected, deleted, truncated and reloaded."""
    now = datetime(2026, 5, 1, 9, tzinfo=UTC)
    state: State = {}
    current: dict[int, tuple[Row, datetime, str]] = {}
    told = Told([], [])

    def put(row: Row, operation: str) -> None:
        if operation == "U":
            end(row.id)
        state[row.id] = row
        current[row.id] = (row, now, operation)

    def end(key: int) -> None:
        row, since, operation = current.pop(key)
        del state[key]
        told.versions.append((row, since, now, operation))

    def day() -> date | None:
        return chance.choice([None, FIRST_DAY + timedelta(days=chance.randint(0, 12))])

    for _ in range(transactions):
        for _ in range(chance.randint(1, 3)):
            key, choice = chance.randint(1, 4), chance.random()
            if key not in state:
                made = now - timedelta(hours=chance.choice([0, 0, 30, 80]))
                put(Row(key, chance.randint(0, 99), day(), day(), made, None), "I")
            elif choice < 0.2:
                end(key)
            elif choice < 0.3:
                before = dict(state)
                for each in before:
                    end(each)
                for row in before.values():
                    put(row, "I")
            elif choice < 0.45:
                put(replace(state[key], deleted_on=now - timedelta(hours=chance.choice([0, 40]))), "U")
            else:
                put(replace(state[key], content=chance.randint(0, 99), start_date=day(), end_date=day()), "U")
        told.states.append((now, dict(state)))
        now += timedelta(hours=chance.choice([1, 5, 14, 26]), microseconds=chance.randint(0, 1))
    told.versions += [(row, since, None, operation) for row, since, operation in current.values()]
    return told


def is_removed(row: Row, day: date) -> bool:
    return row.deleted_on is not None and row.deleted_on.astimezone(LONDON).date() <= day


def end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), datetime.min.time(), LONDON).astimezone(UTC) - timedelta(
        microseconds=1
    )


def true_by_dates(told: Told, day: date, known_at: datetime | None) -> set[Row]:
    return {
        row
        for row in told.known_at(known_at).values()
        if (row.start_date is None or row.start_date <= day)
        and (row.end_date is None or row.end_date >= day)
        and not is_removed(row, day)
    }


def recorded(told: Told, day: date, known_at: datetime | None) -> State:
    """The state at the end of the day; and of rows heard of only later, the first form, if they were made by then."""
    moment = min(end_of(day), known_at) if known_at else end_of(day)
    found = dict(told.known_at(moment))
    heard_of = {key for at, state in told.states if at <= moment for key in state}
    # A row that came and went within one transaction was in no state, but had been heard of.
    heard_of |= {row.id for row, since, _, _ in told.versions if since <= moment}
    for at, state in told.states:
        for key, row in state.items():
            if at > moment and key not in heard_of and (known_at is None or at <= known_at):
                began = [since for other, since, _, _ in told.versions if other.id == key]
                if min(began) == at and row.created_on.astimezone(LONDON).date() <= day:
                    found[key] = row
            heard_of.add(key)
    return found


def true_by_record(told: Told, day: date, known_at: datetime | None) -> set[Row]:
    gone = {key for key, row in told.known_at(known_at).items() if is_removed(row, day)}
    return {row for key, row in recorded(told, day, known_at).items() if key not in gone and not is_removed(row, day)}


def true_by_both(told: Told, day: date, known_at: datetime | None) -> set[Row]:
    dated = {r for r in told.known_at(known_at).values() if r.start_date is not None and r.start_date <= day}
    keys = {row.id for row in dated}
    return dated | {r for r in recorded(told, day, known_at).values() if r.start_date is None and r.id not in keys}


TRUE: dict[str, Callable[[Told, date, datetime | None], set[Row]]] = {
    "dated": true_by_dates,
    "recorded": true_by_record,
    "both": true_by_both,
}


@pytest.fixture
def connection(databases: Databases) -> Iterator[psycopg.Connection]:
    with databases.at_warehouse() as connection:
        connection.execute(
            "create temporary table fixture (id int, content int, start_date date, end_date date,"
            " created_on timestamptz, deleted_on timestamptz, known_from timestamptz, known_to timestamptz,"
            ' operation "char", began_after timestamptz, ended_after timestamptz)'
        )
        yield connection


def test_any_question_has_the_answer_of_the_plain_model(
    connection: psycopg.Connection, rendered: dict[str, str]
) -> None:
    seed = random.randrange(10**9)
    print("seed", seed)
    chance = random.Random(seed)
    answers = 0
    for _ in range(40):
        told = tell(chance)
        connection.execute("truncate fixture")
        with connection.cursor() as cursor:
            cursor.executemany(
                "insert into fixture values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    (r.id, r.content, r.start_date, r.end_date, r.created_on, r.deleted_on, since, until, operation)
                    for r, since, until, operation in told.versions
                ],
            )

        def ask(name: str, **asked: object) -> list[Row]:
            rows = connection.execute(rendered[name].encode(), asked).fetchall()
            return [Row(*row[:6]) for row in rows]

        for _ in range(8):
            at = chance.choice(told.states)[0] + timedelta(microseconds=chance.choice([-1, 0, 1, 3_600_000_000]))
            day = FIRST_DAY + timedelta(days=chance.randint(-2, 12))
            expected: set[Row] = set(told.known_at(at).values())
            found = ask("known", known_at=at)
            assert (len(found), set(found)) == (len(expected), expected), (seed, at)
            for rule, truth in TRUE.items():
                for end, known_at in (("now", None), ("then", at)):
                    expected = truth(told, day, known_at)
                    found = ask(f"{rule} {end}", day=day, **({"known_at": at} if known_at else {}))
                    assert (len(found), set(found)) == (len(expected), expected), (seed, rule, day, known_at)
                    answers += len(found)
    assert answers > 500


# ---- on a real replica


@pytest.fixture
def world(prepared: Databases) -> Databases:
    """A person in the first copy, and an alert that began sixty days ago and comes only now."""
    with prepared.at_source() as trs:
        person = uuid.uuid4()
        known = {"person_id": person, "trn": "1000042", "created_on": datetime(2020, 1, 1, tzinfo=UTC)}
        insert(trs, "persons", {**PERSON, **known})
        row = trs.execute("select alert_type_id from alert_types limit 1").fetchone()
        assert row is not None
        replicate(prepared, Silent())
        now = datetime.now(UTC)
        start = now.date() - timedelta(days=60)
        alert = {"alert_id": uuid.uuid4(), "alert_type_id": row[0], "person_id": person, "start_date": start}
        insert(trs, "alerts", {**alert, "created_on": now, "updated_on": now})
        trs.execute("update persons set last_name = 'Jones' where person_id = %s", (person,))
        replicate(prepared, Silent())
    return prepared


def test_an_alert_told_late_was_true_before_we_knew(world: Databases, rendered: dict[str, str]) -> None:
    a_month_ago = datetime.now(UTC).date() - timedelta(days=30)
    with world.at_warehouse() as warehouse:

        def alerts(name: str, **asked: object) -> int:
            return len(warehouse.execute(rendered[name].encode(), asked).fetchall())

        assert alerts("late_alert", day=a_month_ago) == 1
        assert alerts("late_alert", day=a_month_ago - timedelta(days=31)) == 0
        before = datetime.now(UTC) - timedelta(days=1)
        assert alerts("late_alert_then", day=a_month_ago, known_at=before) == 0
        assert alerts("late_alert_then", day=a_month_ago, known_at=datetime.now(UTC)) == 1

        # The functions for whoever writes no dbt are the same queries, where history has an answer.
        def asked(function: str, *arguments: object) -> int:
            places = ", ".join(["%s"] * len(arguments))
            query = f"select alert_id, known_from, is_uncertain from {function}({places})"
            return len(warehouse.execute(query.encode(), arguments).fetchall())

        now = datetime.now(UTC)
        assert asked("as_at.alerts", a_month_ago) == 1
        assert asked("as_at.alerts", a_month_ago - timedelta(days=31)) == 0
        assert asked("as_at.alerts", a_month_ago, now) == 1
        assert asked("as_known_at.alerts", now) == 1
        for function, *arguments in (("as_known_at.alerts", before), ("as_at.alerts", a_month_ago, before)):
            with pytest.raises(psycopg.errors.DatetimeFieldOverflow, match="history begins with the first copy"):
                asked(function, *arguments)


def test_what_the_guide_shows_can_be_asked(world: Databases, rendered: dict[str, str]) -> None:
    in_sql = [text for text in re.findall(r"```sql\n(.*?)```", GUIDE, re.S) if "marts." not in text]
    assert len(in_sql) >= 4
    assert len(ASKED_IN_DBT) >= 3
    with world.at_warehouse() as warehouse:
        answers = [warehouse.execute(text.encode()).fetchall() for text in in_sql]
        names = [row[-1] for row in next(a for a, text in zip(answers, in_sql, strict=True) if "ended_by" in text)]
        assert names == ["Smith", "Jones"]
        for place in range(len(ASKED_IN_DBT)):
            warehouse.execute(rendered[f"guide {place}"].encode())
