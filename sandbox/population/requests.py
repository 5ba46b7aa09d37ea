"""Requests for TRNs by applications, and the GOV.UK One Login accounts that people sign in with."""

import numpy as np
import polars as pl

from sandbox.domain import dates
from sandbox.domain.codes import Attribute, Matched, Request, Verified
from sandbox.domain.tables import words
from sandbox.population import users
from sandbox.population.arrays import DAY, Ints, Mask, day, moment
from sandbox.population.cohorts import NONE, OVERSEAS, QTLS
from sandbox.population.draw import at_work, between, chance, one_of, uuids
from sandbox.population.lifecycle import Lifecycle
from sandbox.population.people import People
from sandbox.population.series import as_json, numerals, text, where
from sandbox.population.world import World

_MATCHED_BY = (
    (Attribute.FULL_NAME, Attribute.DATE_OF_BIRTH, Attribute.NINO),
    (Attribute.FULL_NAME, Attribute.DATE_OF_BIRTH, Attribute.TRN),
    (Attribute.NINO, Attribute.DATE_OF_BIRTH),
)
# A credential of One Login, around the given name, the family name and the date of birth.
_CORE = (
    '{"type":["VerifiableCredential","IdentityCheckCredential"],"credentialSubject":{"name":[{"nameParts":[{"value":"',
    '","type":"GivenName"},{"value":"',
    '","type":"FamilyName"}]}],"birthDate":[{"value":"',
    '"}]}}',
)


def draw_requests(world: World, chunk: int, people: People, life: Lifecycle) -> pl.DataFrame:
    """Rows of `trn_request_metadata`. `row` is the position of the person it is about; `made` says whether the request
    made that person's record; of requests that are open or refused the person is the one it would have been."""
    rng = world.stream("trn requests", chunk)
    count = len(people)
    made = (people.created >= moment(dates.REQUESTS_BEGAN)) & ~people.by_tps & chance(rng, count, 0.88)
    # About 3 in 200 asked again, or asked without an answer so far.
    again = np.flatnonzero(~life.merged & (people.due >= np.datetime64("1990-01-01")) & chance(rng, count, 0.015))
    row = np.concatenate([np.flatnonzero(made), again])
    is_made = np.arange(len(row)) < int(made.sum())
    number = len(row)
    status = np.where(
        is_made | chance(rng, number, 0.4),
        Request.COMPLETED,
        np.array([Request.PENDING, Request.REJECTED, Request.DORMANT])[rng.integers(0, 3, number)],
    )
    kind = people.kind[row]
    application = np.where(
        kind == OVERSEAS,
        users.AFQTS,
        np.where(kind == QTLS, users.SET, np.where((kind == NONE) | ~is_made, users.NPQ, users.REGISTER)),
    )
    asked = between(
        rng, np.maximum(people.created[row].astype("datetime64[D]"), day(dates.REQUESTS_BEGAN)), world.now - DAY, number
    )
    created = np.where(is_made, people.created[row] - np.timedelta64(90, "s"), at_work(rng, asked))
    resolved = status == Request.COMPLETED
    npq = application == users.NPQ
    house, street = numerals(rng.integers(1, 240, number)), one_of(rng, number, words("street"))
    towns = dict(zip(words("postcode_area"), words("post_town"), strict=True))
    identifier = uuids(rng, number)
    return pl.DataFrame(
        {
            "row": row,
            "made": is_made,
            "application_user_id": world.users.applications.gather(application),
            "request_id": identifier,
            "created_on": created,
            "identity_verified": where(application != users.REGISTER, pl.Series(chance(rng, number, 0.8))),
            "email_address": people.email.gather(row),
            "first_name": people.first_name.gather(row),
            "middle_name": people.middle_name.gather(row),
            "last_name": people.last_name.gather(row),
            "date_of_birth": np.where(np.isnat(people.born[row]), np.datetime64("1980-01-01"), people.born[row]),
            "potential_duplicate": ~is_made & chance(rng, number, 0.6),
            "national_insurance_number": people.nino.gather(row),
            "gender": where(people.gender[row] > 0, pl.Series(people.gender[row])),
            "address_line1": where(~npq & chance(rng, number, 0.5), text(house, " ", street)),
            "postcode": people.postcode.gather(row),
            "country": where(application == users.AFQTS, "GB"),
            "trn_token": where(resolved & npq, uuids(rng, number)),
            "resolved_person_id": where(resolved, people.person_id.gather(row)),
            "status": status,
            "npq_working_in_educational_setting": where(npq, pl.Series(chance(rng, number, 0.9))),
            "npq_application_id": where(npq, numerals(rng.integers(10_000, 999_999, number))),
            "npq_name": where(npq, one_of(rng, number, words("npq"))),
            "npq_training_provider": where(npq, one_of(rng, number, words("npq_provider"))),
            "work_email_address": where(npq & chance(rng, number, 0.3), text("staff.", house, "@example.org")),
        }
    ).with_columns(
        name=pl.concat_str(
            pl.lit('{"'), "first_name", pl.lit('","'), "middle_name", pl.lit('","'), "last_name", pl.lit('"}')
        ),
        address_line2=pl.lit(None, dtype=pl.String),
        city=pl.when(pl.col("address_line1").is_not_null()).then(
            pl.col("postcode").str.extract("^([A-Z]+)").replace_strict(towns)
        ),
    )


