"""The group `phanedge` of Celery's own command."""

from __future__ import annotations

from typing import Final

import click

from .of_health import doctor
from .of_many import jobs, resume
from .of_one import cancel, follow, progress, save, submit
from .session import command

HELP: Final = """Videos from PhanEdge: find hazards, submit, follow, list, resume.

Exit codes: 0 all is well; 1 the job failed or was cancelled, or the doctor found an
error; 2 wrong usage; 3 broker, results or tickets out of reach; 4 unknown id; 5 the
settings cannot work; 130 Ctrl-C, and the job goes on.
"""

phanedge = click.Group(
    "phanedge",
    commands=[
        command(act)
        for act in (doctor, submit, follow, progress, jobs, cancel, resume, save)
    ],
    help=HELP,
)
