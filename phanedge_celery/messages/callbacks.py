"""What hears of a job's end, each under an id that never changes."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Final

from celery.app.task import Context

CANVAS: Final = (
    "link",
    "link_error",
    "chain",
    "chord",
    "group_id",
    "group_index",
)
"""The options by which a message belongs to a canvas."""


def name_callbacks(request: Context) -> None:
    """Give the callbacks in *request* ids for good.

    Celery gives an id-less callback a new one at each sending, and a linked paid job
    would be bought once for each.
    """
    if request.callbacks:
        request.callbacks = named(request.callbacks, str(request.id), "link")
    if request.errbacks:
        request.errbacks = named(request.errbacks, str(request.id), "link_error")


def named(signatures: Iterable[Any], id: str, kind: str) -> list[Any]:
    """Return signatures of one *kind* of callback of the task *id*, with ids."""
    return [
        _with_id(dict(signature), id, f"{kind}/{index}")
        for index, signature in enumerate(signatures)
    ]


def _with_id(signature: dict[str, Any], id: str, path: str) -> dict[str, Any]:
    """Give a signature, and all that it is made of, an id that never changes."""
    kwargs = dict(signature.get("kwargs") or {})
    for part in ("tasks", "header"):
        if isinstance(kwargs.get(part), (list, tuple)):
            kwargs[part] = named(kwargs[part], id, f"{path}/{part}")
        elif isinstance(kwargs.get(part), Mapping):
            kwargs[part] = _with_id(dict(kwargs[part]), id, f"{path}/{part}")
    if isinstance(kwargs.get("body"), Mapping):
        kwargs["body"] = _with_id(dict(kwargs["body"]), id, f"{path}/body")
    own = str(uuid.uuid5(uuid.NAMESPACE_URL, f"phanedge:{id}/{path}"))
    options = {"task_id": own, **(signature.get("options") or {})}
    return {**signature, "kwargs": kwargs, "options": options}
