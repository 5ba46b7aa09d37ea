"""Contracts repeat their models word for word, and bringing them up to date touches nothing that a person wrote."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from warehouse.core.contracts import EXPORTS, ExtractName, load_contract, load_contracts
from warehouse.core.contracts.change_rules import is_of_changes
from warehouse.core.contracts.extract_model import ExtractModel, ModelColumn, extract_model
from warehouse.core.contracts.new import new_contract
from warehouse.core.contracts.place import contract_files
from warehouse.core.contracts.sync import Synced, models_of, sync, synced
from warehouse.core.errors import ContractError, UsageError
from warehouse.core.terms import load_terms

TRN = ModelColumn("trn", "Teacher reference number.", "personal", "text", True)
BORN = ModelColumn("born", "Date of birth.", "sensitive", "date", False)
HOURS = ModelColumn("hours", "Hours a week.", "open", "integer", False)
MODEL = ExtractModel("tps_people", "One row per person.", ("trn",), (TRN, BORN, HOURS))

CONTRACT = """\
# What TPS receives.
id: trw-tps-people
schema:
  - name: people   # their word
    description: >-
      One row per person.
    properties:
      # The key comes first.
      - name: trn
        description: >-
          Teacher reference number.

        # agreed in 2026
        primaryKey: true
        logicalType: string
        physicalType: text   # not a number
        required: true
        classification: personal
        logicalTypeOptions:
          pattern: '^[0-9]{7}$'
      - name: born
        description: Date of birth.
        logicalType: 'date'
        physicalType: "date"
        classification: sensitive   # never open
        quality:
          - name: born is known
            type: library
            metric: nullValues
            mustBe: 0
      - name: hours
        description: Hours a week.
        logicalType: integer
        physicalType: integer
        classification: open
