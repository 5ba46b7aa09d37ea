"""Which keys of the JSON columns are replicated: replication/trs_json.yml, and what applies it.

- `rule`: a rule as the file has it, with its digest;
- `expression`: the SQL that leaves unlisted keys out, for whatever reads the source;
- `filter`: the trigger that does the same to what the stream brings.
"""
