"""What editions came to: in words, in plots with their tables, and how the plots are drawn."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from digest.model import Counts
from digest.weeks import shifted
from pages.desk.numbers import bounced, complained, exact, moves
from pages.desk.plots import NARROW, WIDE, Bars, Column, Line, Plot, Point, bars, columns, fitting, nice, shares
from pages.desk.plots import short_number as short
from subscribers.counted import Came
from subscribers.outcomes import Outcomes
from tests.pages.desk.desks import NOW, WEEK, Sat, form_of, words
from tests.pages.desk.mailing import counted, until
from tests.subscribers.providers import SITE_URL, key_of, post, told
from tests.subscribers.readers import ids, numbered, readers_of, take_in

#: A line of complaints that readers see, and one they do not reach.
LINES = (Line(0.001, "stay below"), Line(0.003, "turned away"))


def sent(sat: Sat) -> str:
    """Send the demo's edition to seven readers through the outbox; gives the key of the call."""
    take_in(sat.services.engine, numbered(4))
    sat.send("/send/approve", on="/send")
    sat.post("/send/begin", form_of(counted(sat, "/send?ask=yes"), "/send/begin"))
    until(lambda: sat.record.state == "sent")
    return key_of(sat.services.engine)


def table(page: str, title: str) -> list[list[str]]:
    """The rows of a plot's table, without its head."""
    body = page.partition(f'aria-label="{title}, as a table"')[2].partition("<tbody>")[2].partition("</tbody>")[0]
    return [[words(cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row)] for row in body.split("</tr>") if row]


def test_where_nothing_is_told_no_number_is_made_up(sat: Sat) -> None:
    sent(sat)
    page = counted(sat, "/numbers")
    assert "Of what became of the letters nothing was told yet." in words(page)
    assert table(page, "Sent and arrived")[0][1:4] == ["7", "—", "—"]
    assert table(page, "Bounced")[0][1:] == ["—"] * 5
    assert table(page, "Complaints")[0][1:] == ["—"] * 3
    for key in ("bounces", "complaints"):
        drawn = page.partition(f'id="{key}-wide-said"')[2].partition("</svg>")[0]
        assert "point" not in drawn


@pytest.mark.only_looks
def test_before_the_first_edition_is_sent_the_page_says_what_will_stand_there(sat: Sat) -> None:
    assert "Nothing was sent yet" in words(sat.get("/numbers"))


def test_the_edition_is_told_in_words_and_each_plot_has_its_table(sat: Sat) -> None:
    key, engine, at = sent(sat), sat.services.engine, NOW
    readers, first = ids(engine), sat.record.edition.matchups[0]
    page_url = f"{SITE_URL}/compare/{first.slug}"
    later = at + timedelta(hours=1)
    post(
        engine, *(told(key, one, "delivered", at) for one in readers[:5]), told(key, readers[5], "bounce", at),
        told(key, readers[0], "click", later, url=page_url), told(key, readers[1], "click", later, url=page_url),
        told(key, readers[4], "spamreport", later), now=later,
    )  # fmt: skip
    readers_of(engine).vote([(first.a.tool.slug, readers[0], "ship")], later)
    readers_of(engine).leave(readers[6], later, source="page")

    page = counted(sat, "/numbers")

    said, slugs = words(page), {side.tool.slug for one in sat.record.edition.matchups for side in one.sides}
    tallies = sat.services.subscribers.tallies(slugs)
    votes, of_first = (
        sum(one.n for slug, one in tallies.items() if slug in some)
        for some in (slugs, {one.tool.slug for one in first.sides})
    )
    assert "It went to 7 readers." in said
    assert "4 letters arrived (57.1 %), 1 bounced (16.7 %: 1 for good, 0 for now)" in said
    assert "1 was complained about (20.0 %, not below the line of 0.3 %)" in said
    assert f"2 readers opened a link; {votes:,} votes came in, and 2 readers left before the next one." in said
    assert f"Most opened {first.a.tool.name} vs {first.b.tool.name}: 2 readers." in said
    name = f"{first.a.tool.name} vs {first.b.tool.name}"
    assert [name, "2", str(of_first)] in table(page, f"Clicks and votes in week {WEEK[-2:]}, 2026")
    assert table(page, "Sent and arrived") == [["Week 47, 2026", "7", "4", "57.1 %", "0", "0"]]
    assert table(page, "Bounced") == [["Week 47, 2026", "1", "16.7 %", "1", "0", "0"]]
    assert table(page, "Complaints") == [["Week 47, 2026", "1", "20.0 %", "0.3 % or more"]]
    assert [row[:2] for row in table(page, "The list")] == [["Since then", ""], ["Week 47, 2026", "7"]]
    titles = re.findall(r'<svg class="plot (wide|narrow)".*?role="img" aria-labelledby="(\S+) (\S+)"', page)
    assert len(titles) == 10
    assert all(f'id="{one}"' in page for _, *both in titles for one in both)
    assert "<script>" not in page
    assert "style=" not in page


def test_a_week_that_is_not_sent_yet_shows_the_newest_that_is(sat: Sat) -> None:
    sent(sat)
    later = replace(sat.record.edition, week=shifted(WEEK, 1))
    sat.services.editions.keep_draft(later)
    page = words(sat.get("/numbers"))
    assert "Week 48, 2026 is not on its way yet" in page
    assert "Week 47, 2026 in numbers" in page
    assert "Of what became of the letters nothing was told yet." in page


