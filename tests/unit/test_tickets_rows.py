"""A ticket survives its row, and a row its future."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phanedge_celery.tickets import FORMAT, Stage, Ticket, TicketUnreadable, rows

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
json_objects = st.none() | st.dictionaries(st.text(), json_values)
moments = st.none() | st.floats(allow_nan=False, allow_infinity=False)
tickets = st.builds(
    Ticket,
    id=st.text(),
    version=st.integers(1),
    stage=st.sampled_from(Stage),
    key=st.none() | st.text(),
    retrieve=st.booleans(),
    errors=st.dictionaries(st.text(), st.dictionaries(st.text(), st.integers())),
    history=st.dictionaries(st.text(), st.floats(0, 1e6)),
    error=json_objects,
    message=json_objects,
    since=st.floats(0, 4e9),
    next_at=moments,
    deadline=moments,
)


@settings(max_examples=50, deadline=None)
@given(tickets)
def test_a_row_gives_its_ticket_back_as_values_and_as_texts(ticket: Ticket) -> None:
    row = rows.row(ticket)
    texts = {
        name: str(int(value)) if isinstance(value, bool) else str(value)
        for name, value in row.items()
        if value is not None
    }

    assert rows.ticket(row) == ticket
    assert rows.ticket(texts) == ticket


def test_every_field_of_a_ticket_has_a_place_in_its_row() -> None:
    assert set(rows.FIELDS) == set(Ticket.__dataclass_fields__)


def test_fields_that_this_version_does_not_know_are_passed_over() -> None:
    row = {**rows.row(Ticket(id="a", since=1.0)), "mood": "sunny"}

    assert rows.ticket(row) == Ticket(id="a", since=1.0)


def test_a_row_of_an_earlier_version_lacks_what_was_added_since() -> None:
    row = {"id": "a", "stage": "polling", "since": "1.5"}

    assert rows.ticket(row) == Ticket(id="a", stage=Stage.POLLING, since=1.5)


def test_a_row_of_a_newer_format_is_refused_by_name() -> None:
    row = {"id": "a", "format": FORMAT + 1, "stage": "dreaming"}

    with pytest.raises(TicketUnreadable, match="ticket a has format 2") as caught:
        rows.ticket(row)
    assert (caught.value.id, caught.value.format) == ("a", FORMAT + 1)


def test_what_json_cannot_say_is_refused_before_it_is_stored() -> None:
    with pytest.raises(TypeError):
        rows.row(Ticket(id="a", since=1.0, message={"args": [object()]}))
