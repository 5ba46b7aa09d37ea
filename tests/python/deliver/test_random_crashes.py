"""kill -9 at moments of nobody's choosing, and two at once: each kind of destination ends with one delivery.

Between two runs the rows may be others, so that files are replaced, or not needed any more. The seed is printed;
TRW_DRILL_SEED=… strikes again at the same moments, as far as a machine repeats itself, and TRW_DRILL_ROUNDS=… adds
rounds.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.python.deliver.delivering import World, listed
from tests.python.deliver.test_crashes import run_and_die
from warehouse.core.errors import AlreadyRunning

pytestmark = pytest.mark.slow

SEED = int(os.environ.get("TRW_DRILL_SEED") or time.time_ns() % 1_000_000)
ROUNDS = int(os.environ.get("TRW_DRILL_ROUNDS") or 2)
BASE = "dandi/teachers/2026-09/"
LONGEST = 1.2
"""Seconds after which a run is killed at the latest; one that is over by then shows that nothing comes twice."""


def test_one_delivery_whenever_it_dies(anywhere: World) -> None:
    print(f"TRW_DRILL_SEED={SEED}")
    strike = random.Random(SEED)
    anywhere.contract(rowsPerFile=60)
    for _ in range(ROUNDS):
        if strike.random() < 0.5:
            _other_rows(anywhere, strike.randrange(1, 301))
        assert run_and_die(anywhere, None, die_after=strike.uniform(0.0, LONGEST)) in (-9, 0)
        there = listed(anywhere)
        if BASE + "datapackage.json" in there:
            assert _as_the_manifest_says(there), "a manifest is there, and its files are not"
    # Two that compete finish what was begun; one of them at most may be turned away.
    with ThreadPoolExecutor(2) as threads:
        ends = list(threads.map(lambda _: run_and_die(anywhere, None), range(2)))
    assert sorted(ends) in ([0, 0], [0, AlreadyRunning.exit_code])
    there = listed(anywhere)
    assert _as_the_manifest_says(there) and not there.keys() - _named(there), "what nobody needs is still there"
    assert anywhere.query("select count(*) from ledger.delivery_states where to_state = 'closed'") == [(1,)]
    assert anywhere.run() == [] and listed(anywhere) == there


def _other_rows(world: World, rows: int) -> None:
    """A new build has so many rows."""
    with world.building() as connection:
        connection.execute("delete from extracts.dandi_teachers")
        connection.execute(
            "insert into extracts.dandi_teachers (trn, last_name)"
            " select lpad(i::text, 7, '0'), 'Zzsurname' from generate_series(1, %s) as i",
            (rows,),
        )


def _as_the_manifest_says(there: dict[str, bytes]) -> bool:
    resources = json.loads(there[BASE + "datapackage.json"])["resources"]
    return all(
        one["hash"] == f"sha256:{hashlib.sha256(there.get(BASE + one['path'], b'')).hexdigest()}" for one in resources
    )


def _named(there: dict[str, bytes]) -> set[str]:
    manifest = BASE + "datapackage.json"
    return {manifest, *(BASE + one["path"] for one in json.loads(there[manifest])["resources"])}
