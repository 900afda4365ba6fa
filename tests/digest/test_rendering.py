"""An edition becomes a message: complete, safe, small enough, the same in html and in text."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from digest.errors import TemplateError
from digest.model import READER, Brief, Correction, Edition, Matchup, Message, Side, Tally, Verdict
from digest.rendering import environment, render, render_email, template_folders
from tests.examples import edition, matchup, reviewers, site

#: What hostile or careless people type into names, quotes and prices.
HOSTILE = (
    "<script>alert(1)</script>",
    "[[reader]] and [[x]]",
    "{{ site }} {% if x %} {# y #}",
    "path\\u{1F600} C:\\temp",
    "<mj-text>boo</mj-text>",
    "<!--[if mso]> [if mso <![endif]-->",
    "]]> &amp; & &#91;",
    "“smart” ‘single’ \"straight\" 'x' «guillemets» „low“ 「鉤」",
    "مراجعة الشيفرة",
    "検証ツール、速い。",
    "👩‍👩‍👧 e\u0301 \u00ad\u00a0soft",
    "Wort" * 60,
    "ends with [",
    "[",
    "{",
)


class Page(HTMLParser):
    """What a reader of an html part meets: headings, links and the words between the tags."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.headings: list[tuple[str, str]] = []
        self.links: dict[str, str] = {}
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in {"h1", "h2", "h3", "h4"}:
            self.headings.append((tag, ""))
        if tag == "a":
            self.links[str(dict(attrs)["href"])] = ""
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            continue
        if tag in {"p", "td", "h1", "h2", "h3", "h4"}:
            self.words += "\n"

    def handle_data(self, data: str) -> None:
        if {"style", "head"} & set(self._open):
            return
        self.words += data
        if self.headings and {"h1", "h2", "h3", "h4"} & set(self._open):
            self.headings[-1] = (self.headings[-1][0], self.headings[-1][1] + data)
        if "a" in self._open:
            last = next(reversed(self.links))
            self.links[last] += data


def rendered(of: Edition) -> Message:
    return render(of, site())


def with_sides(of: Edition, change: dict[str, object]) -> Edition:
    """The edition with the same change made to every tool in it."""
    matchups = tuple(
        replace(pair, a=changed_tool(pair.a, change), b=changed_tool(pair.b, change)) for pair in of.matchups
    )
    return replace(of, matchups=matchups)


def changed_tool(side: Side, change: dict[str, object]) -> Side:
    return replace(side, tool=replace(side.tool, **change))  # type: ignore[arg-type]


def quoted(pair: Matchup, quote: str) -> Matchup:
    """The pair with every quote replaced."""

    def said(verdict: Verdict) -> Verdict:
        return replace(verdict, reviews=tuple(replace(review, quote=quote) for review in verdict.reviews))

    return replace(
        pair, a=replace(pair.a, verdict=said(pair.a.verdict)), b=replace(pair.b, verdict=said(pair.b.verdict))
    )


def said_everywhere(text: str) -> Edition:
    """An edition in which every field that people outside fill in holds the same text."""
    change: dict[str, object] = dict.fromkeys(
        ("name", "vendor", "tagline", "description", "category", "entry_price", "url"), text
    )
    of = with_sides(edition(2, full=1), change)
    matchups = tuple(
        replace(quoted(pair, text), bottom_line=text, pricing_read=text, split=text, community_read=text)
        for pair in of.matchups
    )
    return replace(
        of,
        subject=text,
        preheader=text,
        intro=f"{text}\n\n{text}",
        matchups=matchups,
        launches=(Brief(text, text, text, text, text),),
        reviewers=tuple(replace(reviewer, name=text, lens=text) for reviewer in reviewers()),
    )


