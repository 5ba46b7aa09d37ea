"""What others' tools find in a delivery as it is shipped: in a Parquet file, in the manifest, and by their defaults."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pandas
import pyarrow as pa
import pyarrow.parquet
import pytest
from pandas._libs.parsers import STR_NA_VALUES  # type: ignore[attr-defined]

from tests.python.deliver.delivering import World
from tests.python.deliver.world import OCTOBER, document, write_contract
from warehouse.core import data_package
from warehouse.core.contracts import load_contract, load_contracts
from warehouse.core.errors import CheckFailed
from warehouse.deliver.check import check_files
from warehouse.deliver.contract_fit import MISSING_TO_READERS
from warehouse.deliver.edition import Edition
from warehouse.deliver.parquet_file import ParquetFile, file_schema
from warehouse.deliver.periods import Month
from warehouse.erase.columns import emptied

SEPTEMBER = "dandi/teachers/2026-09"


def manifest(world: World, delivery: str = SEPTEMBER) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((world.home / "deliveries" / delivery / "datapackage.json").read_bytes())
    return found


def data(world: World, kind: str = "parquet") -> Path:
    return world.place / "2026-09" / f"teachers-2026-09.{kind}"


# ---- Parquet


def test_a_parquet_file_says_what_its_fields_mean(world: World) -> None:
    world.run()
    schema = pyarrow.parquet.read_schema(data(world))
    contract = load_contract(world.exports / "dandi" / "teachers.odcs.yaml")
    assert {field.name: (field.metadata, field.nullable) for field in schema} == {
        column.name: (
            {b"description": column.description.encode(), b"classification": column.classification.encode()},
            not column.required,
        )
        for column in contract.columns
    }
    assert [field.name for field in schema if not field.nullable] == ["trn", "is_active"]
    about = {name.decode(): value.decode() for name, value in schema.metadata.items()}
    assert (about["contract_id"], about["contract_version"], about["as_at"]) == ("test-dandi", "1.0.0", "2026-10-03")
    # The file says it of each field to readers that know nothing of Arrow, too.
    there = pyarrow.parquet.ParquetFile(data(world)).schema
    assert [there.column(n).max_definition_level for n in (0, 1)] == [0, 1]


def test_the_same_rows_give_the_same_bytes_with_all_that_is_said_of_them(tmp_path: Path) -> None:
    contract = load_contract(write_contract(tmp_path, document()))
    row = b"0000001,Lovelace,1990-01-02,1.50,1,true,2026-09-01T10:00:00Z\n"
    content = set()
    for number in range(2):
        path = tmp_path / f"{number}.parquet"
        file = ParquetFile(path, contract, path.name, OCTOBER)
        file.write([row] * 3)
        file.close()
        content.add(path.read_bytes())
    assert len(content) == 1


def test_a_quasi_identifier_says_so(tmp_path: Path) -> None:
    given = document()
    given["schema"][0]["properties"][2]["tags"] = ["quasi-identifier"]
    schema = file_schema(load_contract(write_contract(tmp_path, given)), OCTOBER)
    assert schema.field("born").metadata[b"quasiIdentifier"] == b"true"
    assert b"quasiIdentifier" not in schema.field("urn").metadata


def test_a_required_value_that_is_missing_is_the_gates_to_report(world: World) -> None:
    """With the number of rows, and with all else that is wrong: the file is written as if it might be missing."""
    with world.building() as connection:
        connection.execute("update extracts.dandi_teachers set is_active = null where trn >= '0000198'")
        connection.execute("update extracts.dandi_teachers set trn = '0000003' where trn = '0000004'")
    with pytest.raises(CheckFailed, match=r"`is_active is required` \(is_active\): 3 rows") as caught:
        world.run(check=check_files)
    assert "rule `trn is unique` (trn): 2 rows" in caught.value.what


def test_a_required_column_that_is_withdrawn_later_may_be_emptied(world: World, tmp_path: Path) -> None:
    world.run()
    done = emptied(data(world), tmp_path / "after.parquet", {"is_active"})
    after = pyarrow.parquet.read_table(tmp_path / "after.parquet")
    assert (done.rows, after.column("is_active").null_count, after.column("trn").null_count) == (200, 200, 0)
    assert not after.schema.field("trn").nullable
    assert after.schema.field("is_active").metadata[b"description"] == b"The is_active."
    assert after.schema.metadata[b"as_at"] == b"2026-10-03"


# ---- the manifest


def test_the_hash_of_values_is_that_of_the_rows_whatever_wrote_them(world: World) -> None:
    write_contract(world.exports, document("tad", "csv"))
    with world.building() as connection:
        connection.execute("create table extracts.tad_teachers as table extracts.dandi_teachers")
    world.run()
    parquet, csv = manifest(world), manifest(world, "tad/teachers/2026-09")
    (one,), (other,) = parquet["resources"], csv["resources"]
    assert one["valuesHash"] == other["valuesHash"]
    assert one["hash"] != other["hash"]
    content = (world.home / "deliveries/tad/teachers/2026-09/teachers-2026-09.csv").read_bytes()
    # Whoever has the CSV file can make it again: the rows below the header, each ended by a line feed.
    rows = content.split(b"\r\n", 1)[1].replace(b"\r\n", b"\n")
    assert one["valuesHash"] == f"sha256:{hashlib.sha256(rows).hexdigest()}"


def test_another_value_is_another_hash(world: World) -> None:
    world.run()
    first = manifest(world)["resources"][0]["valuesHash"]
    with world.building() as connection:
        connection.execute("update extracts.dandi_teachers set urn = 5 where trn = '0000007'")
    write_contract(world.exports, document() | {"version": "1.0.1"})
    world.run(OCTOBER.replace(month=11))
    assert manifest(world, "dandi/teachers/2026-10")["resources"][0]["valuesHash"] != first


def test_values_that_no_file_can_hold_are_counted(world: World) -> None:
    with world.building() as connection:
        connection.execute("update extracts.dandi_teachers set born = 'infinity' where trn < '0000004'")
        connection.execute("update extracts.dandi_teachers set changed = '-infinity' where trn = '0000009'")
    world.run()
    assert manifest(world)["delivery"]["values_made_null"] == {"born": 3, "changed": 1}
    assert pyarrow.parquet.read_table(data(world)).column("born").null_count == 3


def test_the_count_is_of_all_parts_together(world: World) -> None:
    write_contract(world.exports, document(rowsPerFile=50))
    with world.building() as connection:
        connection.execute("update extracts.dandi_teachers set born = 'infinity' where trn < '0000004'")
    world.run()
    found = manifest(world)
    assert found["delivery"]["values_made_null"] == {"born": 3}
    assert len({one["valuesHash"] for one in found["resources"]}) == len(found["resources"]) == 4


def test_the_manifest_says_on_what_ground_and_whose_rows(world: World) -> None:
    with world.building() as connection:
        connection.execute("alter table ledger.epochs disable trigger user")
        columns = connection.execute(
            "select column_name, data_type from information_schema.columns where table_schema = 'ledger'"
            " and table_name = 'epochs' and is_nullable = 'NO' and column_default is null and is_identity = 'NO'"
        ).fetchall()
        given = {"source_system_id": "7312", "source_database": "trs"}
        values = {name: given.get(name, _SOME.get(kind, "x")) for name, kind in columns}
        names = ", ".join(values)
        connection.execute(
            f"insert into ledger.epochs ({names}) values ({', '.join(['%s'] * len(values))})".encode(),
            list(values.values()),
        )
    world.run()
    said = manifest(world)["delivery"]
    assert (said["source"], said["synthetic"], said["owner"]) == ("7312/trs", False, "Testers")
    assert said["agreement"] == "Test 1, signed 2020-01-31"
    assert (said["legal_basis"], said["disclosure_rules"]) == ("Nobody is real.", "Nothing is published.")


_SOME: dict[str, object] = {
    "integer": 1,
    "bigint": 1,
    "pg_lsn": "0/1",
    "timestamp with time zone": "2026-01-01",
    "boolean": True,
}


def test_a_manifest_of_rewritten_files_has_no_hash_of_rows_that_are_gone(world: World) -> None:
    world.run()
    content = (world.place / "2026-09" / "datapackage.json").read_bytes()
    (file,) = json.loads(content)["resources"]
    other = {file["path"]: {"hash": "sha256:0", "bytes": 1, "rows": 0}}
    for files, has_it in ((other, False), ({}, True)):
        after = json.loads(data_package.rewritten(content, files, "1 row removed"))
        assert [("valuesHash" in one) for one in after["resources"]] == [has_it]


# ---- readers' defaults


def test_what_pandas_takes_for_missing_is_on_the_list() -> None:
    assert set(STR_NA_VALUES) - {""} <= MISSING_TO_READERS


def test_no_code_of_the_product_is_lost_by_pandas(tmp_path: Path) -> None:
    for contract in load_contracts():
        for rule in contract.rules:
            codes = [str(one) for one in (rule.arguments or {}).get("value_set") or ()]
            path = tmp_path / "codes.csv"
            path.write_text("code\n" + "".join(f'"{one}"\n' for one in codes))
            assert pandas.read_csv(path, dtype=str)["code"].tolist() == codes, (contract.key, rule.name)


def test_what_a_contract_calls_the_local_files_is_where_they_are() -> None:
    """As datacontract-cli reads them: a pattern below the checkout, and a table of the schema's own name."""
    for contract in load_contracts():
        said = _document(contract.path)
        (local,) = [one for one in said["servers"] if one["server"] == "local"]
        assert local["path"].startswith(f"deliveries/{contract.recipient}/{contract.name}/*/")
        for table, one in zip(said["schema"], contract.tables, strict=True):
            file = Path("deliveries") / Edition(one, Month(2026, 9)).file_name(1)
            if contract.schedule.every == "month":
                assert file.match(local["path"].replace("{model}", table["name"])), local["path"]
            assert table["physicalName"] == table["name"]


def _document(path: Path) -> dict[str, Any]:
    import yaml

    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


def test_arrow_reads_a_file_as_pandas_does(world: World) -> None:
    world.run()
    assert isinstance(pyarrow.parquet.read_table(data(world)), pa.Table)
    assert list(pandas.read_parquet(data(world))["trn"][:2]) == ["0000001", "0000002"]
