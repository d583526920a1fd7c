from __future__ import annotations

import time
from pathlib import Path

from celery import Celery

from phanedge_celery.tickets import Stage, Ticket, store_for

DAY = 86400


def test_the_watch_forgets_a_ticket_once_it_is_remembered_no_longer(
    tmp_path: Path,
) -> None:
    app = Celery("forgetful", set_as_current=False)
    app.conf.update(
        broker_url="memory://", result_backend=f"db+sqlite:///{tmp_path}/results.db"
    )
    store = store_for(app)
    for id, days in {"old": 31, "young": 29}.items():
        ended = time.time() - days * DAY
        store.create(Ticket(id=id, since=1, stage=Stage.DONE, ended_at=ended))

    app.tasks["phanedge.watch"].apply()

    assert store.read("old") is None
    assert store.read("young") is not None
    store.close()
