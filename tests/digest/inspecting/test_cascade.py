"""What text looks like: as Chromium says, at a phone and at a desk, in light and in dark."""

from __future__ import annotations

import shutil

import pytest

from digest.inspecting.cascade import SCREENS, cascade
from digest.inspecting.contrast import contrast
from digest.inspecting.markup import read
from digest.inspecting.stylesheets import Colour
from digest.rendering import render
from tests.examples import edition, site

CASES = """<!doctype html><html lang="en"><head><title>x</title>
<meta name="color-scheme" content="light dark">
<style media="screen and (max-width:400px)">p { font-size: 15px; }</style>
<style>
p { color: rgb(1, 2, 3); }  .a { color: #040506; }  p.a.b { color: teal; }  #c { color: hsl(120, 50%, 25%); }
.a { font-size: 1.5em; font-weight: 600; }  .a .a { font-size: 80%; }
div > .d { color: #111; }  div .d { color: #222; }
.e + .f { color: #333; }  .e ~ i { color: #444; }  li:first-child { color: #555; }  li:nth-child(2n) { color: #666; }
li:last-child { color: #777; }  [title^="x"] { color: #888; }  p:not(.a) b { color: #999; }
.i { color: #aaa !important; }  #g { color: #bbb; }  a:link { color: inherit; }  :root { color-scheme: light dark; }
@media (prefers-color-scheme: dark) { p { color: #ccc; } .a b { color: #ddd !important; } }
@media (min-width: 600px) { u { color: #123; font: bold 12pt/2 serif; } }
@media print { * { color: red; } }  @supports (color: red) { s { color: #321; } }
.z:hover { color: red; }  p::first-line { color: red; }  q, { color: red; }
</style></head><body text="#010101"><p>p<b>b</b><i>i</i></p><p class="a">a<b>b</b><span class="a">aa</span></p>
<p class="a b" style="color:#0f0f0f">ab</p><p id="c" class="a">c<small>small<small>er</small></small></p>
<div><p class="d">d</p><section><p class="d">d</p></section></div><p class="e">e</p><p class="f">f</p><i>i</i>
<ul><li>1</li><li>2</li><li>3</li><li>4</li></ul><em title="xy">t</em><p class="i" id="g" style="color:#bcbcbc">i</p>
<a href="https://example.org">link</a><a>none</a><u>u</u><s>s</s><font color="navy" size="5">f</font><h2>h<b>b</b></h2>
<table><tr><td style="font-size:larger">x</td><th>h</th></tr></table><div style="font-size:2rem">r<p>p</p></div>
<div style="font-size:x-small;font-weight:bold">k<i style="font-weight:normal">n</i></div><code>c</code></body></html>
"""


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs Chromium")
@pytest.mark.parametrize("name", ["cases", "digest"])
def test_colours_sizes_and_weights_are_those_of_a_browser(name: str) -> None:
    from playwright.sync_api import sync_playwright

    html = CASES if name == "cases" else render(edition(3), site()).html
    document = read(html)
    shown = [one for one in document.elements if one.tag.name != "tbody"]  # a browser adds those that lack
    styles = cascade(document).styles_of(document)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for index, screen in enumerate(SCREENS):
            page = browser.new_page(
                viewport={"width": screen.width, "height": 600}, color_scheme="dark" if screen.dark else "light"
            )
            page.route("**/*", lambda route: route.abort())
            page.set_content(html)
            theirs = page.evaluate(
                "() => [...document.querySelectorAll('*')].filter(e => e.tagName != 'TBODY').map(e => {"
                " const s = getComputedStyle(e);"
                " return [e.tagName.toLowerCase(), s.color, parseFloat(s.fontSize), s.fontWeight >= 600]})"
            )
            looks = [(one, styles[one.index].looks[index]) for one in shown]
            ours = [
                [one.tag.name, _rgb(look.colour), pytest.approx(look.size, abs=0.02), look.bold] for one, look in looks
            ]
            assert ours == theirs, screen
        browser.close()


def _rgb(colour: Colour) -> str:
    return "rgb({}, {}, {})".format(*(round(part * 255) for part in colour[:3]))


def test_contrast_is_that_of_wcag() -> None:
    black, white, grey = Colour(0, 0, 0), Colour(1, 1, 1), Colour(119 / 255, 119 / 255, 119 / 255)

    assert contrast(black, white) == contrast(white, black) == pytest.approx(21)
    assert contrast(grey, white) == pytest.approx(4.48, abs=0.005)
    assert contrast(white, white) == 1


def test_elements_that_look_the_same_are_worked_out_once() -> None:
    document = read(render(edition(), site()).html)
    styles = cascade(document).styles_of(document)

    assert len(set(map(id, styles))) < len(styles) / 2
    assert cascade(document) is cascade(read(document.source))
