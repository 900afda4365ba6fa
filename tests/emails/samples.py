"""Every email there is, rendered from invented data, good and bad: what the proofs are made on.

A further email is one more line in `EMAILS`; all proofs then hold for it too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from digest.judging import bottom_line, community_read, pricing_read, reviewer_split
from digest.model import Edition, Matchup, Side, Site, Tally
from digest.rendering import Parts, render_email
from digest.views import digest_view
from subscribers.links import personal, reader_token
from tests.digest.test_notices import LETTERS
from tests.digest.test_rendering import FLIPPED, changed_tool, quoted, said_everywhere
from tests.examples import edition, matchup, reviewers, site, verdict

#: What a reader's own links end in.
TOKEN = reader_token(b"the key of all links", "0123456789abcdef")


class Sample(NamedTuple):
    """One rendered email: its three parts, and the MJML that its html was compiled from."""

    subject: str
    html: str
    text: str
    mjml: str

    @property
    def page(self) -> str:
        """The html as a reader gets it, with links of their own."""
        return personal(self.html, TOKEN)


def digest(of: Edition, publisher: Site | None = None) -> Parts:
    """Render an edition."""
    return render_email("digest", lambda put: digest_view(of, publisher or site(), put))


def told(pair: Matchup, a: Side, b: Side) -> Matchup:
    """The matchup with these sides and the sentences that follow from them."""
    return replace(
        pair,
        a=a,
        b=b,
        bottom_line=bottom_line(a, b),
        pricing_read=pricing_read(a.tool, b.tool),
        split=reviewer_split(a, b, reviewers()),
        community_read=community_read(a, b),
    )


#: Two names and a text that stands wherever else somebody outside can write: each pair is odd in another way.
_STRANGE = (
    (
        "The Extraordinarily Long-Winded Assistant for Teams That Cannot Agree on Anything, Enterprise Edition",
        "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaftsverwaltung",
        "https://example.org/an/address/that/does/not/end?" + "and-goes-on=" * 12,
    ),
    ("مراجع الشيفرة", "בודק הקוד 3.5", "أداة تراجع الشيفرة وتشرح كل ملاحظة، (بلا اتصال)، بسعر 12 دولارًا."),
    (
        "検証ツール",
        "코드 검토기",
        "速い、正確、そして静かなツールです。改行できる空白はどこにもありません。「はい」と言えます。",
    ),
    (
        "Say “Hi” 'n' «Go»",
        '„Unten“ "gerade" 「鉤」',
        "“smart” ‘single’ \"straight\" 'x' «guillemets» ‹y› „low“ ‚z‘ 「鉤」 『重』 `tick` ´acute´ ″prime″",
    ),
    (
        "<script>alert(1)</script>",
        "👩‍👩‍👧 Emoji 🚀 e\u0301",
        "</td></table><b onclick=x>{{ site }} [[reader]] {% if x %} <!--[if mso]> &amp; C:\\temp <mj-text>🎉</mj-text>",
    ),
)


def hostile() -> Parts:
    """Very long names, right to left, Chinese and Korean, every quotation mark, emoji and markup; no votes."""

    def strange(index: int, name_a: str, name_b: str, text: str) -> Matchup:
        pair = quoted(matchup(index, layout="full"), text)
        outside = dict.fromkeys(("vendor", "tagline", "description", "entry_price"), text)
        a, b = (
            replace(changed_tool(side, {"name": name, **outside}), community=Tally())
            for side, name in zip(pair.sides, (name_a, name_b), strict=True)
        )
        return told(pair, a, b)

    subject = "“مراجع” & <script>: 検証ツール, 👩‍👩‍👧 or „low“?"
    pairs = tuple(strange(index, *names) for index, names in enumerate(_STRANGE))
    return digest(replace(edition(), subject=subject, intro=_STRANGE[-1][-1], matchups=pairs))


def complete() -> Parts:
    """Everything an edition can have at once, a logo and corrections too."""
    of = edition(3, full=3)
    pairs = tuple(told(pair, *pair.sides) for pair in of.matchups)
    return digest(replace(of, matchups=pairs, corrections=(FLIPPED, FLIPPED)), site(logo="logo.png"))


def bare() -> Parts:
    """One matchup of which hardly anything is known: a review each, no votes, and nothing that can be left out."""
    pair = matchup(layout="full")
    unknown: dict[str, object] = dict.fromkeys(("vendor", "tagline", "description", "entry_price", "url"), "")
    unknown["price_checked_on"] = None
    a, b = (
        Side(known.tool, verdict(known.tool, calls), Tally())
        for known, calls in zip((changed_tool(side, unknown) for side in pair.sides), ("-...", ".+.."), strict=True)
    )
    alone = replace(edition(1, launches=0), intro="", preheader="", matchups=(told(pair, a, b),))
    return digest(alone, site(tagline="", postal_address=""))


#: One good sample of each folder in `templates/email`, by the folder's name.
EMAILS: dict[str, Callable[[], Parts]] = {
    "digest": lambda: digest(edition()),
    "confirm": lambda: LETTERS["confirm"],
    "welcome": lambda: LETTERS["welcome"],
    "goodbye": lambda: LETTERS["goodbye"],
    "link": lambda: LETTERS["link to the account"],
    "move": lambda: LETTERS["move"],
    "moved": lambda: LETTERS["moved"],
    "editors-notice": lambda: LETTERS["editors' notice"],
    "alarm": lambda: LETTERS["alarm"],
}

#: The same emails with less, more or stranger in them.
VARIANTS: dict[str, Callable[[], Parts]] = {
    "digest-of-1": lambda: digest(edition(1)),
    "digest-of-3": lambda: digest(edition(3)),
    "digest-of-8": lambda: digest(edition(8)),
    "digest-every-quote": lambda: digest(edition(full=5)),
    "digest-complete": complete,
    "digest-bare": bare,
    "digest-hostile": hostile,
    "link-to-leave": lambda: LETTERS["link to leave"],
    "link-for-who-is-known": lambda: LETTERS["link for who is known"],
}

NAMES = (*EMAILS, *VARIANTS)

#: Those that are not made of the same pieces as another, for proofs that take a second for each.
DISTINCT = tuple(
    name for name in NAMES if name not in {"digest-of-1", "digest-of-3", "digest-of-8", "digest-every-quote"}
)


@cache
def samples() -> dict[str, Sample]:
    """Every email and every variant, by name."""
    return {name: Sample(*make()) for name, make in (EMAILS | VARIANTS).items()}


@cache
def repeating(text: str) -> Sample:
    """A digest in which everything that people outside can write is this text."""
    return Sample(*digest(said_everywhere(text)))
