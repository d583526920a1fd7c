"""Saving a file, told as a story: find, download, claim, keep."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, Final

from celery.exceptions import Ignore

from .. import moves
from ..answers import Trouble
from ..answers.download import REFRESH
from ..answers.file import MISSING
from ..answers.trouble import TOLERANCE
from ..errors import PhanEdgeError, StorageFailed
from ..models import FileRecord
from ..moves import End, Move
from ..steps import Step
from ..storage import (
    Part,
    PartBusy,
    Storage,
    StorageAway,
    asking,
    hold,
    keep,
    open_storage,
)
from ..tickets import Stage
from .download import Open, fetch
from .heartbeat import LEASE, Heartbeat
from .order import Order, find, fresh

__all__ = ["fresh", "save", "storage_trouble"]

ATTEMPTS: Final = 20
"""How often in a row a download may get no further, or the storage fail: with the
usual waits about a quarter of an hour. The deadline ends it, too."""


def save(step: Step, video: Any, save_to: Any, *, overwrite: bool) -> Move:
    """Get the file of *video* into the storage, or a good deal nearer to it."""
    order = Order.of(step.ticket, video, save_to, overwrite=overwrite)
    storage = open_storage(step.settings.storage)
    with ExitStack() as stack:
        try:
            with asking(storage.where):
                part = stack.enter_context(hold(storage.workplace(order.name), step.id))
        except PartBusy:
            raise Ignore(f"another copy of {step.id} is at work here") from None
        except StorageAway as away:
            return step.wait_out(storage_trouble(away))
        return _tidily(step, order, storage, part)


def _tidily(step: Step, order: Order, storage: Storage, part: Part) -> Move:
    """Leave the part behind only for an attempt that will come."""
    try:
        move = _attempt(step, order, storage, part)
    except StorageAway as away:
        move = step.wait_out(storage_trouble(away))
    except (Ignore, PhanEdgeError):
        part.discard()
        raise
    if isinstance(move, End):
        part.discard()
    return move


def _attempt(step: Step, order: Order, storage: Storage, part: Part) -> Move:
    found = find(step.client, order)
    if isinstance(found, Trouble):
        move = step.wait_out(found)
        if not (isinstance(move, End) and found.kind == MISSING and order.file_id):
            return move
        found = FileRecord(file_id=order.file_id)
    beat = Heartbeat(step)
    if part.entity.sha256 is None:
        found = _downloaded(step, order, found, part, beat)
        if isinstance(found, Trouble):
            return _wait_out(step, found, part)
    step.claim(Stage.SAVING, LEASE)
    return _keep(step, order, found, storage, part, beat)


def _downloaded(
    step: Step, order: Order, record: FileRecord, part: Part, beat: Heartbeat
) -> FileRecord | Trouble:
    """Fill the part; return the description with the URL that did it.

    A refused URL is asked for anew, once (contract, 4.2).
    """
    trouble = _fetch(step, order, record, part, beat)
    if trouble is not None and trouble.kind == REFRESH and order.can_refresh:
        again = find(step.client, order)
        if isinstance(again, Trouble):
            return again
        record = again
        trouble = _fetch(step, order, record, part, beat)
    return trouble or record


def _fetch(
    step: Step, order: Order, record: FileRecord, part: Part, beat: Heartbeat
) -> Trouble | None:
    return fetch(
        _source(step, order, record),
        part,
        told=record.bytes,
        job_id=order.job_id,
        tell=beat.tell,
    )


def _source(step: Step, order: Order, record: FileRecord) -> Open:
    """Open the download URL; without one the gateway gives the file itself (E4)."""
    client, job_id, url = step.client, order.job_id, record.download_url
    if url is None:
        return lambda start, etag: client.open_content(record.file_id, job_id)
    return lambda start, etag: client.open(url, start=start, etag=etag, job_id=job_id)


def _wait_out(step: Step, trouble: Trouble, part: Part) -> Move:
    """Try again later, for as long as it gets further."""
    if part.got_further:
        earlier = step.ticket.errors.items()
        kept = {kind: streak for kind, streak in earlier if kind == MISSING}
        step.ticket = replace(step.ticket, errors=kept)
    limit = ATTEMPTS if trouble.limit is None else trouble.limit
    if trouble.kind == REFRESH:
        limit = TOLERANCE
    return step.wait_out(replace(trouble, limit=limit))


def storage_trouble(away: StorageAway) -> Trouble:
    error = StorageFailed(str(away))
    return Trouble(error=error, kind="storage", limit=ATTEMPTS)


def _keep(
    step: Step,
    order: Order,
    record: FileRecord,
    storage: Storage,
    part: Part,
    beat: Heartbeat,
) -> End:
    sha256, size = part.entity.sha256 or "", part.length
    with asking(storage.where):
        keep(
            storage,
            order.name,
            part.path,
            sha256,
            overwrite=order.overwrite,
            beat=beat,
        )
    ids = {"job_id": order.job_id, "file_id": order.file_id or record.file_id or None}
    saved = {"bytes": size, "saved_to": order.name, "sha256": sha256}
    return End(video=_video(step, order, record, **ids, **saved), changes=ids)


def _video(
    step: Step, order: Order, record: FileRecord, **saved: Any
) -> dict[str, Any]:
    """Return the result: what the caller knew, the ticket, the service, and we."""
    given = order.video.model_dump(mode="json", exclude_none=True)
    described = record.model_dump(mode="json", include=_OF_FILE, exclude_none=True)
    known = {**given, **(step.ticket.video or {}), **described}
    return moves.video_of(
        replace(step.ticket, video=known),
        None,
        platform_id=step.ticket.platform_id or order.video.platform_id,
        download_url=record.download_url,
        retrieved_at=datetime.now(timezone.utc),
        **saved,
    )


_OF_FILE: Final = {"filename", "created_at"}
