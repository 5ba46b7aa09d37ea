"""Looking everywhere for one person, as `warehouse erase --dry-run` does, against one pass over the same rows."""

from __future__ import annotations

import psycopg
from psycopg import sql

from bench.measure import Aim, Figure, timing
from warehouse.core.database import one
from warehouse.core.databases import Databases
from warehouse.core.progress import Progress
from warehouse.erase import Subject, load_rules, names, relations, rows

MOST = 3.0

_LAST = "select trn from public.persons where trn is not null order by trn desc limit 1"
_SCAN = 'select count(*), count(*) filter (where t::text collate "C" like %s) from {} as t'
_NOWHERE = "%no row has this%"


def look_for_one(databases: Databases, progress: Progress) -> list[Figure]:
    """The replica, its history, marts and extracts, looked through for the person of the last TRN."""
    with databases.warehouse() as connection:
        rules = load_rules()
        tables = list(relations.of_persons(connection, rules))
        others = [table for table in relations.elsewhere(connection, rules) if table.readable]
        places = [relation.identifier for relation, _ in tables]
        places += [sql.Identifier(table.schema, table.name) for table in others]
        progress.say("reading every row once")
        with timing() as passing:
            count = sum(_rows(connection, place) for place in places)
        progress.say("looking for a person")
        with timing() as looking:
            subject = Subject.given(None, str(one(connection, _LAST)[0]))
            subject = names.learn(connection, tables, rows.learn(connection, tables, subject))
            for relation, rule in tables:
                rows.count(connection, relation, rule, subject)
            rows.count_elsewhere(connection, others, subject, progress.say)
            list(names.candidates(connection, tables, subject))
    reference = Figure("erase", "one pass with a piece of text", passing.seconds, count)
    ratio = looking.seconds / passing.seconds
    aim = Aim("of one pass", ratio, "at most", MOST)
    what = "a person looked for everywhere"
    return [reference, Figure("erase", what, looking.seconds, count, ratio, reference.what, (aim,))]


def _rows(connection: psycopg.Connection, place: sql.Identifier) -> int:
    return int(one(connection, sql.SQL(_SCAN).format(place), (_NOWHERE,))[0])
