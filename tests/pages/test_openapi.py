"""Asked what nobody thinks of, from their own OpenAPI document, the pages never fail."""

from __future__ import annotations

from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from sqlmodel import col, delete

from digest.database import writing
from pages.consent import WORDING_VERSION
from subscribers.links import ID_LENGTH, form_stamp
from subscribers.tables import LimitRow, SubscriberRow
from tests.pages.places import LATER, SECRET, WEEK, Place

pytestmark = pytest.mark.slow

#: Examples for each of some sixty operations.
EXAMPLES = 6

#: What lies close to an address, and behind what many a check stops at.
_ADDRESSES = (
    "ada@example.org", "bea@example.org", "new@example.net", "ä@bücher.example", "a@b", "x@mailinator.com", "",
    "a@\u2028.example", f"{'a' * 64}@example.org", "a@xn--0.example", '"a b"@example.org', "\x00@example.org",
    "ada@example.org\r\nBcc: x@example.org",
)  # fmt: skip


def test_no_operation_fails_whatever_it_is_given(place: Place) -> None:
    schema = schemathesis.openapi.from_dict(place.app.openapi())
    schema.app = place.app
    operations = [cast("Ok[Any]", one).ok() for one in schema.get_all_operations()]
    answers = {f"{one.method} {one.path}": _asked(place, one) for one in operations}

    assert {"post /subscribe", "post /account/{token}/erase", "get /compare/{pair}"} < answers.keys()
    assert {label: found for label, found in answers.items() if max(found) >= 500} == {}
    # Where nothing came through, only what stands before the page was asked; chance decides of a few.
    through = [label for label, found in answers.items() if 200 in found]
    assert len(through) > 0.7 * len(answers)


def _asked(place: Place, operation: Any) -> set[int]:
    """Ask one operation a number of questions; gives the statuses of the answers."""
    answers: set[int] = set()
    begun = place.reader.model_dump()
    modes = [GenerationMode.POSITIVE]
    if operation.query or operation.body:  # what only has a path takes any text in it
        modes.append(GenerationMode.NEGATIVE)
    cases = st.one_of(*[operation.as_strategy(generation_mode=mode) for mode in modes])

    @settings(max_examples=EXAMPLES, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=cases, data=st.data())
    def ask(case: Case[Any], data: st.DataObject) -> None:
        state = data.draw(st.sampled_from(("confirmed", "unconfirmed", "unsubscribed")))
        _begin_anew(place, begun | {"state": state, "asked_at": LATER, "moving_to": "bea@example.org"})
        _come_closer(place, case, data)
        answers.add(case.call().status_code)

    ask()
    _begin_anew(place, begun)
    return answers


def _begin_anew(place: Place, reader: dict[str, Any]) -> None:
    """Bring the reader back, alone, whatever became of them, and forget how often what was done."""
    with writing(place.engine) as session:
        session.exec(delete(LimitRow))
        session.exec(delete(SubscriberRow).where(col(SubscriberRow.id) == place.token[:ID_LENGTH]))
        session.exec(delete(SubscriberRow).where(col(SubscriberRow.folded) == reader["folded"]))
        session.add(SubscriberRow(**reader))


def _come_closer(place: Place, case: Case[Any], data: st.DataObject) -> None:
    """Put in what is right, or nearly, for all or some of what was made up: behind a wrong token there is nothing."""
    good = _right(place, case.path)
    for name in case.path_parameters or {}:
        if data.draw(st.integers(0, 3)):
            case.path_parameters[name] = good[name]
    if not isinstance(case.body, dict):
        return
    for name in ("stamp", "email", "choice", "sure", "pause"):
        if name in case.body or data.draw(st.booleans()):
            case.body[name] = data.draw(st.sampled_from(_ADDRESSES)) if name == "email" else good[name]
    if data.draw(st.booleans()):
        case.body.pop("website", None)  # who fills it is not looked at


def _right(place: Place, path: str) -> dict[str, Any]:
    first = path.split("/")[1]
    token = place.passing(first) if first in {"confirm", "account", "move"} else place.token
    return {
        "token": token, "week": WEEK, "pair": "plumbline-vs-lantern", "slug": "plumbline", "call": "ship",
        "category": "developer-tools", "reviewer": "builder",
        "stamp": form_stamp(SECRET, LATER, WORDING_VERSION), "choice": "skip", "sure": "yes", "pause": 4,
    }  # fmt: skip