@pytest.mark.parametrize("n", [1, 3, 5, 8])
def test_every_number_of_matchups_has_one_h1_and_ordered_headings(n: int) -> None:
    headings = Page(rendered(edition(n, full=n)).html).headings
    levels = [int(tag[1]) for tag, _ in headings]

    assert levels.count(1) == 1
    assert levels[0] == 1
    assert levels.count(2) == n + 1  # each matchup, and the other launches
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all(text.strip() for _, text in headings)


def test_an_edition_without_intro_launches_or_preheader_leaves_no_empty_pieces() -> None:
    message = rendered(replace(edition(1, launches=0), intro="", preheader=""))

    assert "Also launched" not in message.html + message.text
    assert "display:none" not in message.html


def test_five_matchups_stay_below_what_mail_programs_clip() -> None:
    assert len(rendered(edition(5, full=5)).html.encode()) <= 85_000
    assert len(rendered(edition(5, full=1)).html.encode()) <= 45_000


def test_a_full_matchup_shows_every_quote_and_a_short_one_none() -> None:
    full, short = matchup(0, layout="full"), quoted(matchup(1), "Only on the web.")
    message = rendered(replace(edition(), matchups=(full, short)))

    for part in (unescape(message.html), " ".join(message.text.split())):
        assert "Only on the web." not in part
        for side in full.sides:
            assert all(review.quote in part for review in side.verdict.reviews)
        for side in short.sides:
            assert side.tool.tagline in part
            assert side.tool.description in part
        assert full.pricing_read in part
        assert short.bottom_line in part
        assert short.split in part


def test_html_and_text_carry_the_same_numbers_and_prices() -> None:
    message = rendered(edition(5, full=2))
    page = Page(message.html)

    def shown(part: str) -> list[str]:
        return re.findall(r"\d+ %|\$[\d.]+/?\w*|[\d,]+ of [\d,]+ ship|checked \d+ \w+", part)

    assert len(re.findall(r"\d+ %", message.text)) == 5 * 2 * 2 - 1  # one tool has no votes
    assert sorted(shown(page.words)) == sorted(shown(message.text))


def test_html_and_text_carry_the_same_links_and_all_are_absolute() -> None:
    message = rendered(edition(5))
    in_html = set(Page(message.html).links)
    in_text = set(re.findall(r"https?://\S+", message.text))

    assert in_html == in_text
    assert {
        "https://verdicts.example.org/compare/plumbline-vs-lantern",
        "https://verdicts.example.org/editions/2026-W47",
        "https://verdicts.example.org/leave/[[reader]]",
        "https://verdicts.example.org/preferences/[[reader]]",
        "https://verdicts.example.org/",
        "https://example.org/plumbline",
    } <= in_html


def test_the_text_of_every_link_makes_sense_alone() -> None:
    texts = list(Page(rendered(edition(5)).html).links.values())

    assert len(set(texts)) == len(texts)
    assert all(len(text.strip()) > 2 for text in texts)
    assert "Read the full comparison of Plumbline and Lantern" in texts


def test_missing_votes_are_a_dash_and_never_zero_percent() -> None:
    pair = matchup(0)
    silent = replace(pair, a=replace(pair.a, community=Tally()), b=replace(pair.b, community=Tally()))
    message = rendered(replace(edition(1), matchups=(silent,)))

    assert " 0 %" not in Page(message.html).words + message.text
    assert re.search(r"Community\s+—\s+\(no votes yet\)", message.text)
    assert message.html.count("no votes yet") == 2


def test_a_share_of_nothing_is_zero_percent_and_not_a_dash() -> None:
    pair = matchup(0)
    disliked = replace(pair, a=replace(pair.a, community=Tally(0, 9)))

    assert re.search(r"Community\s+0 %\s+\(0 of 9 ship\)", rendered(replace(edition(1), matchups=(disliked,))).text)


def test_the_panel_bar_has_a_cell_for_each_call() -> None:
    cells = [attrs["width"] for tag, attrs in Page(rendered(edition(1)).html).tags if tag == "td" and "width" in attrs]

    assert cells == ["25%"] * 4 + ["62%", "38%"] + ["25%"] * 4 + ["43%", "57%"]


