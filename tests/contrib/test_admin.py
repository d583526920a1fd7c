"""Jobs in Django's admin."""

from __future__ import annotations

import time
from typing import Any

import pytest
from celery import Celery
from django.contrib.auth.models import Permission, User
from django.test import Client, override_settings

from phanedge_celery import enqueue_video
from phanedge_celery.tickets import Stage, Ticket, store_for
from tests.contrib.conftest import REQUEST, sent

LIST = "/admin/phanedge/ticket/"
NOW = time.time()
TIMED_OUT = {
    "type": "JobTimedOut",
    "message": "the deadline <b>is</b> past",
    "code": None,
    "job_id": "106",
    "http_status": None,
    "request_id": None,
    "resumable": True,
}
SIGNED = "https://files.example/v.mp4?Signature=secret"


def user(*permissions: str) -> Client:
    """Return the browser of a member of staff with these permissions."""
    client = Client()
    who = User.objects.create_user(f"staff{User.objects.count()}", is_staff=True)
    who.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(who)
    return client


@pytest.fixture
def operator(app: Celery) -> Client:
    return user("view_ticket", "change_ticket")


def write(app: Celery, id: str, **known: Any) -> None:
    store_for(app).create(Ticket(id=id, **{"since": NOW, **known}))


def read(app: Celery, id: str) -> Ticket:
    ticket = store_for(app).read(id)
    assert ticket is not None
    return ticket


def page(client: Client, url: str = LIST) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return str(answer.content.decode())


def rows(client: Client, query: str) -> set[str]:
    """Return which of the ids a to f the list shows."""
    shown = page(client, f"{LIST}?{query}")
    return {id for id in "abcdef" if f"/ticket/job-{id}/change/" in shown}


def act(client: Client, action: str, *ids: str) -> str:
    posted = {"action": action, "_selected_action": ids}
    answer = client.post(LIST, posted, follow=True)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_jobs_are_narrowed_by_stage_error_and_lateness(
    operator: Client, app: Celery
) -> None:
    write(app, "job-a", stage=Stage.POLLING, next_at=time.time() + 60)
    write(app, "job-b", stage=Stage.POLLING, next_at=NOW - 60, error=TIMED_OUT)
    write(app, "job-c", stage=Stage.FAILED, error={**TIMED_OUT, "type": "JobFailed"})
    write(app, "job-d", stage=Stage.DONE)

    assert rows(operator, "stage=polling") == {"a", "b"}
    assert rows(operator, "error=JobTimedOut") == {"b"}
    assert rows(operator, "error=any") == {"b", "c"}
    assert rows(operator, "overdue=yes") == {"b"}
    assert rows(operator, "stage=failed&error=JobFailed") == {"c"}
    assert rows(operator, "overdue=perhaps") == {"a", "b", "c", "d"}
    assert rows(operator, "") == {"a", "b", "c", "d"}


def test_what_the_watch_asks_for_waits_for_no_message(
    operator: Client, app: Celery
) -> None:
    app.conf.phanedge_watch_polls = True
    write(app, "job-a", stage=Stage.POLLING, next_at=NOW - 60)
    write(app, "job-b", stage=Stage.SAVING, next_at=NOW - 60)

    assert rows(operator, "overdue=yes") == {"b"}
    assert page(operator).count('<td class="field-overdue">overdue</td>') == 1


def test_a_job_is_found_by_each_of_its_names(operator: Client, app: Celery) -> None:
    write(app, "job-a", key="order-42/1")
    write(app, "job-b", job_id="115334141465231360")
    write(app, "job-c", platform_id="video_01JSG")
    write(app, "job-d", file_id="205258526306433")

    for text, id in {
        "order-42": "a",
        "1153341": "b",
        "01JSG": "c",
        "2052": "d",
    }.items():
        assert rows(operator, f"q={text}") == {id}
    assert rows(operator, "q=job-b") == {"b"}


def test_resume_reopens_what_can_be_and_says_what_it_did(
    operator: Client, app: Celery
) -> None:
    message = {"task": "phanedge.poll_video", "args": ["106"], "kwargs": {}}
    message["options"] = {"task_id": "job-a"}
    write(
        app, "job-a", stage=Stage.FAILED, error=TIMED_OUT, job_id="106", message=message
    )
    write(app, "job-b", stage=Stage.DONE)

    told = act(operator, "resume", "job-a", "job-b")

    assert "1 × reopened" in told
    assert "1 × left alone" in told
    assert read(app, "job-a").stage is Stage.POLLING
    assert sent(app) == 1


