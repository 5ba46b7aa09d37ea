"""One populated database for all tests of the population: 20,000 people, the default world."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import sql

import sandbox.population
import sandbox.schema
from warehouse.core.databases import Databases

NewDatabase = Callable[[str], str]


@pytest.fixture(scope="session")
def new_database(clusters: Databases) -> Iterator[NewDatabase]:
    """Makes a database with the operational schema and gives its connection string; all go at the end."""
    cluster = clusters.cluster("trs")
    made: list[str] = []

    def make(name: str) -> str:
        cluster.create_database(name)
        made.append(name)
        with psycopg.connect(cluster.conninfo(name)) as connection:
            sandbox.schema.create(connection)
        return cluster.conninfo(name)

    yield make
    with psycopg.connect(cluster.conninfo("postgres"), autocommit=True) as connection:
        for name in made:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def default_world(new_database: NewDatabase) -> tuple[str, dict[str, int]]:
    """Connection string of the default world, and what populate said about it."""
    conninfo = new_database("population_default")
    return conninfo, sandbox.population.populate(conninfo)


@pytest.fixture
def world(default_world: tuple[str, dict[str, int]]) -> Iterator[psycopg.Connection]:
    """A connection to the default world; what a test changes there is rolled back."""
    with psycopg.connect(default_world[0]) as connection:
        yield connection
        connection.rollback()
