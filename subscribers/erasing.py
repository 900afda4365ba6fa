"""What stays of a reader who is erased: numbers under names that lead to nobody."""

from __future__ import annotations

import hmac
import json
import re
import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Text, bindparam, cast, delete, or_, select, text, update
from sqlmodel import Session, col

from digest.database import insert_ignore, reading, writing
from digest.tables import EditionRow
from subscribers.tables import BatchRow, ConsentRow, EventPostRow, EventRow, NoticeRow, PaceRow, VoteRow

#: Where what is only counted has its week.
ERASED = "erased"

#: How a consent is called that took leave, by a reader's own word or by a provider's.
LEFT = ("left", "complained")

#: How the names begin that lead to nobody.
_NOBODY = "erased-"

#: What tells how somebody reads, and how much of it is written in one transaction.
_HABITS, _AT_ONCE = ("open", "machine open", "click"), 1000

_EVENT_KEY = ("week", "subscriber_id", "kind", "about")
_GONE = delete(EventRow).where(*(col(getattr(EventRow, name)) == bindparam(f"{name}_") for name in _EVENT_KEY))

#: Where others may have said an address in their own words: servers that refuse mail, and people who hold editions.
_SAID = (BatchRow.reason, EditionRow.reason, EditionRow.held, EventPostRow.reason, NoticeRow.reason, PaceRow.reason)

#: What stands where an address was.
_STRUCK = "[erased]"


def nobody(key: bytes, week: str, subscriber_id: str) -> str:
    """Name who got an edition once they are gone: the same each time, and in each edition another.

    Events may come for days. Only with the key of the suppression list can it be told whose a known id's name is.
    """
    return f"{_NOBODY}{hmac.digest(key, f'{week}:{subscriber_id}'.encode(), 'sha256').hex()[:16]}"


def keep_numbers(session: Session, key: bytes, subscriber_id: str) -> None:
    """Keep what an edition counts of a reader who is about to go, without a trace to them.

    What happened to their letters goes on under the name of each delivery, without reasons. Each vote is kept under a
    name of its own, so that nobody can see which belong together; their farewells share one, as who leaves and
    complains is counted once.
    """
    mine = col(EventRow.subscriber_id) == subscriber_id
    session.execute(delete(EventRow).where(mine, col(EventRow.week).startswith("letter-")))
    for week in session.execute(select(col(EventRow.week)).where(mine).distinct()).scalars().all():
        gone = {"subscriber_id": nobody(key, week, subscriber_id), "reason": ""}
        session.execute(update(EventRow).where(mine, col(EventRow.week) == week).values(**gone))
    votes = select(col(VoteRow.tool), col(VoteRow.at)).where(col(VoteRow.subscriber_id) == subscriber_id)
    farewells = select(col(ConsentRow.what), col(ConsentRow.at)).where(
        col(ConsentRow.subscriber_id) == subscriber_id, col(ConsentRow.what).in_(LEFT)
    )
    kept = [(secrets.token_hex(8), "vote", tool, at) for tool, at in session.execute(votes)]
    name = secrets.token_hex(8)
    kept += [(name, what, str(number), at) for number, (what, at) in enumerate(session.execute(farewells))]
    rows = [
        {"week": ERASED, "subscriber_id": whose, "kind": kind, "about": about, "at": at, "reason": ""}
        for whose, kind, about, at in kept
    ]
    insert_ignore(session, EventRow, rows)


def unname(engine: Engine, key: bytes, before: datetime) -> int:
    """Let nobody see any more who opened and clicked what before some moment; returns how many rows that were.

    They go on under the names of deliveries, as those of erased readers do: no number changes.
    """
    with reading(engine) as session:
        weeks = session.execute(select(col(BatchRow.week)).where(col(BatchRow.planned_at) < before).distinct())
        found = [str(week) for week in weeks.scalars()]
    return sum(_unname(engine, key, week, before) for week in sorted(found))


def _unname(engine: Engine, key: bytes, week: str, before: datetime) -> int:
    habits = select(*EventRow.__table__.columns).where(  # type: ignore[attr-defined]
        col(EventRow.week) == week, col(EventRow.kind).in_(_HABITS), col(EventRow.at) < before,
        ~col(EventRow.subscriber_id).startswith(_NOBODY),
    ).limit(_AT_ONCE)  # fmt: skip
    done = 0
    while True:
        with reading(engine) as session:  # whoever writes need not wait for the look at a million rows
            rows = [dict(one) for one in session.execute(habits).mappings()]
        if not rows:
            return done
        with writing(engine) as session:
            renamed = [one | {"subscriber_id": nobody(key, week, one["subscriber_id"])} for one in rows]
            insert_ignore(session, EventRow, renamed)
            session.connection().execute(_GONE, [{f"{name}_": one[name] for name in _EVENT_KEY} for one in rows])
        done += len(rows)


def strike_out(session: Session, *addresses: str) -> None:
    """Take an address out of whatever others said of it: reasons, alarms, and posts of a provider that are kept whole.

    Args:
        session: The caller's, writing.
        addresses: One address as it is written and as it is folded.
    """
    spelled = sorted({one for one in addresses if one}, key=len, reverse=True)
    if not spelled:
        return
    said = re.compile("|".join(map(re.escape, spelled)), re.IGNORECASE)
    for column in _SAID:
        _strike_column(session, column, said, spelled)
    for letter in session.execute(_ALARMS.where(_names(cast(col(NoticeRow.data), Text), spelled))).all():
        struck = json.loads(said.sub(_STRUCK, json.dumps(letter.data, ensure_ascii=False)))
        session.execute(update(NoticeRow).where(col(NoticeRow.id) == letter.id).values(data=struck))
    _strike_posts(session, spelled)


def _names(column: Any, spelled: list[str]) -> Any:
    escaped = {json.dumps(one)[1:-1] for one in spelled}  # as JSON has them
    return or_(*(column.icontains(one, autoescape=True) for one in sorted({*spelled, *escaped})))


def _strike_column(session: Session, column: Any, said: re.Pattern[str], spelled: list[str]) -> None:
    table = column.class_.__table__
    keys = list(table.primary_key.columns)
    for *key, found in session.execute(select(*keys, column).where(_names(column, spelled))).all():
        mine = [one == value for one, value in zip(keys, key, strict=True)]
        session.execute(update(table).where(*mine).values({column.key: said.sub(_STRUCK, found)}))


def _strike_posts(session: Session, spelled: list[str]) -> None:
    """Take an address out of posts that wait or could not be read; what else is in them may still be applied."""
    ways = {way.encode() for one in spelled for way in (one, one.lower(), json.dumps(one)[1:-1])}
    within = (
        "position(:way in body) > 0" if session.get_bind().dialect.name == "postgresql" else "instr(body, :way) > 0"
    )
    for way in sorted(ways, key=len, reverse=True):
        there = select(col(EventPostRow.id), col(EventPostRow.body)).where(
            text(within).bindparams(bindparam("way", way))
        )
        for post in session.execute(there).all():
            struck = re.sub(re.escape(way), _STRUCK.encode(), post.body, flags=re.IGNORECASE)
            session.execute(update(EventPostRow).where(col(EventPostRow.id) == post.id).values(body=struck))


_ALARMS = select(col(NoticeRow.id), col(NoticeRow.data))
