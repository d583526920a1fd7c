"""What a job says over time, by polls or by seconds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, TypeAlias

from .faults import Fault
from .samples import sample_named

Step: TypeAlias = str | Mapping[str, Any] | Fault
"""A status word, a sample's name, keys to change in the usual body
(None: left out), or a fault."""

SUCCESSES = {"success", "succeed", "succeeded", "task_status_succeed", "completed"}
SUCCESSES |= {"finish", "finished", "done"}
SAMPLE_LIKE = ("create_", "query_", "gateway_", "v2_")
"""So a misspelt name of a sample is not taken for a status word."""
DIRECTIVE = re.compile(r"\{fake:([^}]*)\}")


@dataclass(frozen=True)
class Timeline:
    """The steps of a job; the last one stays for ever."""

    steps: tuple[Step, ...]
    ends: tuple[float, ...] = ()
    """Age in seconds at which each step but the last ends; none: one step a poll."""

    def __post_init__(self) -> None:
        if not self.steps:
            raise ValueError("a timeline needs a step")
        for step in self.steps:
            if isinstance(step, str) and step.startswith(SAMPLE_LIKE):
                sample_named(step)

    @classmethod
    def polls(cls, *steps: Step) -> Timeline:
        """One step for each poll: `Timeline.polls("Queueing", "Success")`."""
        return cls(steps)

    @classmethod
    def seconds(cls, *, end: Step = "Success", **words: float) -> Timeline:
        """So many seconds each: `Timeline.seconds(queueing=1, processing=2)`."""
        steps = [word.capitalize() for word in words]
        return cls((*steps, end), tuple(accumulate(words.values())))

    @classmethod
    def of(cls, steps: Sequence[Step | Timeline]) -> Timeline:
        """Return the one timeline given, or one by polls of the steps given."""
        if len(steps) == 1 and isinstance(steps[0], Timeline):
            return steps[0]
        return cls(tuple(step for step in steps if not isinstance(step, Timeline)))

    @classmethod
    def read(cls, fields: Mapping[str, Any]) -> Timeline:
        """Return the timeline that `as_json` wrote."""
        steps = (
            Fault.read(step["fault"])
            if isinstance(step, dict) and "fault" in step
            else step
            for step in fields["steps"]
        )
        return cls(tuple(steps), tuple(fields["ends"]))

    def as_json(self) -> dict[str, Any]:
        steps = [
            {"fault": step.as_json()} if isinstance(step, Fault) else step
            for step in self.steps
        ]
        return {"steps": steps, "ends": list(self.ends)}

    def step(self, polls: int, age: float) -> Step:
        """Return what a job tells after *polls* earlier polls, at *age* seconds."""
        passed = sum(age >= end for end in self.ends) if self.ends else polls
        return self.steps[min(passed, len(self.steps) - 1)]


DEFAULT = Timeline.polls("Queueing", "Processing", "Success")


def fail(code: int, text: str, status: str = "Fail") -> Mapping[str, Any]:
    """Return the step of a job that fails: `fail(1027, "output new_sensitive")`."""
    return {
        "status": status,
        "base_resp": {"status_code": code, "status_msg": text},
    }


def directive(prompt: str) -> tuple[str, ...]:
    """Return the steps that a prompt asks for: `A cat {fake: Queueing, Fail}`."""
    found = DIRECTIVE.search(prompt)
    return tuple(word.strip() for word in found[1].split(",")) if found else ()