def came(week: str = WEEK, accepted: int = 1000, **outcomes: int) -> Came:
    return Came(
        week, Counts(planned=accepted, accepted=accepted), Outcomes(**outcomes), datetime(2026, 11, 17, tzinfo=UTC)
    )


def test_shares_are_of_letters_whose_end_was_told_else_of_all_that_were_taken() -> None:
    known = came(delivered=790, bounced_hard=6, bounced_soft=4, complained=10, held_back=5)
    assert complained(known) == pytest.approx(10 / 800)
    assert bounced(known) == pytest.approx(15 / 815)
    assert bounced(came(bounced_soft=5)) == pytest.approx(5 / 1000)
    assert complained(came(accepted=0)) is None
    assert [exact(one) for one in (None, 0.0, 0.00034, 0.0099, 0.01, 0.5)] == [
        "—", "0.00 %", "0.03 %", "0.99 %", "1.0 %", "50.0 %",
    ]  # fmt: skip


def test_who_joined_and_left_counts_for_the_edition_that_followed() -> None:
    begun = datetime(2026, 11, 10, tzinfo=UTC)
    both = [replace(came(), begun=begun), replace(came(), begun=begun + timedelta(weeks=1))]
    november = {9: (5, 1), 10: (1, 0), 11: (1000, 2), 18: (7, 0)}
    days = {date(2026, 11, day): moved for day, moved in november.items()}
    assert moves(both, days) == [("+6", "−1"), ("+1,000", "−2"), ("+7", "−0")]
    assert moves(both, None) == [("…", "…")] * 3


# The plots


def attributes(plot: Plot, name: str, class_: str = "") -> list[dict[str, str | int | float]]:
    found = [dict(one.attributes) for one in plot.shapes if one.name == name]
    return [one for one in found if not class_ or class_ in str(one.get("class", "")).split()]


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("many", [1, 2, 26, 100])
def test_everything_stays_within_the_plot_and_words_below_do_not_touch(width: int, many: int) -> None:
    labels = [f"W{number % 52 + 1:02}" for number in range(many)]
    whole = columns([Column(one, 10.0 * n, 9.0 * n, "", n == 7) for n, one in enumerate(labels)], width)
    over = shares([Point(one, n / 10_000, "", n == 7) for n, one in enumerate(labels)], LINES, width)
    for plot in (whole, over):
        below = sorted(float(one["x"]) for one in attributes(plot, "text", "below") + attributes(plot, "text", "own"))
        assert all(second - first >= 30 for first, second in pairwise(below))
        for one in plot.shapes:
            for name, value in one.attributes:
                if name in {"x", "x1", "x2", "cx"}:
                    assert 0 <= float(value) <= width
                if name in {"y", "y1", "y2", "cy"}:
                    assert 0 <= float(value) <= plot.height
        assert all(float(one["height"]) >= 0 for one in attributes(plot, "rect"))


def test_points_above_a_line_have_another_shape_and_nothing_joins_over_a_gap() -> None:
    values = (0.0005, 0.001, None, 0.004, 0.002)
    plot = shares([Point(f"W{n}", one, "", n == 4) for n, one in enumerate(values)], LINES, WIDE)
    assert len(attributes(plot, "circle", "point")) == 1
    corners = [len(str(one["points"]).split()) for one in attributes(plot, "polygon", "above")]
    assert corners == [4, 3, 4]
    assert [len(str(one["points"]).split()) for one in attributes(plot, "polyline")] == [2, 2]
    assert len(attributes(plot, "circle", "ring")) == 1
    assert [one["stroke-dasharray"] for one in attributes(plot, "line", "limit")] == ["2 4", "9 4"]
    beside = [one.words for one in plot.shapes if one.name == "text" and ("text-anchor", "end") in one.attributes]
    assert beside == ["0.1 %", "0.3 %", "0 %", "0.2 %", "0.4 %"]


def test_bars_are_as_long_as_their_numbers_and_carry_them() -> None:
    plot = bars([Bars("A vs B", 10, 5), Bars("C vs D", 0, 0)], NARROW)
    lengths = [float(one["width"]) for one in attributes(plot, "rect")]
    assert lengths[0] == 2 * lengths[1]
    assert lengths[2:] == [1, 1]
    assert [one.words for one in plot.shapes if one.name == "text"] == ["A vs B", "10", "5", "C vs D", "0", "0"]
    assert bars([], WIDE).height > 0


def test_names_are_cut_to_the_plot_and_cannot_turn_it_round() -> None:
    assert fitting("\u202eevil\u202c\x00 name", 330) == "evil name"
    assert len(fitting("a" * 10_000, NARROW)) < 50


def test_axes_end_at_round_numbers() -> None:
    ends = {0: 1, 0.7: 0.8, 1: 1, 1.2: 1.5, 3: 3, 4.5: 5, 516: 600, 7_000: 8_000, 9_000: 10_000}
    assert {one: nice(one) for one in ends} == ends
    assert nice(0.0033) == pytest.approx(0.004)
    assert [short(one) for one in (0, 0.5, 950, 8_500, 1_250_000)] == ["0", "0.5", "950", "8.5k", "1.25M"]
