"""What to do next with a week's edition."""

from __future__ import annotations

from collections.abc import Container

from pages.desk.steps import Next, Standing


def next_thing(at: Standing, pages: Container[str] = ()) -> Next | None:
    """Name the one thing to do next; None where there is nothing but to wait. `pages` are those the desk has."""
    if at.held and at.state in {"draft", "approved", "sending"}:
        return Next("Release it", "/release")
    if at.state in {"", "skipped"}:
        return Next("Compose the edition" if not at.state else "Compose it again", "/compose")
    if at.state == "draft":
        return Next("Approve", "/approve")
    label, page = {"sent": ("See its numbers", "/numbers"), "approved": ("See it to its way", "/send")}.get(
        at.state, ("Watch it go out", "/send")
    )
    return Next(label, page, leads=True) if page in pages else None
