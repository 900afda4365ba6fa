"""Nobody learns from the answer to a form whose address it is: it is the same to the last byte, headers too."""

from __future__ import annotations

from datetime import timedelta

import pytest

from digest.database import writing
from pages.consent import WORDING_VERSION
from subscribers.addressing import address_hash, fold
from subscribers.links import form_stamp
from subscribers.tables import SuppressionRow
from tests.pages.places import LATER, SECRET, Place
from tests.subscribers.readers import SUPPRESSION_KEY, row, take_in

SUPPRESSED = {why.split()[0] + "@example.net": why for why in ("hard bounce", "complaint", "request", "erasure")}

WHOSE = {
    "new@example.net": "nobody's",
    "ada@example.org": "a reader's",
    "gone@example.org": "of one who left",
    "waiting@example.org": "of one who has not confirmed",
    **{email: f"suppressed: {why}" for email, why in SUPPRESSED.items()},
    "root@example.net": "a function's",
    "x@mailinator.com": "made for a day",
    "no address": "none",
    "": "nothing",
    f"{'a' * 4000}": "far too long",
}


@pytest.mark.parametrize("form", ["subscribe", "leave"])
def test_the_answer_to_a_form_is_the_same_whose_ever_the_address_is(place: Place, form: str) -> None:
    take_in(place.engine, [row("gone@example.org", "unsubscribed"), row("waiting@example.org", "unconfirmed")])
    with writing(place.engine) as session:
        for email, why in SUPPRESSED.items():
            session.add(SuppressionRow(address_hash=address_hash(fold(email), SUPPRESSION_KEY), why=why, at=LATER))
    before = place.rows()["notices"]

    answers = {whose: [_sent(place, form, email) for _ in range(2)] for email, whose in WHOSE.items()}

    assert len({answer for twice in answers.values() for answer in twice}) == 1
    assert place.rows()["notices"] != before, "nothing came of any of them, so that they say nothing"


def _sent(place: Place, form: str, email: str) -> tuple[int, bytes, tuple[tuple[str, str], ...]]:
    stamp = form_stamp(SECRET, LATER - timedelta(seconds=5), WORDING_VERSION)
    answer = place.client.post(f"/{form}", data={"email": email, "website": "", "stamp": stamp})
    return answer.status_code, answer.content, tuple(sorted(answer.headers.items()))
