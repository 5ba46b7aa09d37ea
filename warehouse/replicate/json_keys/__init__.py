"""What applies a rule of replication/trs_json.yml (warehouse/core/json_rule.py): the listed keys alone come.

- `expression`: the SQL that leaves unlisted keys out, for whatever reads the source;
- `filter`: the trigger that does the same to what the stream brings.
"""
