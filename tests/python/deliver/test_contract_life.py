"""A contract has a life: what its status, version, owner and agreement allow, each mistake refused before any file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest

from tests.python.deliver.delivering import World
from tests.python.deliver.world import GROUNDS, OCTOBER, column, document, write_contract
from warehouse.core.contracts import Agreement, Contract, Status, load_contract, load_contracts
from warehouse.core.errors import ContractBehind, ContractError, NotAgreed, WarehouseError
from warehouse.deliver.contract_fit import check_fit, examine_fit
from warehouse.deliver.owed import due

UNSIGNED: Final = {"agreement": "to be agreed: the head of testing signs it"}

Change = Callable[[dict[str, Any]], Any]


def _custom(name: str, value: object) -> Change:
    def change(given: dict[str, Any]) -> None:
        given["customProperties"] = [one for one in given["customProperties"] if one["property"] != name]
        if value is not None:
            given["customProperties"].append({"property": name, "value": value})

    return change


WRONG: Final[dict[str, tuple[Change, str]]] = {
    "no status": (lambda d: d.pop("status"), "status: is `None`; it must be one of proposed, draft"),
    "another status": (lambda d: d.update(status="live"), "status: is `live`; it must be one of proposed, draft"),
    "version banana": (lambda d: d.update(version="banana"), "version: is `banana`; it must be a semantic version"),
    "version of two numbers": (lambda d: d.update(version="1.0"), "version: is `1.0`"),
    "version with a zero before": (lambda d: d.update(version="1.02.0"), "version: is `1.02.0`"),
    "no team": (lambda d: d.pop("team"), "team.name: is missing"),
    "a team without a name": (lambda d: d.update(team={"description": "us"}), "team.name: is missing"),
    "no purpose": (lambda d: d.update(description={"usage": "x"}), "description.purpose: is missing"),
    "no agreement": (_custom("agreement", None), "customProperties.agreement: is missing"),
    "an agreement that says nothing": (_custom("agreement", "TBC"), "agreement: is `TBC`, which says nothing"),
    "a reference alone": (_custom("agreement", "DSA 12"), "agreement: needs a `reference` and the day"),
    "an agreement without a day": (_custom("agreement", {"reference": "DSA 12"}), "agreement: has a `reference`, the"),
    "an agreement of no day": (_custom("agreement", {"reference": "DSA 12", "signed": "soon"}), "is not an ISO date"),
    "a reference that is open": (
        _custom("agreement", {"reference": "to be agreed", "signed": "2026-01-31"}),
        "agreement.reference: is open, and a day is given",
    ),
    "a reference that says nothing": (
        _custom("agreement", {"reference": "n/a", "signed": "2026-01-31"}),
        "agreement.reference: is `n/a`, which says nothing",
    ),
    "an agreement that ends before it begins": (
        _custom("agreement", {"reference": "DSA 12", "signed": "2026-01-31", "until": "2026-01-30"}),
        "agreement.until: is before",
    ),
    "no legal basis": (_custom("legalBasis", None), "customProperties.legalBasis: is missing"),
    "a legal basis that says nothing": (_custom("legalBasis", "none"), "customProperties.legalBasis: is `none`"),
    "no rules of disclosure": (_custom("disclosureRules", None), "customProperties.disclosureRules: is missing"),
    "no retention": (lambda d: d["slaProperties"].pop(), "slaProperties.retention: must be a number of months"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_an_active_contract_lacks_is_refused(name: str, tmp_path: Path) -> None:
    change, words = WRONG[name]
    given = document()
    change(given)
    with pytest.raises(ContractError) as caught:
        load_contract(write_contract(tmp_path, given))
    assert words in caught.value.what
    assert (caught.value.exit_code, type(caught.value)) == (12, ContractError)


@pytest.mark.parametrize("status", [one.value for one in Status if not one.is_delivered])
def test_a_draft_may_lack_its_grounds_and_nothing_is_owed_under_it(status: str, tmp_path: Path) -> None:
    given = document(agreement=None, legalBasis=None, disclosureRules=None) | {"status": status}
    given["customProperties"] = [one for one in given["customProperties"] if one["value"] is not None]
    del given["team"], given["description"]
    contract = load_contract(write_contract(tmp_path, given))
    assert contract.status == status
    assert due([contract], _Nothing(), OCTOBER) == []


@pytest.mark.parametrize("status", [one.value for one in Status if one.is_delivered])
def test_what_is_active_or_deprecated_is_owed(status: str, tmp_path: Path) -> None:
    contract = load_contract(write_contract(tmp_path, document() | {"status": status}))
    assert [one.delivery_id for one in due([contract], _Nothing(), OCTOBER)] == ["dandi/teachers/2026-09"]


class _Nothing:
    def states(self) -> dict[str, Any]:
        return {}


def test_two_contracts_have_two_ids(tmp_path: Path) -> None:
    write_contract(tmp_path, document())
    write_contract(tmp_path, document("tad") | {"id": "TEST-dandi"})
    with pytest.raises(ContractError, match=r"tad/teachers\.odcs\.yaml: id: `TEST-dandi` is that of .*dandi/teachers"):
        load_contracts(tmp_path)


def test_status_and_agreement_may_change_under_one_version(tmp_path: Path) -> None:
    def digest(status: str = "active", **custom: Any) -> str:
        return load_contract(write_contract(tmp_path, document(**custom) | {"status": status})).content_sha256

    assert digest() == digest("deprecated", **UNSIGNED)
    assert digest() != digest(legalBasis="Another one.")


WHEN: Final = [
    ({}, None),
    (UNSIGNED, "no agreement is signed (to be agreed: the head of testing signs it)"),
    ({"legalBasis": "To be agreed: the data protection officer"}, "the legal basis is open"),
    ({"agreement": {"reference": "DSA 12", "signed": "2026-10-04"}}, "is of 2026-10-04, a day to come"),
    ({"agreement": {"reference": "DSA 12", "signed": "2026-01-01", "until": "2026-10-02"}}, "ended on 2026-10-02"),
    ({"agreement": {"reference": "DSA 12", "signed": "2026-10-03", "until": "2026-10-03"}}, None),
]


@pytest.mark.parametrize(("custom", "why"), WHEN, ids=lambda value: str(value)[:40])
def test_which_agreement_holds_on_a_day(custom: dict[str, Any], why: str | None, tmp_path: Path) -> None:
    found = load_contract(write_contract(tmp_path, document(**custom))).grounds.why_not_agreed(OCTOBER)
    assert found is None if why is None else why in (found or "")


# ---- deliveries


def test_a_retired_contract_is_not_delivered_and_a_deprecated_one_is(world: World) -> None:
    write_contract(world.exports, document() | {"status": "retired"})
    # No destination is needed for what is not delivered, either.
    elsewhere = {"server": "there", "type": "sftp", "location": "sftp://x"}
    write_contract(world.exports, document("tad") | {"status": "draft", "servers": [elsewhere]})
    assert world.run() == []
    assert world.state() == "none"
    write_contract(world.exports, document() | {"status": "deprecated"})
    assert [one.delivery_id for one in world.run()] == ["dandi/teachers/2026-09"]


def test_real_people_are_never_delivered_without_an_agreement(world: World) -> None:
    """Also not to a folder; another contract, under which all is agreed, is delivered in the same run."""
    write_contract(world.exports, document(**UNSIGNED))
    write_contract(world.exports, document("tad", "csv"))
    with world.building(OCTOBER) as connection:
        connection.execute("create table extracts.tad_teachers as table extracts.dandi_teachers")
    with pytest.raises(NotAgreed, match="no agreement is signed") as caught:
        world.run()
    assert caught.value.exit_code == 94
    assert (world.state(), world.state("tad/teachers/2026-09")) == ("none", "closed")
    write_contract(world.exports, document())
    world.run()
    assert world.state() == "closed"


def test_made_up_people_are_delivered_to_a_folder_meanwhile(world: World) -> None:
    write_contract(world.exports, document(**UNSIGNED))
    with world.building() as connection:
        connection.execute("insert into ledger.source_people (synthetic) values (true)")
    world.run()
    assert world.state() == "closed"


# ---- contracts beside their models, as doctor, `contract check` and each run look at them

MODEL: Final = """
models:
  - name: dandi_teachers
    description: One row per person record.
    config: {contract: {enforced: true}, meta: {grain: [trn]}}
    columns:
      - {name: trn, data_type: string, description: '{{ doc("trn") }}'}
      - {name: last_name, data_type: string, description: '{{ doc("last_name") }}'}
      - {name: national_insurance_number, data_type: string, description: '{{ doc("national_insurance_number") }}'}
      - {name: qts_date, data_type: date, description: '{{ doc("qts_date") }}'}
      - {name: establishment_urn, data_type: integer, description: '{{ doc("urn") }}'}
