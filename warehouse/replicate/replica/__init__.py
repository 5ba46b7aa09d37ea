"""The replica's tables in the warehouse, and what is written to them by hand."""
