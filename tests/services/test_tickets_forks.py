"""A store is used on both sides of a fork, each on connections of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.services.ticket_addresses import SHARED, address
from tests.workers import ROOT

__all__ = ["address"]

SCRIPT = """
import os, sys
from phanedge_celery.tickets import Stage, Ticket, open_store

store = open_store(sys.argv[1])
store.create(Ticket(id="a", since=1.0))

def climb():
    for _ in range(50):
        while store.advance("a", store.read("a").version, stage=Stage.POLLING) is None:
            pass

children = []
for _ in range(3):
    pid = os.fork()
    if pid == 0:
        climb()
        assert open_store(sys.argv[1]) is not store
        os._exit(0)
    children.append(pid)
climb()
codes = [os.waitpid(pid, 0)[1] for pid in children]
climb()
print(codes, store.read("a").version)
store.close()
"""


@pytest.mark.parametrize("address", SHARED, indirect=True)
def test_parent_and_children_advance_without_mixing_answers(address: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", SCRIPT, address],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (done.stdout, done.stderr) == ("[0, 0, 0] 251\n", "")
