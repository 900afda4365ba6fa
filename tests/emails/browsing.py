"""Emails in a real browser: Debian's Chromium, without any network."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, Playwright, Route, sync_playwright

Scheme = Literal["light", "dark"]

#: The widths an email is proved at, in CSS pixels: an old phone, a phone, and where columns stand side by side.
SMALL, PHONE, WIDE = 320, 375, 640

#: Pictures are taken at this scale: text is sharp enough for what they are kept at.
SCALE = 0.5

_CHROMIUM = shutil.which("chromium")

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

AXE = Path(__file__).parents[1] / "tools" / "node_modules" / "axe-core" / "axe.min.js"

#: The levels and versions of WCAG that count, as axe-core tags its rules.
WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")


class Screen:
    """Shows one email at a time; no request leaves, but a picture may be given to be shown for every image."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._html = ""
        self._picture: bytes | None = None
        page.route("**/*", self._answer)

    def show(self, html: str, width: int, scheme: Scheme = "light", picture: bytes | None = None) -> None:
        """Show an email at a width in CSS pixels; what is shown already is only set out anew."""
        self._page.set_viewport_size({"width": width, "height": 800})
        self._page.emulate_media(color_scheme=scheme)
        if (html, picture) != (self._html, self._picture):
            self._html, self._picture = html, picture
            self._page.set_content(html)

    def ask(self, script: str) -> Any:
        """Run a function in the page and give what it returns."""
        return self._page.evaluate(script)

    def forget(self) -> None:
        """Set out the next email from scratch, as a script has changed this one."""
        self._html = ""

    def axe(self) -> dict[str, Any]:
        """Run axe-core's rules of WCAG A and AA on what is shown.

        Returns:
            `violations` and `incomplete` as sentences; `contrast`, how many elements passed the rule color-contrast.
        """
        return axe(self._page)

    def picture(self) -> bytes:
        """Take a picture of the whole email as PNG, at SCALE."""
        return self._page.screenshot(full_page=True)

    def _answer(self, route: Route) -> None:
        if self._picture and route.request.resource_type == "image":
            route.fulfill(body=self._picture, content_type="image/png", headers={"Cache-Control": "no-store"})
        else:
            route.abort()


RUN_AXE = """async runOnly => {
  const ran = await axe.run(document, {
    runOnly,
    resultTypes: ["violations", "incomplete", "passes"],
    preload: false,
  });
  const told = rules => rules.flatMap(rule => rule.nodes.map(node =>
    `${rule.id}: ${node.html.slice(0, 120)}: ${[...node.any, ...node.all, ...node.none].map(one => one.message)}`));
  const contrast = ran.passes.find(rule => rule.id === "color-contrast");
  return { violations: told(ran.violations), incomplete: told(ran.incomplete), contrast: contrast?.nodes.length ?? 0 };
}"""


def axe(page: Page, *rules: str) -> dict[str, Any]:
    """Run axe-core on what a page shows: those of its rules, or all of WCAG A and AA; gives what `Screen.axe` tells."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text("utf-8"))
    found: dict[str, Any] = page.evaluate(
        RUN_AXE, {"type": "rule", "values": list(rules)} if rules else {"type": "tag", "values": list(WCAG)}
    )
    return found


@contextmanager
def chromium() -> Iterator[Playwright]:
    """Playwright, or a skipped test where there is no Chromium."""
    if not _CHROMIUM:
        pytest.skip("needs Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        yield playwright


@contextmanager
def browser() -> Iterator[Browser]:
    """Start a browser; it is gone at the end."""
    with chromium() as playwright:
        started = playwright.chromium.launch(executable_path=_CHROMIUM, args=list(FLAGS))
        yield started
        started.close()


@contextmanager
def screen() -> Iterator[Screen]:
    """Start a browser and open a screen in it; both are gone at the end."""
    _need_fonts()
    with browser() as started:
        yield Screen(started.new_page(device_scale_factor=SCALE))


def _need_fonts() -> None:
    """Skip the test where Chromium's serif is wider than the one that the emails' pictures were taken with."""
    asked = ["fc-match", "--format=%{family}", "Times New Roman"]
    if not shutil.which(asked[0]) or "Liberation Serif" not in subprocess.check_output(asked, text=True):
        pytest.skip("needs the font Liberation Serif: apt-get install fontconfig fonts-liberation")


def need_axe() -> None:
    """Skip the test where axe-core is not installed."""
    if not AXE.is_file():
        pytest.skip("needs axe-core: make tools")
