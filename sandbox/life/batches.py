"""Jobs that touch thousands of rows in one transaction."""

from __future__ import annotations

from datetime import date

from psycopg import sql

from sandbox.life.clock import is_working_day
from sandbox.life.kinds import Job, Subject
from sandbox.life.scene import Scene

_MOST = 5_000

_TIDIED = sql.SQL(
    """
    UPDATE persons p
    SET email_address = lower(p.email_address), updated_on = %s
    FROM (
        SELECT person_id FROM persons
        WHERE person_id >= %s AND email_address IS NOT NULL
        ORDER BY person_id LIMIT %s
    ) AS chosen
    WHERE p.person_id = chosen.person_id
    """
)
_FORGOTTEN = sql.SQL(
    """
    DELETE FROM person_search_attributes
    WHERE person_id IN (SELECT person_id FROM persons WHERE person_id >= %s ORDER BY person_id LIMIT %s)
    """
)
_REMEMBERED = sql.SQL(
    """
    INSERT INTO person_search_attributes (person_id, attribute_type, attribute_value, tags, attribute_key)
    SELECT chosen.person_id, attribute.type, attribute.value, '{}', NULL
    FROM (SELECT * FROM persons WHERE person_id >= %s ORDER BY person_id LIMIT %s) AS chosen
    CROSS JOIN LATERAL (
        VALUES ('FirstName', chosen.first_name::text), ('LastName', chosen.last_name::text),
               ('DateOfBirth', to_char(chosen.date_of_birth, 'YYYY-MM-DD'))
    ) AS attribute (type, value)
    WHERE attribute.value <> ''
    ORDER BY chosen.person_id, attribute.type
    """
)


def first_working_day(day: date) -> bool:
    """Whether a day is the first working day after the 4th of its month."""
    earlier = (date(day.year, day.month, number) for number in range(5, day.day))
    return day.day >= 5 and is_working_day(day) and not any(is_working_day(other) for other in earlier)


def tidy_addresses(scene: Scene, _: Subject) -> bool:
    """E-mail addresses are put in lower case: one statement, thousands of rows, no event."""
    start = scene.uuid() if scene.world.people > _MOST * 2 else _LOWEST
    return scene.run(_TIDIED, (scene.when, start, _MOST)) > 0


def rebuild_search(scene: Scene, _: Subject) -> bool:
    """The attributes of the older search are rewritten for some thousand people."""
    start = scene.uuid() if scene.world.people > _MOST * 2 else _LOWEST
    scene.run(_FORGOTTEN, (start, _MOST // 2))
    return scene.run(_REMEMBERED, (start, _MOST // 2)) > 0


_LOWEST = "00000000-0000-0000-0000-000000000000"
JOBS = (
    Job("addresses_tidied", tidy_addresses, first_working_day, [("", 1.5)]),
    Job("search_rebuilt", rebuild_search, lambda day: day.weekday() == 6, [("", 3.5)]),
)
