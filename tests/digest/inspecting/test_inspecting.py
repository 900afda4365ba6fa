"""What one html file shows by itself: nothing in a good letter, and each fault by its code and its place."""

from __future__ import annotations

from dataclasses import replace

import pytest

from digest.envelope import check_text
from digest.inspecting import HTML_BLOCK, HTML_WARN, inspect
from digest.inspecting.linking import TOKEN, rewritten_size
from digest.inspecting.noting import Notes
from digest.rendering import render
from subscribers.links import personal, reader_token
from tests.digest.inspecting.letters import HOME, LETTER, codes, look, styled, within
from tests.examples import edition, site


def test_a_good_letter_has_no_findings() -> None:
    assert look(LETTER) == ()
    assert look(LETTER, strict=False) == ()


@pytest.mark.parametrize(("matchups", "full"), [(1, 1), (3, 1), (5, 1), (8, 1)])
def test_the_digest_has_no_findings(matchups: int, full: int) -> None:
    html = render(edition(matchups, full), site()).html

    assert inspect(html, strict=True, site_url=site().url) == ()


def test_a_letter_filled_for_one_reader_is_as_good() -> None:
    token = reader_token(b"k" * 32, "a" * 16)
    html = render(edition(), site()).html

    assert len(token) == TOKEN
    assert inspect(personal(html, token), strict=True, site_url=site().url) == ()


