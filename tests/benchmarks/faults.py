"""Plant faults in a good message, one at a time, and see which preflight finds: `python -m tests.benchmarks.faults`.

The good message is the digest of the bundled samples; neither it nor the other messages that faults are planted in may
have a finding. A fault counts as found when preflight says anything; the codes show whether that was to the point. The
faults were chosen without looking at how preflight works, so they tell what it misses.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from inspect import signature
from itertools import product
from typing import Any

from digest import model
from digest.clustering import cluster
from digest.composing import compose, preheader
from digest.judging import judge, pricing_read
from digest.model import Edition, Finding, Message, Review, Side, Site, Tally
from digest.pairing import pick
from digest.preflight import preflight
from digest.rendering import render
from digest.spotting import spot
from digest.wanting import prominence
from flows.demo import SAMPLES, dated
from sources.panel import BUNDLED_REVIEWERS, load_reviewers
from sources.reading import read
from sources.reviewfiles import read_reviews
from tests.benchmarks.figures import keep

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
HOME, WEEK = "https://verdicts.example.org", "2026-W48"


@dataclass(frozen=True)
class Good:
    """A message with all that preflight asks for; `from_name` and `reply_to` are handed over where they are set."""

    message: Message
    edition: Edition
    reviews: tuple[Review, ...]
    site: Site
    sender: str = "sendgrid"
    from_email: str = "verdicts@example.org"
    from_name: str = ""
    reply_to: str = ""

    def findings(self) -> tuple[Finding, ...]:
        """Run preflight. In an argument that it does not take it can find nothing."""
        more: dict[str, Any] = {"from_name": self.from_name, "reply_to": self.reply_to}
        taken = {name: value for name, value in more.items() if value and name in signature(preflight).parameters}
        return preflight(
            self.message, self.edition, self.reviews, self.site, sender=self.sender, from_email=self.from_email, **taken
        )


Edit = Callable[[str], str]
Plant = Callable[[Good], Good]
Change = Callable[[Edition], Edition]


@dataclass(frozen=True)
class Fault:
    """A fault, what a reader or the sender would suffer from it, and how to plant it in one of GOOD_ONES."""

    name: str
    harm: str
    plant: Plant
    base: str = "the digest of the samples"

    def findings(self, good: Good) -> tuple[Finding, ...]:
        """What preflight says of it; without it there would be nothing to say."""
        before = GOOD_ONES[self.base](good)
        after = self.plant(before)
        if after == before:
            raise ValueError(f"{self.name}: nothing was changed")
        return after.findings()


# The good message: what the demo makes of the samples, to the byte, without its database and its server


def good() -> Good:
    """The digest of the bundled samples, about to go out through SendGrid."""
    panel = load_reviewers(BUNDLED_REVIEWERS)
    sheets = read_reviews([SAMPLES / "reviews"], panel, date.max)
    launches, votes = cluster(_sightings(), (), [sheet.tool for sheet in sheets]), _votes()
    candidates = [
        model.Candidate(one.tool, judge(one.tool, one.reviews, panel), votes.get(one.tool.slug, Tally()), *news)
        for one in sheets
        for news in [_news(one.tool.slug, launches)]
    ]
    picked, passed = pick(candidates, met=(), resting=(), limit=5, now=NOW)
    edition = compose(WEEK, picked, passed, launches, panel, since=NOW - timedelta(days=14), until=NOW)
    tools = {side.tool.slug for matchup in edition.matchups for side in matchup.sides}
    postal = "AI Tool Verdicts, 1 Sample Street, 12345 Exampletown"
    site = Site("AI Tool Verdicts", "New AI tools, two at a time. Ship or skip?", HOME, postal)
    reviews = tuple(one for sheet in sheets if sheet.tool.slug in tools for one in sheet.reviews)
    return Good(render(edition, site), edition, reviews, site)


def _sightings() -> Iterator[model.Sighting]:
    for file in sorted((SAMPLES / "feeds").iterdir()):
        feed = model.Feed(file.stem, f"https://example.org/{file.name}")
        for entry in read(dated(file.read_bytes(), NOW), feed, feed.url, "").entries:
            yield from (model.Sighting(entry, one, NOW) for one in spot(entry))


def _votes() -> dict[str, Tally]:
    rows = csv.DictReader((SAMPLES / "votes.csv").read_text("utf-8").splitlines())
    return {row["tool"]: Tally(int(row["ships"]), int(row["ships"]) + int(row["skips"])) for row in rows}


def _news(tool: str, launches: Iterable[model.Launch]) -> tuple[datetime, float]:
    mine = [launch for launch in launches if launch.tool_slug == tool]
    return max((launch.announced_at for launch in mine), default=NOW), prominence(mine)


# Ways to spoil a part; each raises where it finds nothing to spoil


def swap(pattern: str, new: str | Callable[[re.Match[str]], str], count: int = 1) -> Edit:
    """Write `new` for what the pattern finds first, or everywhere with 0; its dot matches line ends too."""

    def edit(part: str) -> str:
        edited, times = re.subn(pattern, new, part, count=count, flags=re.DOTALL)
        if not times:
            raise ValueError(f"nothing to spoil: {pattern}")
        return edited

    return edit


def put(old: str, new: str) -> Edit:
    """Write `new` for the first place of `old`."""
    return swap(re.escape(old), lambda _: new)


def cut(pattern: str) -> Edit:
    """Leave out what the pattern finds first."""
    return swap(pattern, "")


def exchange(one: str, other: str) -> Edit:
    """Let the first places of two strings change places."""
    return lambda part: put("\0", other)(put(other, one)(put(one, "\0")(part)))


#: What each comparison begins with; what stands before the first is number 0.
_IN_HTML = '<!--[if mso]><table role="presentation" align="center" width="600">'
_IN_TEXT = "\n\n\n" + "=" * 72 + "\n"


def order(start: str, numbers: str) -> Edit:
    """Put the stretches that begin with `start` in this order, a digit for each; what is not named is left out."""
    return lambda part: start.join(part.split(start)[int(number)] for number in numbers)


# Ways to plant that


def in_html(*edits: Edit) -> Plant:
    """Spoil the html alone, as a mistake in its template does."""
    return lambda good: replace(
        good, message=replace(good.message, html=reduce(lambda part, edit: edit(part), edits, good.message.html))
    )


def in_text(*edits: Edit) -> Plant:
    """Spoil the text alone."""
    return lambda good: replace(
        good, message=replace(good.message, text=reduce(lambda part, edit: edit(part), edits, good.message.text))
    )


def both(*plants: Plant) -> Plant:
    """Plant what belongs together."""
    return lambda good: reduce(lambda one, plant: plant(one), plants, good)


def in_both(*edits: Edit) -> Plant:
    """Spoil html and text alike, so that comparing them tells nothing."""
    return both(in_html(*edits), in_text(*edits))


def added(html: str) -> Plant:
    """Add something below the name in the html."""
    return in_html(put("</h1>", f"</h1>{html}"))


def decided(change: Change) -> Plant:
    """Change the edition and render it: the message says faithfully what is wrong in it."""

    def plant(good: Good) -> Good:
        edition = change(good.edition)
        return replace(good, edition=edition, message=render(edition, good.site))

    return plant


def printed(change: Change) -> Plant:
    """Render a changed edition and keep the right one: the message does not say what was decided."""
    return lambda good: replace(good, message=render(change(good.edition), good.site))


def entitled(subject: str) -> Plant:
    """Give edition and message this subject, character by character."""
    rendered = decided(lambda edition: replace(edition, subject=subject, own_subject=True))
    return both(rendered, lambda good: replace(good, message=replace(good.message, subject=subject)))


def published(**changes: str) -> Plant:
    """Change what is known of the publisher, and render."""

    def plant(good: Good) -> Good:
        site: Site = replace(good.site, **changes)
        return replace(good, site=site, message=render(good.edition, site))

    return plant


def with_reviews(change: Callable[[Review, Review], tuple[Review, Review]]) -> Change:
    """Change the first two reviews of the lead's first tool."""

    def edit(side: Side) -> Side:
        first, second, *rest = side.verdict.reviews
        return replace(side, verdict=replace(side.verdict, reviews=(*change(first, second), *rest)))

    return lambda edition: _with_lead(edition, edit)


