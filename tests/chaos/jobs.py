"""The orders of a plan, as a site places them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from celery import Celery, chain, chord, signature
from celery.canvas import Signature
from kombu.exceptions import OperationalError

from phanedge_celery import enqueue_video
from phanedge_celery.testing import FakePhanEdge, Timeline
from tests.chaos.plan import Order, Plan

REFUSED: Final = (OperationalError, OSError)
"""What a web request sees while the broker is away and a canvas is to be sent."""


@dataclass(frozen=True, kw_only=True)
class Placed:
    """One job that was asked for, and where to look for what became of it."""

    name: str
    id: str
    order: Order
    sent: float
    """Seconds of the run."""
    tail: str | None
    """Id of what comes after it in its canvas."""
    note: str
    """Label under which its callback, or its canvas's end, is recorded."""

    @property
    def leads(self) -> bool:
        """Is it the one that answers for its canvas?"""
        return self.name.endswith("-j0")

    @property
    def saved_as(self) -> str | None:
        return f"{self.name}.mp4" if self.order.shape == "save" else None


@dataclass
class Book:
    """Everything placed so far, and how often a canvas was refused at the door."""

    placed: list[Placed] = field(default_factory=list)
    refused: int = 0


def place_all(
    plan: Plan, app: Celery, fake: FakePhanEdge, begun: float, book: Book
) -> None:
    """Place each order at its time; one that is refused is placed again, as is."""
    for order in plan.orders:
        time.sleep(max(begun + order.at - time.monotonic(), 0))
        sent = time.monotonic() - begun
        for name, render in zip(order.names(plan.seed), order.renders, strict=True):
            told = Timeline.seconds(queueing=render / 3, processing=render * 2 / 3)
            fake.script(told, prompt=prompt_of(name), times=None)
        ids = _place(book, partial(PLACE[order.shape], app, plan, order))
        tail = None if order.shape in ("plain", "save") else _id(plan, order, "tail")
        book.placed += [
            Placed(
                name=name,
                id=id,
                order=order,
                sent=sent,
                tail=tail,
                note=_label(plan, order),
            )
            for name, id in zip(order.names(plan.seed), ids, strict=True)
        ]


def prompt_of(name: str) -> str:
    return f"A cat surfs, {name}."


def _place(book: Book, place: Callable[[], Sequence[str]]) -> Sequence[str]:
    while (ids := _try(book, place)) is None:
        time.sleep(1)
    return ids


def _try(book: Book, place: Callable[[], Sequence[str]]) -> Sequence[str] | None:
    try:
        return place()
    except REFUSED:
        book.refused += 1
        return None


def _alone(app: Celery, plan: Plan, order: Order) -> list[str]:
    [name] = order.names(plan.seed)
    save_to = f"{name}.mp4" if order.shape == "save" else None
    note = _note(app, plan, order)
    asked = enqueue_video(_request(name), key=name, save_to=save_to, app=app, link=note)
    return [asked.id]


def _chain(app: Celery, plan: Plan, order: Order) -> list[str]:
    [job] = _submissions(app, plan, order)
    chain(job, _tail(app, plan, order), app=app).apply_async()
    return [job.options["task_id"]]


def _chord(app: Celery, plan: Plan, order: Order) -> list[str]:
    jobs = list(_submissions(app, plan, order))
    chord(jobs, app=app)(_tail(app, plan, order))
    return [job.options["task_id"] for job in jobs]


PLACE: Final = {"plain": _alone, "save": _alone, "chain": _chain, "chord": _chord}


def _submissions(app: Celery, plan: Plan, order: Order) -> Iterator[Signature]:
    for name in order.names(plan.seed):
        job = signature("phanedge.submit_video", (_request(name),), app=app)
        yield job.set(task_id=str(uuid5(NAMESPACE_URL, name)))


def _request(name: str) -> dict[str, Any]:
    return {"model": "MiniMax-Hailuo-02", "prompt": prompt_of(name)}


def _note(app: Celery, plan: Plan, order: Order) -> Signature:
    label = {"label": _label(plan, order)}
    return signature("tests.record", kwargs=label, immutable=True, app=app)


def _tail(app: Celery, plan: Plan, order: Order) -> Signature:
    return _note(app, plan, order).set(task_id=_id(plan, order, "tail"))


def _label(plan: Plan, order: Order) -> str:
    return f"s{plan.seed}-o{order.number}"


def _id(plan: Plan, order: Order, kind: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"{_label(plan, order)}-{kind}"))