# the end
"""


def run(text: str, model: ExtractModel = MODEL) -> Synced:
    return synced(Path("exports/tps/people.odcs.yaml"), text.encode(), [model])


def changed(**columns: ModelColumn | None) -> ExtractModel:
    """The model with other columns in the place of those of these names; None for one that is gone."""
    known = {column.name: column for column in MODEL.columns} | columns
    return replace(MODEL, columns=tuple(column for column in known.values() if column))


# By their files: a contract that cannot be loaded is for this test to name, and change files have no model.
@pytest.mark.parametrize(
    "path",
    [path for path in contract_files() if not is_of_changes(path)],
    ids=lambda path: str(ExtractName.of_file(path)),
)
def test_each_contract_of_the_product_says_what_its_model_says(path: Path) -> None:
    found = sync(path, models_of(path, load_terms()))
    assert found.changes == (), "run `warehouse contract sync`"
    assert found.content == path.read_bytes()


def test_nothing_to_change_changes_no_byte() -> None:
    assert run(CONTRACT).content.decode() == CONTRACT
    assert run(CONTRACT).changes == ()


def test_only_the_values_that_follow_from_the_model_are_rewritten() -> None:
    model = changed(
        born=replace(BORN, description="The day on which " * 12 + "the person was born."),
        hours=replace(HOURS, physical_type="bigint", classification="personal", required=True),
    )
    done = run(CONTRACT, replace(model, description="One row per live person."))
    after = done.content.decode()
    assert [(one.place, one.key) for one in done.changes] == [
        ("the table", "description"),
        ("born", "description"),
        ("hours", "physicalType"),
        ("hours", "required"),
        ("hours", "classification"),
    ]
    expected = CONTRACT.replace("      One row per person.\n", "      One row per live person.\n")
    expected = expected.replace("physicalType: integer\n", "physicalType: bigint\n        required: true\n")
    expected = expected.replace("classification: open\n", "classification: personal\n")
    (folded,) = re.findall(r"description: >-\n((?: {10}The day.*\n)(?: {10}.*\n)*)", after)
    assert all(len(line) <= 112 for line in folded.splitlines())
    assert after == expected.replace("description: Date of birth.\n", f"description: >-\n{folded}")


def test_a_name_alone_is_filled_in_and_a_column_that_nobody_named_stays_behind() -> None:
    done = run(
        CONTRACT.replace("# the end", "      - name: urn   # since 2027\n# the end"),
        changed(
            urn=ModelColumn("urn", "Unique reference number.", "open", "integer", True),
            note=ModelColumn("note", "Anything.", "sensitive", "text", False),
        ),
    )
    assert done.left_behind == ("note",)
    assert done.content.decode() == CONTRACT.replace(
        "# the end",
        "      - name: urn   # since 2027\n"
        "        description: >-\n"
        "          Unique reference number.\n"
        "        logicalType: integer\n"
        "        physicalType: integer\n"
        "        required: true\n"
        "        classification: open\n"
        "# the end",
    )


def test_what_is_agreed_beyond_the_model_stays() -> None:
    """A stricter class, a type that holds more, and a promise that nothing is missing."""
    looser = changed(
        trn=replace(TRN, classification="open", required=False),
        hours=replace(HOURS, physical_type="smallint"),
    )
    assert run(CONTRACT, looser).changes == ()
    sized = CONTRACT.replace("physicalType: text ", "physicalType: varchar(7) ")
    assert run(sized).changes == ()


def test_a_column_that_is_gone_from_the_model_is_a_question_for_a_person() -> None:
    with pytest.raises(ContractError, match="column born: tps_people has no such column") as caught:
        run(CONTRACT, changed(born=None))
    assert caught.value.exit_code == 12


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("      - name: hours\n        description: Hours a week.\n", "      - name: born\n", "`born` is listed twice"),
        ("  - name: people ", "  - name: others\n  - name: people ", "has 2 tables, and 1 are expected"),
        ("        classification: open\n", "        classification: *c\n", "undefined alias"),
        ("id: trw-tps-people\n", "id: x\nid: y\n", "is there twice"),
        ("      - name: trn\n", "      - trn\n      - name: trn\n", "has no name"),
    ],
)
def test_a_file_that_is_no_contract_is_refused(before: str, after: str, words: str) -> None:
    assert before in CONTRACT
    with pytest.raises(ContractError, match=words):
        run(CONTRACT.replace(before, after))


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (
            "        classification: sensitive   # never open\n",
            "        classification: &c sensitive\n        x: *c\n",
            "born",
        ),
        (CONTRACT[CONTRACT.index("- name: hours") : CONTRACT.index("# the end")], "- {name: hours}\n", "in braces"),
    ],
)
def test_what_cannot_be_rewritten_in_place_is_left_to_a_person(before: str, after: str, words: str) -> None:
    text = CONTRACT.replace(before, after)
    model = changed(born=replace(BORN, classification="personal"))
    try:
        done = run(text, model)
    except ContractError as error:
        assert words in error.what
    else:
        assert done.changes == (), "a class is never lowered"


def test_an_alias_is_not_written_over_at_the_place_that_it_names() -> None:
    text = CONTRACT.replace("classification: personal", "classification: &class personal").replace(
        "classification: open", "classification: *class"
    )
    with pytest.raises(ContractError, match="has an alias as its classification"):
        run(text, changed(hours=replace(HOURS, classification="sensitive")))


def test_line_ends_of_another_system_stay() -> None:
    done = run(
        CONTRACT.replace("\n", "\r\n"), changed(hours=replace(HOURS, required=True, description="Weekly hours."))
    )
    assert b"\n" not in done.content.replace(b"\r\n", b"")
    assert b"        description: >-\r\n          Weekly hours.\r\n" in done.content


@given(
    places=st.sets(st.integers(0, CONTRACT.count("\n")), max_size=12),
    style=st.sampled_from([">-", "|", ">", "'", '"', "plain"]),
    description=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1).map(
        lambda text: " ".join(text.split())
    ),
    classification=st.sampled_from(["open", "personal", "sensitive"]),
    physical=st.sampled_from(["text", "integer", "bigint", "date", "numeric(6,2)", "timestamp with time zone"]),
    required=st.booleans(),
)
def test_in_any_layout_comments_stay_where_they_are(
    places: set[int], style: str, description: str, classification: str, physical: str, required: bool
) -> None:
    """Comments anywhere, descriptions in any style: the result reads as the model says, and loses no comment."""
    lines = CONTRACT.replace("description: Hours a week.", _styled("Hours a week.", style)).splitlines()
    for place in sorted(places, reverse=True):
        if not lines[place - 1].endswith((">-", ">", "|")):  # no comment may stand there
            lines.insert(place, f"# note {place}")
    text = "\n".join(lines) + "\n"
    column = ModelColumn("hours", description or "x", classification, physical, required)
    after = run(text, changed(hours=column)).content.decode()
    # A description may hold a sign that looks like the beginning of a comment, which is none.
    comments = re.findall(r"#.*", text)
    assume(description not in comments)
    assert [one for one in re.findall(r"#.*", after) if one in comments] == comments
    hours = yaml.safe_load(after)["schema"][0]["properties"][2]
    assert " ".join(hours["description"].split()) == column.description
    assert (hours["physicalType"], hours["classification"]) == (
        "integer" if physical == "integer" else physical,
        classification,
    )
    again = run(after, changed(hours=column))
    assert (again.changes, again.content.decode()) == ((), after)


def _styled(text: str, style: str) -> str:
    if style in ("'", '"'):
        return f"description: {style}{text}{style}"
    return f"description: {text}" if style == "plain" else f"description: {style}\n          {text}"


FILLED: dict[str, str] = {
    "'FILL IN: csv or parquet'": "csv",
    "'FILL IN: the day of the following month from which a delivery is owed, 1 to 28'": "3",
    "'FILL IN: the day, as 2026-01-31'": "2026-01-31",
    "'FILL IN: for how many months the recipient may keep a file'": "12",
}


def fill(text: str) -> str:
    """A new contract with its gaps filled, as a person would."""
    for gap, value in FILLED.items():
        assert gap in text, gap
        text = text.replace(gap, value)
    text = re.sub(r"type: 'FILL IN: local, gcs[^']*'", "type: sftp\n    location: sftp://user@host/path", text)
    text = re.sub(r"'FILL IN: the list of columns[^']*'", "[trn]", text)
    text = re.sub(r"'FILL IN:([^']*)'", r"'Written:\1'", text)
    return text.replace("- name: trn\n", "- name: trn\n        primaryKey: true\n")


def test_a_new_contract_waits_for_a_person_and_is_sound_when_its_gaps_are_filled(tmp_path: Path) -> None:
    path = new_contract(ExtractName("tps", "people"), MODEL, tmp_path)
    assert path == tmp_path / "tps" / "people.odcs.yaml"
    text = path.read_text()
    with pytest.raises(ContractError) as caught:
        load_contract(path)
    assert caught.value.what.count("FILL IN") == 0
    assert f"{text.count('FILL IN: ')} gaps" in caught.value.what
    for place in ("description.purpose: why", "customProperties[sortKey].value", "slaProperties[dueDay].value"):
        assert place in caught.value.what
    assert sync(path, [MODEL]).changes == ()
    path.write_text(fill(text))
    contract = load_contract(path)
    assert [(one.name, one.classification, one.required) for one in contract.columns] == [
        ("trn", "personal", True),
        ("born", "sensitive", False),
        ("hours", "open", False),
    ]
    assert (contract.schedule.due_day, contract.retention_months, contract.as_at_column) == (3, 12, None)
    day = ModelColumn("as_at_date", "The day that the rows describe.", "open", "date", True)
    dated = replace(MODEL, name="tps_staff", columns=(*MODEL.columns, day))
    path = new_contract(ExtractName("tps", "staff"), dated, tmp_path)
    path.write_text(fill(path.read_text()))
    assert load_contract(path).as_at_column == "as_at_date"


def test_a_contract_with_a_gap_is_never_delivered(tmp_path: Path) -> None:
    """Deliveries, doctor and `deliveries due` read contracts by the same door."""
    new_contract(ExtractName("tps", "people"), MODEL, tmp_path)
    with pytest.raises(ContractError, match="gaps that a person still has to fill"):
        load_contracts(tmp_path)


def test_a_contract_that_is_there_is_left_alone(tmp_path: Path) -> None:
    path = new_contract(ExtractName("tps", "people"), MODEL, tmp_path)
    path.write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        new_contract(ExtractName("tps", "people"), MODEL, tmp_path)
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    "name",
    "|teachers|tad/|/teachers|../tad/teachers|tad/../x|tad/teachers/x|TAD/teachers|tad/t\n|tad/é|tad/-x|tad\\teachers"
    f"|tad/x.odcs.yaml|tad/tea chers|tad/{'x' * 51}|tad/%2e".split("|"),
)
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is not the name of an extract"):
        ExtractName.parse(name)


MODEL_YAML = """
models:
  - name: tps_people
    description: People.
    config: {contract: {enforced: true}, meta: {grain: [trn]}}
    columns:
      - {name: trn, data_type: string, description: '{{ doc("trn") }}'}
      - name: qts_date
        data_type: date
        description: '{{ doc("qts_date") }}'
        config: {meta: {required: true, warns: {required: Not every record has it.}}}
      - {name: eyts_date, data_type: date, description: '{{ doc("eyts_date") }}', config: {meta: {required: true}}}
