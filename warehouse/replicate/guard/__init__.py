"""The guard of the stream: what PostgreSQL passes over in silence is found, reported and recorded.

- `status`: how replication stands, as one word and a list of findings;
- `verdict`: what samples of the stream mean;
- `standing`, `structure` and `books`: the findings of drift and of the ledger;
- `watch`: all of that, again and again.
"""
