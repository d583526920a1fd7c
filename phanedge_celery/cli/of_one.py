"""The commands about one job."""

from __future__ import annotations

import re
from typing import Any, Final

import click
from celery import states

from ..errors import JobNotFound
from ..moves import SAVE
from ..producer import cancel_video, enqueue_video, follow_video, video_progress
from ..settings import settings_for
from ..storage import check_save_to
from .exits import Exit
from .following import follow_to_end, tell
from .parameters import following, request_of
from .session import Session

_AT_THE_VENDOR: Final = re.compile(r"\d{6,}|(?:video|task)_\w+")


@click.argument("request", required=False)
@click.option("--model", help="For instance MiniMax-Hailuo-02.")
@click.option("--prompt")
@click.option("--duration", type=int, help="Seconds.")
@click.option("--resolution", help="For instance 768P.")
@click.option("--key", help="Names this attempt: the same key is the same bill.")
@following
def submit(
    session: Session,
    request: str | None,
    key: str | None,
    save_to: str | None,
    max_wait: float | None,
    **rest: Any,
) -> Exit:
    """Submit a job, which costs money, and follow it.

    REQUEST is JSON, @FILE, or - for stdin; the options win over what is in it.
    """
    detach, with_url = rest.pop("detach"), rest.pop("with_url")
    asked = request_of(request, **rest)
    if not asked:
        raise click.UsageError("Give a REQUEST, or --model and --prompt.")
    result = enqueue_video(
        asked, key=key, save_to=save_to, max_wait=max_wait, app=session.app
    )
    return _begun(session, result.id, detach=detach, with_url=with_url)


@click.argument("id")
@click.option("--key", help="Names this line of polls.")
@following
def follow(
    session: Session,
    id: str,
    key: str | None,
    save_to: str | None,
    max_wait: float | None,
    *,
    detach: bool,
    with_url: bool,
) -> Exit:
    """Follow a job to its end.

    ID is what `submit` printed, or the vendor's id of a job submitted elsewhere.
    """
    if not is_known(session, id):
        result = follow_video(
            vendors(id), key=key, save_to=save_to, max_wait=max_wait, app=session.app
        )
        id = result.id
    return _begun(session, id, detach=detach, with_url=with_url)


@click.argument("id")
@click.option(
    "--with-url",
    is_flag=True,
    help="Print the download URL whole: whoever holds it can read the video.",
)
def progress(session: Session, id: str, *, with_url: bool) -> Exit:
    """Show where a job is. Fails if it has failed."""
    if not is_known(session, id):
        raise JobNotFound(f"nothing is known of the id {id!r}")
    shown = video_progress(id, app=session.app)
    return tell(session, shown, with_url=with_url)


@click.argument("id")
@click.option(
    "--not-begun",
    is_flag=True,
    help="Also an id that nobody knows: a canvas's node that has not begun.",
)
def cancel(session: Session, id: str, *, not_begun: bool) -> Exit:
    """Stop following a job. The vendor cannot be stopped, and may bill it."""
    if not (not_begun or is_known(session, id)):
        raise JobNotFound(f"nothing is known of the id {id!r}")
    done = cancel_video(id, app=session.app)
    billed = "may be billed" if done["may_be_billed"] else "is not billed"
    told = {
        "before_submit": "Cancelled before it was submitted",
        "following": "Followed no more; what was submitted goes on",
        "too_late": "Too late: it has ended",
    }[done["stopped"]]
    session.out.answer({"id": id, **done}, f"{told}. It {billed}.")
    return Exit.BAD_NEWS if done["stopped"] == "too_late" else Exit.OK


@click.argument("id")
@click.argument("save_to")
@click.option("--overwrite", is_flag=True, help="Replace another file of that name.")
@click.option("-d", "--detach", is_flag=True, help="Print the id, and do not wait.")
def save(
    session: Session, id: str, save_to: str, *, overwrite: bool, detach: bool
) -> Exit:
    """Keep the file of a finished job under the name SAVE_TO.

    ID is what `submit` printed, or the vendor's id of the job. This is a task of its
    own, with an id of its own.
    """
    check_save_to(save_to, settings_for(session.app).storage)
    if is_known(session, id):
        shown = video_progress(id, app=session.app)
        if not shown["video"]:
            raise click.UsageError(f"{id} has no video: it is {shown['stage']}.")
        video = shown["video"]
    else:
        video = {"job_id": vendors(id)}
    result = session.app.tasks[SAVE].apply_async(
        (video, save_to), {"overwrite": True} if overwrite else {}
    )
    return _begun(session, result.id, detach=detach, with_url=False)


def is_known(session: Session, id: str) -> bool:
    """Has this app a ticket or a result of that id?"""
    shown = video_progress(id, app=session.app)
    return bool(shown["stage"]) or shown["state"] != states.PENDING


def vendors(id: str) -> str:
    """Return an id that can be the vendor's; raise `JobNotFound` for another."""
    if not _AT_THE_VENDOR.fullmatch(id):
        raise JobNotFound(f"nothing is known of the id {id!r}")
    return id


def _begun(session: Session, id: str, *, detach: bool, with_url: bool) -> Exit:
    if detach:
        session.out.answer({"id": id}, id)
        return Exit.OK
    session.out.note(f"id {id}")
    return follow_to_end(session, id, with_url=with_url)
