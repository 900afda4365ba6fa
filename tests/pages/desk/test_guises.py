"""An email's html as it shows elsewhere."""

from __future__ import annotations

import pytest

from digest.inspecting.linking import rewritten_size
from pages.desk.guises import GMAIL, HERE, Place, clipped, inert, is_shown, lit, place_of, pointed, without_styles

_CSS = "@media (prefers-color-scheme: dark) and (max-width:480px){a{color:red}}"


@pytest.mark.parametrize(("scheme", "asks"), [("dark", "(min-width:0)"), ("light", "(max-width:-1px)")])
def test_questions_after_the_scheme_are_answered_and_all_else_is_left(scheme: str, asks: str) -> None:
    html = (
        f'<head><meta name="color-scheme" content="light dark"><style>:root{{color-scheme:light dark}}{_CSS}</style>'
        '<style media="(prefers-color-scheme: dark)">b{}</style></head>(prefers-color-scheme: dark) color-scheme: x'
    )
    shown = lit(html, scheme)  # type: ignore[arg-type]
    assert f"@media {asks} and (max-width:480px)" in shown
    assert f'<style media="{asks}">' in shown
    assert f":root{{color-scheme:{scheme}}}" in shown
    assert shown.count("<meta") == 1
    assert f'content="{scheme}"' in shown
    assert shown.endswith("(prefers-color-scheme: dark) color-scheme: x")


def test_style_blocks_go_and_style_attributes_stay() -> None:
    assert (
        without_styles('<style>a{}</style><p style="color:red">a</p><STYLE media=x>b') == '<p style="color:red">a</p>'
    )


def test_every_link_opens_a_window_which_the_frame_forbids() -> None:
    html = '<head><base href="https://example.org/"></head><a target="_top" href="/x">x</a><A href=y target=_self>y</A>'
    assert inert(html) == '<head><base target="_blank"></head><a href="/x">x</a><A href=y>y</A>'


def test_a_small_email_is_not_clipped() -> None:
    assert clipped("<body><p>" + "x" * (GMAIL - 20)) is None


def test_a_large_email_ends_where_gmail_cuts_it_and_says_what_is_lost() -> None:
    link = '<a href="https://example.org/a/long/way/to/go">go</a>'
    body = "".join(f"<table><tr><td>Row {number} {link}</td></tr></table>" for number in range(2_000))
    html = f"<html><head><style>a{{}}</style></head><body><div>{body}<p>Leave here</p></div></body></html>"
    cut = clipped(html)
    assert cut is not None
    shown, _, said = cut.html.partition("[Message clipped]")
    assert cut.lost.endswith("Row 1999 go Leave here")
    assert "Leave here" not in shown
    assert f"<del>{cut.lost}</del>" in said
    assert "<style" not in shown
    whole = html[: html.index(f"Row {shown.count('Row ') - 1} ")]
    assert GMAIL - 600 < rewritten_size(whole, is_html=True) <= GMAIL
    assert all(shown.count(f"<{tag}") == shown.count(f"</{tag}>") for tag in ("table", "tr", "td", "a"))


_PAGE = """<html><head><style>
b{}</style></head>
<body><p>Of Go and others</p><!--[if mso]><td><![endif]-->
<h2>Go <i>vs</i> Ox</h2><h3><a>Go</a></h3>"""


def test_a_place_is_the_element_at_it_or_before_it_and_never_one_that_only_outlook_sees() -> None:
    assert f'<p id="{HERE}">' in pointed(_PAGE, Place(3, 40))
    assert f'<i id="{HERE}">' in pointed(_PAGE, Place(4, 9))
    assert pointed(_PAGE, Place(1, 3)) == _PAGE
    assert not is_shown(_PAGE, Place(2, 1))
    assert is_shown(_PAGE, Place(3, 9))


def test_words_are_found_in_the_heading_that_says_just_them() -> None:
    assert place_of(_PAGE, "Go") == Place(4, 25)
    assert place_of(_PAGE, "Ox") == Place(4, 1)
    assert place_of(_PAGE, "others") == Place(3, 7)
    assert place_of(_PAGE, "nobody") is None
    assert place_of(_PAGE, "") is None