FAULTS = [
    # tags
    ("<p>Left open", "markup-broken", "warning"),
    ("<div>Left open", "markup-broken", "blocker"),
    ("<b><i>Crossed</b></i>", "markup-broken", "blocker"),
    ("</td>", "markup-broken", "blocker"),
    ("<tr><td>No table</td></tr>", "markup-broken", "blocker"),
    ('<table role="presentation"><td>No row</td></table>', "markup-broken", "blocker"),
    ('<table role="presentation"><tr>No cell</tr></table>', "markup-broken", "blocker"),
    ('<table role="presentation"><div>No cell</div></table>', "markup-broken", "blocker"),
    ('<table role="presentation"><tr><td>Never ends</td></tr>', "markup-broken", "blocker"),
    ("<p>A paragraph <div>with a block</div></p>", "markup-broken", "blocker"),
    ('<p title="open>The quotes are</p>', "markup-broken", "blocker"),
    ("<div/>", "markup-broken", "blocker"),
    ("<!--[if mso]><tr><![endif]-->", "markup-broken", "blocker"),
    ("<!--[if mso]><td>", "conditional-comment", "blocker"),
    ("<!--[if mso]><td>-->", "conditional-comment", "blocker"),
    ("<!--<![endif]-->", "conditional-comment", "blocker"),
    ("<!--[if !mso]><!-->", "conditional-comment", "blocker"),
    ('<a href="https://a.example"><a href="https://b.example">In</a>Out</a>', "link-nested", "blocker"),
    # what a letter must not have
    ("<script>x()</script>", "forbidden", "blocker"),
    ('<iframe src="https://example.org"></iframe>', "forbidden", "blocker"),
    ("<form></form>", "forbidden", "blocker"),
    ('<base href="https://example.org/">', "forbidden", "blocker"),
    ('<link rel="stylesheet" href="https://example.org/a.css">', "forbidden", "blocker"),
    ('<meta http-equiv="refresh" content="0;url=https://example.org">', "forbidden", "blocker"),
    ('<p onclick="x()">Click</p>', "forbidden", "blocker"),
    ('<img src="https://example.org/x.gif" alt="" width="1" height="1">', "tracking-pixel", "warning"),
    ('<img src="https://example.org/x.gif" alt="" style="display:none">', "tracking-pixel", "warning"),
    # left of templates
    ("<mj-text>x</mj-text>", "template-leftover", "blocker"),
    ("<p>caf\\u{e9}</p>", "template-leftover", "blocker"),
    ("<p>{{ name</p>", "template-leftover", "blocker"),
    ("<p>undefined</p>", "template-leftover", "blocker"),
    ("<p><b>nan %</b></p>", "template-leftover", "blocker"),
    # placeholders
    ("<p>Dear [[name]]</p>", "placeholder", "blocker"),
    ("<p>Dear &#91;&#91;name]]</p>", "placeholder", "blocker"),
    ("<p>Yours: [[reader]]</p>", "placeholder", "blocker"),
    ('<p title="[[reader]]">Yours</p>', "placeholder", "blocker"),
    (f'<p><a href="{HOME}/leave/[[raeder]]">Leave now</a></p>', "placeholder", "blocker"),
    (f'<p><a href="{HOME}/leave/[[Reader]]">Leave now</a></p>', "placeholder", "blocker"),
    (f'<p><a href="{HOME}/export/[[reader]]">Export</a></p>', "reader-link", "blocker"),
    (f'<p><a href="{HOME}/vote/[[reader]]/2026-W47/lantern/love">Love</a></p>', "reader-link", "blocker"),
    ('<p><a href="https://else.example/leave/[[reader]]">Leave now</a></p>', "reader-link", "blocker"),
    # links and what is loaded
    ('<a href="/archive">Archive</a>', "link-not-absolute", "blocker"),
    ('<a href="">Archive</a>', "link-not-absolute", "blocker"),
    ("<a>Archive</a>", "link-not-absolute", "blocker"),
    ('<a href="javascript:x()">Archive</a>', "link-not-absolute", "blocker"),
    ('<a href="data:text/html,x">Archive</a>', "link-not-absolute", "blocker"),
    ('<a href="https://example.org/a b">Archive</a>', "link-not-absolute", "blocker"),
    ('<a href="mailto:">Write</a>', "link-not-absolute", "blocker"),
    ('<a href="http://example.org/">Archive</a>', "link-not-https", "blocker"),
    ('<a href="https://localhost/">Archive</a>', "link-local", "blocker"),
    ('<a href=" https://example.org/">Archive</a>', "link-space", "warning"),
    ('<img src="a.png" alt="A">', "link-not-absolute", "blocker"),
    ('<img src="cid:1" alt="A">', "link-not-absolute", "blocker"),
    ('<div style="background:#fff url(a.png)">x</div>', "link-not-absolute", "blocker"),
    ('<!--[if mso]><v:rect href="/x"></v:rect><![endif]-->', "link-not-absolute", "blocker"),
    # outline
    ("<h1>Another</h1>", "heading-one", "warning"),
    ("<h4>Too deep</h4><p>It is.</p>", "heading-order", "warning"),
    ("<h3> </h3>", "heading-empty", "warning"),
    ("<h3>Nothing</h3><h3>Something</h3>", "section-empty", "warning"),
    ("<h2>Plumbline and Lantern</h2><p>Once more.</p>", "section-twice", "warning"),
    ("<h3>Price</h3><p>Both of them are free.</p>" * 2, "section-twice", "blocker"),
    ("<p></p>", "paragraph-empty", "warning"),
    ("<table><tr><td>1</td></tr></table>", "table-role", "warning"),
    ("<!--[if mso]><table></table><![endif]-->", "table-role", "warning"),
    ('<img src="https://example.org/a.png">', "image-alt", "warning"),
    ('<a href="https://a.example"><img src="https://a.example/a.png" alt=""></a>', "image-alt", "warning"),
    ('<a href="https://a.example"></a>', "link-empty", "warning"),
    ('<a href="https://a.example">here</a>', "link-text", "warning"),
    ('<a href="https://a.example">Click here!</a>', "link-text", "warning"),
    ('<a href="https://a.example">Read more</a>', "link-text", "warning"),
    ('<a href="https://a.example">https://a.example</a>', "link-text", "warning"),
    ('<a href="https://a.example">Plumbline</a>', "link-text", "warning"),
    # css and looks
    ('<p style="font-size:11px">Small</p>', "text-size", "warning"),
    ('<p style="font-size:9pt">Small</p>', "text-size", "warning"),
    ('<p style="font:italic 80%/1 serif">Small</p>', "text-size", "warning"),
    ('<p style="font-size:.7rem">Small</p>', "text-size", "warning"),
    ('<p><small style="font-size:smaller">Small</small></p>', "text-size", "warning"),
    ('<p style="color:#777">Faint</p>', "contrast", "warning"),
    ('<p style="color:rgba(0,0,0,.3)">Faint</p>', "contrast", "blocker"),
    ('<p style="opacity:.4">Faint</p>', "contrast", "blocker"),
    ('<p style="color:hsl(0,0%,80%)">Faint</p>', "contrast", "blocker"),
    ('<div style="background:black"><p>In light</p></div>', "contrast", "blocker"),
    ('<table role="presentation" bgcolor="navy"><tr><td>In light</td></tr></table>', "contrast", "blocker"),
    ('<p style="display:flex">x</p>', "css-support", "warning"),
    ('<p style="position:absolute">x</p>', "css-support", "warning"),
    ('<p style="width:calc(1px + 1em)">x</p>', "css-support", "warning"),
    ('<p style="colour:red">x</p>', "css-support", "warning"),
    ("<marquee>x</marquee><blink>y</blink>", "html-support", "warning"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "code", "level"), FAULTS)
