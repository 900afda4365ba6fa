"""The preview: the bytes that will be sent, as mail programs and readers see them."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pytest

from digest.model import READER, Finding
from digest.rendering import SHIPPED
from flows.checking import message_of
from pages.desk.preview import Look, once, placed
from pages.desk.steps import Mail
from subscribers.links import reader_of
from tests.pages.desk.desks import WEEK, Sat, words

_FRAME = f"/framed/{{}}?week={WEEK}"


def framed(sat: Sat, look: str) -> str:
    """What stands in the frame for a look, such as "phone-dark/sample?at=html-1-1"."""
    path, _, query = look.partition("?")
    return sat.get(f"{_FRAME.format(path)}&{query}")


def override(sat: Sat, name: str, text: str) -> None:
    """Put a template of one's own into the home folder."""
    path = sat.home / "templates" / "email" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def test_the_source_and_the_text_are_the_bytes_that_would_be_sent(sat: Sat) -> None:
    message = message_of(sat.services, sat.record)
    for look, part in (("source", message.html), ("text", message.text)):
        rows = re.findall(r"<div><i>(\d*)</i><span>(.*?)</span></div>", framed(sat, look), re.DOTALL)
        listed = "".join(("\n" if number else "") + unescape(line) for number, line in rows)
        assert listed.removeprefix("\n") == part


def test_an_approved_edition_is_shown_as_it_was_frozen(sat: Sat) -> None:
    sat.send("/approve")
    before = framed(sat, "desktop")
    override(sat, "_frame.mjml", "<mjml><mj-body><mj-text>Another</mj-text></mj-body></mjml>")
    assert framed(sat, "desktop") == before
    assert f"sha-256 {sat.record.sha256[:12]}…" in words(sat.get("/preview"))


def test_each_look_changes_what_it_says_and_nothing_else(sat: Sat) -> None:
    html = message_of(sat.services, sat.record).html
    plain, dark, bare, clipped = (framed(sat, f"phone{one}") for one in ("", "-dark", "-bare", "-clipped"))
    assert words(plain).endswith(words(html)[-500:])
    assert "@media (max-width:-1px){body,.v{background-color:#16191c" in plain
    assert "@media (min-width:0){body,.v{background-color:#16191c" in dark
    assert "prefers-color-scheme" not in plain + dark
    assert bare.count("<style") == 1
    assert clipped == plain, "it is far under what Gmail clips"
    assert 'href="/preview/phone-bare?' in sat.get("/preview/phone-dark"), "without styles nothing is dark"
    assert "It cuts nothing off this one." in words(sat.get("/preview/phone-clipped"))


def test_only_pictures_from_hosts_in_settings_and_templates_are_fetched(sat: Sat) -> None:
    override(sat, "_extra.mjml", "<mj-raw><img src='https://img.example.org/a/b.png'/></mj-raw>")
    answer = sat.client.get(_FRAME.format("desktop"))
    policy = answer.headers["Content-Security-Policy"]
    assert "sandbox allow-same-origin;" in policy
    assert "default-src 'none'" in policy
    assert re.search(r"img-src data: http://localhost:8000 https://img.example.org;", policy)
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    off = sat.client.get(_FRAME.format("desktop-imageless")).headers["Content-Security-Policy"]
    assert "img-src 'none';" in off


def test_a_broken_template_is_shown_in_place_with_its_line_and_mended(sat: Sat) -> None:
    before = framed(sat, "desktop")
    override(sat, "digest/body.txt", "fine\n{{ nothing.at.all }}\n")
    said = words(framed(sat, "desktop"))
    assert "body.txt, line 2: 'nothing' is undefined" in said
    assert "> 2 | {{ nothing.at.all }}" in said
    assert "A template cannot be rendered" in words(sat.get("/preview"))
    (sat.home / "templates/email/digest/body.txt").unlink()
    assert framed(sat, "desktop") == before


def test_a_reader_is_found_by_address_and_gets_links_of_their_own(sat: Sat) -> None:
    reader = sat.services.subscribers.find("bram@example.org")
    assert reader
    answer = sat.send("/preview-reader", on="/preview/phone", address=f" {reader.email.upper()} ")
    assert answer.url.path == f"/preview/phone/{reader.id}"
    assert "@" not in str(answer.url)
    assert f"With the links of {reader.email}" in words(answer.text)
    html = framed(sat, f"desktop/{reader.id}")
    assert READER not in html
    tokens = set(re.findall(r"/(?:leave|vote|preferences)/([^/\"]+)", html))
    assert {reader_of(sat.services.link_keys, one) for one in tokens} == {reader.id}
    headers = words(framed(sat, f"headers/{reader.id}"))
    assert f"List-Unsubscribe <http://localhost:8000/leave/{tokens.pop()}>" in headers
    assert f"Message-ID <{WEEK}.{reader.id}.CALL@localhost>" in headers


