"""All checks over a snapshot, in the order of their codes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from . import of_broker, of_results, of_settings, of_worker
from .finding import Finding
from .snapshot import Snapshot

Check = Callable[[Snapshot], Iterator[Finding]]

CHECKS: Final[tuple[Check, ...]] = (
    of_settings.settings_that_cannot_work,
    of_settings.no_api_key,
    of_settings.plain_http,
    of_settings.unread_settings,
    of_results.unfit_results,
    of_results.ignored_results,
    of_results.no_ticket_store,
    of_results.tickets_in_memory,
    of_results.results_that_expire,
    of_broker.lossy_broker,
    of_broker.broker_not_loaded,
    of_broker.no_route,
    of_broker.short_visibility,
    of_broker.undelayed_quorum,
    of_broker.eta_limit_in_a_shared_queue,
    of_broker.dies_with_redis,
    of_worker.eager_mode,
    of_worker.leaking_greenlets,
    of_worker.weakened_steps,
    of_worker.pickle_accepted,
    of_worker.shown_secrets,
    of_results.storage_not_opened,
)


def check(snapshot: Snapshot) -> list[Finding]:
    """Return what every check finds in *snapshot*."""
    return [finding for each in CHECKS for finding in each(snapshot)]