def _with_lead(edition: Edition, change: Callable[[Side], Side]) -> Edition:
    lead, *rest = edition.matchups
    return replace(edition, matchups=(replace(lead, a=change(lead.a)), *rest))


def written_again(**changes: Any) -> Plant:
    """The lead's first reviewer has written again since the edition was composed."""

    def plant(good: Good) -> Good:
        first = good.edition.matchups[0].a.verdict.reviews[0]
        return replace(good, reviews=(*good.reviews, replace(first, version=2, **changes)))

    return plant


def aged(edition: Edition) -> Edition:
    """The lead's first price was checked 13 months ago, and the pricing read says so as it must."""
    old = _with_lead(edition, lambda side: replace(side, tool=replace(side.tool, price_checked_on=date(2025, 10, 27))))
    lead, *rest = old.matchups
    said = pricing_read(lead.a.tool, lead.b.tool, week=WEEK, today=NOW.date())
    return replace(old, matchups=(replace(lead, pricing_read=said), *rest))


def busy(edition: Edition) -> Edition:
    """As many other launches as a fair brings: html of 70,000 bytes, with 250 links that become longer."""
    names = [f"{one}{two}olin{three}" for one, two, three in product("BCDFGHJKLM", "aeiou", "agou")]
    more = [model.Brief(one, "small tools", "Other", f"https://example.org/{one.lower()}", "fair") for one in names]
    launches = (*edition.launches, *more)
    return replace(edition, launches=launches, preheader=preheader(edition.matchups, len(launches)))


