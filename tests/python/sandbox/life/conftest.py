"""A small world on the shared cluster for the tests of its life."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from small_world import PEOPLE, make_world

from warehouse.core.databases import SOURCE, Databases


@pytest.fixture(scope="session")
def cluster(clusters: Databases) -> str:
    """How to connect to the shared operational cluster; the conninfo lacks a database."""
    parts = conninfo_to_dict(clusters.cluster(SOURCE).conninfo("postgres"))
    del parts["dbname"]
    return make_conninfo("", **parts)


@pytest.fixture(scope="session")
def template(cluster: str) -> str:
    """A database with a small world, made once and copied for each test."""
    with psycopg.connect(f"{cluster} dbname=postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE life_template")
    make_world(f"{cluster} dbname=life_template", PEOPLE)
    return "life_template"


@pytest.fixture(scope="session")
def new_world(cluster: str, template: str) -> Callable[[str], str]:
    """Copies the small world into a new database; returns its conninfo."""

    def make(name: str) -> str:
        with psycopg.connect(f"{cluster} dbname=postgres", autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
            )
        return f"{cluster} dbname={name}"

    return make