def test_an_incomplete_verdict_says_how_many_calls_are_to_come() -> None:
    assert "2 of 3 ship, 1 to come" in rendered(replace(edition(1), matchups=(matchup(4),))).text


def test_a_reviewer_without_a_call_and_one_who_left_the_panel_are_both_shown() -> None:
    pair = replace(matchup(4), layout="full")  # tool b still waits for the founder
    message = rendered(replace(edition(1), matchups=(pair,), reviewers=reviewers()[1:]))

    assert "— No call yet" in message.html
    assert "— No call yet" in message.text
    assert "Builder" in [text.strip() for tag, text in Page(message.html).headings if tag == "h4"]


def test_ship_and_skip_differ_in_word_and_mark_and_not_only_in_colour() -> None:
    words = Page(rendered(edition(1)).html).words

    assert words.count("✓ Ship \xa0") == 5
    assert words.count("✕ Skip \xa0") == 3


def test_each_part_has_characters_outside_latin_1() -> None:
    message = rendered(with_sides(edition(1, full=0, launches=0, intro=""), {"tagline": "x", "description": "x"}))

    for part in (message.html, message.text):
        with pytest.raises(UnicodeEncodeError):
            part.encode("latin-1")


def test_the_only_placeholder_is_the_readers_token() -> None:
    message = rendered(edition(5, full=5))

    for part in (message.html, message.text):
        assert set(re.findall(r"\[\[.*?\]\]", part)) == {READER}
        assert part.count(READER) == 2 + 2 * 10  # preferences, leave, and two votes for each tool
    assert "[[" not in message.subject


@pytest.mark.parametrize("text", HOSTILE)
def test_text_from_outside_reads_the_same_and_does_nothing(text: str) -> None:
    message = rendered(said_everywhere(text))
    page = Page(message.html)

    assert message.html.count(READER) == message.text.count(READER) == 2 + 2 * 4
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "mj-text"})
    assert page.words.count(text) >= 20
    assert text.split(maxsplit=1)[0] in message.text.replace("\u200b", "")
    assert not any("javascript" in link for link in page.links)


def test_two_texts_side_by_side_cannot_form_a_placeholder(tmp_path: Path) -> None:
    side_by_side = "{{ matchups[0].a.name }}{{ matchups[0].a.maker }} \u2192"
    override(tmp_path, "digest/body.mjml", mjml(f"<mj-text>{side_by_side}</mj-text>"))
    folders = override(tmp_path, "digest/body.txt", side_by_side)
    message = render(with_sides(edition(1), {"name": "[", "vendor": "[reader]]"}), site(), folders)

    assert READER not in message.html + message.text
    assert "[[reader]]" in Page(message.html).words
    assert "[[reader]]" in message.text.replace("\u200b", "")


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "//example.org", "http://[", "", "mailto:a@example.org"]
)
def test_a_tool_whose_address_is_no_web_address_is_named_without_a_link(url: str) -> None:
    message = rendered(with_sides(edition(1, launches=0), {"url": url}))

    assert all(link.startswith("https://verdicts.example.org/") for link in Page(message.html).links)
    assert "Plumbline" in message.html


def test_addresses_with_odd_characters_are_percent_encoded() -> None:
    of = with_sides(edition(1), {"url": 'https://example.org/ö?q=[[reader]]&r="{{x}}" y'})

    assert "https://example.org/%C3%B6?q=%5B%5Breader%5D%5D&r=%22%7B%7Bx%7D%7D%22%20y" in Page(rendered(of).html).links


def test_control_characters_and_half_surrogates_are_dropped() -> None:
    message = rendered(said_everywhere("a\x00b\x1b[31mc\ud800d\u202ee\r\nf\u2028g\ufeff"))

    for part in (message.subject, message.html, message.text):
        part.encode()
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e\u2028\ufeff]", part)
        assert "ab" in part
    assert "\n" not in message.subject