_CORRECTION = model.Correction(
    "blunt-pencil", "Blunt Pencil", "skeptic", "Skeptic", "ship", "skip", date(2026, 11, 18), "2026-W46"
)

#: Messages that are as they should be: preflight must not say anything of any of them.
GOOD_ONES: dict[str, Plant] = {
    "the digest of the samples": lambda good: good,
    "with two matchups in full": decided(lambda edition: replace(edition, matchups=(
        *(replace(one, layout="full") for one in edition.matchups[:2]), *edition.matchups[2:]))),
    "with one matchup and nothing else": decided(lambda edition: replace(
        edition, matchups=edition.matchups[:1], launches=(), preheader=preheader(edition.matchups[:1], 0))),
    "with a correction": decided(lambda edition: replace(edition, corrections=(_CORRECTION,))),
    "with an intro": decided(lambda edition: replace(edition, intro="Two cutters.\n\nOne works at night.")),
    "with a subject of the editor’s": entitled("Kino Kiln or Cutting Remarks: what four reviewers would do"),
    "with a logo": published(logo=f"{HOME}/static/logo.png"),
    "with statistics of visitors": published(utm_source="verdicts"),
}  # fmt: skip

_SHARE = '</td><td class="b" align="right">'
_TOOL = "https://example.org/tools/kino-kiln"