def test_the_sample_reader_is_nobody(sat: Sat) -> None:
    answer = sat.send("/preview-reader", on="/preview", take="sample")
    assert answer.url.path == "/preview/desktop/sample"
    (token,) = set(re.findall(r"/leave/([^/\"]+)", framed(sat, "desktop/sample")))
    reader = reader_of(sat.services.link_keys, token)
    assert reader is not None
    assert sat.services.subscribers.reader(reader) is None


def test_an_address_of_nobody_is_said_in_place_and_stays_typed(sat: Sat) -> None:
    for typed in ("", "nobody@example.org", "no address", "<script>alert(1)</script>"):
        answer = sat.send("/preview-reader", on="/preview/text", address=typed)
        assert answer.status_code == 422
        assert "That is not possible" in words(answer.text)
        assert "<script>alert" not in answer.text
        assert f'value="{typed}"' in unescape(answer.text)
        assert 'src="/framed/text?' in answer.text


def test_headers_are_those_that_the_sender_adds(sat: Sat) -> None:
    services = sat.services
    services.editions.keep_edit(
        sat.record, replace(sat.record.edition, subject="Où est le café? A or B, judged"), "ada"
    )
    said = words(framed(sat, "headers"))
    assert "Subject =?utf-8?" in said
    assert "From AI Tool Verdicts <verdicts@example.org>" in said
    assert f"Feedback-ID {WEEK}:localhost:verdicts" in said
    assert "List-Unsubscribe-Post List-Unsubscribe=One-Click" in said
    assert f"leave/{READER}>" in said


def test_a_finding_leads_to_its_place(sat: Sat) -> None:
    shipped = (SHIPPED[0] / "email" / "_frame.mjml").read_text("utf-8")
    pale = '<p style="color:#ccc">Too pale to read</p></mj-text>'
    override(sat, "_frame.mjml", shipped.replace("</mj-text>", pale, 1))
    (at,) = set(re.findall(r'href="/preview/desktop\?week=[\w-]+&amp;at=(html-\d+-\d+)#mail"', sat.get("/preview")))
    assert re.search('<p id="here" style="color:#ccc[^>]*>Too pale to read', framed(sat, f"desktop?at={at}"))
    assert '<mark id="here">Too</mark> pale to read' in framed(sat, f"source?at={at}")
    tool = sat.record.edition.matchups[1].b.tool
    marked = framed(sat, f"phone?at=tool-{tool.slug}")
    assert re.search(rf'<h[34] id="here"[^>]*>(<[^>]+>)*{re.escape(tool.name)}', marked)


def test_a_place_that_is_not_there_leads_nowhere(sat: Sat) -> None:
    for at in ("html-99999-1", "html-1-9999999", "tool-nobody", "text-1-1", "x", "html-0-0"):
        assert 'id="here"' not in framed(sat, f"desktop?at={at}"), at


def test_looks_that_do_not_exist_are_not_found(sat: Sat) -> None:
    for path in ("/preview/tv", "/preview/phone-x", "/framed/tv", "/framed/phone-dark-y/sample"):
        assert sat.client.get(path).status_code == 404, path


def test_without_an_edition_it_says_what_to_do(sat: Sat) -> None:
    page = sat.get("/preview?week=2026-W45")
    assert "Nothing is composed yet" in words(page)
    assert "<iframe" not in page
    assert sat.client.get("/framed/phone?week=2026-W45").status_code == 404
    sat.send("/skip", reason="nothing new")
    assert "This week has no digest: nothing new" in words(sat.get("/preview"))


def test_looking_changes_nothing(sat: Sat) -> None:
    before = sat.rows()
    for look in ("desktop", "phone-dark", "text", "source", "headers", "headers/sample"):
        sat.get(f"/preview/{look}")
        framed(sat, look)
    assert sat.rows() == before


@pytest.mark.only_looks
def test_what_goes_wrong_in_the_frame_is_said_in_the_frame(sat: Sat) -> None:
    answer = sat.client.get("/framed/desktop?week=2020-W01")
    assert answer.status_code == 404
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
    assert "There is no such page" in words(answer.text)


def test_a_finding_leads_to_where_it_is_mended_and_is_told_once(sat: Sat) -> None:
    wrong = [
        Finding("quote-old", "warning", "A newer one.", "kino-kiln, builder", "Compare anew."),
        Finding("placeholder", "blocker", "Unfilled.", "html, line 1 column 1", "Fill it."),
        Finding("placeholder", "blocker", "Unfilled.", "text, line 1 column 1", "Fill it."),
        Finding("placeholder", "blocker", "Unfilled.", "intro", "Fill it."),
    ]
    mail = Mail(message_of(sat.services, sat.record), "", "", (), {"kino-kiln": "Kino Kiln"})
    found = once(placed(wrong, Look(), mail, WEEK))
    assert [one.page for one in found] == [
        f"/review?week={WEEK}&tool=kino-kiln", "", f"/edition?week={WEEK}#intro",
    ]  # fmt: skip
    assert [one.finding.where for one in found[1].also] == ["text, line 1 column 1"]
