"""How soon the desk's preview shows what was saved: `python -m tests.benchmarks.repainting [--times N]`.

A real desk with the demo's edition, open in a real Chromium. From the moment a file is saved, or an edit is sent, until
the email that shows it stands in the frame and was painted.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page

from digest.rendering import SHIPPED
from flows import editing
from flows.demo import SAMPLES, demo
from tests.benchmarks.figures import keep
from tests.emails.browsing import browser
from tests.pages.desk.desks import NOW, WEEK, Sat, sat_at

#: Milliseconds it may take.
GOAL_MS = 300

#: Waits until the frame says something and was painted, and gives when that was.
_PAINTED = """words => new Promise(done => {
  const look = () => {
    const frame = document.querySelector("#mail iframe[name]");
    const said = frame?.contentDocument?.body?.innerText.includes(words);
    if (said) requestAnimationFrame(() => setTimeout(() => done(Date.now())));
    else setTimeout(look, 4);
  };
  look();
})"""


def repaints(page: Page, save: Callable[[str], None], times: int) -> list[float]:
    """Save something new again and again; gives how many milliseconds each took to show, in order."""
    took = []
    for number in range(times):
        page.wait_for_timeout(400)  # an editor reads what came before
        words = f"Painted {number} times"
        began = time.time()
        save(words)
        shown = float(page.evaluate(_PAINTED, words))
        took.append(shown - began * 1000)
    return took


def savers(sat: Sat) -> dict[str, Callable[[str], None]]:
    """What an editor may save, each with words that then stand in the email."""
    template = sat.home / "templates" / "email" / "_frame.mjml"
    template.parent.mkdir(parents=True)
    source = (SHIPPED[0] / "email" / "_frame.mjml").read_text("utf-8")
    template.write_text(source, "utf-8")
    slug = sat.record.edition.matchups[0].a.tool.slug
    documents = {one: one.read_text("utf-8") for one in (SAMPLES / "reviews").iterdir()}
    name, document = next((one.name, text) for one, text in documents.items() if f"tool: {slug}\n" in text)
    review, quote = sat.home / "reviews" / name, re.compile(r"(?<=quote: >\n      )")
    review.parent.mkdir()

    def save_template(words: str) -> None:
        template.write_text(source.replace("{{ site.name }}</h1>", f"{{{{ site.name }}}}</h1><p>{words}</p>"), "utf-8")

    def save_review(words: str) -> None:
        review.write_text(quote.sub(f"{words}. ", document, count=1), "utf-8")

    def edit(words: str) -> None:
        editing.reword(sat.services, WEEK, intro=f"{words}.")

    return {"template": save_template, "review file": save_review, "edit": edit}


def main() -> None:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    times = parser.parse_args().times
    with tempfile.TemporaryDirectory() as folder, browser() as started:
        home = Path(folder) / "home"
        with contextlib.redirect_stdout(io.StringIO()):
            demo(home, NOW, deliver=False)
        with sat_at(home) as sat:
            page = sat.show(started, "/preview")
            page.wait_for_timeout(1500)
            for name, save in savers(sat).items():
                took = repaints(page, save, times + 1)[1:]
                keep(f"a saved {name}", "ms", took, goal=GOAL_MS, short=name == "template")


if __name__ == "__main__":
    main()
