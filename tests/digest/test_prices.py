"""Prices as people write them become one way of writing them, and are compared only where they can be."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from digest.prices import MOST, STALE_DAYS, amount_per_month, cheaper, is_amount, is_stale, normalise


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("free", "Free"), ("FREE", "Free"), ("$0", "Free"), ("$0/month", "Free"), ("0 €", "Free"), ("gratis", "Free"),
        ("freemium", "Freemium"), ("Free tier", "Freemium"), ("free, with paid plans", "Freemium"),
        ("PAID", "Paid"), ("contact sales", "Paid"), ("Free trial", "Paid"),
        ("20 USD per month", "$20/month"), ("US$20 / mo", "$20/month"), ("from $20/mo", "$20/month"),
        ("$20.00 monthly", "$20/month"), ("20$ a month", "$20/month"), ("20 dollars a month", "$20/month"),
        ("Starting at $15 / month.", "$15/month"), ("$20 USD/month", "$20/month"), ("  $20\n/month ", "$20/month"),
        ("$240 a year", "$240/year"), ("$240 p.a.", "$240/year"), ("$240/yr", "$240/year"),
        ("€9,50 pro Monat", "€9.50/month"), ("9.5 EUR", "€9.50"), ("€9,5", "€9.50"), ("£8", "£8"),
        ("1.200 € / Jahr", "€1,200/year"), ("€1.234,50", "€1,234.50"), ("$1,200/year", "$1,200/year"),
        ("$1,234,567.89", "$1,234,567.89"), ("₹1,23,456", "₹123,456"), ("CHF 1'200/year", "CHF 1,200/year"),
        ("CHF 12.-", "CHF 12"), ("CA$10/mo", "CAD 10/month"), ("1 200 kr", None), ("¥1500/month", "¥1,500/month"),
        ("$12 per user per month, billed annually", "$12/seat/month"), ("$12/month/seat", "$12/seat/month"),
        ("$12 /month (billed yearly)", "$12/month"), ("€9.50 + VAT", "€9.50"),
        ("$49 one-time", "$49 once"), ("$49 lifetime", "$49 once"), ("$4.99", "$4.99"),
        ("$0.50 per million tokens", "$0.50/1M tokens"), ("$0.50/1M tokens", "$0.50/1M tokens"),
        ("$2 per 1,000 requests", "$2/1K requests"), ("$.02/page", "$0.02/page"),
        ("$5 per gb per month", "$5/GB/month"),
        ("$0.002/page", "$0.002/page"),
        ("$1.5/1M input tokens", "$1.50/1M input tokens"), ("$2/API call", "$2/API call"),
    ],
)  # fmt: skip
def test_what_people_write_is_stored_one_way(written: str, stored: str | None) -> None:
    if stored is None:
        with pytest.raises(ValueError, match="allowed"):
            normalise(written)
    else:
        assert normalise(written) == stored
        assert normalise(stored) == stored


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("", "no amount"), ("n/a", "no amount"), ("cheap", "no amount"), ("20", "currency is missing"),
        ("from 3 credits", "currency is missing"), ("$20/moth", "'moth' is not among"), ("$10-$20", "'-$20'"),
        ("$1.200", "may mean 1,200 or 1.20"), ("$20/month/year", "both month and year"), ("$20€", "two currencies"),
        ("$1,2,3", "is no number"), ("$20 " + "x" * MOST, "too long"), ("$-5", "no amount"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_with_what_is_allowed(written: str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)) as refused:
        normalise(written)

    assert "allowed: Free, Freemium, Paid, or an amount" in str(refused.value)


units = st.sampled_from(["", "/month", "/year", "/seat/month", "/week", "/page", "/1M tokens", " once", "/GB/month"])


@settings(max_examples=200, deadline=None)
@given(st.decimals("0.0001", "9999999", places=4), st.sampled_from(["$", "€", "CHF ", "¥", "CAD "]), units)
def test_an_amount_keeps_its_value_and_is_written_the_same_when_read_again(
    value: object, currency: str, unit: str
) -> None:
    stored = normalise(f"{currency}{value}{unit}")

    assert normalise(stored) == stored
    assert float(re.sub(r"[^\d.]", "", stored.removesuffix(unit))) == float(str(value))
    assert stored.endswith(unit)
    assert is_amount(stored)


@settings(max_examples=300, deadline=None)
@given(st.text("$€£0123456789., /freemonthaidy'", max_size=24))
@example("$.,")
def test_whatever_is_typed_is_stored_stably_or_refused_for_people(text: str) -> None:
    try:
        stored = normalise(text)
    except ValueError as refused:
        assert "allowed:" in str(refused)  # noqa: PT017 - both outcomes are right
    else:
        assert normalise(stored) == stored


@pytest.mark.parametrize(
    ("price", "monthly"),
    [("$20/month", 20.0), ("$240/year", 20.0), ("Free", 0.0), ("Freemium", 0.0), ("Paid", None), ("$20", None),
     ("$20 once", None), ("$20/seat/month", None), ("$1/page", None), ("$5/week", None), ("", None), ("what", None)],
)  # fmt: skip
def test_a_price_per_month_is_known_for_months_years_and_free_starts(price: str, monthly: float | None) -> None:
    assert amount_per_month(price) == monthly


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ("$9/month", "$20/month", -1), ("$1,200/year", "$90/month", 1), ("$240/year", "$20/month", 0),
        ("Free", "Freemium", -1), ("Free", "Paid", -1), ("Freemium", "$1", -1), ("Free", "Free", 0),
        ("Paid", "Paid", 0),
        ("$0.02/page", "$0.05/page", -1), ("$9/seat/month", "$96/seat/year", 1),
        ("€9/month", "$20/month", None), ("$9", "$20/month", None), ("$9/seat/month", "$20/month", None),
        ("$9 once", "$20/month", None), ("Paid", "$20/month", None), ("", "$20/month", None), ("what", "Free", None),
    ],
)  # fmt: skip
def test_prices_compare_in_one_currency_and_for_the_same_thing_only(one: str, other: str, said: int | None) -> None:
    assert cheaper(one, other) == said
    assert cheaper(other, one) == (None if said is None else -said)


def test_a_price_is_old_after_ninety_days_or_when_nobody_checked_it() -> None:
    today = date(2026, 11, 16)

    assert not is_stale(today - timedelta(days=STALE_DAYS), today)
    assert is_stale(today - timedelta(days=STALE_DAYS + 1), today)
    assert is_stale(None, today)
    assert not is_stale(today + timedelta(days=1), today)