def test_each_fault_is_found_with_its_place(body: str, code: str, level: str) -> None:
    findings = [one for one in look(within(body)) if one.code == code]

    assert level in {one.level for one in findings}
    assert all(one.message and one.fix and one.where.startswith("html") for one in findings)


@pytest.mark.parametrize(
    ("css", "code"),
    [
        ("@import url(https://example.org/a.css);", "forbidden"),
        ("@font-face { font-family: X; src: url(https://example.org/x.woff); }", "forbidden"),
        (".m { background: url(a.png); }", "link-not-absolute"),
        (".m { display: grid; }", "css-support"),
        ("@container (width > 1px) { .m { color: red; } }", "css-support"),
        (".m:target { color: black; }", "css-support"),
        (".m { width: 3cqw; }", "css-support"),
        (".m { color red; }", "css-broken"),
        (".v .m { font-size: 10px; }", "text-size"),
        ("@media (max-width: 480px) { .m { font-size: 12px; } }", "text-size"),
        (".v h2 + p { color: #aaa; }", "contrast"),
        ("p:not(.x) { color: #aaa; }", "contrast"),
        ("div > [class~=m] { color: #aaa; }", "contrast"),
        ("p:nth-child(3) { color: #aaa; }", "contrast"),
        ("@media (prefers-color-scheme: dark) { .v .m { color: #444 !important; } }", "contrast"),
        ("@media (prefers-color-scheme: dark) { .v h2 { background-color: #fff !important; } }", "contrast"),
        (
            "@media (prefers-color-scheme: dark) and (max-width: 400px) { .v .m { color: #444 !important; } }",
            "contrast",
        ),
    ],
)
def test_each_fault_of_the_css_is_found(css: str, code: str) -> None:
    assert code in codes(look(styled(css)))


@pytest.mark.parametrize(
    "css",
    [
        ".x { color: #fff; }",  # nobody has the class
        "td > p.m { color: #fff; }",
        "p { color: #fff; }",  # .m is more specific
        ".m { color: #fff; } .m { color: #5d5c54; }",
        ".m { color: #555 !important; } .v p.m { color: #fff; }",
        "@media print { .m { color: #fff; } }",
        "@media (min-width: 900px) { .m { color: #fff; } }",
        ".m:hover { color: #555; }",
        ".m { color: nonsense; }",
        "p + h1 { color: #aaa; }",
        ".m { border-radius: 3px; max-width: 100%; }",
        "h1 { color: #767676; }",  # 4.5 and more, and large besides
        "h1 { color: #8a8a8a; }",  # 3 and more is enough for large text
    ],
)
def test_css_that_is_fine_or_changes_nothing_is_no_fault(css: str) -> None:
    assert look(styled(css)) == ()


