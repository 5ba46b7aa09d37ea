"""What each statement of a migration would meet because of our publication. Pure.

A statement is harmless only if it is of a kind that is known to be. What is not understood is reported as such.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from warehouse.replicate.migration import harmless
from warehouse.replicate.migration.alter_table import alter_table
from warehouse.replicate.migration.place import (
    CLASSIFY,
    COMPARE,
    IDENTITY,
    Place,
    Said,
    Verdict,
    release_first,
    unknown,
)
from warehouse.replicate.migration.sent import Sent
from warehouse.replicate.migration.statements import Node, Statement

_NAMES_TYPES = ("OBJECT_TYPE", "OBJECT_DOMAIN", "OBJECT_EXTENSION")


@dataclass(frozen=True)
class Objection:
    """What is to be said of a statement.

    Attributes:
        verdict: refused by PostgreSQL; harmful: it runs, and replication or the source's own writes suffer; afterwards:
            it runs, and something is to be done in replication/trs.yml; or not understood.
        what: what would happen, in a sentence.
        do: what to do about it.
    """

    line: int
    statement: str
    verdict: Verdict
    what: str
    do: str


def judge(sent: Sent, statements: Sequence[Statement]) -> list[Objection]:
    """What is to be said of each statement, in their order; nothing of the harmless ones."""
    place = Place(sent)
    found = []
    for statement in statements:
        short = " ".join(statement.text.split())[:120]
        for verdict, what, do in _of(place, statement):
            found.append(Objection(statement.line, short, verdict, what, do))
    return found


def _of(place: Place, statement: Statement) -> Iterator[Said]:
    node = statement.node
    if node is None:
        yield unknown(f"it was not understood: {statement.problem}")
        return
    rule = _RULES.get(statement.kind)
    if statement.kind == "SelectStmt":
        yield from _released(place, node)
    if rule is not None:
        yield from rule(place, node)
    elif statement.kind not in harmless.STATEMENTS:
        yield unknown(f"what it does to what is published is not known ({statement.kind})")
    # What a function, a trigger or a view calls it calls later.
    if statement.kind not in ("CreateFunctionStmt", "CreateTrigStmt", "ViewStmt"):
        ours = f"{place.sent.name}.release"
        called = sorted({name for name in _functions(node) if name not in harmless.FUNCTIONS and name != ours})
        if called:
            yield unknown(f"it calls {', '.join(called)}, and what that does is not known")


def _functions(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for one in node:
            yield from _functions(one)
    elif isinstance(node, dict):
        for name, value in node.items():
            if name == "FuncCall":
                names = [part["String"]["sval"] for part in value["funcname"]]
                if names[0] != "pg_catalog":
                    yield ".".join(names)
            yield from _functions(value)


def _released(place: Place, node: Node) -> Iterator[Said]:
    """Calls of release(): from there on it is as if the columns were not published."""
    for target in node.get("targetList", []):
        call = target.get("ResTarget", {}).get("val", {}).get("FuncCall")
        names = [part["String"]["sval"] for part in call["funcname"]] if call else []
        if names != [place.sent.name, "release"]:
            continue
        given = [_text(one) for one in call.get("args", [])]
        if not given or any(one is None for one in given):
            yield unknown("what it releases is put together only when it runs")
            continue
        schema, _, table = str(given[0]).replace('"', "").rpartition(".")
        columns = {str(one) for one in given[1:]}
        if schema not in ("", place.sent.schema):
            continue
        keys = place.sent.keys.get(table, frozenset()) if place.sent.keys is not None else frozenset()
        if columns & keys:
            what = f"rows of {table} are identified by {', '.join(sorted(columns & keys))}, so release() refuses"
            yield "refused", what, f"Release the whole table: select {place.sent.name}.release('{schema}.{table}');"
            continue
        before = place.released.get(table, set())
        place.released[table] = None if not columns or before is None else before | columns
        what = f"{table}{'.' if columns else ''}{', '.join(sorted(columns))}"
        yield (
            "afterwards",
            f"it releases {what}: the warehouse keeps the last values",
            "When it has run: warehouse replicate apply; or leave it behind in replication/trs.yml",
        )


def _text(node: Node) -> str | None:
    node = node.get("TypeCast", {}).get("arg", node)
    value = node.get("A_Const", {}).get("sval", {}).get("sval")
    return str(value) if value is not None else None


# -- the rules: one for each kind of statement that may matter -----------------------------------------------------


def _rename(place: Place, node: Node) -> Iterator[Said]:
    kind, new = node["renameType"], str(node.get("newname", ""))
    table = place.table(node.get("relation"))
    if kind == "OBJECT_COLUMN" and node.get("relationType") == "OBJECT_TABLE":
        column = str(node["subname"])
        if column in place.published(table):
            what = f"{table}.{column} is published: the stream stops at the next change of a row, until a run holds it"
            yield "harmful", what, release_first(place, str(table), column)
    elif kind == "OBJECT_TABLE":
        if place.published(table):
            what = f"{table} is published: the stream stops at its next change, until a run holds it"
            yield "harmful", what, release_first(place, str(table), None)
        if new in place.sent.columns and new != table:
            yield "harmful", f"{new} is another table then: its rows are not the ones that were replicated", COMPARE
        if table is not None:
            place.renamed[new] = table
    elif kind == "OBJECT_SCHEMA":
        yield unknown("which tables move with a schema is not known")
    elif kind in ("OBJECT_ATTRIBUTE", "OBJECT_TYPE", "OBJECT_DOMAIN"):
        yield unknown("which published columns are of this type is not known")


def _move(place: Place, node: Node) -> Iterator[Said]:
    table = place.table(node.get("relation"))
    if node.get("objectType") == "OBJECT_TABLE":
        if place.published(table):
            yield (
                "harmful",
                f"{table} is published: the stream stops at its next change",
                release_first(place, str(table), None),
            )
        elif node.get("newschema") == place.sent.schema:
            yield "afterwards", "a table comes into the replicated schema", CLASSIFY
    elif node.get("objectType") in _NAMES_TYPES:
        yield unknown("which published columns are of this type is not known")


def _drop(place: Place, node: Node) -> Iterator[Said]:
    kind, cascade = node["removeType"], node.get("behavior") == "DROP_CASCADE"
    if kind == "OBJECT_TABLE":
        for one in node["objects"]:
            names = [part["String"]["sval"] for part in one["List"]["items"]]
            table = place.table({"relname": names[-1], **({"schemaname": names[-2]} if len(names) > 1 else {})})
            if place.published(table):
                what = f"{table} is published: its rows are kept in the warehouse as they were"
                yield "afterwards", what, f"Take {table} out of replication/trs.yml"
    elif kind == "OBJECT_INDEX":
        for one in node["objects"]:
            name = one["List"]["items"][-1]["String"]["sval"]
            if place.sent.rules is None:
                yield unknown(f"whether rows are identified by {name} is not known from replication/trs.yml alone")
            for table, rules in (place.sent.rules or {}).items():
                if name in rules and place.published(table):
                    yield "harmful", f"rows of {table} are identified by {name}: updates fail at the source", IDENTITY
    elif kind in ("OBJECT_SCHEMA", *_NAMES_TYPES):
        if cascade:
            yield unknown("which published columns and tables go with it (CASCADE) is not known")
    elif kind == "OBJECT_PUBLICATION":
        yield "harmful", "without the publication nothing is replicated", "Leave it out"
    elif cascade and kind not in ("OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_TRIGGER", "OBJECT_POLICY"):
        yield unknown("what goes with it (CASCADE) is not known")


def _publication(place: Place, node: Node) -> Iterator[Said]:
    if node.get("pubname") == place.sent.name:
        yield (
            "harmful",
            "the publication is the warehouse's: a table that was out of it has to be compared",
            f"Call {place.sent.name}.release(table, columns) instead",
        )


def _create_table(place: Place, node: Node) -> Iterator[Said]:
    relation = node.get("relation") or node.get("into", {}).get("rel")
    if relation is None or relation.get("relpersistence") == "t":
        if relation is not None:
            place.made.add(str(relation["relname"]))
        return
    name = str(relation["relname"])
    if relation.get("schemaname", place.sent.schema) != place.sent.schema:
        return
    if node.get("if_not_exists") and name in place.sent.known:
        return
    if name in place.sent.columns:
        # After a rename or a drop: another table under a name that is replicated.
        yield "harmful", f"{name} is another table then: its rows are not the ones that were replicated", COMPARE
    elif name not in place.sent.known:
        yield "afterwards", f"{name} is new: it is held back until it is classified", CLASSIFY
    place.made.add(name)


def _select(place: Place, node: Node) -> Iterator[Said]:
    if "intoClause" in node:
        yield from _create_table(place, {"into": node["intoClause"]})


def _alter_enum(_: Place, node: Node) -> Iterator[Said]:
    if node.get("oldVal"):
        yield (
            "afterwards",
            "columns of this type show another label, and no row changes",
            ("Rename the label in the warehouse as well, then: warehouse replicate run"),
        )
    else:
        yield (
            "afterwards",
            "the warehouse does not know the new label: the first row with it stops the stream",
            ("Add the label in the warehouse before"),
        )


def _copy(_: Place, node: Node) -> Iterator[Said]:
    if node.get("is_program"):
        yield unknown("it runs a program")


_RULES: dict[str, Callable[[Place, Node], Iterator[Said]]] = {
    "AlterTableStmt": alter_table,
    "RenameStmt": _rename,
    "AlterObjectSchemaStmt": _move,
    "DropStmt": _drop,
    "AlterPublicationStmt": _publication,
    "CreateStmt": _create_table,
    "CreateTableAsStmt": _create_table,
    "SelectStmt": _select,
    "AlterEnumStmt": _alter_enum,
    "CopyStmt": _copy,
}
