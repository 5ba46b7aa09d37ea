"""Secrets stay at the source: planted in every shape that the source has, they are nowhere in the warehouse.

And what looks like a secret, wherever it comes from, is found by its form.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.python.conftest import FreshDatabases
from tests.python.erase.world import add, files_with
from warehouse.core.errors import SecretFound
from warehouse.core.progress import Silent
from warehouse.replicate import load_classification, replicate, status
from warehouse.replicate.classification import NotSecret
from warehouse.replicate.repair import repair
from warehouse.replicate.secrets import forms, scan, standing

MARK = "planted-marker-of-a-secret"
LINK = f"https://access.example.org/start?trn_token={MARK}"

EVENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "the link in an e-mail's event": (
        "EmailSentEvent",
        {"Email": {"EmailId": "1", "Personalization": {"link to access your service": LINK}, "Metadata": {"l": LINK}}},
    ),
    "another case": ("ApplicationUserCreatedEvent", {"applicationUser": {"clientSecret": MARK}}),
    "another case inside": ("ApplicationUserCreatedEvent", {"ApplicationUser": {"clientsecret": MARK, "Name": "x"}}),
    "a list of objects": ("ApplicationUserCreatedEvent", {"ApplicationUser": [{"ClientSecret": MARK}]}),
    "a list where a value should be": ("TrnRequestCreatedEvent", {"TrnRequest": {"Status": [{"TrnToken": MARK}]}}),
    "a list in a list": ("SupportTaskCreatedEvent", {"SupportTask": {"ZendeskTickets": [["x", MARK]]}}),
    "deep in a task": ("SupportTaskUpdatedEvent", {"OldSupportTask": {"Data": {"Request": {"TrnToken": MARK}}}}),
    "a half-finished screen": ("SupportTaskUpdatedEvent", {"SupportTask": {"ResolveJourneySavedState": {"T": MARK}}}),
    "where only values should be": ("PersonDeactivatedEvent", {"PersonId": {"Token": MARK}, "Changes": 1}),
    "an event that nobody knows": ("SignInLinkMadeEvent", {"Link": LINK, "PersonId": "1"}),
    "a token of the other store's event": ("ApiKeyCreatedEvent", {"ApiKey": {"Key": MARK, "ApiKeyId": "1"}}),
}


def plant(world: FreshDatabases) -> None:
    """A secret in every place of the source that may hold one."""
    with world.at_source() as trs:
        # Rows by themselves, without what they point to.
        trs.execute("set session_replication_role = replica")
        for event_name, payload in EVENTS.values():
            for table in ("events", "process_events"):
                add(trs, table, event_name=event_name, payload=json.dumps(payload), person_ids=[])
        add(trs, "emails", personalization=json.dumps({"link": LINK}), metadata=json.dumps({"l": LINK, "Trn": "1"}))
        add(trs, "processes", change_reason=json.dumps({"Details": LINK, "Reason": "x", "reason": MARK}))
        add(trs, "one_login_users", subject="urn:1", matched_attributes=json.dumps([{"Key": 1, "Value": MARK}]))
        add(trs, "one_login_users", subject="urn:2", matched_attributes=json.dumps({"1": MARK, "2": {"3": MARK}}))
        add(
            trs,
            "support_tasks",
            support_task_reference="TRS-1",
            support_task_type=1,
            data=json.dumps({"TrnTokenTrn": MARK, "StatedTrn": "1", "Request": {"TrnToken": MARK}}),
            resolve_journey_saved_state=json.dumps({"TrnToken": MARK}),
        )
        endpoint, user = "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"
        add(trs, "users", user_id=user, name="x", user_type=2, client_secret=MARK, redirect_uris=[LINK])
        add(trs, "webhook_endpoints", webhook_endpoint_id=endpoint, application_user_id=user, address=LINK)
        body = json.dumps({"trnRequest": {"accessYourTeachingQualificationsLink": LINK}})
        add(trs, "webhook_messages", webhook_endpoint_id=endpoint, data=body, failed_requests=[f"Signature: {MARK}"])
        add(trs, "integration_transaction_records", row_data=LINK)


_CHANGED = """
update events set published = not published;
update process_events set created_on = created_on + interval '1 day';
update emails set sent_on = now();
update processes set process_type = process_type + 1;
update support_tasks set updated_on = now();
update one_login_users set email_address = 'a@example.org';
update users set name = 'y', client_secret = client_secret || 'x';
"""


@pytest.mark.slow
def test_what_is_planted_at_the_source_is_nowhere_in_the_warehouse(prepared: FreshDatabases) -> None:
    """By the first copy and by the stream, in tables, logs, history and the bytes of every file; then a repair."""
    world = prepared
    plant(world)
    replicate(world, Silent())
    with world.at_source() as trs:
        trs.execute(_CHANGED)
        for event_name, payload in EVENTS.values():
            add(trs, "process_events", event_name=event_name, payload=json.dumps(payload), person_ids=[])
    replicate(world, Silent())
    repair(world, Silent(), depth="all")
    with world.at_warehouse() as warehouse:
        tables = warehouse.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables"
            " where schemaname not in ('pg_catalog', 'information_schema')"
        ).fetchall()
        for (table,) in tables:
            query = f"select count(*) from {table} as t where t::text like '%{MARK}%'"
            assert warehouse.execute(query.encode()).fetchone() == (0,), table
        kept = warehouse.execute("select distinct payload from events where event_name = 'SignInLinkMadeEvent'")
        assert kept.fetchall() == [({},)]
        assert warehouse.execute("select data from support_tasks").fetchall() == [({"StatedTrn": "1"},)]
        warehouse.execute("checkpoint")
        folder = Path(str(warehouse.execute("show data_directory").fetchone()[0]))  # type: ignore[index]
        (oid,) = warehouse.execute("select oid from pg_database where datname = current_database()").fetchone() or ()
        assert list(files_with(folder / "base" / str(oid), [MARK.encode()])) == []
        ended = scan.scan(warehouse, load_classification(), Silent(), seconds=600)
        assert scan.places(warehouse, ended) == []
        # Of the event that no rule knows its number is reported, and nothing stops.
        assert ended.unlisted["process_events.payload"] == {"SignInLinkMadeEvent": 2}
    assert [one.code for one in status(world, pause=None).reasons] == ["kinds_not_listed", "kinds_not_listed"]


@pytest.mark.slow
def test_what_looks_like_a_secret_makes_the_status_fail_until_a_scan_is_clean(prepared: FreshDatabases) -> None:
    world, classification = prepared, load_classification()
    note = "00000000-0000-0000-0000-000000000009"
    with world.at_source() as trs:
        trs.execute("set session_replication_role = replica")
        add(trs, "notes", note_id=note, content=f"He sent me {LINK}")
        add(trs, "events", event_name="TrnAllocatedEvent", payload=json.dumps({"Trn": f"Bearer {MARK}"}), person_ids=[])
    replicate(world, Silent())
    with world.at_warehouse() as warehouse:
        ended = scan.scan(warehouse, classification, Silent(), seconds=600)
        found = [str(place) for place in scan.places(warehouse, ended)]
        assert found == [
            "events.payload Trn (replica, bearer, 1 rows)",
            "notes.content (replica, signed link, 1 rows)",
        ]
        with pytest.raises(SecretFound) as caught:
            standing.refuse(warehouse, ended)
        assert MARK not in str(vars(caught.value))
        ledger = warehouse.execute("select t::text from ledger.secrets_found as t").fetchall()
        assert ledger
        assert MARK not in str(ledger)
    reason = next(one for one in status(world, pause=None).reasons if one.code == "secrets_found")
    assert (reason.exit_code, SecretFound.exit_code) == (25, 25)
    with world.at_source() as trs:
        trs.execute("delete from events")
        trs.execute("update notes set content = 'cleared'")
    replicate(world, Silent())
    with world.at_warehouse() as warehouse:
        # Gone from the current rows, and still in versions: that is not clean.
        ended = scan.scan(warehouse, classification, Silent(), seconds=600)
        assert {place.place for place in scan.places(warehouse, ended)} <= {"log", "history"}
        assert not ended.is_clean
        exceptions = (
            NotSecret(column="notes.content", because="tried"),
            NotSecret(column="events.payload", key="Trn", because="x"),
        )
        allowed = classification.model_copy(update={"not_secrets": exceptions})
        assert scan.scan(warehouse, allowed, Silent(), seconds=600).is_clean
        assert [one.code for one in status(world, pause=None).reasons if one.state == "failed"] == []
        # A clean scan is not repeated: the next reads what came since, and everything when the rules changed.
        assert scan.scan(warehouse, allowed, Silent(), seconds=600).is_clean
        reads = warehouse.execute("select reads_from is null from ledger.secret_scans order by scan_id").fetchall()
        assert reads == [(True,), (True,), (True,), (False,)]
        assert not scan.scan(warehouse, classification, Silent(), seconds=600).is_clean
        assert scan.scan(warehouse, classification, Silent(), seconds=0).unfinished


@given(
    st.sampled_from(["Token", "clientSecret", "PASSWORD", "private_key", "OneLoginPrivateKeyPem", "api_key", "bearer"])
)
def test_a_key_that_names_a_secret_is_found_at_any_depth(name: str) -> None:
    document = {"a": [{"b": {name: MARK}}], "c": {"d": [{name: [MARK]}]}}
    assert {path for path, _ in forms.in_json(json.dumps(document))} == {f"a[].b.{name}", f"c.d[].{name}[]"}


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (f"see {LINK}", "signed link"),
        (f"https://x.example.org/f?a=1&sig={MARK}", "signed link"),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc", "private key"),
        ("Authorization: Bearer abcdefghijklmnop", "bearer"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig", "signed token"),
        ('password = "hunter22"', "named in a text"),
        ('{"trn_token": "abcdef123"}', "named in a text"),
    ],
)
def test_a_form_is_known_in_a_text(text: str, form: str) -> None:
    assert list(forms.in_text(text)) == [("", form)]


@pytest.mark.parametrize(
    "text", ["He forgot his password.", "a token of thanks", "The secretary called", "no signature"]
)
def test_ordinary_words_are_no_secret(text: str) -> None:
    assert list(forms.in_text(text)) == []


def test_the_identifier_of_a_key_is_no_key() -> None:
    assert list(forms.in_json(json.dumps({"ApiKey": {"ApiKeyId": "a0d7b1d2-7c55-4b53-a1a9-aa2e0d5e1a10"}}))) == []


def test_a_key_that_may_be_a_value_is_not_printed() -> None:
    assert list(forms.in_json(json.dumps({"QQ123456C": {"token": "abcdef"}}))) == [
        ("(a key).token", "named by its key")
    ]