#: One of each kind that a careful editor or the author of a template makes.
THE_25 = (
    Fault("no leave link in the html", "Who cannot leave reports us as spam.",
          in_html(cut(r"<br ?/?><a [^>]*/leave/[^>]*>.*?</a>"))),
    Fault("no leave link in the text", "Readers of plain text cannot leave.", in_text(cut(r"Unsubscribe:\n\S+\n"))),
    Fault("labels too faint in the dark scheme only", "At night nobody can read whose number it is.",
          in_html(swap(r"(dark\).*?\.v \.m\{color:)#\w+", r"\g<1>#4d5052"))),
    Fault("labels too faint in the light scheme only", "By day nobody can read whose number it is.",
          in_html(swap(r"(\.v \.m\{color:)#\w+", r"\g<1>#b9b6ab"))),
    Fault("a cell that is not closed", "Outlook sets the rest into that cell.", in_html(put("25 %</td>", "25 %"))),
    Fault("a word of a quote replaced, in both parts", "A reviewer is made to say what nobody said.",
          in_both(put("mercifully", "regrettably"))),
    Fault("a share with its digits turned round, in both parts", "The panel seems to like what it skips.",
          in_both(put("25 %", "52 %"))),
    Fault("a price nobody has looked at for a year", "Readers count on a price that is gone.", decided(aged)),
    Fault("a quote from an old version", "The reviewer has taken that back.",
          written_again(quote="It has stopped crashing, and by now I use it every week.")),
    Fault("no second matchup in the text", "Its readers miss a comparison.", in_text(order(_IN_TEXT, "013456"))),
    Fault("another price in the text", "Two readers of one digest quote different prices.",
          in_text(put("$24/month (", "$42/month ("))),
    Fault("a logo without alternative text", "A screen reader spells out a file name.",
          in_html(put(' alt=""', "")), "with a logo"),
    Fault("a heading that skips a level", "Who jumps from heading to heading loses the thread.",
          in_html(swap(r"<h4(.*?)</h4>", r"<h5\1</h5>"))),
    Fault("a merge tag of another system", "Everybody is greeted as *|FNAME|*.", added("<p>Hello *|FNAME|*,</p>")),
    Fault("[[reader]] misspelt in a link to vote", "Every vote for this tool fails.",
          in_html(put("/vote/[[reader]]/", "/vote/[[raeder]]/"))),
    Fault("a relative link", "It leads nowhere from a mailbox.", in_html(put(f'"{HOME}/editions/', '"/editions/'))),
    Fault("a link without https", "The browser warns of our own page.",
          in_html(put(f"{HOME}/compare/", "http://verdicts.example.org/compare/"))),
    Fault("a matchup twice, in both parts", "Readers wonder whether they have seen this before.",
          both(in_html(order(_IN_HTML, "0122345")), in_text(order(_IN_TEXT, "01223456")))),
    Fault("a section without content", "The question stands there without its answer.",
          in_html(swap(r"(Which one should you ship with\?</h3><p>)[^<]*", r"\1"))),
    Fault("columns made with grid", "Many programs set them on top of each other.",
          in_html(put("<div><!--[if", '<div style="display:grid;grid-template-columns:1fr 1fr"><!--[if'))),
    Fault("html too long once links are rewritten", "Gmail clips it, leave link and all.", decided(busy)),
    Fault("html that fits Latin-1", "It goes out as ISO-8859-1, which Gmail shows as clipped.",
          in_html(lambda part: part.encode("ascii", "xmlcharrefreplace").decode())),
    Fault("a subject with a line break", "What follows becomes a header of its own.",
          entitled("Kino Kiln or Cutting Remarks?\r\nBcc: everybody@example.com")),
    Fault("an edition without matchups", "Readers get an empty digest.",
          decided(lambda edition: replace(edition, matchups=()))),
    Fault("no postal address", "The law of most countries asks for it.", published(postal_address="")),
)  # fmt: skip

