"""The commands against a real worker, broker, store and a fake of the service."""

from __future__ import annotations

import json
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from phanedge_celery import PhanEdgeError, enqueue_video
from phanedge_celery.cli.exits import Exit, exit_for
from phanedge_celery.cli.output import Output
from phanedge_celery.cli.parameters import since
from phanedge_celery.cli.wording import clock
from phanedge_celery.testing import fail
from phanedge_celery.tickets import Stage, Ticket, close_stores, store_for
from tests.commands import call
from tests.servers import RedisServer, free_port
from tests.stacks import Stack

MARK = "sk-marked-4e1f9b7c2d"
PASSWORD = "swordfish-marked-77"


def words(request: dict[str, Any]) -> list[str]:
    return ["--model", request["model"], "--prompt", request["prompt"]]


def test_submit_follows_the_job_and_prints_the_video(redis_stack: Stack) -> None:
    request = redis_stack.request("Processing", "Success")

    called = call(redis_stack.app, "submit", *words(request))

    assert called.code == Exit.OK
    assert "done  Success" in called.out
    assert redis_stack.fake.jobs[-1]["job_id"] in called.out
    assert called.err.startswith("id ")
    assert redis_stack.posts_of(request) == 1


def test_submit_for_scripts_prints_one_object(redis_stack: Stack) -> None:
    request = redis_stack.request("Success")

    shown = call(redis_stack.app, "submit", json.dumps(request), "--json").row

    assert (shown["state"], shown["stage"]) == ("SUCCESS", "done")
    assert shown["video"]["file_id"]


def test_a_detached_submit_prints_the_id_alone(redis_stack: Stack) -> None:
    request = redis_stack.request("Success")

    called = call(redis_stack.app, "submit", "-d", *words(request), "--key", "cli/1")
    again = call(redis_stack.app, "submit", "-d", *words(request), "--key", "cli/1")

    [id] = called.out.splitlines()
    assert redis_stack.ended(id)["stage"] == "done"
    assert again.out == called.out
    assert redis_stack.posts_of(request) == 1


@pytest.mark.parametrize("way", ["-", "@"])
def test_a_request_is_read_from_stdin_or_a_file(
    redis_stack: Stack, way: str, tmp_path: Path
) -> None:
    request = redis_stack.request("Success")
    file = tmp_path / "request.json"
    file.write_text(json.dumps(request))
    named = "-" if way == "-" else f"@{file}"

    called = call(redis_stack.app, "submit", "-d", named, input=json.dumps(request))
    redis_stack.ended(called.out.strip())

    assert redis_stack.posts_of(request) == 1


def test_the_download_url_is_shown_whole_only_when_asked_for(
    redis_stack: Stack,
) -> None:
    id = enqueue_video(redis_stack.request("Success"), app=redis_stack.app).id
    redis_stack.ended(id)
    signature = redis_stack.result(id).get()["download_url"].partition("?")[2]
    assert signature

    for shown in (("progress", id), ("progress", id, "--json"), ("jobs", "--json")):
        assert signature not in call(redis_stack.app, *shown).out
    assert signature in call(redis_stack.app, "progress", id, "--with-url").out
    assert signature in call(redis_stack.app, "follow", id, "--with-url", "--json").out


def test_a_job_that_fails_is_told_with_its_error_and_exit_code(
    redis_stack: Stack,
) -> None:
    request = redis_stack.request(fail(1027, "output new_sensitive"))

    called = call(redis_stack.app, "submit", *words(request))

    assert called.code == Exit.BAD_NEWS
    assert "ContentRejected" in called.out
    assert "resume" not in called.out


def test_a_job_of_the_vendors_is_followed_by_its_own_id(redis_stack: Stack) -> None:
    job_id = redis_stack.fake.add_job("Processing", "Success")

    shown = call(redis_stack.app, "follow", job_id, "--json").row

    assert shown["job_id"] == job_id
    assert shown["stage"] == "done"


def test_an_id_that_was_submitted_is_followed_under_that_id(
    redis_stack: Stack,
) -> None:
    id = enqueue_video(redis_stack.request("Success"), app=redis_stack.app).id

    assert call(redis_stack.app, "follow", id, "--json").row["id"] == id


@pytest.mark.parametrize("name", ["follow", "progress", "cancel", "resume"])
@pytest.mark.parametrize("id", ["no-such-id", "6f1d2c3b-0000-4000-8000-1234567890ab"])
def test_an_id_that_nobody_knows_has_its_own_exit_code(
    redis_stack: Stack, name: str, id: str
) -> None:
    called = call(redis_stack.app, name, id)

    assert called.code == Exit.UNKNOWN_ID
    assert called.out == ""
    assert called.err.startswith("Error: nothing is known of the id")
    assert called.err.count("\n") == 1


