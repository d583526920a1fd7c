"""Twenty at once: the same operation on one ticket store, from as many processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from multiprocessing.pool import ThreadPool
from threading import Barrier
from typing import Any

import pytest

from phanedge_celery.tickets import TicketStore, open_store

Operation = Callable[[TicketStore, int], Any]
"""Gets the store and the racer's number; of a module, so that processes find it."""
Race = Callable[[str, Operation], list[Any]]

RACERS = 20


@pytest.fixture(scope="session")
def race() -> Iterator[Race]:
    """Call it with a store's URL and an operation; get what each racer got.

    All begin at once, each on connections of its own. A store in memory is raced by
    threads, having no other process to share with.
    """
    # From a clean process, which has no threads to lose in a fork.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["redis", "sqlalchemy", "psycopg", "tests.djangos", __name__]
    )
    start = context.Barrier(RACERS)
    with context.Pool(RACERS, _wait_at, [start]) as pool:

        def run(address: str, operation: Operation) -> list[Any]:
            if address.startswith("memory:"):
                return _threads(address, operation)
            lanes = [(address, operation, number) for number in range(RACERS)]
            return pool.starmap(_lane, lanes, chunksize=1)

        yield run
        pool.close()
        pool.join()


_start: Any = None


def _wait_at(start: Any) -> None:
    global _start
    _start = start


def _lane(address: str, operation: Operation, number: int) -> Any:
    with _opened(address) as store:
        _start.wait(60)
        return operation(store, number)


def _opened(address: str) -> AbstractContextManager[TicketStore]:
    if not address.startswith("django:"):
        return closing(open_store(address))
    from tests.djangos import opened

    return opened(address)


def _threads(address: str, operation: Operation) -> list[Any]:
    start = Barrier(RACERS)

    def lane(number: int) -> Any:
        start.wait(10)
        return operation(open_store(address), number)

    with ThreadPool(RACERS) as pool:
        return pool.map(lane, range(RACERS), chunksize=1)
