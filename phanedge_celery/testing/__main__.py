"""The fake as a process: `python -m phanedge_celery.testing --port 8900`."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence

from .desk import KEY, Options
from .fake import FakePhanEdge
from .files import FileTraits
from .journal import Recorded
from .timelines import Timeline


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM."""
    asked = _parser().parse_args(arguments)
    queueing, processing = asked.seconds
    # Before the start: the threads must inherit the mask, so that only we are woken.
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    fake = FakePhanEdge(
        host=asked.host,
        port=asked.port,
        seed=asked.seed,
        timeline=Timeline.seconds(queueing=queueing, processing=processing),
        options=Options(keys=tuple(asked.key or (KEY,)), callbacks=asked.callbacks),
        files=FileTraits(size=asked.file_size),
        watch=_show if asked.verbose else lambda _: None,
    )
    with fake:
        print(f"fake PhanEdge listens on {fake.url}, key {fake.key}", flush=True)
        signal.sigwait((signal.SIGINT, signal.SIGTERM))
    return 0


def _show(entry: Recorded) -> None:
    answer = entry.status or "no answer"
    print(f"{entry.method} {entry.path} {entry.job_id or '-'}: {answer}", flush=True)


def _pair(text: str) -> tuple[float, float]:
    queueing, _, processing = text.partition(",")
    return float(queueing), float(processing or 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m phanedge_celery.testing", description=__doc__
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8900, help="0: a free one")
    parser.add_argument(
        "--key", action="append", help="an accepted API key; repeatable"
    )
    parser.add_argument("--seed", type=int, help="for the same ids each time")
    parser.add_argument(
        "--seconds", type=_pair, default=(3, 9), metavar="QUEUEING,PROCESSING"
    )
    parser.add_argument("--file-size", type=int, help="bytes of a video")
    parser.add_argument("--callbacks", action="store_true", help="call callback_url")
    parser.add_argument("--verbose", action="store_true", help="print each request")
    return parser


if __name__ == "__main__":
    sys.exit(main())