def draw_accounts(world: World, chunk: int, people: People, life: Lifecycle) -> pl.DataFrame:
    """Rows of `one_login_users`: accounts of active people, and of visitors whom nobody could be matched with.

    `row` is the position of the person, or -1. The subjects have the form that One Login gives them.
    """
    rng = world.stream("one login", chunk)
    count = len(people)
    has = (
        (life.status == 0)
        & ~people.email.is_null().to_numpy()
        & chance(rng, count, np.where(people.due > np.datetime64("2000-01-01"), 0.22, 0.04))
    )
    row = np.flatnonzero(has)
    visitors = max(3, len(row) // 12)
    other = np.sort(rng.choice(count, visitors, replace=visitors > count))
    about = np.concatenate([row, other])
    matched: Mask = np.arange(len(about)) < len(row)
    number = len(about)
    verified = matched | chance(rng, number, 0.5)
    route = np.array([1, 2, 3])[np.searchsorted(np.cumsum([0.9, 0.05]), rng.random(number))]
    since = np.maximum(people.created[about].astype("datetime64[D]"), np.datetime64("2024-04-01"))
    when = between(rng, since, world.now - 2 * DAY, number)
    when_verified = at_work(rng, np.where(verified, when, np.datetime64("NaT")).astype("datetime64[D]"))
    when_matched = np.where(matched, when_verified + np.timedelta64(40, "s"), np.datetime64("NaT"))
    born = pl.Series(people.born[about]).dt.strftime("%Y-%m-%d").fill_null("1980-01-01")
    visitor = text("visitor.", uuids(rng, number).str.slice(0, 8), "@example.com")
    email = where(matched, people.email.gather(about), visitor)
    first, last = people.first_name.gather(about), people.last_name.gather(about)
    by_name: Ints = rng.integers(0, 3, number)
    attributes = pl.Series([as_json(dict.fromkeys(map(str, keys))) for keys in _MATCHED_BY])
    frame = pl.DataFrame(
        {
            "row": np.where(matched, about, -1),
            "subject": text("urn:fdc:gov.uk:2022:", uuids(rng, number).str.replace_all("-", "")),
            "email_address": email,
            "person_id": where(matched, people.person_id.gather(about)),
            "verified_on": when_verified,
            "verification_route": where(verified, pl.Series(route)),
            "matched_on": when_matched.astype("datetime64[us]"),
            "match_route": where(matched, pl.Series(rng.integers(1, 7, number))),
            "verified_by_application_user_id": where(
                verified & (route == Verified.ELSEWHERE), world.users.application(users.AFQTS)
            ),
        }
    )
    core = text(_CORE[0], first, _CORE[1], last, _CORE[2], born, _CORE[3])
    return frame.with_columns(
        verified_names=where(verified, text('[["', first, '","', last, '"]]')),
        verified_dates_of_birth=where(verified, text('["', born, '"]')),
        last_core_identity_vc=where(verified & (route == Verified.BY_ONE_LOGIN), core),
        matched_attributes=where(
            matched & (frame["match_route"].fill_null(0).to_numpy() <= Matched.INTERACTIVE), attributes.gather(by_name)
        ),
    )
