"""A person at a browser: with a mouse or the keyboard only, looking at each page as it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Error, Locator, Page, Request

from tests.emails.browsing import axe

Role = Literal["button", "link", "textbox", "combobox", "radio", "checkbox"]

#: The smallest target a finger hits. Source: WCAG 2.2, 2.5.8, which leaves out links within a sentence.
SMALLEST_PX = 24

#: No page of ours takes so many presses of the Tab key.
_MOST_TABS = 120

_LOOK = """smallest => {
  const shown = one => one.getClientRects().length && getComputedStyle(one).visibility !== "hidden";
  const inside = one => getComputedStyle(one).display === "inline";
  const alone = one => one.parentElement.textContent.trim() === one.textContent.trim();
  const height = one => {
    const target = one.closest("label") ?? one;
    const own = target.getBoundingClientRect().height;
    return inside(target) ? Math.max(own, parseFloat(getComputedStyle(target.parentElement).lineHeight)) : own;
  };
  return {
    headings: document.querySelectorAll("h1").length,
    loud: [...document.querySelectorAll(".small")]
      .filter(one => parseFloat(getComputedStyle(one).fontSize) >= parseFloat(getComputedStyle(document.body).fontSize))
      .map(one => one.outerHTML.slice(0, 100)),
    beyond: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    small: [...document.querySelectorAll("a, button, select, input:not([type=hidden])")]
      .filter(one => shown(one) && !one.closest(".away, .skip-to") && (!inside(one) || alone(one)))
      .filter(one => height(one) < smallest).map(one => `${one.outerHTML.slice(0, 100)}: ${height(one)} px`),
  };
}"""

_FOCUSED = """target => {
  const one = document.activeElement, box = one.getBoundingClientRect(), style = getComputedStyle(one);
  return {
    there: one === target,
    name: one.outerHTML.slice(0, 100),
    outline: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
    seen: box.width > 0 && box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth,
  };
}"""


class Hand(Protocol):
    """How somebody works a page."""

    def press(self, target: Locator) -> None:
        """Use a button, a link or a box to tick."""

    def write(self, target: Locator, text: str) -> None:
        """Replace what stands in a field."""

    def pick(self, target: Locator) -> None:
        """Choose one of some radio buttons."""

    def choose(self, target: Locator, label: str) -> None:
        """Choose an entry of a list."""


class Mouse:
    """Points and clicks; types only text."""

    def press(self, target: Locator) -> None:
        target.click()

    def write(self, target: Locator, text: str) -> None:
        target.click(click_count=3)
        target.page.keyboard.type(text)

    def pick(self, target: Locator) -> None:
        target.click()

    def choose(self, target: Locator, label: str) -> None:
        target.select_option(label=label)


class Keyboard:
    """Gets everywhere with Tab, Enter, Space and the arrows, and sees where it is at each step."""

    def press(self, target: Locator) -> None:
        self._reach(target)
        target.page.keyboard.press("Space" if target.get_attribute("type") == "checkbox" else "Enter")

    def write(self, target: Locator, text: str) -> None:
        self._reach(target)
        target.page.keyboard.press("Control+A")
        target.page.keyboard.type(text)

    def pick(self, target: Locator) -> None:
        name = target.get_attribute("name")
        self._reach(target.page.locator(f"input[name={name}]:checked"))
        self._arrow_until(target.page, target.is_checked)

    def choose(self, target: Locator, label: str) -> None:
        self._reach(target)
        self._arrow_until(target.page, lambda: target.locator("option:checked").inner_text() == label)

    def _arrow_until(self, page: Page, there: Callable[[], bool]) -> None:
        for _ in range(20):
            if there():
                return
            page.keyboard.press("ArrowDown")
        raise AssertionError("the arrows do not lead there")

    def _reach(self, target: Locator) -> None:
        page, wanted = target.page, target.element_handle()
        for _ in range(_MOST_TABS):
            page.keyboard.press("Tab")
            now = page.evaluate(_FOCUSED, wanted)
            assert now["seen"], f"the focus cannot be seen: {now['name']}"
            assert now["outline"] >= 2, f"nothing shows that the focus is here: {now['name']}"
            if now["there"]:
                return
        raise AssertionError(f"Tab does not lead to {target}")


HANDS: dict[str, Hand] = {"mouse": Mouse(), "keyboard": Keyboard()}


class Visitor:
    """Somebody with a browser of their own, who looks whether each page that comes is in order.

    `requests` are all the addresses asked for, `troubles` what the browser complained of.
    """

    def __init__(self, page: Page, home: str, hand: Hand, *, with_axe: bool) -> None:
        self.page, self._home, self._hand, self._with_axe = page, home, hand, with_axe
        self.requests: list[str] = []
        self.troubles: list[str] = []
        self.seen: list[str] = []
        self._judged: set[tuple[str, str]] = set()
        page.context.on("request", self._note)
        page.on("console", self._hear)
        page.on("pageerror", self._fail)

    def open(self, address: str) -> None:
        """Open an address, as from a letter."""
        self.page.goto(address)
        self.look()

    def press(self, role: Role, name: str) -> None:
        """Press a button or follow a link, and look at the page that comes."""
        with self.page.expect_navigation():
            self._hand.press(self._one(role, name))
        self.look()

    def save(self, name: str) -> bytes:
        """Press a button that gives a file; gives what is in it."""
        with self.page.expect_download() as waiting:
            self._hand.press(self._one("button", name))
        return waiting.value.path().read_bytes()

    def write(self, label: str, text: str) -> None:
        self._hand.write(self._one("textbox", label), text)

    def tick(self, label: str) -> None:
        self._hand.press(self._one("checkbox", label))

    def pick(self, label: str) -> None:
        self._hand.pick(self._one("radio", label))

    def choose(self, label: str, entry: str) -> None:
        self._hand.choose(self._one("combobox", label), entry)

    @property
    def headline(self) -> str:
        return self.page.get_by_role("heading", level=1).inner_text()

    @property
    def text(self) -> str:
        return " ".join(self.page.get_by_role("main").inner_text().split())

    @property
    def announced(self) -> str:
        """What a screen reader says of its own accord."""
        return self.page.get_by_role("status").inner_text()

    def look(self) -> None:
        """Look whether a page is in order: one heading, small print, nothing beyond its edge or too small to hit."""
        where = urlsplit(self.page.url).path.split("/")[1]
        self.seen.append(where)
        found = self.page.evaluate(_LOOK, SMALLEST_PX)
        assert found == {"headings": 1, "loud": [], "beyond": 0, "small": []}, f"{where}: {found}"
        if self._with_axe and (where, self.text) not in self._judged:
            self._judged.add((where, self.text))
            self.page.emulate_media(color_scheme="dark")
            self._judge(axe(self.page, "color-contrast"), f"{where}, dark")
            self.page.emulate_media(color_scheme="light")
            self._judge(axe(self.page), f"{where}, light")

    def _judge(self, found: dict[str, Any], where: str) -> None:
        unsure = [one for one in found["incomplete"] if one.startswith("color-contrast")]
        assert found["violations"] + unsure == [], f"{where}: {found}"
        assert found["contrast"] > 0, where

    def _one(self, role: Role, name: str) -> Locator:
        return self.page.get_by_role(role, name=name, exact=True).first

    def _note(self, request: Request) -> None:
        self.requests.append(request.url)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.troubles.append(message.text)

    def _fail(self, error: Error) -> None:
        self.troubles.append(str(error))


@contextmanager
def visitor(browser: Browser, home: str, hand: str, *, scripts: bool, width: int) -> Iterator[Visitor]:
    """Let somebody in who has never been here before; axe-core looks along where scripts run."""
    context = browser.new_context(java_script_enabled=scripts, viewport={"width": width, "height": 800})
    context.set_default_timeout(10_000)
    yield Visitor(context.new_page(), home, HANDS[hand], with_axe=scripts)
    context.close()
