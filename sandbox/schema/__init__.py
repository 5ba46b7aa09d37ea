"""The operational database of the Teaching Record System: 59 tables, their keys, indexes, triggers and seeds."""

from sandbox.schema.database import TABLES, OperationalSchemaExistsError, create, drop, seed_rows

__all__ = ["TABLES", "OperationalSchemaExistsError", "create", "drop", "seed_rows"]