def test_a_subject_is_one_line_and_survives_in_the_title_and_the_label() -> None:
    subject = 'A "quoted" subject\r\nBcc: x@example.org with \\ and 👩‍👩‍👧'
    message = rendered(replace(edition(1), subject=subject))
    label = next(attrs["aria-label"] for _, attrs in Page(message.html).tags if "aria-label" in attrs)

    assert message.subject == 'A "quoted" subject Bcc: x@example.org with \\ and 👩‍👩‍👧'
    assert label == message.subject


def test_right_to_left_names_do_not_reorder_their_neighbours() -> None:
    message = rendered(with_sides(edition(1), {"name": "مراجع"}))

    assert "\u2068مراجع\u2069 vs \u2068مراجع\u2069" in message.text
    assert "<bdi>مراجع</bdi>" in message.html


def test_text_lines_fit_in_72_columns_unless_a_word_does_not() -> None:
    wide = with_sides(edition(2, full=2), {"description": "説明がとても長い場合でも、句読点の前で改行しない。" * 4})
    lines = rendered(wide).text.splitlines()

    assert all(len(line) <= 72 for line in lines if "://" not in line)
    assert not any(line.startswith(("、", "。")) for line in lines)
    assert not any(line != line.rstrip() for line in lines)
    assert max(len(line) for line in lines if "説明" in line) <= 36


def test_the_period_says_month_and_year_only_where_they_change() -> None:
    def shown(since: datetime, until: datetime) -> str:
        return rendered(replace(edition(1), since=since, until=until)).text.splitlines()[2]

    def day(year: int, month: int, number: int) -> datetime:
        return datetime(year, month, number, tzinfo=UTC)

    assert shown(day(2026, 11, 9), day(2026, 11, 16)) == "Week 47, 2026 · 9–16 November 2026"
    assert shown(day(2026, 10, 30), day(2026, 11, 6)) == "Week 47, 2026 · 30 October – 6 November 2026"
    assert shown(day(2026, 12, 28), day(2027, 1, 4)) == "Week 47, 2026 · 28 December 2026 – 4 January 2027"
    assert shown(day(2026, 11, 9), day(2026, 11, 9)) == "Week 47, 2026 · 9 November 2026"


def test_a_price_checked_in_another_year_says_so() -> None:
    of = with_sides(edition(1), {"price_checked_on": date(2025, 12, 3)})

    assert "(checked 3 Dec 2025)" in rendered(of).text


def test_tools_of_different_categories_each_show_theirs() -> None:
    pair = matchup(0)
    mixed = replace(pair, b=changed_tool(pair.b, {"category": "Models"}))
    message = rendered(replace(edition(1), matchups=(mixed,)))

    assert "No. 1 · Developer Tools / Models" in message.html
    assert "Lantern Works · open source · Models" in message.text


def test_a_logo_is_shown_from_the_site_and_the_name_stays() -> None:
    html = render(edition(1), site(logo="static/logo.png")).html

    assert 'src="https://verdicts.example.org/static/logo.png" alt=""' in html
    assert ("h1", "AI Tool Verdicts") in Page(html).headings


FLIPPED = Correction("foo", "Foo", "skeptic", "Skeptic", "ship", "skip", date(2026, 11, 4), "2026-W45")
READ = "Readers part with the panel and lean towards Lantern: 62 % of 128 votes for Lantern, 43 % of 96 for Plumbline."


def test_what_readers_say_stands_in_both_parts_and_takes_no_room_where_they_say_nothing() -> None:
    bare = edition(2)
    said = replace(bare, matchups=tuple(replace(pair, community_read=READ) for pair in bare.matchups))
    message, without = rendered(said), rendered(bare)

    assert Page(message.html).words.count(f"The readers: {READ}") == 2
    assert " ".join(message.text.split()).count(f"THE READERS {READ}") == 2
    assert "readers:" not in without.html + without.text.casefold()
    assert len(message.html) - len(without.html) < 2 * (len(READ) + 80)


