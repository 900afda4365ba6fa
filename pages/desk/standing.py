"""What to do next with a week's edition."""

from __future__ import annotations

from collections.abc import Container

from pages.desk.steps import Next, Standing

#: Pages that show the edition: from these it is approved, others lead to the first.
_SHOWING = ("Overview", "Edition", "Preview", "Send")


def next_thing(at: Standing, pages: Container[str] = (), on: str = "Overview") -> Next | None:
    """Name the one thing to do next; None where there is nothing but to wait.

    Args:
        at: How the week stands.
        pages: The addresses that the desk has.
        on: The name of the page that shows it.
    """
    if at.held and at.state in {"draft", "approved", "sending"}:
        return Next("Release it", "/release")
    if at.state == "skipped" and at.edited_by:
        return Next("Take the skip back", "/take-up")
    if at.state in {"", "skipped"}:
        return None if at.early else Next("Compose it again" if at.state else "Compose the edition", "/compose")
    if at.state == "draft":
        return Next("Approve", "/approve") if on in _SHOWING else Next("Look it over", "/", leads=True)
    label, page = {"sent": ("See its numbers", "/numbers"), "approved": ("See it on its way", "/send")}.get(
        at.state, ("Watch it go out", "/send")
    )
    return Next(label, page, leads=True) if page in pages else None
