"""Python's fork server, as all tests of a process use it: there is one, and it imports once what its children need."""

import multiprocessing

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.python.imported", "tests.python.deliver.killed"])
