"""What a blow does to the cast, and how it is undone."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from typing import Final

import redis

from phanedge_celery.testing import Fault
from tests.chaos.actors import NEW_KEY, Cast
from tests.chaos.faults import Blow
from tests.servers import RedisServer

Undo = Callable[[], None]
Deed = Callable[[Cast, float], Undo | None]

CALLS: Final = ("create", "query", "retrieve", "content")
SLOW: Final = 30.0
HOUR: Final = 3600


def strike_all(cast: Cast, blows: Sequence[Blow], begun: float) -> None:
    """Let each blow fall at its time, and undo it when its time is over."""
    undone = []
    for blow in blows:
        time.sleep(max(begun + blow.at - time.monotonic(), 0))
        undo = DEEDS[blow.deed](cast, blow.lasting)
        if undo:
            undone.append(cast.hands.submit(_later, blow.lasting, undo))
    for later in undone:
        later.result()
    cast.crew.repaired()


def _later(seconds: float, undo: Undo) -> None:
    time.sleep(seconds)
    undo()


def _kill_child(cast: Cast, _: float) -> None:
    cast.crew.signal_child(signal.SIGKILL)


def _freeze_child(cast: Cast, _: float) -> Undo | None:
    pid = cast.crew.signal_child(signal.SIGSTOP)
    return None if pid is None else lambda: _thaw(pid)


def _thaw(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def _end_by(number: signal.Signals) -> Deed:
    def deed(cast: Cast, _: float) -> None:
        cast.crew.end_one(number)

    return deed


def _stop_broker(cast: Cast, _: float) -> Undo:
    cast.broker.stop()
    return cast.broker.start


def _restart_broker(cast: Cast, _: float) -> None:
    cast.broker.kill()
    cast.broker.start()


def _flush_broker(cast: Cast, _: float) -> None:
    """Lose every message: those in the queues, and those that the workers hold."""
    cast.crew.kill_all()
    if isinstance(cast.broker, RedisServer):
        with redis.Redis.from_url(cast.broker_url) as client:
            client.flushall()
        return
    # What the dead workers held comes back to the queues first.
    time.sleep(1)
    for queue in cast.broker.queues():
        cast.broker.ctl("purge_queue", queue)


def _results_away(cast: Cast, _: float) -> Undo:
    cast.results_proxy.away()
    return cast.results_proxy.back


def _tickets_away(cast: Cast, _: float) -> Undo:
    cast.tickets_proxy.away()
    return cast.tickets_proxy.back


def _cut(cast: Cast, _: float) -> None:
    for proxy in cast.proxies:
        proxy.cut()


def _half_open(cast: Cast, _: float) -> None:
    for proxy in cast.proxies:
        proxy.half_open()


def _pause(cast: Cast, _: float) -> Undo:
    for proxy in cast.proxies:
        proxy.pause()

    def resume() -> None:
        for proxy in cast.proxies:
            proxy.resume()

    return resume


def _clock_by(seconds: int) -> Deed:
    def deed(cast: Cast, _: float) -> None:
        cast.clock.write_text(f"{seconds:+d}")

    return deed


def _upstream_down(cast: Cast, _: float) -> Undo:
    cast.fake.stop()

    def start() -> None:
        cast.fake.start()

    return start


def _upstream_slow(cast: Cast, lasting: float) -> None:
    slow = Fault(delay=SLOW)
    cast.fake.fault(slow, on=CALLS, times=None, seconds=lasting)


def _upstream_429(cast: Cast, lasting: float) -> None:
    cast.fake.play("gateway_429", on=CALLS, times=None, seconds=lasting)


def _double(cast: Cast, _: float) -> None:
    (cast.switches / "double").touch()
    if isinstance(cast.broker, RedisServer):
        cast.hands.submit(_reverse, cast)


REVERSE: Final = """
local all = redis.call("LRANGE", KEYS[1], 0, -1)
redis.call("DEL", KEYS[1])
for _, message in ipairs(all) do redis.call("LPUSH", KEYS[1], message) end
"""


def _reverse(cast: Cast) -> None:
    """Turn the queue around, again and again, so that what came last goes first."""
    with redis.Redis.from_url(cast.broker_url) as client:
        turn = client.register_script(REVERSE)
        with contextlib.suppress(redis.RedisError):
            while (cast.switches / "double").exists():
                turn(keys=["phanedge"])
                time.sleep(0.5)


def _change_key(cast: Cast, _: float) -> Undo:
    """The old key is refused at once; the workers' file follows late."""
    cast.fake.options(keys=[NEW_KEY])

    def follow() -> None:
        cast.key_file.write_text(NEW_KEY)

    return follow


def _nothing(cast: Cast, _: float) -> None:
    """It is so from the start."""


DEEDS: Final[dict[str, Deed]] = {
    "kill_child": _kill_child,
    "freeze_child": _freeze_child,
    "kill_worker": _end_by(signal.SIGKILL),
    "kill_all_workers": lambda cast, _: cast.crew.kill_all(),
    "term_worker": _end_by(signal.SIGTERM),
    "quit_worker": _end_by(signal.SIGQUIT),
    "stop_broker": _stop_broker,
    "restart_broker": _restart_broker,
    "flush_broker": _flush_broker,
    "results_away": _results_away,
    "tickets_away": _tickets_away,
    "cut": _cut,
    "half_open": _half_open,
    "pause": _pause,
    "clock_forward": _clock_by(HOUR),
    "clock_back": _clock_by(-HOUR),
    "upstream_down": _upstream_down,
    "upstream_slow": _upstream_slow,
    "upstream_429": _upstream_429,
    "double": _double,
    "change_key": _change_key,
    "newer_worker": _nothing,
}