"""


class Fitting:
    """A contract and its model, in folders of their own."""

    def __init__(self, folder: Path) -> None:
        self.exports, self.models = folder / "exports", folder / "models"
        self.manifest = folder / "manifest.json"
        self.model = self.models / "extracts" / "dandi" / "dandi_teachers.yml"
        self.model.parent.mkdir(parents=True)
        self.model.write_text(MODEL)
        self.given = document()
        self.given["schema"][0]["properties"] = [
            column("trn", "string", "text", "personal", primaryKey=True, required=True),
            column("national_insurance_number", "string", "text", "sensitive"),
            column("establishment_urn", "integer", "integer"),
        ]

    def contract(self) -> Contract:
        return load_contract(write_contract(self.exports, self.given))

    def check(self) -> None:
        check_fit([self.contract()], self.manifest, self.models)

    def examine(self, *, synthetic: bool = False) -> dict[str, str]:
        found = examine_fit([self.contract()], OCTOBER, synthetic=synthetic, manifest=self.manifest, models=self.models)
        return {one.what: one.state for one in found}

    def column(self, position: int, **changes: Any) -> None:
        self.given["schema"][0]["properties"][position].update(changes)

    def write_manifest(self, *, newer: bool = True, **changes: dict[str, Any] | None) -> None:
        """As dbt would write it; with other columns, or without those that are None."""
        columns: dict[str, Any] = {
            "trn": {"data_type": "string", "doc_blocks": ["doc.teaching_record_warehouse.trn"]},
            "national_insurance_number": {
                "data_type": "string",
                "doc_blocks": ["doc.teaching_record_warehouse.national_insurance_number"],
            },
            "establishment_urn": {"data_type": "integer", "doc_blocks": ["doc.teaching_record_warehouse.urn"]},
        }
        kept = {name: one for name, one in (columns | changes).items() if one is not None}
        node = {"resource_type": "model", "name": "dandi_teachers", "columns": kept}
        self.manifest.write_text(json.dumps({"nodes": {"model.x.dandi_teachers": node} if kept else {}}))
        day = self.model.stat().st_mtime + (60 if newer else -60)
        os.utime(self.manifest, (day, day))


@pytest.fixture
def fitting(tmp_path: Path) -> Fitting:
    return Fitting(tmp_path)


def _codes_of(*codes: str) -> dict[str, Any]:
    return {
        "name": "known",
        "type": "library",
        "metric": "invalidValues",
        "arguments": {"validValues": list(codes)},
        "mustBe": 0,
    }


MISFITS: Final[dict[str, tuple[Callable[[Fitting], Any], type[WarehouseError], str]]] = {
    "typo in a column": (
        lambda f: f.column(1, name="national_insurence_number"),
        ContractError,
        "has no column `national_insurence_number` (is it `national_insurance_number`?)",
    ),
    "a column that the model lost": (
        lambda f: f.model.write_text(MODEL.replace("establishment_urn", "establishment_number")),
        ContractError,
        "has no column `establishment_urn`",
    ),
    "model missing": (lambda f: f.model.unlink(), ContractError, "There is no model dandi_teachers"),
    "NINO open": (
        lambda f: f.column(1, classification="open"),
        ContractBehind,
        "national_insurance_number is open, and sensitive in model dandi_teachers",
    ),
    "a model that is newer: wider": (
        lambda f: f.model.write_text(MODEL.replace("data_type: integer", "data_type: bigint")),
        ContractError,
        "establishment_urn is integer, and bigint in model dandi_teachers",
    ),
    "a model that is newer: another type": (
        lambda f: f.model.write_text(MODEL.replace("data_type: integer", "data_type: string")),
        ContractError,
        "establishment_urn is integer, and text in model",
    ),
    "a code that readers take for missing": (
        lambda f: f.column(1, quality=[_codes_of("Yes", "None", "NA")]),
        ContractError,
        "allows `NA`, `None`, which pandas and R's readers take for a missing value",
    ),
    "a column that is not in what dbt read": (
        lambda f: f.write_manifest(establishment_urn=None),
        ContractError,
        "in dbt's manifest has no column `establishment_urn`",
    ),
    "a class that dbt read": (
        lambda f: f.write_manifest(
            establishment_urn={"data_type": "integer", "doc_blocks": ["doc.x.national_insurance_number"]}
        ),
        ContractBehind,
        "establishment_urn is open, and sensitive in model dandi_teachers in dbt's manifest",
    ),
    "a model that dbt does not know": (
        lambda f: f.write_manifest(trn=None, national_insurance_number=None, establishment_urn=None),
        ContractError,
        "dbt's manifest has no model dandi_teachers",
    ),
}


@pytest.mark.parametrize("name", MISFITS)
def test_what_does_not_fit_its_model_is_found_before_anything_is_built(name: str, fitting: Fitting) -> None:
    change, kind, words = MISFITS[name]
    fitting.check()
    change(fitting)
    with pytest.raises(kind) as caught:
        fitting.check()
    assert words in caught.value.what
    assert caught.value.exit_code == {ContractError: 12, ContractBehind: 37}[kind]
    assert {state for what, state in fitting.examine().items() if words in what} == {"failed"}
    fitting.given["status"] = "draft"
    fitting.check()


def test_an_older_manifest_or_half_of_one_says_nothing(fitting: Fitting) -> None:
    fitting.write_manifest(newer=False, establishment_urn=None)
    fitting.check()
    fitting.manifest.write_text('{"nodes": {')
    fitting.check()


def test_what_is_in_order_is_one_line(fitting: Fitting) -> None:
    fitting.write_manifest()
    fitting.column(0, description=_meaning("trn"))
    found = fitting.examine()
    assert found["1 of 1 are delivered and fit their models"] == "ok"


def _meaning(term: str) -> str:
    from warehouse.core.terms import load_terms

    return load_terms()[term].meaning


@pytest.mark.parametrize(
    ("change", "synthetic", "state", "words"),
    [
        (lambda f: f.given.update(status="retired"), False, "warning", "is retired: nothing is delivered under it"),
        (lambda f: f.given.update(status="deprecated"), False, "warning", "is deprecated, and still delivered"),
        (_custom("agreement", UNSIGNED["agreement"]), False, "failed", "no agreement is signed"),
        (_custom("agreement", UNSIGNED["agreement"]), True, "warning", "only made-up people are delivered"),
        (lambda f: f.column(0, description="Another."), False, "warning", "is older than its model: the table"),
    ],
)
def test_what_a_person_should_know(
    change: Callable[[Any], Any], synthetic: bool, state: str, words: str, fitting: Fitting
) -> None:
    change(fitting.given if getattr(change, "__name__", "") == "change" else fitting)
    assert [now for what, now in fitting.examine(synthetic=synthetic).items() if words in what] == [state]


def test_the_contracts_of_the_product_fit_their_models() -> None:
    contracts = load_contracts()
    check_fit(contracts)
    found = examine_fit(contracts, date(2026, 11, 29), synthetic=True)
    assert {one.state for one in found} <= {"ok", "warning"}


def test_no_contract_of_the_product_claims_an_agreement_that_nobody_signed() -> None:
    """Who may sign is outside this repository: take a contract out of this rule together with its signature."""
    for contract in load_contracts():
        assert not isinstance(contract.grounds.agreement, Agreement), contract.path
        assert contract.grounds.owner, contract.path


def test_the_grounds_are_read_as_they_are_written(tmp_path: Path) -> None:
    found = load_contract(write_contract(tmp_path, document())).grounds
    assert str(found.agreement) == "Test 1, signed 2020-01-31"
    assert (found.owner, found.legal_basis) == ("Testers", GROUNDS["legalBasis"])
