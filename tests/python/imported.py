"""What a command of a test finds imported: see `commands`. Nothing here is done, it is only read."""

import dbt.adapters.postgres
import dbt.cli.main
import great_expectations

import warehouse.cli.main

__all__ = ["dbt", "great_expectations", "warehouse"]
