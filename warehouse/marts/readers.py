"""What readers see of a build by their roles: narrow views and rights, in the transaction that publishes it."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg

from warehouse.core import roles
from warehouse.core.roles import narrow_views
from warehouse.core.roles.applying import give
from warehouse.core.roles.relations import MARTS, Relation
from warehouse.core.settings import Settings
from warehouse.marts import structure
from warehouse.marts.candidate import PREFIX
from warehouse.marts.nodes import Node

_HAVE_BEEN_MADE = "select exists (select from ledger.made_here where kind = 'role')"


def tried_by_login(connection: psycopg.Connection, settings: Settings) -> list[str]:
    """Log in as each role before anything is published; returns what there is to say of it.

    Raises:
        RoleHasOtherRights: a login with that role, and nothing else, can do more than is declared.
    """
    found, why = roles.by_login(connection, settings)
    roles.refuse(found)
    return [f"the roles were compared in a session of the warehouse's own user: {why}"] if why else []


def take_down(connection: psycopg.Connection, nodes: Sequence[Node], settings: Settings) -> list[Relation] | None:
    """Drop the narrow views that will be others.

    Returns:
        The marts as they will be; None when there are no roles.

    Raises:
        RoleHasOtherRights, LoginHasMore: somebody can do more than is declared, before anything is published.
    """
    if connection.execute(_HAVE_BEEN_MADE).fetchone() != (True,):
        return None
    roles.refuse(roles.breaches(connection, settings))
    marts = [_as_it_will_be(connection, node) for node in nodes if node.schema == MARTS]
    staying = {
        node.name
        for node in nodes
        if node.schema == MARTS and node.kind == "table" and structure.is_there(connection, node)
    }
    narrow_views.take_down(connection, [mart for mart in marts if mart.name in staying], PREFIX + MARTS)
    return marts


def put_up(connection: psycopg.Connection, marts: list[Relation] | None, settings: Settings) -> None:
    """Make the narrow views and give the roles their rights on what is published now.

    Raises:
        RoleHasOtherRights, LoginHasMore: that would let somebody do more than is declared.
    """
    if marts is None:
        return
    narrow_views.put_up(connection, marts)
    give(connection, roles.made(connection, settings), settings)
    roles.refuse(roles.breaches(connection, settings))


def _as_it_will_be(connection: psycopg.Connection, node: Node) -> Relation:
    aside = structure.is_there(connection, node, aside=True)
    columns = [one.name for one in structure.columns(connection, aside)] if aside else []
    return Relation(node.schema, node.name, aside or 0, "published", node.classes, columns)
