"""The example profile: what a person copies must work for each target, and only the target in use is rendered."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from dbt.config.renderer import ProfileRenderer
from dbt_common.context import set_invocation_context

EXAMPLE = Path(__file__).parents[3] / "profiles.example.yml"


def render(target: str, environment: dict[str, str]) -> dict[str, Any]:
    set_invocation_context(environment)  # what dbt reads variables from, so those of this machine do not matter
    profile = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))["teaching_record_warehouse"]
    rendered: dict[str, Any] = ProfileRenderer({}).render_data(profile["outputs"][target])
    return rendered


def test_dev_takes_what_the_program_wrote() -> None:
    written = {
        "WAREHOUSE_PGHOST": "127.0.0.1",
        "WAREHOUSE_PGPORT": "54321",
        "WAREHOUSE_PGUSER": "warehouse",
        "WAREHOUSE_PGPASSWORD": "0123",
        "WAREHOUSE_PGDATABASE": "trw",
    }
    found = render("dev", written)
    assert (found["host"], found["port"], found["user"]) == ("127.0.0.1", 54321, "warehouse")
    assert (found["password"], found["dbname"]) == ("0123", "trw")


def test_dev_needs_no_variable() -> None:
    assert render("dev", {})["port"] == 5432


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgresql://analyst:secret@db.example.org:6432/warehouse?sslmode=require",
            ("analyst", "secret", "db.example.org", 6432, "warehouse", "verify-full"),
        ),
        ("postgres://analyst:s@db/warehouse", ("analyst", "s", "db", 5432, "warehouse", "verify-full")),
        (
            "postgresql://a%40b:p%40ss%2Fw%3Ard%25%C3%A9@db:5433/w?connect_timeout=3&sslmode=verify-full",
            ("a@b", "p@ss/w:rd%é", "db", 5433, "w", "verify-full"),
        ),
        ("postgresql://analyst@db:5433/w", ("analyst", "", "db", 5433, "w", "verify-full")),
        ("postgresql://a:b@[::1]:5433/w", ("a", "b", "::1", 5433, "w", "prefer")),
        ("postgresql://a:12345@10.0.0.1/w", ("a", "12345", "10.0.0.1", 5432, "w", "verify-full")),
    ],
)
def test_prod_reads_the_url(url: str, expected: tuple[object, ...]) -> None:
    found = render("prod", {"WAREHOUSE_DATABASE_URL": url})
    assert tuple(found[k] for k in ("user", "password", "host", "port", "dbname", "sslmode")) == expected


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("localhost", "prefer"),
        ("127.0.0.1:5433", "prefer"),
        ("%2Frun%2Fpostgresql", "prefer"),
        ("localhost:1,[::1]:2", "prefer"),
        ("localhost:1,db.example.org:2", "verify-full"),
        ("localhost.example.org", "verify-full"),
        ("127.0.0.1.example.org", "verify-full"),
    ],
)
def test_prod_checks_the_server_on_another_machine(place: str, expected: str) -> None:
    url = f"postgresql://a:b@{place}/w"
    assert render("prod", {"WAREHOUSE_DATABASE_URL": url})["sslmode"] == expected
    # libpq takes the last of two.
    twice = {"WAREHOUSE_DATABASE_URL": f"{url}?sslmode=verify-full&sslmode=require"}
    reason = {"WAREHOUSE_TRANSPORT_REASON": "The network is our own."}
    assert render("prod", twice | reason)["sslmode"] == "require"


def test_prod_takes_certificates_from_the_url() -> None:
    files = "sslrootcert=%2Fetc%2Fssl%2Fca.pem&sslcert=/home/a/client.crt&sslkey=/home/a/client.key"
    found = render("prod", {"WAREHOUSE_DATABASE_URL": f"postgresql://a:b@db/w?sslmode=verify-full&{files}"})
    assert [found[name] for name in ("sslmode", "sslrootcert", "sslcert", "sslkey")] == [
        "verify-full",
        "/etc/ssl/ca.pem",
        "/home/a/client.crt",
        "/home/a/client.key",
    ]
    found = render("prod", {"WAREHOUSE_DATABASE_URL": "postgresql://a:b@db/w"})
    assert [found[name] for name in ("sslrootcert", "sslcert", "sslkey")] == [None, None, None]


def test_prod_without_its_url_says_which_variable_is_missing() -> None:
    with pytest.raises(Exception, match="WAREHOUSE_DATABASE_URL"):
        render("prod", {})


def test_bigquery_can_point_at_an_emulator() -> None:
    found = render("bigquery", {"WAREHOUSE_BIGQUERY_ENDPOINT": "http://127.0.0.1:9050"})
    assert found["api_endpoint"] == "http://127.0.0.1:9050"
    assert found["dataset"] == "teaching_record"


def test_bigquery_without_an_emulator_has_no_endpoint() -> None:
    assert render("bigquery", {})["api_endpoint"] is None
