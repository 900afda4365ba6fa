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
    from digest.editions import EditionRecord
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
        if html is not None:
            what, (findings, parts) = str(html), _of_file(services, html)
        else:
            record = services.editions.require(week_or_newest(services, week))
            what, (findings, parts) = record.week, _of_edition(services, record, out)
        if links:
            findings = in_order((*findings, *_look_up(services, parts)))
    document = documents.findings(findings)
    sizes = _sizes(parts)
    if as_json:
        print_json(document | {"sizes": sizes})
    else:
        say(f"{what}: fit to send" if document["ok"] else f"{what}: not fit to send")
        say("; ".join(f"{name} {one['bytes']:,} bytes, about {one['rewritten']:,} sent" for name, one in sizes.items()))
        list_findings(findings)
    finish(0 if document["ok"] else 1)


def _of_file(services: Services, path: Path) -> tuple[tuple[Finding, ...], list[str]]:
    from flows.checking import check_file

    html, findings = check_file(services.settings, path)
    return findings, [html]


def _of_edition(services: Services, record: EditionRecord, out: Path | None) -> tuple[tuple[Finding, ...], list[str]]:
    from digest.preflight import in_order
    from flows.checking import check_edition, check_templates

    emails: dict[str, Parts] = {}
    found = [*check_edition(services, record), *check_templates(services, record, emails.__setitem__)]
    if out is not None:
        _write(out, emails)
    sent = record.message or emails.get("digest")
    return in_order(dict.fromkeys(found)), [sent.html, sent.text] if sent else []


def _write(folder: Path, emails: Mapping[str, Parts]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, parts in emails.items():
        (folder / f"{name}.html").write_text(parts.html, "utf-8")
        (folder / f"{name}.txt").write_text(f"{parts.subject}\n\n{parts.text}", "utf-8")


def _sizes(parts: Sequence[str]) -> dict[str, dict[str, int]]:
    """Bytes of html and text as they are, and as they arrive once click tracking has rewritten the links."""
    from digest.inspecting.linking import rewritten_size

    return {
        name: {"bytes": len(part.encode()), "rewritten": rewritten_size(part, is_html=name == "html")}
        for name, part in zip(("html", "text"), parts, strict=False)
    }


def _look_up(services: Services, parts: Sequence[str]) -> tuple[Finding, ...]:
    from flows.checking import check_links, links_in
    from flows.progress import counting

    links = links_in(parts, services.settings.site_url)
    with counting("links looked up", len(links)) as progress:
        return check_links(services, links, progress)