def test_cancel_stops_and_says_so(operator: Client, app: Celery) -> None:
    id = enqueue_video(REQUEST).id
    write(app, "job-b", stage=Stage.DONE)
    sent(app)

    told = act(operator, "cancel", id, "job-b")

    assert "1 × cancelled before it was submitted" in told
    assert "1 × too late, it had ended" in told
    assert read(app, id).stage is Stage.CANCELLED
    assert sent(app) == 1


def test_times_are_told_to_the_second_in_the_sites_time_zone(
    operator: Client, app: Celery
) -> None:
    write(app, "job-a", stage=Stage.DONE, since=1_800_000_000.25)

    with override_settings(TIME_ZONE="Europe/Berlin"):
        shown = [page(operator), page(operator, f"{LIST}job-a/change/")]

    assert all("2027-01-15 09:00:00" in text for text in shown)


def test_a_store_that_is_away_is_told_in_the_page(
    operator: Client, app: Celery
) -> None:
    write(app, "job-a", stage=Stage.POLLING)
    app.conf.phanedge_tickets = "redis://127.0.0.1:1/0"

    assert "1 × Redis" in act(operator, "cancel", "job-a")


def test_who_may_only_view_gets_no_action(app: Celery) -> None:
    id = enqueue_video(REQUEST).id
    viewer = user("view_ticket")
    sent(app)

    assert 'name="action"' not in page(viewer)
    act(viewer, "cancel", id)

    assert read(app, id).stage is Stage.QUEUED
    assert sent(app) == 0


def test_who_has_no_permission_sees_nothing(app: Celery) -> None:
    write(app, "job-a")

    assert user().get(LIST).status_code == 403


@pytest.mark.parametrize("path", ["add/", "job-a/delete/"])
def test_nobody_adds_or_deletes_a_ticket(
    operator: Client, app: Celery, path: str
) -> None:
    write(app, "job-a")

    assert operator.get(LIST + path).status_code == 403


def test_nobody_edits_a_ticket(operator: Client, app: Celery) -> None:
    write(app, "job-a", stage=Stage.DONE)

    answer = operator.post(f"{LIST}job-a/change/", {"stage": "queued"})

    assert answer.status_code == 403
    assert read(app, "job-a").stage is Stage.DONE


def test_a_job_is_shown_without_its_message_and_without_its_signed_url(
    operator: Client, app: Celery
) -> None:
    write(
        app,
        "job-a",
        stage=Stage.ENDING,
        error=TIMED_OUT,
        errors={"auth": {"count": 2, "since": NOW}},
        video={"download_url": SIGNED, "saved_to": "a/<b>.mp4"},
        message={"args": ["a private prompt"], "task": "t", "options": {}},
    )

    for shown in (page(operator, f"{LIST}job-a/change/"), page(operator)):
        assert "private prompt" not in shown
        assert "Signature" not in shown
        assert "a/&lt;b&gt;.mp4" in shown
    shown = page(operator, f"{LIST}job-a/change/")
    assert "JobTimedOut: the deadline &lt;b&gt;is&lt;/b&gt; past" in shown
    assert "auth × 2" in shown


class Signing:
    """A storage whose URLs let anybody in."""

    def url(self, name: str) -> str:
        return f"https://bucket.example/{name}?X-Amz-Signature=secret"


@pytest.mark.parametrize(
    ("storage", "linked"), [("django:open", True), ("django:signing", False), (None, 0)]
)
def test_a_saved_file_is_linked_unless_its_url_is_signed(
    operator: Client, app: Celery, storage: str | None, linked: bool
) -> None:
    files = "django.core.files.storage.FileSystemStorage"
    storages = {
        "open": {"BACKEND": files, "OPTIONS": {"base_url": "/media/"}},
        "signing": {"BACKEND": f"{__name__}.Signing"},
    }
    write(app, "job-a", stage=Stage.DONE, video={"saved_to": "orders/42.mp4"})
    app.conf.phanedge_storage = storage

    with override_settings(STORAGES=storages):
        shown = page(operator)

    assert ('href="/media/orders/42.mp4"' in shown) is bool(linked)
    assert "secret" not in shown
    assert "orders/42.mp4" in shown