def test_corrections_stand_in_both_parts_and_nowhere_when_there_are_none() -> None:
    told = "Since we printed it in 2026-W45, the Skeptic changed the call on Foo from ship to skip (4 November)."
    last_year = replace(FLIPPED, reviewer_name="The Critic", changed_on=date(2025, 12, 4))
    message, without = rendered(replace(edition(1), corrections=(FLIPPED, last_year))), rendered(edition(1))

    assert ("h2", "Corrections") in Page(message.html).headings
    for part in (Page(message.html).words, " ".join(message.text.split())):
        assert part.count(told) == 1
        assert "the Critic changed" not in part
        assert "The Critic changed the call on Foo from ship to skip (4 December 2025)." in part
    assert "Corrections" not in without.html + without.text


# Overrides and mistakes in them


def override(home: Path, name: str, content: str) -> tuple[Path, ...]:
    """Folders in which the home folder has its own version of one template."""
    path = home / "templates" / "email" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, "utf-8")
    return template_folders(home)


def mjml(content: str) -> str:
    return f"<mjml>\n<mj-body>\n<mj-section>\n<mj-column>\n{content}\n</mj-column>\n</mj-section>\n</mj-body>\n</mjml>"


def test_a_template_in_the_home_folder_wins_as_soon_as_it_is_there(tmp_path: Path) -> None:
    folders = template_folders(tmp_path)
    assert render(edition(1), site(), folders) == rendered(edition(1))

    override(tmp_path, "digest/subject.txt", "Mine: {{ subject }}\n")
    assert render(edition(1), site(), folders).subject.startswith("Mine: Plumbline")

    (tmp_path / "templates" / "email" / "digest" / "subject.txt").unlink()
    assert render(edition(1), site(), folders) == rendered(edition(1))


def test_an_override_may_change_one_piece_of_the_shipped_email(tmp_path: Path) -> None:
    body = "{% extends 'email/_frame.mjml' %}{% set edge = '' %}{% block footer %}Bye, [[reader]]{% endblock %}"
    html = render(edition(1), site(), override(tmp_path, "digest/body.mjml", body)).html

    assert "Bye, [[reader]]" in html
    assert "AI Tool Verdicts</h1>" in html


def test_a_syntax_error_in_an_override_names_file_line_and_source(tmp_path: Path) -> None:
    folders = override(tmp_path, "digest/body.txt", "one\ntwo\n{% if x ! %}\nfour\n")

    with pytest.raises(TemplateError) as raised:
        render(edition(1), site(), folders)

    assert f"{tmp_path / 'templates/email/digest/body.txt'}, line 3: " in str(raised.value)
    assert ">    3 | {% if x ! %}" in str(raised.value)


def test_a_name_that_does_not_exist_names_file_line_and_source(tmp_path: Path) -> None:
    folders = override(tmp_path, "_parts.mjml", (template_folders()[0] / "email/_parts.mjml").read_text("utf-8"))
    path = tmp_path / "templates/email/_parts.mjml"
    path.write_text(path.read_text("utf-8").replace("side.tagline", "side.taglin"), "utf-8")
    line = next(n for n, text in enumerate(path.read_text("utf-8").splitlines(), 1) if "side.taglin" in text)

    with pytest.raises(TemplateError, match="no attribute 'taglin'") as raised:
        render(edition(1), site(), folders)

    assert f"{path}, line {line}: " in str(raised.value)


def test_a_template_that_includes_a_missing_one_names_both(tmp_path: Path) -> None:
    folders = override(tmp_path, "digest/body.txt", "one\n{% include 'email/nothing.txt' %}\n")

    with pytest.raises(TemplateError, match=r"body\.txt, line 2: there is no template email/nothing\.txt"):
        render(edition(1), site(), folders)


