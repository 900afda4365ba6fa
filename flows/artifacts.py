"""What a flow run shows at Prefect of its week: the table, where to read it, what preflight found, who got it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from digest.editions import EditionRecord
from digest.model import percent
from flows.checking import check_edition
from flows.logs import masked
from flows.services import Services

from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact  # isort: skip

#: Where the desk shows a draft on the machine on which an editor opens it.
_DESK = "http://localhost:8400/preview?week={week}"

_log = logging.getLogger(__name__)


def show(services: Services, week: str) -> None:
    """Show how a week's edition stands, each part under a key of its own, such as deliveries-2026-w47.

    No part holds an address. What cannot be shown is logged: a run is not in vain for it.
    """
    record = services.editions.of(week)
    if record is None:
        return
    key = week.lower()
    _shown(create_table_artifact, key=f"digest-{key}", table=_table(record), description=_said(record))
    if record.state in {"draft", "approved"}:
        _shown(create_markdown_artifact, key=f"preflight-{key}", markdown=_preflight(services, record))
    public = record.state in {"sending", "sent"}
    link = f"{services.settings.site_url}/editions/{week}" if public else _DESK.format(week=week)
    _shown(create_link_artifact, key=f"preview-{key}", link=link, link_text=f"Read {week}")
    if public:
        counts = services.ledger.counts(week)
        table = [{"outcome": name, "readers": count} for name, count in asdict(counts).items()]
        _shown(create_table_artifact, key=f"deliveries-{key}", table=table, description=f"{counts.waiting} wait")


def _shown(make: Callable[..., Any], **what: Any) -> None:
    try:
        make(**what)
    except Exception as error:  # noqa: BLE001 - Prefect's server may be away; the work itself is done
        _log.warning("%s cannot be shown at Prefect: %s", what["key"], type(error).__name__)


def _table(record: EditionRecord) -> list[dict[str, str]]:
    return [
        {
            "place": str(place),
            "a": one.a.tool.name,
            "panel a": percent(one.a.verdict.tally.share),
            "b": one.b.tool.name,
            "panel b": percent(one.b.verdict.tally.share),
            "score": f"{one.score:.2f}",
            "why": masked(one.why),
        }
        for place, one in enumerate(record.edition.matchups, 1)
    ]


def _said(record: EditionRecord) -> str:
    why = f" ({record.held or record.reason})" if record.held or record.reason else ""
    return masked(f"{record.week} is {record.state}{why}: {record.edition.subject}")


def _preflight(services: Services, record: EditionRecord) -> str:
    found = check_edition(services, record)
    lines = [f"- **{one.level}** {one.message} ({one.where}): {one.fix}" for one in found]
    return masked("\n".join([f"# Preflight of {record.week}", "", *(lines or ["Nothing was found."])]))
