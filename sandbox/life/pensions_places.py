"""The list of employers of Teachers' Pensions: emptied and filled again every month."""

from __future__ import annotations

from datetime import timedelta

from psycopg import sql

from sandbox.life.kinds import Job, Subject
from sandbox.life.scene import Scene

_COLUMNS = (
    "tps_establishment_id",
    "la_code",
    "establishment_code",
    "employers_name",
    "school_gias_name",
    "school_closed_date",
)
_LISTED = sql.SQL(
    """
    SELECT la_code, establishment_code, employers_name, school_gias_name, school_closed_date
    FROM tps_establishments
    ORDER BY la_code, establishment_code, employers_name, school_closed_date NULLS FIRST
    """
)
# The first list of a world: every establishment with a number.
_KNOWN = sql.SQL(
    """
    SELECT DISTINCT la_code, establishment_number AS establishment_code, establishment_name::text AS employers_name,
           establishment_name::text AS school_gias_name, NULL::date AS school_closed_date
    FROM establishments
    WHERE establishment_number IS NOT NULL
    ORDER BY la_code, establishment_code, employers_name
    """
)
_COPY = sql.SQL("COPY tps_establishments ({}) FROM STDIN").format(sql.SQL(", ").join(map(sql.Identifier, _COLUMNS)))
_EMPTIED = sql.SQL("TRUNCATE tps_establishments")
# What GIAS has no establishment for becomes one of our own.
_ADOPTED = sql.SQL(
    """
    INSERT INTO establishments
        (establishment_id, establishment_source_id, la_code, la_name, establishment_number, establishment_name)
    SELECT md5(listed.la_code || listed.establishment_code)::uuid, 2, listed.la_code,
           (SELECT e.la_name FROM establishments e WHERE e.la_code = listed.la_code AND e.la_name IS NOT NULL
            ORDER BY e.establishment_id LIMIT 1),
           listed.establishment_code, left(btrim(listed.employers_name), 120)
    FROM (
        SELECT DISTINCT ON (la_code, establishment_code) la_code, establishment_code, employers_name
        FROM tps_establishments
        ORDER BY la_code, establishment_code, school_closed_date NULLS FIRST, employers_name
    ) AS listed
    WHERE NOT EXISTS (
        SELECT FROM establishments e
        WHERE e.la_code = listed.la_code AND e.establishment_number = listed.establishment_code
    )
    ON CONFLICT (establishment_id) DO NOTHING
    """
)


def reload(scene: Scene, _: Subject) -> None:
    """Replace the whole list; most of it is as it was, some employers have closed, some are new."""
    listed = scene.all(_LISTED) or scene.all(_KNOWN)
    chance = scene.chance
    rows = []
    for row in listed:
        closed = row["school_closed_date"]
        if closed is None and chance.random() < 0.002:
            closed = scene.day - timedelta(days=chance.randint(1, 60))
        rows.append(
            (
                scene.uuid(),
                row["la_code"],
                row["establishment_code"],
                row["employers_name"],
                row["school_gias_name"],
                closed,
            )
        )
    for _new in range(max(1, len(rows) // 2000)):
        la_code = chance.choice(rows)[1] if rows else "330"
        name = chance.choice(["Learning Trust Central Team", "Supply Service", "Music Service", "Youth Service"])
        rows.append((scene.uuid(), la_code, f"{chance.randint(1000, 1999)}", name, None, None))
    scene.run(_EMPTIED)
    with scene.cursor.copy(_COPY) as copy:
        for line in rows:
            copy.write_row(line)
    scene.run(_ADOPTED)


JOBS = (Job("pensions_places_reloaded", reload, lambda day: day.day == 25, [("", 12.0)]),)
