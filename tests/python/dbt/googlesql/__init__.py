"""BigQuery's own rules, offline: Google's analyzer and reference engine (GoogleSQL), in place of a BigQuery.

- `engine`: the analyzer. It resolves names and types of a statement, and runs one that reads no table.
- `client`: what dbt's adapter takes for BigQuery's client. It hands each statement to the analyzer.
- `sources`: the types that the replica's columns have on BigQuery.

Nothing here knows quotas, permissions or costs: docs/adr/0044-born-on-both-engines.md.
"""
