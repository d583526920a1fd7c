"""Hazards in how tasks are run, or in who could run what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .finding import Finding, found
from .snapshot import Snapshot, Step

GREENLETS: Final = ("gevent", "eventlet")


def eager_mode(s: Snapshot) -> Iterator[Finding]:
    if s.eager:
        yield found(
            "W030",
            what="task_always_eager is on.",
            why=(
                "A job runs inside the call that enqueues it: a web request would wait"
                " for the whole render. It is for tests."
            ),
            setting=s.setting("task_always_eager", "False"),
        )


def leaking_greenlets(s: Snapshot) -> Iterator[Finding]:
    redis = s.results in ("redis", "rediss", "sentinel")
    if s.pool in GREENLETS and redis and not s.results_are_shared:
        yield found(
            "W031",
            what=f"The pool {s.pool} with results in Redis.",
            why=(
                "Celery makes a result backend for each greenlet, each with connections"
                " of its own that stay open (celery issue 6819)."
            ),
            setting=s.setting("result_backend_thread_safe", "True")
            + ", or "
            + s.setting("worker_pool", '"prefork"'),
        )


def weakened_steps(s: Snapshot) -> Iterator[Finding]:
    weak = {step.name: reason for step in s.steps if (reason := _weakness(step))}
    if weak and not s.eager:
        told = ", ".join(f"{name} ({reason})" for name, reason in weak.items())
        yield found(
            "W032",
            what=f"The app's annotations change {told}.",
            why=(
                "They beat what the tasks say of themselves: a step that is cut off may"
                " cost a job, or leave a paid one unknown."
            ),
            setting=s.setting("task_annotations", "{…}")
            + "  (name the app's own tasks in it, not '*')",
        )


def _weakness(step: Step) -> str | None:
    if not (step.acks_late and step.rejects_lost):
        return "acknowledged too early"
    if step.limit is not None and step.limit < step.needs:
        return f"cut off after {step.limit:g} s, may need {step.needs:g}"
    return None


def pickle_accepted(s: Snapshot) -> Iterator[Finding]:
    if "pickle" in s.accepts:
        yield found(
            "W040",
            what="Messages or results in pickle are accepted.",
            why=(
                "Whoever can write to the broker or the result backend can run code in"
                " the worker, which holds the API key."
            ),
            setting=s.setting("accept_content", '["json"]')
            + " and "
            + s.setting("result_accept_content", '["json"]'),
        )


def shown_secrets(s: Snapshot) -> Iterator[Finding]:
    for name in s.shown:
        yield found(
            "W041",
            what=f"{name} holds a secret.",
            why=(
                "`celery report` prints it: it hides only names that have KEY, SECRET,"
                " PASS, TOKEN or the like in them."
            ),
            setting=(
                f"{name}: keep the secret where the library finds it by itself"
                " (environment, ~/.pgpass, a password file)"
            ),
        )
