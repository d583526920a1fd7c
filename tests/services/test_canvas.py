"""A step is one node of any canvas: what follows hears of its end, whatever that is.

All canvases of one stack are sent together, so that their waits overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from uuid import uuid4

import pytest
from celery import chain, chord, group
from celery.canvas import Signature
from celery.exceptions import TaskRevokedError
from celery.result import AsyncResult, GroupResult

from phanedge_celery import (
    ContentRejected,
    FileUnavailable,
    JobFailed,
    PhanEdgeError,
    cancel_video,
)
from phanedge_celery.testing import Fault
from tests.stacks import Stack, Stacks
from tests.workers import wait_for

Sent: TypeAlias = "AsyncResult[Any] | GroupResult"
Cause = type[Exception]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A canvas around one job, and where in its result the video is."""

    build: Callable[[Stack, Signature], Signature]
    video: Callable[[Any], Any]
    heard: bool = True
    """Celery itself tells nobody behind the body of a chord that has failed."""


def other(stack: Stack, *args: Any) -> Signature:
    return stack.s("tests.other", *args)


def before(stack: Stack) -> Signature:
    return stack.s("tests.other", "before").set(immutable=True)


def friend(stack: Stack) -> Signature:
    """Another job, which succeeds."""
    return stack.s("poll_video", stack.fake.add_job("Success"))


def collect(stack: Stack) -> Signature:
    return stack.s("tests.collect")


def alone(node: Signature) -> Signature:
    """The node, deaf to what came before it."""
    return node.clone().set(immutable=True)


SHAPES: Final = {
    "alone": Shape(
        build=lambda stack, node: node,
        video=lambda value: value,
    ),
    "chain_start": Shape(
        build=lambda stack, node: chain(node, other(stack)),
        video=lambda value: value["seen"],
    ),
    "chain_middle": Shape(
        build=lambda stack, node: chain(before(stack), alone(node), other(stack)),
        video=lambda value: value["seen"],
    ),
    "chain_end": Shape(
        build=lambda stack, node: chain(before(stack), alone(node)),
        video=lambda value: value,
    ),
    "group": Shape(
        build=lambda stack, node: group(node, friend(stack)),
        video=lambda value: value[0],
    ),
    "chord_header": Shape(
        build=lambda stack, node: chord([node, friend(stack)], collect(stack)),
        video=lambda value: value["collected"][0],
    ),
    "chord_of_chains": Shape(
        build=lambda stack, node: chord(
            [chain(node, other(stack)), chain(friend(stack), other(stack))],
            collect(stack),
        ),
        video=lambda value: value["collected"][0]["seen"],
    ),
    "chord_body": Shape(
        build=lambda stack, node: chord([before(stack), before(stack)], alone(node)),
        video=lambda value: value,
    ),
    "nested": Shape(
        build=lambda stack, node: chain(
            before(stack),
            group(chain(alone(node), other(stack)), alone(friend(stack))),
            collect(stack),
            other(stack),
        ),
        video=lambda value: value["seen"]["collected"][0]["seen"],
        heard=False,
    ),
}


def succeeding(stack: Stack) -> Signature:
    return stack.s("submit_video", stack.request("Processing", "Success"))


def refused(stack: Stack) -> Signature:
    request = stack.request()
    sample = Fault(sample="create_rejected_1026")
    stack.fake.fault(sample, on="create", prompt=request["prompt"])
    return stack.s("submit_video", request)


def failing(stack: Stack) -> Signature:
    return stack.s("submit_video", stack.request("Processing", "Fail"))


def without_file(stack: Stack) -> Signature:
    job_id = stack.fake.add_job("Success")
    stack.fake.play("retrieve_url_empty", times=None, job=job_id)
    return stack.s("poll_video", job_id)


def endless(stack: Stack) -> Signature:
    return stack.s("submit_video", stack.request("Processing"))


NODES: Final[Mapping[str, tuple[Callable[[Stack], Signature], Cause | None]]] = {
    "success": (succeeding, None),
    "refused": (refused, ContentRejected),
    "failed": (failing, JobFailed),
    "no_file": (without_file, FileUnavailable),
    "cancelled": (endless, TaskRevokedError),
}
"""How the job ends, and what the canvas then raises."""