def test_cancel_says_what_it_stopped_and_whether_it_may_be_billed(
    redis_stack: Stack,
) -> None:
    id = enqueue_video(redis_stack.request("Processing"), app=redis_stack.app).id
    redis_stack.stage(id, "polling")

    done = call(redis_stack.app, "cancel", id, "--json").row
    redis_stack.ended(id)
    late = call(redis_stack.app, "cancel", id)

    assert (done["stopped"], done["may_be_billed"]) == ("following", True)
    assert late.code == Exit.BAD_NEWS
    assert late.out.startswith("Too late")
    assert call(redis_stack.app, "progress", id).code == Exit.BAD_NEWS


def test_a_canvas_node_that_has_not_begun_is_cancelled_on_demand(
    redis_stack: Stack,
) -> None:
    done = call(redis_stack.app, "cancel", "node-7", "--not-begun", "--json").row

    assert done["stopped"] == "before_submit"


def test_resume_goes_on_with_one_job(redis_stack: Stack) -> None:
    request = redis_stack.request("gateway_400_query", "Processing", "Success")
    id = enqueue_video(request, app=redis_stack.app).id
    failed = redis_stack.ended(id)
    assert failed["error"]["resumable"]

    told = call(redis_stack.app, "progress", id)
    done = call(redis_stack.app, "resume", id, "--json").row

    assert f"phanedge resume {id}" in told.out
    assert done["resumed"] == "reopened"
    assert redis_stack.ended(id)["stage"] == "done"


@pytest.mark.parametrize(
    "wrong",
    [
        ("submit",),
        ("submit", "{"),
        ("submit", "[]"),
        ("submit", "@no-such-file"),
        ("submit", '{"model": 5}'),
        ("submit", "--prompt", "x" * 2001, "--model", "M"),
        ("follow",),
        ("jobs", "--stage", "nowhere"),
        ("jobs", "--error", "NoSuchError"),
        ("jobs", "--since", "yesterday"),
        ("jobs", "--limit", "0"),
        ("resume",),
        ("resume", "id", "--overdue"),
        ("resume", "id", "--dry-run"),
        ("resume", "--overdue", "--job-id", "7"),
        ("resume", "--overdue", "--per-second", "0"),
        ("save", "106916112212032", "../etc/passwd"),
        ("nonsense",),
    ],
)
def test_wrong_usage_exits_with_2_and_does_nothing(
    redis_stack: Stack, wrong: tuple[str, ...]
) -> None:
    posts = len(redis_stack.fake.posts)

    called = call(redis_stack.app, *wrong)

    assert called.code == Exit.USAGE
    assert called.out == ""
    assert "Error: " in called.err
    assert len(redis_stack.fake.posts) == posts


def test_a_file_cannot_be_saved_without_a_storage(redis_stack: Stack) -> None:
    called = call(redis_stack.app, "save", "106916112212032", "a.mp4")

    assert called.code == Exit.SETTINGS
    assert "phanedge_storage" in called.err


def unreachable(**conf: Any) -> Celery:
    """Return an app whose every address refuses, with marked secrets in it."""
    app = Celery("away", set_as_current=False)
    where = f"127.0.0.1:{free_port()}"
    app.conf.update(
        {
            "broker_url": f"redis://user:{PASSWORD}@{where}/0",
            "result_backend": f"redis://:{PASSWORD}@{where}/1",
            "phanedge_base_url": f"http://{where}",
            "phanedge_api_key": MARK,
            "phanedge_timeout": [1, 1],
            "task_routes": {"phanedge.*": {"queue": "phanedge"}},
            **conf,
        }
    )
    return app


COMMANDS = (
    ("submit", "--model", "M", "--prompt", "A cat."),
    ("follow", "106916112212032"),
    ("progress", "some-id"),
    ("jobs",),
    ("jobs", "--overdue"),
    ("cancel", "some-id"),
    ("resume", "some-id"),
    ("resume", "--overdue"),
)


