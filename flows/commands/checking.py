"""Look for what is wrong before a reader sees it: an edition with every email's templates, or any html file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.common import (
    AsJson,
    EditionWeek,
    Home,
    Now,
    finish,
    list_findings,
    opened,
    print_json,
    say,
    week_or_newest,
)

if TYPE_CHECKING:
    from digest.model import Finding
    from digest.rendering import Parts
    from flows.services import Services

app = typer.Typer()


@app.command()
def check(
    week: EditionWeek = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Check this html file instead.")] = None,
    links: Annotated[bool, typer.Option("--links", help="Also look up where the links lead.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write every email there, to look at.")
    ] = None,
    home: Home = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """Run preflight on an edition and on the templates of every email, or on any html file; exit 1 when one blocks."""
    from digest.preflight import in_order
    from flows import documents

    if html is not None and (week or out):
        raise typer.BadParameter("--html checks one file: leave out W and --out")
    with opened(home, now) as services:
        what, findings, emails = _of_file(services, html) if html else _of_edition(services, week, out)
        if links:
            findings = in_order((*findings, *_look_up(services, emails)))
    document = documents.findings(findings)
    sizes = _sizes(emails[0]) if emails else {}
    if as_json:
        print_json(document | {"sizes": sizes})
    else:
        say(f"{what}: fit to send" if document["ok"] else f"{what}: not fit to send")
        say("; ".join(f"{name} {one['bytes']:,} bytes, about {one['rewritten']:,} sent" for name, one in sizes.items()))
        list_findings(findings)
    finish(0 if document["ok"] else 1)


#: What was checked, what was found, and html and text of each email, that of readers first.
Checked = tuple[str, tuple["Finding", ...], list[tuple[str, str]]]


def _of_file(services: Services, path: Path) -> Checked:
    from flows.checking import check_file

    html, findings = check_file(services.settings, path)
    return str(path), findings, [(html, "")]


def _of_edition(services: Services, week: str | None, out: Path | None) -> Checked:
    """Check an edition and every email; without an edition, or for a skipped week, only the emails there are."""
    from digest.preflight import in_order
    from flows.checking import check_edition, check_templates

    every = services.editions.all()
    record = services.editions.require(week_or_newest(services, week)) if week or every else None
    shown = record if record and record.edition.matchups else next((one for one in every if one.edition.matchups), None)
    emails: dict[str, Parts] = {}
    found = [*check_templates(services, shown, emails.__setitem__)]
    if record and record.state != "skipped":
        found = [*check_edition(services, record), *found]
    parts = {name: (one.subject, one.html, one.text) for name, one in emails.items()}
    if shown and shown.message:
        parts = {"digest": (shown.message.subject, shown.message.html, shown.message.text)} | {
            "digest with the templates of now" if name == "digest" else name: one for name, one in parts.items()
        }
    if out is not None:
        _write(out, parts)
    what = f"{record.week}, skipped: {record.reason}" if record and record.state == "skipped" else ""
    return (
        what or (record.week if record else "no edition yet, so only some emails"),
        in_order(dict.fromkeys(found)),
        [(html, text) for _, html, text in parts.values()],
    )


def _write(folder: Path, emails: Mapping[str, tuple[str, str, str]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, (subject, html, text) in emails.items():
        (folder / f"{name}.html").write_text(html, "utf-8")
        (folder / f"{name}.txt").write_text(f"{subject}\n\n{text}", "utf-8")


def _sizes(parts: Sequence[str]) -> dict[str, dict[str, int]]:
    """Bytes of html and text as they are, and as they arrive once click tracking has rewritten the links."""
    from digest.inspecting.linking import rewritten_size

    return {
        name: {"bytes": len(part.encode()), "rewritten": rewritten_size(part, is_html=name == "html")}
        for name, part in zip(("html", "text"), parts, strict=False)
    }


def _look_up(services: Services, emails: Sequence[tuple[str, str]]) -> tuple[Finding, ...]:
    from flows.checking import check_links, links_in
    from flows.progress import counting

    links = links_in(emails, services.settings.site_url)
    with counting("links looked up", len(links)) as progress:
        return check_links(services, links, progress)
