"""ALTER TABLE, part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from warehouse.replicate.migration import harmless
from warehouse.replicate.migration.place import CLASSIFY, COMPARE, IDENTITY, Place, Said, release_first, unknown
from warehouse.replicate.migration.statements import Node

Rule = Callable[[Place, str, str, Node], Iterator[Said]]


def alter_table(place: Place, node: Node) -> Iterator[Said]:
    """What an ALTER TABLE does to what is published; also of what it is used for beside tables."""
    if node.get("objtype") == "OBJECT_TYPE":
        yield unknown("which published columns are of this type is not known")
    if node.get("objtype") not in ("OBJECT_TABLE", None):
        return
    table = place.table(node.get("relation"))
    if table is None:
        return
    for command in (one["AlterTableCmd"] for one in node["cmds"]):
        column = str(command.get("name", ""))
        kind = command["subtype"]
        if kind == "AT_AddColumn":
            yield from _added(place, table, command["def"]["ColumnDef"]["colname"])
        elif not place.published(table) or kind in harmless.PARTS:
            continue
        elif kind in harmless.COLUMN_PARTS:
            yield from _altered(place, table, column)
        elif kind in _PARTS:
            yield from _PARTS[kind](place, table, column, command)
        else:
            yield unknown(f"what {kind} does to {table}, which is published, is not known")


def _added(place: Place, table: str, column: str) -> Iterator[Said]:
    if table in place.sent.known and column not in place.sent.known[table]:
        yield "afterwards", f"{table}.{column} is new: it is held back until it is classified", CLASSIFY
    elif table in place.sent.known:
        yield "afterwards", f"{table}.{column} is back-filled by the next run", "Nothing, if its class still holds"


def _altered(place: Place, table: str, column: str) -> Iterator[Said]:
    if column in place.published(table):
        what = f"{table}.{column} is altered: the next run compares its values once more"
        yield "afterwards", what, "Nothing; if it is part of the key: warehouse replicate repair"


def _drop_column(place: Place, table: str, column: str, command: Node) -> Iterator[Said]:
    if column not in place.published(table):
        return
    first = release_first(place, table, column)
    if command.get("behavior") == "DROP_CASCADE":
        what = f"with CASCADE it takes all of {table} out of the publication: what is written then is a gap"
        yield "harmful", what, first.replace("Before it", "Without CASCADE, and before it")
    else:
        yield "refused", f"PostgreSQL refuses to drop {table}.{column}: it is published", first


def _change_type(place: Place, table: str, column: str, _: Node) -> Iterator[Said]:
    if column in place.published(table):
        what = f"PostgreSQL refuses to change the type of {table}.{column}: it is published"
        yield "refused", what, release_first(place, table, column)


def _unlogged(_: Place, table: str, __: str, ___: Node) -> Iterator[Said]:
    yield (
        "refused",
        f"PostgreSQL refuses to make {table} unlogged: it is published",
        "Leave it logged, or leave the table behind in replication/trs.yml for good",
    )


def _set_expression(place: Place, table: str, column: str, _: Node) -> Iterator[Said]:
    if column in place.published(table):
        what = (
            f"all values of {table}.{column} change and no row does: until the next run fills it, the warehouse has "
            "the old ones"
        )
        yield "afterwards", what, "warehouse replicate run, right after it"


def _identity(_: Place, table: str, __: str, command: Node) -> Iterator[Said]:
    if command.get("def", {}).get("ReplicaIdentityStmt", {}).get("identity_type") != "d":
        yield "harmful", f"updates and deletes of {table} may fail at the source while it is published", IDENTITY


def _drop_rule(place: Place, table: str, rule: str, _: Node) -> Iterator[Said]:
    if place.sent.rules is not None:
        if rule in place.sent.rules.get(table, frozenset()):
            yield (
                "harmful",
                f"rows of {table} are identified by {rule}: without it updates fail at the source",
                IDENTITY,
            )
    elif not (rule.lower().startswith(("fk_", "ck_")) or rule.lower().endswith(("_fkey", "_check"))):
        yield unknown(
            f"whether rows of {table} are identified by {rule} is not in replication/trs.yml (--source knows)"
        )


def _add_rule(_: Place, table: str, __: str, command: Node) -> Iterator[Said]:
    rule = command["def"]["Constraint"]
    if rule.get("contype") != "CONSTR_PRIMARY":
        return
    if rule.get("deferrable"):
        yield "harmful", f"with a deferrable key, updates and deletes of {table} fail at the source", IDENTITY
    else:
        yield "afterwards", f"the key of {table} may be another", f"warehouse replicate apply --accept {table}"


def _owner(_: Place, table: str, __: str, ___: Node) -> Iterator[Said]:
    yield "harmful", f"{table} is published by its owner, and it is compared once more", COMPARE


_PARTS: dict[str, Rule] = {
    "AT_DropColumn": _drop_column,
    "AT_AlterColumnType": _change_type,
    "AT_SetUnLogged": _unlogged,
    "AT_SetExpression": _set_expression,
    "AT_ReplicaIdentity": _identity,
    "AT_DropConstraint": _drop_rule,
    "AT_AddConstraint": _add_rule,
    "AT_ChangeOwner": _owner,
}
