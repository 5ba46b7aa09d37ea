"""The monthly file of Teachers' Pensions as text: what it says of known posts, new posts, and its mistakes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import Any
from uuid import UUID

from psycopg import sql

from sandbox.domain.codes import Gender
from sandbox.domain.numbers import UNKNOWN_TRNS, new_nino, postcode
from sandbox.domain.pensions import TYPES, faults
from sandbox.domain.tables import words
from sandbox.life import chance as luck
from sandbox.life.scene import Row, Scene

COLUMNS = words("pensions_column")

# Members with a contribution in the last six months; a file holds those whose identifier ends in its half.
POSTS = sql.SQL(
    """
    SELECT t.key, t.start_date, t.end_date, t.last_known_tps_employed_date AS last_known, t.employment_type,
           t.person_postcode, t.person_email_address, t.employer_postcode, t.employer_email_address,
           coalesce(t.national_insurance_number, p.national_insurance_number) AS nino,
           p.date_of_birth, p.date_of_death, p.gender
    FROM tps_employments t
    JOIN persons p ON p.person_id = t.person_id
    WHERE (t.end_date IS NULL OR t.last_known_tps_employed_date > %s)
      AND get_byte(uuid_send(t.person_id), 15) %% 2 = %s AND p.date_of_birth IS NOT NULL
    ORDER BY t.tps_employment_id
    """
)
# New posts: people with QTS, each with an establishment, both from a random point of their key on.
NEW_POSTS = sql.SQL(
    """
    SELECT p.trn, p.national_insurance_number AS nino, p.date_of_birth, p.gender, p.email_address,
           e.la_code, e.establishment_number, e.postcode
    FROM unnest(%s::uuid[], %s::uuid[]) WITH ORDINALITY AS starts (person, school, position)
    CROSS JOIN LATERAL (
        SELECT * FROM persons
        WHERE person_id >= starts.person AND status = 0 AND date_of_birth IS NOT NULL AND qts_date IS NOT NULL
          AND get_byte(uuid_send(person_id), 15) %% 2 = %s
        ORDER BY person_id LIMIT 1
    ) AS p
    CROSS JOIN LATERAL (
        SELECT * FROM establishments
        WHERE establishment_id >= starts.school AND establishment_number IS NOT NULL AND establishment_status_code = 1
        ORDER BY establishment_id LIMIT 1
    ) AS e
    ORDER BY starts.position
    """
)


def day_text(value: date | None) -> str | None:
    """A date as the file writes it."""
    return None if value is None else f"{value.day:02d}/{value.month:02d}/{value.year:04d}"


def known_post(chance: Random, post: Row, extracted: date) -> dict[str, str | None] | None:
    """What the file says this month of a post that is known; nothing when it leaves the post out."""
    luck_of_post = chance.random()
    # A post that was missing before mostly stays away: nobody says that it has ended.
    missing = extracted - post["last_known"] > timedelta(days=100)
    if luck_of_post < (0.8 if missing else 0.015):
        return None
    _, la_code, number, _ = post["key"].split(".")
    closed = post["end_date"] is not None
    # A closed post mostly leaves the files; now and then it is open again: the mark of withdrawal is not reliable.
    if closed and luck_of_post > 0.12:
        return None
    withdrawn = not closed and luck_of_post > 0.988
    stale = not closed and 0.984 < luck_of_post <= 0.988
    if withdrawn:
        end = extracted - timedelta(days=chance.randint(3, 60))
    elif stale:
        end = extracted - timedelta(days=chance.randint(160, 180))
    else:
        end = extracted + timedelta(days=chance.choice((-24, -10, 6, 6, 6, 36, 157)))
    end = max(end, post["start_date"])
    kind = post["employment_type"]
    if chance.random() < 0.012:
        kind = (kind + chance.randint(1, 3)) % 4
    address = post["person_email_address"]
    if address is None and chance.random() < 0.02:
        address = f"member{chance.randrange(10**7)}@example.org"
    moved = postcode(chance) if chance.random() < 0.005 else post["person_postcode"]
    return _line(
        chance,
        post,
        extracted,
        trn=post["key"][:7],
        date_of_death=day_text(post["date_of_death"]),
        member_postcode=moved,
        member_email_address=address,
        local_authority_code=la_code,
        establishment_number=None if number == "NULL" else number,
        establishment_postcode=post["employer_postcode"],
        establishment_email_address=post["employer_email_address"],
        employment_start_date=day_text(post["start_date"]),
        employment_end_date=day_text(end),
        full_or_part_time_indicator=TYPES[kind],
        withdrawal_indicator="W" if withdrawn else None,
    )


def new_post(chance: Random, found: Row, extracted: date, oddity: float) -> dict[str, str | None]:
    """A post that no file held before. A few are of people or at places that nobody knows: `oddity` says which."""
    first, last = UNKNOWN_TRNS
    return _line(
        chance,
        found,
        extracted,
        trn=str(chance.randint(first, last)) if oddity < 0.12 else found["trn"],
        member_postcode=postcode(chance),
        member_email_address=found["email_address"],
        local_authority_code="999" if 0.12 <= oddity < 0.2 else found["la_code"],
        establishment_number=found["establishment_number"],
        establishment_postcode=found["postcode"],
        establishment_email_address="office@example.net" if chance.random() < 0.5 else None,
        employment_start_date=day_text(extracted - timedelta(days=chance.randint(1, 85))),
        employment_end_date=day_text(extracted + timedelta(days=6)),
        full_or_part_time_indicator=chance.choice(TYPES),
    )


def repeated(chance: Random, line: dict[str, str | None]) -> dict[str, str | None]:
    """The same post once more in one file: the key is the same, the hours may be others."""
    return {**line, "full_or_part_time_indicator": chance.choice(TYPES)}


def _line(chance: Random, person: Row, extracted: date, **fields: str | None) -> dict[str, str | None]:
    """A line about a person; the fields that are not given stay empty."""
    return {
        "national_insurance_number": (person["nino"] or new_nino(chance)).strip(),
        "date_of_birth": day_text(person["date_of_birth"]),
        "extract_date": day_text(extracted),
        "gender": "Male" if person["gender"] == Gender.MALE else "Female",
        **fields,
    }


def spoil(chance: Random, line: dict[str, str | None]) -> int:
    """Put a mistake into a line, sometimes two; the bits of those that loading will find."""
    errors = 0
    for _ in range(2 if chance.random() < 0.1 else 1):
        fault = luck.weighted(chance, [(fault, fault.share) for fault in faults()])
        line[fault.field] = fault.text
        errors |= fault.bit
    return errors


def lines(scene: Scene, half: int, extract_id: UUID, extracted: date) -> Iterator[tuple[Any, ...]]:
    """The rows of one of the two files as they are loaded: text, with the bits of their mistakes."""
    chance = scene.chance
    half_a_year = extracted - timedelta(days=183)
    written = 0

    def row(line: dict[str, str | None], *, spoilt: bool = False) -> tuple[Any, ...]:
        errors = spoil(chance, line) if spoilt or chance.random() < 0.01 else 0
        line["tps_csv_extract_load_item_id"] = str(scene.uuid())
        loaded = {"errors": errors, "created": scene.when, "tps_csv_extract_id": extract_id}
        return tuple(loaded.get(column, line.get(column)) for column in COLUMNS)

    for post in scene.all(POSTS, (half_a_year, half)):
        line = known_post(chance, post, extracted)
        if line is not None:
            written += 1
            yield row(dict(line))
            # Now and then a post comes twice, also with other hours: one in each file, however small it is.
            if written == 1 or chance.random() < 0.002:
                yield row(repeated(chance, line))
    wanted = max(8, round(written * 0.015))
    starts = [[scene.uuid() for _ in range(wanted)] for _ in ("person", "school")]
    for position, found in enumerate(scene.all(NEW_POSTS, (*starts, half))):
        # Every file has one of each oddity and a mistake, however small it is.
        oddity = (0.0, 0.15)[position] if position < 2 else chance.random()
        yield row(new_post(chance, found, extracted, oddity), spoilt=position == 2)