@pytest.mark.parametrize(
    "body",
    [
        '<p style="display:none">{hidden}</p>'.replace("{hidden}", "x"),
        '<div style="max-height:0;overflow:hidden;color:#fff">preheader</div>',
        '<table role="presentation" style="font:8px/8px serif"><tr><td>&#160;</td></tr></table>',
        "<!--[if !mso]><!--><p>Everybody else</p><!--<![endif]-->",
        '<table><tr><th>Tool</th></tr><tr><td>Lantern</td></tr></table>',
        '<p><a href="https://a.example"><img src="https://a.example/a.png" alt=""> Its page</a></p>',
        '<p><a href="mailto:desk@example.org">Write to us</a></p>',
        '<p><a href="https://example.org/plumbline?utm_source=x">Plumbline</a></p>',
        f'<p><a clicktracking="off" href="{HOME}/vote/[[reader]]/2026-W47/lantern/ship?a=b">Ship Lantern</a></p>',
        f'<p><a clicktracking="off" href="{HOME}/preferences/[[reader]]">Preferences</a></p>',
        '<p><a href="https://example.org/%ab%cd%ef">Percent signs in an address</a></p>',
        "<p>None of them is undefined, and 100% of 50% is half.</p>",
        "<h3>Price</h3><p>Both free.</p><h3>Split</h3><p>None.</p>",
    ],
)  # fmt: skip
def test_what_is_fine_is_no_fault(body: str) -> None:
    assert look(within(body)) == ()


def test_the_same_section_under_another_comparison_is_no_double() -> None:
    said = "<h3>Price</h3><p>Both of them are free this week.</p>"

    assert look(within(f"{said}<h2>Kiln and Thimble</h2>{said}")) == ()


@pytest.mark.parametrize("missing", [' lang="en"', ' dir="ltr"', "<title>A week</title>"])
def test_what_the_document_does_not_say_is_a_warning(missing: str) -> None:
    assert list(codes(look(LETTER.replace(missing, ""))).values()) == ["warning"]


def test_braces_of_a_tool_are_its_own() -> None:
    html = within("<p>Prints &#123;name} and &#91;&#91;x]]</p>")

    assert codes(look(html)) == {"placeholder": "blocker"}
    assert look(html, said=["Prints {name} and [[x]]"]) == ()


@pytest.mark.parametrize(
    "body",
    [
        "<p>Use &#91;&#91;reader]] to merge</p>",
        '<p title="Use &#91;&#91;reader]] to merge">Merges</p>',
        '<p><a href="https://tool.example/%5B%5Breader%5D%5D/?x=1&amp;utm_source=y">Its page</a></p>',
        '<p><a href="https://tool.example/&#91;&#91;reader]]/">Its page</a></p>',
    ],
)
def test_the_placeholder_in_words_from_outside_is_theirs(body: str) -> None:
    said = ["Use [[reader]] to merge", "https://tool.example/[[reader]]/?x=1"]

    assert look(within(body), said=said) == ()
    [unfilled] = look(within(body))
    assert (unfilled.code, unfilled.level) == ("placeholder", "blocker")
    assert "token" not in unfilled.message


def test_words_from_outside_excuse_neither_a_token_that_shows_nor_a_link_of_ours() -> None:
    said = ["Use [[reader]]", "https://tool.example/[[reader]]"]

    assert codes(look(within("<p>Use [[reader]]</p>"), said=said)) == {"placeholder": "blocker"}
    ours = f'<p><a href="{HOME}/vote/%5B%5Breader%5D%5D/">Vote</a></p>'
    assert codes(look(within(ours), said=[*said, f"{HOME}/vote/[[reader]]"])) == {"placeholder": "blocker"}


def test_a_site_with_a_name_in_other_scripts_can_send() -> None:
    ours = replace(site(), url="https://münchen.example/")
    message = render(edition(), ours)

    assert inspect(message.html, strict=True, site_url=ours.url) == ()
    notes = Notes("text", message.text)
    check_text(notes, message.text, strict=True, site_url=ours.url, said=())
    assert notes.findings() == ()