@pytest.mark.parametrize("asked", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("as_json", [False, True])
def test_a_store_out_of_reach_makes_one_line(
    asked: tuple[str, ...], *, as_json: bool
) -> None:
    called = call(unreachable(), *asked, *(["--json"] if as_json else []))
    close_stores()

    assert called.code == Exit.UNREACHABLE
    assert MARK not in called.out + called.err
    assert PASSWORD not in called.out + called.err
    if as_json:
        assert called.row["error"]["message"].startswith("out of reach: Redis")
        assert called.err == ""
    else:
        assert called.err.startswith("Error: out of reach: Redis: ")
        assert called.err.count("\n") == 1
        assert called.out == ""


def test_results_out_of_reach_make_one_line(tmp_path: Path) -> None:
    app = unreachable(phanedge_tickets=f"sqlite:///{tmp_path}/tickets.db")
    called = call(app, "progress", "some-id")
    close_stores()

    assert called.code == Exit.UNREACHABLE
    assert called.err.startswith("Error: out of reach: ")
    assert called.err.count("\n") == 1
    assert PASSWORD not in called.err


def test_a_broker_out_of_reach_is_no_reason_to_lose_a_job(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sqlite = f"sqlite:///{tmp_path}/results.db"
    app = unreachable(result_backend=f"db+{sqlite}")
    called = call(app, "submit", "-d", "--model", "M", "--prompt", "A cat.")
    ticket = store_for(app).read(called.out.strip())
    close_stores()

    assert called.code == Exit.OK
    assert ticket is not None
    assert ticket.stage is Stage.QUEUED
    assert "the broker is away; the watch will send" in caplog.text
    assert PASSWORD not in caplog.text


def test_settings_that_cannot_work_have_their_own_exit_code() -> None:
    called = call(unreachable(phanedge_max_wiat=3), "jobs", "--json")

    assert called.code == Exit.SETTINGS
    assert called.row["error"]["type"] == "ConfigurationError"
    assert "the nearest is phanedge_max_wait" in called.row["error"]["message"]


def test_no_command_prints_a_secret(own_redis: RedisServer) -> None:
    url = own_redis.url(0)
    app = unreachable(
        broker_url=url,
        result_backend=url,
        phanedge_callback_url="https://app.example/hook",
        phanedge_callback_secret=MARK,
    )
    error = {
        "type": "AuthenticationFailed",
        "message": f"refused: {MARK} https://h.example/v.mp4?sig={PASSWORD}",
        "code": None,
        "job_id": None,
        "http_status": 401,
        "request_id": None,
        "resumable": True,
    }
    store_for(app).create(
        Ticket(id="told", since=time.time(), stage=Stage.FAILED, error=error)
    )
    asked = (
        *(("progress", "told"), ("jobs",), ("follow", "told"), ("resume", "told")),
        *(("doctor",), ("doctor", "--online"), ("cancel", "told")),
        ("resume", "--error", "AuthenticationFailed", "--dry-run"),
    )
    printed = ""
    for each in asked:
        for form in ((), ("--json",)):
            called = call(app, *each, *form)
            printed += called.out + called.err
    close_stores()

    assert "AuthenticationFailed" in printed
    assert MARK not in printed


def test_the_doctor_reports_through_its_exit_code(redis_stack: Stack) -> None:
    called = call(redis_stack.app, "doctor", "--json")

    assert called.code == Exit.OK
    assert [each["code"] for each in called.row["findings"]] == ["phanedge.W022"]
    bad = call(unreachable(result_backend="rpc://"), "doctor")
    assert bad.code == Exit.BAD_NEWS
    assert bad.out.startswith("phanedge.E010 error: The result backend cannot serve")


@pytest.mark.parametrize(
    ("text", "ago"),
    [("90s", 90), ("30m", 1800), ("1.5h", 5400), ("7d", 7 * 86400)],
)
def test_since_is_so_long_ago(text: str, ago: float) -> None:
    assert since(text, 1_000_000.0) == 1_000_000.0 - ago


@pytest.mark.parametrize(
    "text", ["2026-11-24T12:00:00", "2026-11-24T12:00:00Z", "2026-11-24T14:00:00+02:00"]
)
def test_since_is_a_moment_in_utc_unless_it_says_more(text: str) -> None:
    noon = datetime(2026, 11, 24, 12, tzinfo=timezone.utc).timestamp()

    assert since(text, 0) == noon


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00"), (65.9, "1:05"), (3723, "1:02:03")]
)
def test_durations_read_like_a_clock(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


def test_a_mistake_of_ours_is_no_exit_code() -> None:
    assert exit_for(KeyError("stage")) is None
    assert exit_for(PhanEdgeError("x")) is Exit.BAD_NEWS
    assert exit_for(ConnectionRefusedError()) is Exit.UNREACHABLE


def test_text_from_elsewhere_cannot_steer_the_terminal() -> None:
    out = Output(as_json=False, secrets=frozenset())

    assert "\x1b" not in out.clean("a\x1b[2Jb\rc")
