"""A file of SQL as its statements, parsed by PostgreSQL's own grammar."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pgparse

from warehouse.core.statements import pieces

Node = dict[str, Any]


@dataclass(frozen=True)
class Statement:
    """One statement.

    Attributes:
        line: of the file, where it begins.
        text: as it is written.
        kind: the name of the grammar's node, such as AlterTableStmt; empty when it was not understood.
        node: what the grammar says of it.
        problem: why it was not understood.
    """

    line: int
    text: str
    kind: str = ""
    node: Node | None = None
    problem: str = ""


def read(text: str) -> list[Statement]:
    """Every statement of a file in its order; those of a DO block in the place of the block."""
    return [statement for begin, piece in pieces(text) for statement in _parsed(text.count("\n", 0, begin) + 1, piece)]


def _parsed(line: int, text: str) -> Iterator[Statement]:
    if text.startswith("\\"):
        yield Statement(line, text, problem="it is a command of psql, not a statement")
        return
    try:
        found = pgparse.parse(text)
    except pgparse.PGQueryError as error:
        yield Statement(
            line, text, problem=f"PostgreSQL's grammar refuses it ({error.args[0] if error.args else error})"
        )
        return
    for one in found:
        ((kind, node),) = one["stmt"].items()
        if kind == "DoStmt":
            yield from _of_block(line, text, node)
        else:
            yield Statement(line, text, kind, node)


def _of_block(line: int, text: str, node: Node) -> Iterator[Statement]:
    given = {one["DefElem"]["defname"]: one["DefElem"].get("arg", {}) for one in node.get("args", [])}
    language = given.get("language", {}).get("String", {}).get("sval", "plpgsql")
    body = given.get("as", {}).get("String", {}).get("sval")
    if language != "plpgsql" or body is None:
        yield Statement(line, text, problem=f"its block is written in {language}")
        return
    delimiter = "$check_migration$"
    try:
        parsed = pgparse.parse_pgsql(
            f"create function block() returns void language plpgsql as {delimiter}{body}{delimiter}"
        )
    except pgparse.PGQueryError as error:
        yield Statement(line, text, problem=f"PL/pgSQL refuses its block ({error.args[0] if error.args else error})")
        return
    for query in _queries(parsed):
        for statement in _parsed(line, query) if query is not None else ():
            yield Statement(line, query or text, statement.kind, statement.node, statement.problem)
        if query is None:
            yield Statement(line, text, problem="its block runs SQL that it puts together only when it runs (EXECUTE)")


def _queries(node: Any) -> Iterator[str | None]:
    """The SQL of a block: of statements, of expressions as SELECT, and None for what is put together while it runs."""
    if isinstance(node, list):
        for one in node:
            yield from _queries(one)
    elif isinstance(node, dict):
        for name, value in node.items():
            is_put_together = name in ("PLpgSQL_stmt_dynexecute", "PLpgSQL_stmt_dynfors")
            if is_put_together or (isinstance(value, dict) and "dynquery" in value):
                yield _constant(value.get("query") or value.get("dynquery"))
                rest = {k: v for k, v in value.items() if k not in ("query", "dynquery")}
                yield from _queries(rest)
            elif name == "PLpgSQL_expr":
                query = value["query"]
                mode = value.get("parseMode", 0)
                # 0: a statement; 3 to 5: an assignment, of which the right side is an expression; 2: an expression.
                yield query if mode == 0 else "select " + (query.split(":=", 1)[-1] if mode >= 3 else query)
            elif isinstance(value, dict | list):
                yield from _queries(value)


def _constant(node: Any) -> str | None:
    """The SQL of an EXECUTE that is written out as one text."""
    query = node.get("PLpgSQL_expr", {}).get("query", "") if isinstance(node, dict) else ""
    try:
        ((_, select),) = pgparse.parse("select " + query)[0]["stmt"].items()
        (target,) = select["targetList"]
        return str(target["ResTarget"]["val"]["A_Const"]["sval"]["sval"])
    except (pgparse.PGQueryError, KeyError, ValueError, IndexError):
        return None