def test_a_letter_without_a_way_to_leave_blocks_unless_it_needs_none() -> None:
    lost = LETTER.replace("/leave/[[reader]]", "/archive")

    assert codes(look(lost)) == {"leave-link": "blocker"}
    assert look(lost, leaves=False) == ()


LINK = f'<a clicktracking="off" href="{HOME}/leave/[[reader]]">Unsubscribe</a>'


@pytest.mark.parametrize(
    "hidden",
    [
        f'<span style="display:none">{LINK}</span>',
        LINK.replace(">Unsub", ' style="font-size:0">Unsub'),
        LINK.replace(">Unsub", ' style="color:#fff;background-color:#fff">Unsub'),
        LINK.replace(">Unsub", ' class="narrow">Unsub'),
        LINK.replace("Unsubscribe", "&#160; "),
        f"<!-- {LINK} -->",
        f"<p>{HOME}/leave/kD3vQx9sT1mZpB7wRr4u</p>",
        LINK.replace("[[reader]]", "&#91;[reader]]"),
    ],
)
def test_a_link_to_leave_that_nobody_can_see_blocks(hidden: str) -> None:
    css = "@media (max-width: 480px) { .narrow { display: none; } }"
    found = look(styled(css).replace(LINK, hidden))

    assert codes(found)["leave-link"] == "blocker"


@pytest.mark.parametrize(
    "shown",
    [
        LINK.replace("Unsubscribe", '<img src="https://example.org/x.png" alt="Unsubscribe">'),
        LINK.replace("[[reader]]", "kD3vQx9sT1mZpB7wRr4u"),
        LINK.replace(">Unsub", ' class="narrow">Unsub') + LINK.replace(">Unsubscribe", ' class="wide">Leave us'),
        '<a href="https://u1.ct.example.net/ls/click?upn=x">Unsubscribe</a>',
    ],
)
def test_a_link_to_leave_that_everybody_can_see_somewhere_is_enough(shown: str) -> None:
    css = ".wide { display: none; } @media (max-width: 480px) { .narrow { display: none; } .wide { display: inline; } }"
    found = look(styled(css).replace(LINK, shown))

    assert "leave-link" not in codes(found)


def test_the_same_file_gives_the_same_findings_each_time() -> None:
    many = "".join(f'<p class="c{i}">Number {i}</p>' for i in range(700))
    html = styled("p { color: #222; }" * 400).replace("<h2>", f"{many}<h2>", 1)
    first = look(html)

    assert codes(first)["not-checked"] == "blocker"
    assert look(html) == first


def test_control_characters_of_a_file_are_shown_and_not_obeyed() -> None:
    bad = "\x1b[2J\x07\u202e\x9b\ud800"
    found = look(within(f'<p>[[\x1b2J]]</p><p style="font-size:9px">{bad}</p><x{bad}><a href="/{bad}">A page</a>'))
    told = "".join(f"{one.code}{one.message}{one.where}{one.fix}" for one in found)

    assert "placeholder" in codes(found)
    assert told.encode().decode().isprintable()
    assert r"\x1b[2J\x07\u202e\u009b\ud800" in told


def test_a_preheader_may_be_hidden_in_every_way() -> None:
    style = "display:none;max-height:0;overflow:hidden;mso-hide:all;opacity:0;visibility:hidden"

    assert look(within(f'<div style="{style}">Two tools</div>')) == ()
    assert look(styled(f".preheader {{ {style} }}").replace("<h1", '<p class="preheader">Two</p><h1')) == ()
    assert "css-support" in codes(look(within('<p style="opacity:.99">Two tools</p>')))


def test_many_equal_faults_are_one_finding_with_its_first_places() -> None:
    [finding] = look(within('<img src="https://example.org/a.png">\n' * 40))

    assert finding.where == "html, line 18 column 31, line 19 column 1, line 20 column 1 and 37 more"


