"""Runs in Debezium's own environment: captures the changes of a slot and throws them away, and says how fast.

Debezium only captures: writing rows somewhere is the work of a further program. So this is the most that a pipeline on
it could reach here. Connection and slot come in the environment (`SOURCE`, as JSON), so that no password is in a list
of processes.
"""

import json
import os
import sys
import threading
import time
from typing import Any

from pydbzengine import BasePythonChangeHandler, DebeziumEngine

START_SECONDS, IDLE_SECONDS = 120, 20


class Counting(BasePythonChangeHandler):
    """Counts what it is given, from the first batch to the last."""

    def __init__(self) -> None:
        self.rows = 0
        self.first = self.last = time.perf_counter()

    def handleJsonBatch(self, records: list[Any]) -> None:
        self.last = time.perf_counter()
        if not self.rows:
            self.first = self.last
        self.rows += len(records)


def main(rows: int, folder: str) -> None:
    """Capture until so many changes have come, or none for a while."""
    source: dict[str, str] = json.loads(os.environ["SOURCE"])
    handler = Counting()
    engine = DebeziumEngine(
        {
            "name": "peer",
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "offset.storage": "org.apache.kafka.connect.storage.FileOffsetBackingStore",
            "offset.storage.file.filename": f"{folder}/offsets",
            "offset.flush.interval.ms": "1000",
            "database.hostname": source["host"],
            "database.port": source["port"],
            "database.user": source["user"],
            "database.password": source["password"],
            "database.dbname": source["dbname"],
            "plugin.name": "pgoutput",
            "slot.name": source["slot"],
            "publication.name": source["publication"],
            "publication.autocreate.mode": "disabled",
            "snapshot.mode": "no_data",
            "topic.prefix": "peer",
            "tombstones.on.delete": "false",
            "key.converter.schemas.enable": "false",
            "value.converter.schemas.enable": "false",
            "max.batch.size": "8192",
            "max.queue.size": "32768",
            "poll.interval.ms": "10",
        },
        handler,
    )
    threading.Thread(target=engine.run, daemon=True).start()
    started = time.perf_counter()
    while handler.rows < rows and time.perf_counter() - (handler.last if handler.rows else started) < (
        IDLE_SECONDS if handler.rows else START_SECONDS
    ):
        time.sleep(0.1)
    sys.stdout.write(json.dumps({"rows": handler.rows, "seconds": handler.last - handler.first}) + "\n")
    sys.stdout.flush()
    # The JVM's own threads would go on.
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