"""

SPOILED: dict[str, tuple[Callable[[str], str], str]] = {
    "no contract": (lambda text: text.replace("contract: {enforced: true}, ", ""), "enforces no contract"),
    "no columns": (lambda text: text[: text.index("    columns")], "lists no columns"),
    "a type of no file": (lambda text: text.replace("data_type: date", "data_type: interval"), "no file can carry"),
    "no term": (lambda text: text.replace('{{ doc("trn") }}', "Number"), "is not a term of the field dictionary"),
}


def _write(folder: Path, text: str) -> Path:
    file = folder / "extracts" / "tps" / "tps_people.yml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    return folder


def test_a_model_is_read_with_the_dictionary(tmp_path: Path) -> None:
    dictionary = load_terms()
    found = extract_model(ExtractName("tps", "people"), dictionary, _write(tmp_path, MODEL_YAML))
    assert (found.name, found.grain) == ("tps_people", ("trn",))
    assert [(one.name, one.classification, one.physical_type, one.required) for one in found.columns] == [
        ("trn", dictionary["trn"].classification, "text", True),
        ("qts_date", dictionary["qts_date"].classification, "date", False),
        ("eyts_date", dictionary["eyts_date"].classification, "date", True),
    ]


@pytest.mark.parametrize("name", SPOILED)
def test_a_model_that_says_too_little_is_refused(name: str, tmp_path: Path) -> None:
    spoil, words = SPOILED[name]
    with pytest.raises(Exception, match=words) as caught:
        extract_model(ExtractName("tps", "people"), load_terms(), _write(tmp_path, spoil(MODEL_YAML)))
    assert getattr(caught.value, "next_command", "")


def test_an_extract_without_a_model_is_refused() -> None:
    with pytest.raises(ContractError, match="There is no model ofsted_nothing") as caught:
        extract_model(ExtractName("ofsted", "nothing"), load_terms())
    assert "tad_teachers" in caught.value.next_command
    assert not (EXPORTS / "ofsted").exists()