def test_faults_of_one_kind_do_not_hide_the_others() -> None:
    many = "".join(f'<p><a href="/x{i}">Page {i}</a></p>' for i in range(100))
    findings = look(within(f"{many}<h1>Another</h1>"))

    assert len(findings) < 20
    assert "heading-one" in codes(findings)
    assert any("88 more" in one.message for one in findings)


def test_size_is_counted_after_click_tracking() -> None:
    link = '<p><a href="https://example.org/{}">Page {}</a></p>'
    bare = within("".join(link.format(i, i) for i in range(150)))

    assert len(bare.encode()) < 12_000
    assert 60_000 < rewritten_size(bare, is_html=True) < HTML_WARN
    assert codes(look(bare)) == {}
    more = within("".join(link.format(i, i) for i in range(210)))
    assert rewritten_size(more, is_html=True) > HTML_WARN
    assert codes(look(more))["html-size"] in {"warning", "blocker"}
    assert codes(look(LETTER + f"<!--{'x' * HTML_BLOCK}-->")) == {"html-size": "blocker"}


def test_a_link_that_was_rewritten_already_is_not_counted_twice() -> None:
    tracked = f'<a href="https://u1.ct.example.net/ls/click?upn={"x" * 350}">x</a>'
    plain = '<a href="https://example.org/a">x</a>'

    assert rewritten_size(tracked, is_html=True) == len(tracked)
    gained = rewritten_size(plain, is_html=True) - len(plain)
    assert 370 < gained + len("https://example.org/a") < 470
    assert rewritten_size("[[reader]]", is_html=True) == TOKEN


def test_each_placeholder_is_told_once_and_with_its_own_place() -> None:
    found = look(within("<p>{{ x }}</p>\n<p>[[y]]</p>\n<p>&#91;&#91;z]]</p>\n<p>${v} {{ x }}</p>\n<p>*|W|*</p>"))

    assert {one.code for one in found} == {"placeholder"}
    assert [(one.message, one.where) for one in found] == [
        ("Unfilled: {{ x }}.", "html, line 18 column 34"),
        ("Unfilled: [[y]].", "html, line 19 column 4"),
        ("Unfilled: [[z]].", "html, line 20 column 4"),
        ("Unfilled: ${v}.", "html, line 21 column 5"),
        ("Unfilled: *|W|*.", "html, line 22 column 4"),
    ]


def test_end_tags_that_html_does_without_are_one_warning() -> None:
    body = "<ul><li>One<li><p>Two<li>Three</ul><p>A<p>B<dl><dt>T<dd>D<dt>U</dl><p>C<div>d</div>"
    [finding] = look(within(body))

    assert (finding.code, finding.level) == ("markup-broken", "warning")
    assert "line 18 column 35, line 18 column 42" in finding.where


@pytest.mark.parametrize(
    ("body", "advice"),
    [
        ("<tr><td>a<td>b</td></tr>", ["Close it with </td>."]),
        ("<tr><td>a</tr>", ["Close it with </td>."]),
        ("<tr><td>a<tr><td>b</td></tr>", ["Close it with </td>.", "Close it with </tr>."]),
        ("<tr><td>a</td><tr><td>b</td></tr>", ["Close it with </tr>."]),
        ("<tbody><tr><td>a</td></tr><tbody><tr><td>b</td></tr></tbody>", ["Close it with </tbody>."]),
    ],
)
def test_cells_and_rows_left_open_block_once_each(body: str, advice: list[str]) -> None:
    findings = look(within(f'<table role="presentation">{body}</table>'))

    assert sorted(one.fix for one in findings) == advice
    assert codes(findings) == {"markup-broken": "blocker"}


def test_outlooks_own_view_must_be_in_order_too() -> None:
    torn = LETTER.replace("<!--[if mso]></td></tr></table><![endif]-->", "")

    assert all("Outlook" in one.message and one.code == "markup-broken" for one in look(torn))
    assert "blocker" in {one.level for one in look(torn)}
