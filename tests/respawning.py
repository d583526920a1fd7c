"""A worker that is started again whenever it is killed, as a service manager does.

`python -m tests.respawning tests.apps.plain worker -P threads …`
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from types import FrameType
from typing import NoReturn

from celery import Celery


def respawn(app: Celery, arguments: Sequence[str]) -> int:
    """Run `celery worker` again and again, until it ends by itself."""
    while True:
        child = os.fork()
        if not child:
            _work(app, arguments)
        signal.signal(signal.SIGTERM, lambda *_, pid=child: _pass_on(pid, *_))
        _, status = os.waitpid(child, 0)
        if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
            return os.waitstatus_to_exitcode(status)


def _work(app: Celery, arguments: Sequence[str]) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    app.worker_main(list(arguments))
    os._exit(0)


def _pass_on(child: int, number: int, frame: FrameType | None) -> None:
    os.kill(child, number)


if __name__ == "__main__":
    sys.exit(respawn(import_module(sys.argv[1]).app, sys.argv[2:]))