#: What else happens on a Tuesday morning, most of it harder to see.
FURTHER = (
    # Whose word, whose number
    Fault("two quotes under each other's reviewer", "The Builder is quoted with what the Skeptic said.",
          printed(with_reviews(lambda a, b: (replace(a, quote=b.quote), replace(b, quote=a.quote))))),
    Fault("a quote altered in the edition too", "Nobody said it, and only the row knows.",
          decided(with_reviews(lambda a, b: (replace(a, quote=put("crashed", "stalled")(a.quote)), b)))),
    Fault("a call that has changed since", "We say ship, the reviewer says skip.", written_again(call="skip")),
    Fault("ship and skip marks exchanged, in both parts", "Two calls are turned round.",
          both(in_html(swap(r"(<h4>Skeptic.*?)(<span.*?</span>)(.*?)(<span.*?</span>)", r"\1\4\3\2")),
               in_text(swap(r"(Skeptic:.*?)✕ SKIP(.*?)✓ SHIP", r"\1✓ SHIP\2✕ SKIP")))),
    Fault("two tools' percentages exchanged, in both parts", "The loser wins.",
          both(in_html(exchange(f"1 of 4 ship{_SHARE}25 %", f"3 of 4 ship{_SHARE}75 %")),
               in_text(exchange("25 %   (1 of 4 ship)", "75 %   (3 of 4 ship)")))),
    Fault("a bar not as long as its percentage", "A glance at it says 30 % where 70 % stands.",
          in_html(exchange('width="70%"', 'width="30%"'))),
    Fault("0 % where nobody has voted, in both parts", "A tool nobody voted on looks hated.",
          both(in_html(put(f"no votes yet{_SHARE}—", f"no votes yet{_SHARE}0 %")),
               in_text(put("—      (no votes", "0 %    (no votes")))),
    Fault("“Free” for a paid tool, in both parts", "As above, with no number to look at.",
          both(in_html(put('"right">$99/month', '"right">Free')), in_text(put("price  $99/month", "price  Free")))),
    Fault("another day of checking, in both parts", "A price looks fresh.", in_both(put("24 Oct", "21 Nov"))),
    Fault("a bottom line turned round, in both parts", "One word, and no number in it.",
          in_both(put("No close call", "A close call"))),
    Fault("a split turned round, in both parts", "A reviewer is said to ship what it skips.",
          in_both(put("Futurist skips both", "Futurist ships both"))),
    Fault("“never” taken out of a quote in the text", "It says the reverse.", in_text(put("“I never said", "“I said"))),
    # Links that lead astray
    Fault("a link to vote for another tool, in both parts", "It counts for the wrong tool.",
          in_both(put("/kino-kiln/ship", "/third-shift/ship"))),
    Fault("a link to vote of last week, in both parts", "It counts for the wrong edition.",
          in_both(put(f"{WEEK}/kino-kiln/ship", "2026-W47/kino-kiln/ship"))),
    Fault("links to ship and skip exchanged, in both parts", "Every vote is turned round.",
          in_both(exchange("/kino-kiln/ship", "/kino-kiln/skip"))),
    Fault("no link to vote for one tool", "It gets no votes.", in_html(cut(r'<tr><td class="l r j".*?</tr>'))),
    Fault("a tool's name leads to its rival, in both parts", "Readers look at the wrong product.",
          in_both(put(_TOOL, "https://example.org/tools/cutting-remarks"))),
    Fault("Unsubscribe leads to the archive, in both parts", "They click, and mail keeps coming.",
          in_both(put("/leave/[[reader]]", f"/editions/{WEEK}"))),
    Fault("a tester's token instead of [[reader]], in both parts", "Whoever leaves unsubscribes her.",
          in_both(put("/leave/[[reader]]", "/leave/kD3vQx9sT1mZpB7wRr4u"))),
    Fault("[[reader]] in the archive's address, in both parts", "Who gets it forwarded can vote for us.",
          in_both(put(f"/editions/{WEEK}", f"/editions/{WEEK}?reader=[[reader]]"))),
    Fault("[[reader]] encoded in a link", "Nothing is put in its place.",
          in_html(put("/preferences/[[reader]]", "/preferences/%5B%5Breader%5D%5D"))),
    Fault("[reader] in single brackets in the text", "It stays so.", in_text(put("[[reader]]", "[reader]"))),
    Fault("a leave link broken over two lines in the text", "Half a link leads nowhere.",
          in_text(put("/leave/[[reader]]", "/leave/\n[[reader]]"))),
    Fault("leave links of the test server, in both parts", "Nobody can leave.",
          in_both(put(f"{HOME}/leave/", "https://staging.example.net/leave/"))),
    Fault("a link to localhost", "It works on one desk only.", in_html(put(f"{HOME}/compare/", "https://localhost/compare/"))),
    Fault("the site's address never set", "Links lead to the reader's own computer.", published(url="http://localhost:8000")),
    Fault("a javascript: link", "Filters warn of us.", in_html(put(f'href="{_TOOL}"', 'href="javascript:void(0)"'))),
    Fault("a link within a link", "Programs disagree where it leads.",
          in_html(swap(r"(<h3>)(<a [^>]*>)(.*?</a>)", r'\1\2<a href="https://example.org/">\3</a>'))),
    Fault("a link called “here”", "A list of links tells a blind reader nothing.",
          in_html(swap(r">Read the full comparison of[^<]*</a>", ">here</a>"))),
    Fault("a link that is a picture without words", "A screen reader reads out the address.",
          added(f'<a href="{HOME}/"><img src="{HOME}/banner.png" alt="" width="320"></a>')),
    # What mail programs, screen readers and filters make of the html
    Fault("a row that is not closed", "Outlook sets the next beside it.", in_html(put("25 %</td></tr>", "25 %</td>"))),
    Fault("a table that is not closed", "What follows slides into its last cell.",
          in_html(put('</tr></table><p class="d">', '</tr><p class="d">'))),
    Fault("a conditional comment that is not closed", "All that follows is hidden from everybody.",
          in_html(put("<tr><td><![endif]--><div", "<tr><td><div"))),
    Fault("a table for Outlook that is not closed", "Only Outlook falls apart, and nobody here has it.",
          in_html(put("<!--[if mso]></td></tr></table><![endif]-->", ""))),
    Fault("no language", "A screen reader guesses how to say it.", in_html(swap(' lang="en"', "", 0))),
    Fault("no direction", "Among right-to-left mail, columns change sides.", in_html(swap(' dir="ltr"', "", 0))),
    Fault("a layout table without its role", "A screen reader counts rows of nothing.",
          in_html(put('class="n" role="presentation"', 'class="n"'))),
    Fault("two first headings", "There seem to be two letters.", in_html(swap(r"<h2>(Also .*?)</h2>", r"<h1>\1</h1>"))),
    Fault("an empty heading", "A screen reader announces nothing.", in_html(swap(r"(<h2>)Also[^<]*", r"\1"))),
    Fault("a box without its dark colour", "Its words are gone.", in_html(cut(r"\.v \.k\{background[^}]*\}"))),
    Fault("white on white by a class", "Filters take it for hidden words.",
          in_html(put(".v .d{", ".v .pale{color:#fffdf8}.v .d{"), put('<p class="d">', '<p class="d pale">'))),
    Fault("text hidden in the dark scheme", "At night the descriptions are missing.",
          in_html(swap(r"dark\)\{", "dark){.v .d{display:none !important}"))),
    Fault("descriptions of 11 px", "Too small to read on a phone.", in_html(put(".v .d{", ".v .d{font-size:11px;"))),
    Fault("a table 900 px wide", "Phones show half of each line.",
          added('<table role="presentation" width="900" style="width:900px"><tr><td>Meet us</td></tr></table>')),
    Fault("no viewport", "Phones shrink the page.", in_html(cut('<meta name="viewport"[^>]*>'))),
    Fault("another charset declared", "“ becomes “â€œ”.", in_html(put("charset=UTF-8", "charset=ISO-8859-1"))),
    Fault("a tracking pixel", "We promised none.",
          in_html(put("</body>", '<img src="https://t.example.net/o.gif" width="1" height="1" alt=""></body>'))),
    Fault("a picture without https", "There is a hole.", in_html(put('src="https:', 'src="http:')), "with a logo"),
    Fault("a script", "Filters refuse the mail.", in_html(put("</body>", "<script>document.title</script></body>"))),
    Fault("an event handler", "Filters refuse the mail.", in_html(put("<h2>", '<h2 onclick="alert(1)">'))),
    Fault("a form", "Gmail warns.", added(f'<form action="{HOME}/vote" method="post"><button>Vote</button></form>')),
    Fault("a frame", "Nobody sees the film.", added('<iframe src="https://example.org/film" title="A film"></iframe>')),
    Fault("an external style sheet", "Nearly every program ignores it.",
          in_html(put("</head>", f'<link rel="stylesheet" href="{HOME}/mail.css"></head>'))),
    Fault("an imported font", "It calls home.", in_html(put("#outlook", "@import url(https://f.example.net/f.css);#outlook"))),
    # What was left behind
    Fault("an MJML element", "There is a gap.", in_html(put("<h2>", '<mj-divider border-width="1px" /><h2>'))),
    Fault("“undefined”, in both parts", "It looks careless.", in_both(put("Kiln Yard · open source", "undefined"))),
    Fault("“None”, in both parts", "It looks careless.", in_both(put("checked 27 Oct", "checked None"))),
    Fault("a placeholder in percent signs in the text", "Everybody sees it.",
          in_text(put(_IN_TEXT, f"\n\nHello %recipient.first_name%,{_IN_TEXT}"))),
    Fault("a note to ourselves", "Readers get the draft.",
          decided(lambda edition: replace(edition, intro="TODO: two sentences about the week, then ask Ann."))),
    Fault("filler text", "Readers get the draft.", added("<p>Lorem ipsum dolor sit amet.</p>")),
    Fault("another week in the heading, in both parts", "It looks old.", in_both(put("Week 48", "Week 47"))),
    Fault("a message for another week", "It is counted there.",
          lambda good: replace(good, message=replace(good.message, week="2026-W47"))),
    Fault("a message older than the edition", "What an editor took out goes out.",
          lambda good: replace(good, edition=replace(good.edition, matchups=good.edition.matchups[:4]))),
    Fault("last week's title in the html", "Tabs name it.", in_html(swap("<title>[^<]*", "<title>Two older tools"))),
    # The text part
    Fault("a comparison twice in the text", "Readers wonder.", in_text(order(_IN_TEXT, "01223456"))),
    Fault("another order in the text", "“No. 2” means two things.", in_text(order(_IN_TEXT, "0132456"))),
    Fault("no other launches in the text", "Its readers miss them.", in_text(cut(r"=+\nAlso launched .*?(?=-{72})"))),
    Fault("no corrections in the text", "Its readers trust a call that was withdrawn.",
          in_text(cut(r"=+\nCorrections\n=+\n.*?(?=\n=)")), "with a correction"),
    Fault("no corrections in the html", "Most readers trust a call that was withdrawn.",
          in_html(cut(r"<h2>Corrections</h2>.*?</p>")), "with a correction"),
    Fault("a stub for a text", "Its readers get nothing, and filters mind.",
          in_text(lambda _: f"Your program cannot show this “message”: {HOME}/leave/[[reader]]\n")),
    Fault("tags in the text", "Readers see them.", in_text(put("THE READERS", "<b>THE READERS</b>"))),
    Fault("text that fits Latin-1", "It goes out as ISO-8859-1.",
          in_text(lambda part: part.encode("latin-1", "replace").decode("latin-1"))),
    Fault("no postal address in the text", "The law asks for it.", in_text(cut(r"AI Tool Verdicts, 1 [^\n]*"))),
    # The envelope
    Fault("a subject far too long", "Phones show a third of it.",
          entitled("Kino Kiln or Cutting Remarks? Four reviewers cut the same wedding twice, two would do it again")),
    Fault("a subject that shouts", "It looks like spam.", entitled("FREE!!! 100% GUARANTEED AI TOOLS, ACT NOW $$$")),
    Fault("a test's subject", "It is not for readers.", entitled("[TEST] Kino Kiln or Cutting Remarks? Read it first")),
    Fault("a subject about last week's tools", "They are not there.", entitled("Plumbline or Lantern? The verdicts")),
    Fault("a subject that runs backwards", "Filters take it for a trick.",
          entitled("Kino Kiln or \u202eskrameR gnittuC\u202c? Read before you choose")),
    Fault("no preheader", "The inbox shows what happens to come first.",
          decided(lambda edition: replace(edition, preheader=""))),
    Fault("no sender", "It cannot be sent.", lambda good: replace(good, from_email="")),
    Fault("a sender that is no address", "It cannot be sent.", lambda good: replace(good, from_email="verdicts")),
    Fault("a sender's name with a header in it", "Somebody gets a copy of everything.",
          lambda good: replace(good, from_name="AI Tool Verdicts\r\nBcc: everybody@example.com")),
    Fault("a reply address that is none", "Replies are lost.", lambda good: replace(good, reply_to="the editors")),
)  # fmt: skip


