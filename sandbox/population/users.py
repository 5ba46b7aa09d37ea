"""Users of the operational system: support staff, applications with made-up secrets, and the system itself."""

import base64
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from sandbox.domain.codes import UserType
from sandbox.domain.numbers import SECRET_MARK
from sandbox.domain.tables import rows
from sandbox.population import names
from sandbox.population.arrays import DAY, Ints, day
from sandbox.population.draw import at_work, between, chance, drawn, stream, uuids
from sandbox.population.series import as_json

SYSTEM_USER_ID: Final = "a81394d1-a498-46d8-af3e-e077596ab303"
CAPITA_USER_ID: Final = "14e1fa20-b364-446d-805d-699525671111"

_APPLICATIONS: Final = rows("applications")
REGISTER, AFQTS, NPQ, AYTQ, CHECK, CLAIM, CPD, SET, EWC, CAPITA = range(len(_APPLICATIONS))
"""Places of the applications in their list."""


@dataclass(frozen=True)
class Users:
    """The rows of `users` and `api_keys`, and the identifiers that other tables refer to."""

    staff: pl.Series
    applications: pl.Series
    application_names: tuple[str, ...]
    application_short_names: tuple[str, ...]
    users: pl.DataFrame
    api_keys: pl.DataFrame

    def application(self, number: int) -> str:
        """Identifier of one of the applications by its constant (REGISTER, AFQTS, ...)."""
        return str(self.applications[number])


def _secret(seed: int, topic: str, length: int = 40) -> str:
    raw = stream(seed, f"secret {topic}").bytes(length)
    return f"{SECRET_MARK}-{base64.urlsafe_b64encode(raw).decode().rstrip('=')}"


def _pem(seed: int, topic: str) -> str:
    body = base64.b64encode(f"{SECRET_MARK} {topic} ".encode() + stream(seed, f"pem {topic}").bytes(700)).decode()
    lines = [body[i : i + 64] for i in range(0, len(body), 64)]
    return "\n".join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----"])


def make_users(seed: int, people: int, today: np.datetime64) -> Users:
    """Staff in proportion to the population (25 to 120 of them), the ten applications, and the system user."""
    staff_count = int(min(120, max(25, people // 2000)))
    rng = stream(seed, "users")
    staff = uuids(rng, staff_count)
    applications = uuids(rng, len(_APPLICATIONS))
    applications[CAPITA] = CAPITA_USER_ID
    frame = pl.concat([_staff(rng, staff, today), _application_rows(seed, applications), _system_row()], how="diagonal")
    keys = _api_keys(seed, applications, today)
    return Users(
        staff,
        applications,
        tuple(a["name"] for a in _APPLICATIONS),
        tuple(a["short_name"] for a in _APPLICATIONS),
        frame,
        keys,
    )


def _staff(rng: np.random.Generator, ids: pl.Series, today: np.datetime64) -> pl.DataFrame:
    count = len(ids)
    lists = names.name_lists()
    born = rng.integers(1965, 2000, count)
    community = names.draw_communities(rng, born, np.zeros(count, np.int64))
    first = names.draw_given(rng, community, rng.integers(1, 3, count), born)
    last = names.draw_family(rng, community)
    number = pl.Series(np.arange(count)).cast(pl.String)
    since = between(rng, today - 60 * DAY, today - DAY, count)
    from_dqt = chance(rng, count, 0.4)
    return pl.DataFrame({"user_id": ids, "last_signed_in_utc": at_work(rng, since)}).with_columns(
        active=pl.Series(~chance(rng, count, 0.15)),
        user_type=pl.lit(UserType.PERSON, dtype=pl.Int64),
        name=pl.concat_str(pl.lit(lists.given.gather(first)), pl.lit(" "), pl.lit(lists.family.gather(last))),
        email=pl.concat_str(
            pl.lit(lists.given_plain.gather(first)),
            pl.lit("."),
            pl.lit(lists.family_plain.gather(last)),
            pl.lit(number),
            pl.lit("@example.org"),
        ),
        azure_ad_user_id=uuids(rng, count),
        role=drawn(rng, count, "role"),
        dqt_user_id=pl.when(pl.Series(from_dqt)).then(pl.lit(uuids(rng, count))),
    )


def _application_rows(seed: int, ids: pl.Series) -> pl.DataFrame:
    """Applications; those that people sign in to have addresses, and secrets unless they share the signing keys."""
    made = []
    for number, application in enumerate(_APPLICATIONS):
        slug = application["short_name"].lower()
        site, shared = f"https://{slug}.example.org", number == NPQ
        of_sign_in = {
            "client_id": slug,
            "client_secret": _secret(seed, slug),
            "redirect_uris": f"{{{site}/callback}}",
            "post_logout_redirect_uris": f"{{{site}/signed-out}}",
            "use_shared_one_login_signing_keys": shared,
            "one_login_client_id": f"onelogin-{slug}",
            "one_login_private_key_pem": None if shared else _pem(seed, slug),
            "one_login_authentication_scheme_name": f"onelogin-{slug}",
            "one_login_redirect_uri_path": f"/_onelogin/{slug}/callback",
            "one_login_post_logout_redirect_uri_path": f"/_onelogin/{slug}/logout",
            "app_content": as_json({"HelpLink": f"{site}/help"}),
        }
        signs_in = application["signs_in"] == "yes"
        made.append(
            {
                "user_id": ids[number],
                "active": True,
                "user_type": UserType.APPLICATION,
                "name": application["name"],
                "short_name": application["short_name"],
                "api_roles": "{" + application["roles"].replace("|", ",") + "}",
                "is_oidc_client": signs_in,
                "record_matching_policy": 2 if shared else 1,
                "redirect_uris": "{}",
                "post_logout_redirect_uris": "{}",
                **(of_sign_in if signs_in else {}),
            }
        )
    return pl.DataFrame(made, infer_schema_length=None)


def _system_row() -> pl.DataFrame:
    return pl.DataFrame(
        {"user_id": [SYSTEM_USER_ID], "active": [True], "user_type": [UserType.SYSTEM], "name": ["System"]}
    )


def _api_keys(seed: int, applications: pl.Series, today: np.datetime64) -> pl.DataFrame:
    """Two keys each: one that has run out, one in use. One key never expires: `infinity` is a legal moment."""
    rng = stream(seed, "api keys")
    count = 2 * len(applications)
    owner = np.arange(count) // 2
    old = np.arange(count) % 2 == 0
    made = np.where(old, day("2023-02-01"), day("2025-03-01")) + rng.integers(0, 90, count) * DAY
    created = at_work(rng, made)
    ends: Ints = np.where(old, 400, 900)
    expires = pl.Series(created + ends.astype("timedelta64[D]")).dt.strftime("%Y-%m-%d %H:%M:%S+00")
    expires[count - 1] = "infinity"
    keys = [_secret(seed, f"api key {i}", 30) for i in range(count)]
    assert made.max() < today
    return pl.DataFrame(
        {
            "api_key_id": uuids(rng, count),
            "created_on": created,
            "updated_on": created,
            "application_user_id": applications.gather(owner),
            "key": keys,
            "expires": expires,
        }
    )
