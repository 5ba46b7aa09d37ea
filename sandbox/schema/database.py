"""Makes and removes the operational database: runs the SQL files of `ddl/` in order, then loads `seeds/`."""

import csv
import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

import psycopg
from psycopg import sql

_HOME: Final = files("sandbox.schema")
_COLLATE_CLAUSE: Final = " COLLATE case_insensitive"

# Parents first, so that the foreign keys hold while the seeds load.
SEEDED_TABLES: Final = (
    "alert_categories",
    "alert_types",
    "countries",
    "degree_types",
    "establishment_sources",
    "establishments",
    "induction_exemption_reasons",
    "induction_statuses",
    "mandatory_qualification_providers",
    "route_to_professional_status_types",
    "support_task_types",
    "tps_establishment_types",
    "training_subjects",
    "trn_ranges",
)


class OperationalSchemaExistsError(RuntimeError):
    """The database already holds tables of the operational schema."""


def _ddl_files() -> list[Traversable]:
    return sorted((f for f in (_HOME / "ddl").iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)


def _tables() -> tuple[str, ...]:
    text = "\n".join(f.read_text(encoding="utf-8") for f in _ddl_files())
    return tuple(name for name in re.findall(r"^CREATE TABLE ([\w.]+)", text, re.MULTILINE) if "." not in name)


TABLES: Final = _tables()
"""Names of the 59 operational tables, in the order of the DDL."""


def create(connection: psycopg.Connection) -> None:
    """Create all tables, constraints, indexes, functions and triggers, and load the seeds.

    Works for any owner of the database (no superuser rights needed); the objects go to the first schema of the search
    path, the world's clock to the schema `sandbox`. On a server with ICU the text columns that compare without case
    get the collation `case_insensitive`; on one without, the same DDL runs with that clause left out. Runs in one
    transaction (a savepoint if one is open already): after an error nothing is left behind.

    Raises OperationalSchemaExistsError if any of the tables is there already.
    """
    present = _present(connection)
    if present:
        raise OperationalSchemaExistsError(
            f"The database already has {len(present)} of the operational tables ({present[0]}, ...). "
            "Nothing was changed. Use sandbox.schema.drop first, or another database."
        )
    with connection.transaction():
        has_icu = _create_collation(connection)
        connection.execute("CREATE EXTENSION IF NOT EXISTS btree_gin")
        for file in _ddl_files():
            text = file.read_text(encoding="utf-8")
            # Files of this package, never input: psycopg's type asks for a literal to keep values out of SQL text.
            connection.execute((text if has_icu else text.replace(_COLLATE_CLAUSE, "")).encode())
        for table in SEEDED_TABLES:
            _load_seed(connection, table)


def drop(connection: psycopg.Connection) -> None:
    """Remove everything that `create` made (the extension btree_gin stays). Does nothing where nothing is there."""
    with connection.transaction():
        for table in TABLES:
            connection.execute(sql.SQL("DROP TABLE IF EXISTS {} CASCADE").format(sql.Identifier(table)))
        for function in re.findall(
            r"CREATE FUNCTION (\w+)\(", "\n".join(f.read_text(encoding="utf-8") for f in _ddl_files())
        ):
            connection.execute(sql.SQL("DROP FUNCTION IF EXISTS {} CASCADE").format(sql.Identifier(function)))
        connection.execute("DROP SEQUENCE IF EXISTS support_task_reference")
        connection.execute("DROP COLLATION IF EXISTS case_insensitive")
        connection.execute("DROP SCHEMA IF EXISTS sandbox CASCADE")


def seed_rows(table: str) -> list[dict[str, str]]:
    """Rows of one seed file as text, keyed by column; an empty string is a null. Raises KeyError if not seeded."""
    if table not in SEEDED_TABLES:
        raise KeyError(f"{table} has no seed; seeded tables: {', '.join(SEEDED_TABLES)}")
    with (_HOME / "seeds" / f"{table}.csv").open(encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def _create_collation(connection: psycopg.Connection) -> bool:
    """True if the server has ICU. Asking it to make the collation is the only sure question: the catalogue lists
    a few ICU collations on servers built without ICU too."""
    try:
        with connection.transaction():
            connection.execute(
                "CREATE COLLATION case_insensitive (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
            )
    except psycopg.errors.FeatureNotSupported:
        return False
    return True


def _present(connection: psycopg.Connection) -> list[str]:
    rows = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' "
        "AND relname = ANY(%s) ORDER BY relname",
        (list(TABLES),),
    ).fetchall()
    return [str(row[0]) for row in rows]


def _load_seed(connection: psycopg.Connection, table: str) -> None:
    text = (_HOME / "seeds" / f"{table}.csv").read_text(encoding="utf-8")
    columns = text.split("\n", 1)[0].split(",")
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, HEADER)").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor:
        with cursor.copy(statement) as copy:
            copy.write(text)
        cursor.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attidentity <> '' AND attnum > 0",
            (table,),
        )
        for (column,) in cursor.fetchall():
            # Seeds bring their own numbers: move the identity past them.
            cursor.execute(
                sql.SQL("SELECT setval(pg_get_serial_sequence({}, {}), (SELECT max({}) FROM {}))").format(
                    sql.Literal(table), sql.Literal(column), sql.Identifier(column), sql.Identifier(table)
                )
            )