WHOLE: Final = tuple(NODES)
CORE: Final = ("success", "failed", "cancelled")
MOST: Final = ("alone", "chain_middle", "group", "chord_header", "chord_body", "nested")
FEW: Final = ("chain_start", "chord_header")
"""Here a chord is looked after by a task that asks once a second."""
CASES: Final = [
    (name, shape, end)
    for name, shapes, ends in (
        ("redis-threads", SHAPES, WHOLE),
        ("redis-watch", SHAPES, WHOLE),
        ("redis", SHAPES, CORE),
        ("rabbitmq", SHAPES, WHOLE),
        ("rabbitmq-threads", MOST, CORE),
        ("quorum", MOST, WHOLE),
        ("quorum-threads", FEW, CORE),
        ("sqlite", FEW, CORE),
    )
    for shape in shapes
    for end in ends
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Launched:
    """One canvas on its way."""

    stack: Stack
    id: str
    """Of the job's node."""
    result: Sent

    @property
    def linked(self) -> int:
        return len(self.stack.recorded(f"link {self.id}"))

    @property
    def errors(self) -> int:
        return len(self.stack.recorded(f"link_error {self.id}"))


def launch(stack: Stack, shape: str, end: str) -> Launched:
    id = str(uuid4())
    record = stack.s("tests.record")
    node = NODES[end][0](stack).set(task_id=id)
    node.link(record.clone(kwargs={"label": f"link {id}"}).set(immutable=True))
    canvas = SHAPES[shape].build(stack, node)
    hears = canvas.tasks[0] if isinstance(canvas, group) else canvas
    hears.link_error(record.clone(kwargs={"label": f"link_error {id}"}))
    return Launched(stack=stack, id=id, result=canvas.apply_async())


Launches = Mapping[tuple[str, str], Launched]


@pytest.fixture(scope="module")
def launches(stacks: Stacks) -> Iterator[Callable[[str], Launches]]:
    """Send all canvases of a stack when the first of them is asked for."""
    sent: dict[str, Launches] = {}

    def of(name: str) -> Launches:
        if name not in sent:
            sent[name] = send_all(stacks.get(name))
        return sent[name]

    yield of
    sent.clear()


def send_all(stack: Stack) -> Launches:
    cases = [(shape, end) for name, shape, end in CASES if name == stack.name]
    with stack.current():
        sent = {case: launch(stack, *case) for case in cases}
    for (_, end), launched in sent.items():
        if end == "cancelled":
            stack.stage(launched.id, "polling")
            cancel_video(launched.id, app=stack.app)
    return sent


def members(result: Any) -> Iterator[AsyncResult[Any]]:
    """Yield the result of every member of a canvas."""
    if result is None:
        return
    yield from members(result.parent)
    if isinstance(result, GroupResult):
        for child in result.results or ():
            yield from members(child)
    else:
        yield result


def raised(result: Sent) -> Exception:
    with pytest.raises((PhanEdgeError, TaskRevokedError)) as caught:
        result.get(timeout=40)
    return caught.value


# Celery asks whoever links an error to a chord to try what it may do one day.
@pytest.mark.filterwarnings("ignore:task_allow_error_cb_on_chord_header")
@pytest.mark.parametrize(("name", "shape", "end"), CASES)
def test_a_canvas_hears_of_the_end_of_its_job_and_nothing_in_it_hangs(
    launches: Callable[[str], Launches], name: str, shape: str, end: str
) -> None:
    launched = launches(name)[shape, end]
    cause = NODES[end][1]

    if cause is None:
        video = SHAPES[shape].video(launched.result.get(timeout=40))
        wait_for(lambda: launched.linked, what="a call of link")

        assert video["job_id"] == launched.stack.ended(launched.id)["job_id"]
        assert video["file_id"]
        assert (launched.linked, launched.errors) == (1, 0)
    else:
        error = raised(launched.result)
        wait_for(lambda: launched.errors, what="a call of link_error")
        if SHAPES[shape].heard:
            wait_for(
                lambda: all(member.ready() for member in members(launched.result)),
                what=lambda: f"{[(r.id, r.state) for r in members(launched.result)]}",
            )

        assert type(error) is cause
        assert (launched.linked, launched.errors) == (0, 1)
