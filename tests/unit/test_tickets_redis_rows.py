"""How a ticket lies in Redis: shorter, and the same when it is read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phanedge_celery.models import JobStatus
from phanedge_celery.tickets import Ticket, rows
from phanedge_celery.tickets.redis import rows as redis_rows

ID = "0" * 36
PLAIN = {"task_id": ID}
words = st.text(max_size=12)
leaves = st.none() | st.booleans() | st.integers() | words
values = leaves | st.lists(leaves, max_size=2)
messages = st.fixed_dictionaries(
    {
        "task": st.sampled_from(["phanedge.poll_video", "poll_video", "phanedge.", ""]),
        "args": st.lists(values, max_size=2) | st.none(),
        "kwargs": st.dictionaries(words, values, max_size=2),
        "options": st.dictionaries(st.just("task_id"), st.just(ID) | words)
        | st.dictionaries(words, values, max_size=2),
    }
) | st.dictionaries(words, values, max_size=3)


def kept(ticket: Ticket) -> dict[str, str]:
    texts = redis_rows.texts(ticket.id, rows.row(ticket))
    del texts["id"]
    return texts


def read(texts: dict[str, str]) -> Ticket:
    packed = json.dumps(list(redis_rows.pairs(texts)))
    return rows.ticket(redis_rows.row(ID, packed))


@settings(max_examples=50, deadline=None)
@given(
    messages,
    st.text(max_size=64) | st.binary(min_size=32, max_size=32),
    st.dictionaries(st.sampled_from(redis_rows.WORDS) | words, st.floats(0, 1e6)),
)
def test_a_ticket_is_read_as_it_was_written(
    message: dict[str, Any], sha256: str | bytes, history: dict[str, float]
) -> None:
    text = sha256 if isinstance(sha256, str) and len(sha256) != 43 else "f" * 64
    given = Ticket(
        id=ID,
        since=1.5,
        message=message,
        history=history,
        request_sha256=sha256.hex() if isinstance(sha256, bytes) else text,
    )

    assert read(kept(given)) == given


@pytest.mark.parametrize(
    ("message", "text"),
    [
        pytest.param(
            {
                "task": "phanedge.poll_video",
                "args": ["1069"],
                "kwargs": {},
                "options": PLAIN,
            },
            '["poll_video",["1069"]]',
            id="a poll",
        ),
        pytest.param(
            {
                "task": "phanedge.save_file",
                "args": [],
                "kwargs": {"a": 1},
                "options": {**PLAIN, "queue": "q"},
            },
            '["save_file",[],{"a":1},{"queue":"q"}]',
            id="with options",
        ),
        pytest.param(
            {"task": "phanedge.poll_video", "args": [], "kwargs": {}, "options": {}},
            '{"task":"phanedge.poll_video","args":[],"kwargs":{},"options":{}}',
            id="without its id",
        ),
    ],
)
def test_a_message_is_kept_without_what_goes_without_saying(
    message: dict[str, Any], text: str
) -> None:
    assert kept(Ticket(id=ID, since=1.5, message=message))["message"] == text


def test_a_history_names_known_words_by_number() -> None:
    heard = {"Queueing": 61.2, "Rendering": 70.0, "Processing": 118.4}

    assert kept(Ticket(id=ID, since=1.5, history=heard))["was"] == (
        '[1,61.2,"Rendering",70.0,2,118.4]'
    )


def test_every_known_word_has_a_number_of_its_own() -> None:
    assert set(redis_rows.WORDS) == {str(word) for word in JobStatus}
    assert len(redis_rows.WORDS) == len(JobStatus)


def test_no_two_fields_share_a_name() -> None:
    names = [redis_rows.short(name) for name in rows.FIELDS]

    assert len(set(names)) == len(names)
