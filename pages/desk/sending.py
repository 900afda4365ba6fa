"""An edition's way to its readers: tested, approved, held or skipped, sent, and watched while it goes out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from fastapi.responses import Response

from digest.errors import EditionError
from digest.model import Counts
from digest.preflight import blockers
from pages.desk.steps import Going
from pages.desk.visiting import Here, Visit

if TYPE_CHECKING:
    from pages.desk.app import Desk

#: How often it is looked at while it is sent, in seconds.
_LOOKS_S = 0.5


def add_sending(app: FastAPI, desk: Desk) -> None:
    """Add the page, what its buttons do, and the stream of what happens."""
    steps = desk.steps.sending

    def page(visit: Visit, *, asks: bool = False) -> Response:
        at = desk.at(visit)
        found = steps.look(at.week)
        return desk.page(
            "send.html", visit, at, title="Send", where=f"/send?{urlencode({'week': at.week})}", found=found, asks=asks,
            **_shown(at.week, found.going, at.mark), blocked=len(blockers(found.findings)),
            audience=in_words(found.audience.value or {}), keys=" ".join(sorted({one.key for one in found.in_doubt})),
        )  # fmt: skip

    @app.get("/send")
    def look(visit: Here, ask: str = "") -> Response:
        return page(visit, asks=ask == "yes")

    @app.get("/send/live")
    async def live(request: Request, visit: Here) -> Response:
        def shown() -> str:
            going, mark = steps.going(visit.week), desk.steps.every.mark(visit.week)
            return bytes(desk.show("send-going.html", **_shown(visit.week, going, mark)).body).decode() if going else ""

        return desk.live(request, shown, _LOOKS_S)

    _add_doing(app, desk, page)


def _add_doing(app: FastAPI, desk: Desk, page: Callable[[Visit], Response]) -> None:
    steps, whole = desk.steps.sending, desk.steps.front

    def act(path: str, work: Callable[[Visit], object]) -> None:
        @app.post(f"/send/{path}")
        def done(visit: Here) -> Response:
            return desk.do(visit, page, lambda: work(visit))

    def settle(decision: str) -> Callable[[Visit], object]:
        return lambda visit: steps.settle(
            visit.who, visit.week, decision, visit.text("keys").split(), visit.number("waiting")
        )

    act("test", lambda visit: steps.test(visit.who, visit.week, visit.text("addresses")))
    act("approve", lambda visit: whole.approve(visit.who, visit.week, visit.revision))
    act("hold", lambda visit: whole.hold(visit.who, visit.week, _reason(visit, "held")))
    act("release", lambda visit: whole.release(visit.who, visit.week))
    act("skip", lambda visit: whole.skip(visit.who, visit.week, _reason(visit, "skipped")))
    act("begin", lambda visit: steps.begin(visit.who, visit.week, visit.revision))
    act("stop", lambda visit: steps.stop(visit.who, visit.week))
    act("look-up", settle(""))
    act("resend", settle("resend"))
    act("give-up", settle("give up"))


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the bar of progress, in percent of its length."""

    kind: str
    start: float
    length: float


def _shown(week: str, going: Going | None, mark: str) -> dict[str, Any]:
    """Give what the part of the page shows that changes while it is sent.

    Where `shape` is another, the rest of the page changes, too.
    """
    if going is None:
        return {"going": None}
    told, runs = going.progress.counts, going.running is not None and not going.running.ended
    return {
        "going": going,
        "week": week,
        "runs": runs,
        "stretches": stretches(told),
        "left": left(going.progress.left_s),
        "shape": f"{mark} {min(told.refused, 20)} {told.unknown} {runs} {going.progress.busy} {not told.waiting}",
    }


def stretches(told: Counts) -> list[Stretch]:
    """Cut the bar of progress into what was accepted, what found another end, and what is in doubt; the rest waits."""
    ends = told.refused + told.dropped + told.given_up
    found, start = [], 0.0
    for kind, many in (("accepted", told.accepted), ("ended", ends), ("doubt", told.unknown)):
        if many:
            found.append(Stretch(kind, start, length := many / told.planned * 100))
            start += length
    return found


#: What an audience's reasons are in a sentence on readers; the order in which they are shown.
_WORDS = {
    "receives": "receive it", "unconfirmed": "never confirmed", "paused": "rest for a while",
    "suppressed": "must not be mailed", "left": "left the list", "joined after planning": "joined since it was begun",
    "dropped": "left while it was sent", "refused": "were refused by the sender", "unknown": "are in doubt",
    "given up": "were given up", "erased": "were erased since",
}  # fmt: skip


def in_words(audience: Mapping[str, int]) -> list[tuple[str, int]]:
    """Say how many receive an edition, and how many do not for each reason."""
    many = Counter[str]()
    for reason, count in audience.items():
        many[reason.partition(":")[0]] += count
    return [(said, many[reason]) for reason, said in _WORDS.items() if many[reason] or reason == "receives"]


def left(seconds: float | None) -> str:
    """Say how long something still takes, as people do; "" where that is not known."""
    if seconds is None:
        return ""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"about {minutes} min" if minutes < 90 else f"about {minutes / 60:.0f} h"


def _reason(visit: Visit, done: str) -> str:
    """Give the reason that was typed.

    Raises:
        EditionError: There is none.
    """
    if not (reason := " ".join(visit.text("reason").split())):
        raise EditionError(f"{visit.week} is {done} for a reason: say it, it is shown wherever the edition is")
    return reason