def told(findings: Sequence[Finding]) -> str:
    """The codes of findings, how often each, with "!" where it blocks."""
    codes = Counter(one.code + "!" * (one.level == "blocker") for one in findings)
    return ", ".join(f"{code} ×{times}" if times > 1 else code for code, times in sorted(codes.items()))


def main() -> None:
    """Plant, and print what was found."""
    whole = good()
    alarms = [(name, one) for name, made in GOOD_ONES.items() for one in made(whole).findings()]
    if alarms:
        raise SystemExit("\n".join(f"false alarm, {name}: {one.code}: {one.message}" for name, one in alarms))
    print(f"no finding in {len(GOOD_ONES)} messages that are as they should be; below, ! blocks")  # noqa: T201
    for title, faults in (("the 25", THE_25), ("further ones", FURTHER)):
        found = {fault: fault.findings(whole) for fault in faults}
        for fault, findings in found.items():
            print(f"{'found ' if findings else 'MISSED'}  {fault.name:<57}  {told(findings) or fault.harm}")  # noqa: T201
        share = sum(map(bool, found.values())) / len(faults) * 100
        keep(f"{title}, found", "%", share, better="higher", short=True, note=f"of {len(faults)}; no false alarm in"
             f" {len(GOOD_ONES)} good messages")  # fmt: skip


if __name__ == "__main__":
    main()
