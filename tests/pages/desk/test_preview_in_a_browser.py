"""The preview in a real browser: it shows what was saved, keeps its place, and nothing in it acts."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Route, expect

from digest.rendering import SHIPPED
from tests.emails.browsing import Scheme, axe, need_axe
from tests.pages.desk.desks import Sat

_SCROLL = "document.querySelector('#mail iframe').contentWindow.scrollY"

_EVIL = """<script>parent.document.title = "owned"; fetch("/approve", {method: "POST"})</script>
<img src="https://evil.example.org/x.png" onerror="top.location='https://evil.example.org/'"/>
<meta http-equiv="refresh" content="0;url=https://evil.example.org/"/>
<form action="/approve" method="post" target="_top"><button id="trap">Click</button></form>
<iframe src="https://evil.example.org/"></iframe><a id="js" href="javascript:top.document.title='owned'">js</a>
<a id="out" target="_top" href="https://evil.example.org/">out</a>"""


def frame_source() -> str:
    return (SHIPPED[0] / "email" / "_frame.mjml").read_text("utf-8")


def test_a_saved_template_shows_at_once_where_it_was_also_after_an_error(sat: Sat, browser: Browser) -> None:
    own = sat.home / "templates" / "email" / "_frame.mjml"
    own.parent.mkdir(parents=True)
    own.write_text(frame_source(), "utf-8")
    page = sat.show(browser, "/preview/phone-dark")
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    mail = page.frame_locator("#mail iframe[name]")
    page.evaluate(f"() => {{ {_SCROLL.replace('scrollY', 'scrollTo(0, 1500)')} }}")
    own.write_text(frame_source().replace("{{ site.name }}</h1>", "Renamed</h1>"), "utf-8")
    expect(mail.get_by_role("heading", name="Renamed")).to_be_attached()
    assert page.evaluate(_SCROLL) == 1500
    body = sat.home / "templates" / "email" / "digest" / "body.mjml"
    body.parent.mkdir()
    body.write_text("", "utf-8")  # as an editor's save leaves it for a moment
    expect(mail.get_by_text("no element found")).to_be_visible()
    body.unlink()
    own.write_text("{% oops %}", "utf-8")
    expect(mail.get_by_text("line 1: Encountered unknown tag 'oops'")).to_be_visible()
    expect(page.get_by_text("Mend it and save")).to_be_visible()
    own.write_text(frame_source().replace("{{ site.name }}</h1>", "Mended</h1>"), "utf-8")
    expect(mail.get_by_role("heading", name="Mended")).to_be_attached()
    assert page.evaluate(_SCROLL) == 1500
    expect(page.locator("#mail iframe")).to_have_count(1)
    assert said == []


def test_keys_and_a_finding_lead_through_the_looks_without_leaving_the_page(sat: Sat, browser: Browser) -> None:
    pale = '<p style="color:#ccc">Too pale to read</p></mj-text>'
    own = sat.home / "templates" / "email" / "_frame.mjml"
    own.parent.mkdir(parents=True)
    own.write_text(pale.join(frame_source().rsplit("</mj-text>", 1)), "utf-8")
    page = sat.show(browser, "/preview")
    page.evaluate("window.stayed = true")
    mail = page.frame_locator("#mail iframe[name]")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(mail.get_by_text("Too pale to read")).to_be_in_viewport()
    mail.get_by_text("Too pale to read").click()  # from here on keys are pressed in the email
    page.keyboard.press("p")
    expect(page).to_have_url(re.compile(r"/preview/phone\?"))
    mail.locator("h1").first.click()
    expect(page.locator("#mail iframe[title='The email, Phone'][name]")).to_have_css("width", "375px")
    page.keyboard.press("n")
    expect(mail.locator("body")).to_have_css("background-color", "rgb(22, 25, 28)")
    page.keyboard.press("t")
    expect(mail.locator("body.text")).to_be_visible()
    page.keyboard.press("r")
    expect(page.get_by_text("With the links of a sample reader.")).to_be_visible()
    page.go_back()
    expect(page).to_have_url(re.compile(r"/preview/phone-dark\?"))
    expect(mail.locator("body")).to_have_css("background-color", "rgb(22, 25, 28)")
    assert page.evaluate("window.stayed")


def test_nothing_that_got_into_an_email_can_act(sat: Sat, browser: Browser) -> None:
    """A template lets everything through, as it never should; and a tool is called like a script."""
    own = sat.home / "templates" / "email" / "_frame.mjml"
    own.parent.mkdir(parents=True)
    opening = '    <mj-section padding-top="36px">'
    let_through = "<mj-raw>{{ preheader.unescape()|safe }}</mj-raw>"
    own.write_text(frame_source().replace(opening, let_through + opening, 1), "utf-8")
    edition = replace(sat.record.edition, preheader=_EVIL)
    lead = edition.matchups[0]
    tool = replace(lead.a.tool, name="<script>parent.document.title='owned'</script>" + "x" * 10_000)
    hostile = replace(lead, a=replace(lead.a, tool=replace(tool, url="javascript:alert(1)")))
    sat.services.editions.keep_edit(sat.record, replace(edition, matchups=(hostile, *edition.matchups[1:])), "ada")
    before = sat.rows()
    page = sat.show(browser)
    asked: list[str] = []

    def caught(route: Route) -> None:
        asked.append(route.request.url)
        route.abort()

    page.route("https://evil.example.org/**", caught)
    page.on("requestfinished", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: asked.append(dialog.message))
    page.context.on("page", lambda _: asked.append("a window"))
    page.goto(f"{sat.url}/preview/phone")
    mail = page.frame_locator("#mail iframe[name]")
    for one in ("#trap", "#js", "#out", "a[href*='/leave/']"):
        mail.locator(one).first.click()
    page.wait_for_timeout(300)
    assert page.url == f"{sat.url}/preview/phone"
    assert "owned" not in page.title()
    assert mail.locator("#trap").is_visible()
    assert {one.partition("?")[0].removeprefix(sat.url) for one in asked} <= {
        "/preview/phone", "/framed/phone", "/desk.css", "/desk.js", "/preview.css", "/preview.js", "/live",
        "/preview/live", "/favicon.svg",
    }  # fmt: skip
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert sat.rows() == before


def test_axe_finds_nothing(sat: Sat, browser: Browser) -> None:
    need_axe()
    own = sat.home / "templates" / "email" / "_frame.mjml"
    own.parent.mkdir(parents=True)
    own.write_text(frame_source().replace("#22272b", "#cccccc"), "utf-8")
    page = sat.show(browser, "/preview")
    (sat.home / "reviews").mkdir()
    (sat.home / "reviews" / "bad.yaml").write_text("tool: 3\n", "utf-8")
    expect(page.get_by_text("A review file cannot be taken in")).to_be_visible()
    schemes: tuple[Scheme, ...] = ("light", "dark")
    for path, width in (("", 1280), ("/source/sample", 375)):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(f"{sat.url}/preview{path}")
        for scheme in schemes:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found = axe(page)
            assert found["violations"] == []
            assert found["contrast"] > 10


@pytest.mark.parametrize(("width", "shown"), [(320, "phone"), (375, "phone"), (699, "phone"), (1280, "desktop")])
def test_the_preview_opens_as_fits_the_screen_and_never_scrolls_sideways(
    sat: Sat, browser: Browser, width: int, shown: str
) -> None:
    page = sat.show(browser, "/preview", width)
    expect(page.locator("#mail")).to_have_class(shown)
    expect(page.locator(".looks a[aria-current]").first).to_contain_text(shown.title())
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    mail = page.locator("#mail")
    assert mail.evaluate("one => one.scrollWidth <= one.clientWidth"), "nothing of the email is cut off"
    page.goto(f"{sat.url}/preview/desktop")
    expect(mail).to_have_class("desktop")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