def test_a_missing_email_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"there is no template email/nothing/subject\.txt \(looked in .+\)"):
        render_email("nothing", lambda _: {}, template_folders(tmp_path))


def test_mjml_that_is_not_well_formed_names_the_line_of_the_template(tmp_path: Path) -> None:
    folders = override(tmp_path, "digest/body.mjml", mjml("<mj-text>é</mj-txt>"))

    with pytest.raises(TemplateError, match=r"body\.mjml, line 5: mismatched tag") as raised:
        render(edition(1), site(), folders)

    assert ">    5 | <mj-text>é</mj-txt>" in str(raised.value)


def test_mjml_that_only_mrml_refuses_names_the_line_of_the_template(tmp_path: Path) -> None:
    folders = override(tmp_path, "digest/body.mjml", mjml("<mj-text>ééé\n<![CDATA[x]]></mj-text>"))

    with pytest.raises(TemplateError, match=r"body\.mjml, line 6: unexpected token") as raised:
        render(edition(1), site(), folders)

    assert ">    6 | <![CDATA[x]]></mj-text>" in str(raised.value)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("digest/body.mjml", mjml("<mj-text>{% raw %}{{ name }}{% endraw %}</mj-text>"), "html: an expression"),
        ("digest/body.mjml", mjml("<mj-text>{% raw %}{% if %}{% endraw %}</mj-text>"), "html: a Jinja tag"),
        ("digest/body.mjml", mjml("<mj-text>[[name]]</mj-text>"), "html: a placeholder other than"),
        ("digest/body.mjml", mjml("<mj-text><mj-button>x</mj-button></mj-text>"), "html: an MJML element"),
        ("digest/body.mjml", mjml("<mj-image src='x' alt='a\u00adb'/>"), "html: an escaped character"),
        ("digest/body.mjml", mjml("<mj-text><!--[if mso]>x--></mj-text>"), "html: a conditional comment"),
        ("digest/body.txt", "{% raw %}{{ name }}{% endraw %}", "text: an expression"),
        ("digest/body.txt", "[[name]]", "text: a placeholder other than"),
        ("digest/subject.txt", "[[reader]]", "subject: a placeholder"),
    ],
)
def test_leftovers_of_a_broken_template_are_refused(tmp_path: Path, name: str, content: str, complaint: str) -> None:
    with pytest.raises(TemplateError, match=re.escape(complaint)):
        render(edition(1), site(), override(tmp_path, name, content))


def test_the_environment_is_kept_and_escapes_everything_but_text(tmp_path: Path) -> None:
    env = environment(override(tmp_path, "x.html", "{{ a }} {{ a|attr }}"))
    override(tmp_path, "x.txt", "{{ a }}")

    assert env is environment(template_folders(tmp_path))
    assert env.get_template("email/x.html").render(a="<é\n'") == "&lt;é\n&#39; &#60;&#233; &#39;"
    assert env.get_template("email/x.txt").render(a="<é'") == "<é'"


# In a browser


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("chromium"), reason="needs Chromium")
def test_columns_stand_side_by_side_or_stacked_without_any_media_query(tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    html = re.sub(r"@media \(m[^{]+\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}", "", rendered(edition(2, full=2)).html)
    (tmp_path / "digest.html").write_text(html, "utf-8")
    tops = "[...document.querySelectorAll('.c')].map(column => column.getBoundingClientRect().top)"

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        page.goto((tmp_path / "digest.html").as_uri())
        for width, level in ((700, True), (375, False), (320, False)):
            page.set_viewport_size({"width": width, "height": 800})
            columns = page.evaluate(tops)
            assert all((a == b) is level for a, b in zip(columns[::2], columns[1::2], strict=True))
            assert page.evaluate("document.documentElement.scrollWidth") == width
        browser.close()
    assert "@media (max" not in html
