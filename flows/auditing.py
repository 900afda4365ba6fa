"""Look whether a database, or a backup of one, is whole and agrees with itself; nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, Engine, inspect, select, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, col

from digest.copying import at_one_moment, counted
from digest.database import newest_version, open_engine, schema_version
from digest.editions import fingerprint
from digest.model import Finding, Message
from digest.settings import Settings, load_settings
from digest.tables import EditionRow
from flows.backups import unpacked
from flows.databases import every_table
from subscribers.addressing import address_hash
from subscribers.outcomes import miscounted
from subscribers.tables import SubscriberRow

#: What mends a row that should not be there, or is not.
_RESTORE = (
    "Somebody or something changed the database past this program: restore the newest backup that passes this check."
)

#: The triggers that keep editions as they were approved.
_TRIGGERS = {"editions_move", "editions_seal"}


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at: the database without its password, the version of its tables, rows, what is wrong."""

    where: str
    tables: str | None
    rows: Mapping[str, int] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


class _Rule(NamedTuple):
    """What must not be there: rows of `table` that a statement names as `k`, and in words what is wrong with them."""

    code: str
    table: str
    wrong: str
    statement: str


#: Readers of the demo have votes only, and names that begin with "sample-"; who is erased has "erased-".
_RULES = (
    _Rule(
        "delivery-without-batch", "deliveries", "deliveries belong to no batch",
        "SELECT d.week AS k FROM deliveries d LEFT JOIN batches b ON b.week = d.week AND b.number = d.batch"
        " WHERE b.number IS NULL",
    ),
    _Rule(
        "batch-size", "batches", "batches do not have as many deliveries as they say, so counts do not add up",
        "SELECT b.week AS k FROM batches b LEFT JOIN (SELECT week, batch, count(*) AS n FROM deliveries"
        " GROUP BY week, batch) d ON d.week = b.week AND d.batch = b.number WHERE b.size <> coalesce(d.n, 0)",
    ),
    _Rule(
        "sent-and-waiting", "editions", "editions are sent, but deliveries of theirs wait",
        "SELECT DISTINCT e.week AS k FROM editions e JOIN batches b ON b.week = e.week JOIN deliveries d"
        " ON d.week = b.week AND d.batch = b.number WHERE e.state = 'sent' AND b.state IN ('planned', 'claimed')"
        " AND d.state IS NULL",
    ),
    _Rule(
        "orphan", "deliveries", "deliveries are to nobody",
        "SELECT d.week AS k FROM deliveries d LEFT JOIN subscribers s ON s.id = d.subscriber_id"
        " WHERE s.id IS NULL AND d.subscriber_id NOT LIKE 'erased-%'",
    ),
    _Rule(
        "orphan", "consents", "consents are nobody's",
        "SELECT c.subscriber_id AS k FROM consents c LEFT JOIN subscribers s ON s.id = c.subscriber_id"
        " WHERE s.id IS NULL AND c.subscriber_id IS NOT NULL",
    ),
    _Rule(
        "orphan", "votes", "votes are nobody's",
        "SELECT v.tool AS k FROM votes v LEFT JOIN subscribers s ON s.id = v.subscriber_id"
        " WHERE s.id IS NULL AND v.subscriber_id NOT LIKE 'sample-%'",
    ),
    _Rule(
        "orphan", "notices", "letters are to a reader who is not there",
        "SELECT n.kind AS k FROM notices n LEFT JOIN subscribers s ON s.id = n.subscriber_id"
        " WHERE s.id IS NULL AND n.subscriber_id <> ''",
    ),
    _Rule(
        "orphan", "events", "events are of letters that were never planned",
        "SELECT e.week AS k FROM events e LEFT JOIN deliveries d ON d.week = e.week AND d.subscriber_id ="
        " e.subscriber_id WHERE d.week IS NULL AND e.week <> 'erased' AND e.week NOT LIKE 'letter-%'",
    ),
    _Rule(
        "orphan", "votes", "votes are for tools that are not there",
        "SELECT v.tool AS k FROM votes v LEFT JOIN tools t ON t.slug = v.tool LEFT JOIN tool_aliases a"
        " ON a.slug = v.tool WHERE t.slug IS NULL AND a.slug IS NULL",
    ),
    _Rule(
        "orphan", "earlier_calls", "earlier calls are of batches that are not there",
        "SELECT c.week AS k FROM earlier_calls c LEFT JOIN batches b ON b.week = c.week AND b.number = c.number"
        " WHERE b.number IS NULL",
    ),
    _Rule(
        "orphan", "launch_entries", "launches are carried by entries that are not there",
        "SELECT l.launch_id AS k FROM launch_entries l LEFT JOIN entries e ON e.feed = l.feed AND e.id = l.entry_id"
        " WHERE e.id IS NULL",
    ),
    _Rule(
        "orphan", "tallies", "tallies are of editions that are not there",
        "SELECT t.week AS k FROM tallies t LEFT JOIN editions e ON e.week = t.week WHERE e.week IS NULL",
    ),
    _Rule(
        "erased-and-here", "subscribers", "readers are confirmed though their address is kept as erased",
        "SELECT s.id AS k FROM subscribers s JOIN suppressions x ON x.address_hash = s.address_hash"
        " WHERE s.state = 'confirmed' AND x.why = 'erasure'",
    ),
    _Rule(
        "suppression-hash", "suppressions", "suppressed addresses are kept as something that is no hash of ours",
        "SELECT why AS k FROM suppressions WHERE length(address_hash) <> 64",
    ),
)  # fmt: skip


def audit(settings: Settings) -> Checked:
    """Check the database of a home folder.

    Raises:
        DatabaseError: It cannot be opened.
    """
    engine = open_engine(settings.database)
    key = settings.suppression_key.get_secret_value().encode() if settings.suppression_key else None
    try:
        return _audited(engine, engine.url.render_as_string(hide_password=True), key)
    finally:
        engine.dispose()


def audit_backup(path: Path, home: Path) -> Checked:
    """Check a backup file: that it is whole, and its database; `home` is the folder whose key it should go with.

    Raises:
        DatabaseError: It is no backup, damaged, or newer than this program.
    """
    with unpacked(path, path.resolve().parent) as backup:
        engine, key = open_engine(f"sqlite:///{backup.database}"), backup.key("suppression_key")
        try:
            checked = _audited(engine, str(path), key)
        finally:
            engine.dispose()
        findings = list(checked.findings)
        if checked.rows and dict(checked.rows) != dict(backup.manifest.rows):
            findings.append(
                _blocker("backup-rows", "it has not as many rows as it says", path.name, "Make another one.")
            )
        if key is None:
            findings.append(
                _blocker(
                    "backup-key", "it was made without a suppression key", path.name,
                    "Run `verdicts init` for a key, and make another one: without it, nobody suppressed is recognised.",
                )
            )  # fmt: skip
        mine = load_settings(home).suppression_key
        if key is not None and mine is not None and mine.get_secret_value().encode() != key:
            findings.append(
                _blocker(
                    "other-key", "its suppression key is another than that of this home folder", path.name,
                    "It is of another newsletter, or the key was changed: see “Keys” in docs/backup.md.",
                )
            )  # fmt: skip
        return Checked(checked.where, checked.tables, checked.rows, tuple(findings))


def _audited(engine: Engine, where: str, key: bytes | None) -> Checked:
    version, needed = schema_version(engine), newest_version()
    if version != needed:
        return Checked(where, version, findings=(_other_version(version, needed),))
    try:
        with at_one_moment(engine) as connection:
            if damage := tuple(_damage(connection)):  # what is read of it may be anything
                return Checked(where, version, findings=damage)
            findings = (
                *_broken_rules(connection), *_editions(connection), *_counts(connection), *_hashes(connection, key),
            )  # fmt: skip
            return Checked(where, version, counted(connection, every_table()), findings)
    except DBAPIError as error:
        said = f"it cannot be read to its end: {str(error.orig).splitlines()[0]}"
        return Checked(where, version, findings=(_blocker("damaged", said, "database", _RESTORE),))


def _other_version(version: str | None, needed: str) -> Finding:
    if version is None:
        return _blocker("no-tables", "there are no tables of ours", "database", "Run `verdicts init`, or `db restore`.")
    fix = "Run `verdicts db upgrade`." if version < needed else "Update the program: it is older than the database."
    return _blocker("tables-version", f"the tables are at {version}, this program needs {needed}", "database", fix)


def _blocker(code: str, message: str, where: str, fix: str) -> Finding:
    return Finding(code, "blocker", message, where, fix)


def _damage(connection: Connection) -> Iterator[Finding]:
    """Look for what makes reading useless: pages of the file, tables, columns, triggers that are not as they were."""
    if connection.dialect.name == "sqlite":
        for (said,) in connection.exec_driver_sql("PRAGMA integrity_check(5)").all():
            if said != "ok":
                yield _blocker("damaged", f"the file is damaged: {said.splitlines()[0]}", "database", _RESTORE)
        pointing = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        for table in sorted({row[0] for row in pointing}):
            count = sum(row[0] == table for row in pointing)
            yield _blocker("points-nowhere", f"{count:,} rows point to rows that are not there", table, _RESTORE)
    yield from _structure(connection)


def _structure(connection: Connection) -> Iterator[Finding]:
    there = inspect(connection)
    names = set(there.get_table_names())
    for table in every_table():
        columns = {one["name"] for one in there.get_columns(table.name)} if table.name in names else set()
        if missing := sorted({column.name for column in table.columns} - columns):
            yield _blocker("columns", f"columns are missing: {', '.join(missing)}", table.name, _RESTORE)
    on_server = connection.dialect.name == "postgresql"
    triggers = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"
    found = connection.execute(text(triggers if on_server else "SELECT name FROM sqlite_master WHERE type = 'trigger'"))
    for missing_one in sorted(_TRIGGERS - set(found.scalars())):
        said = f"the trigger {missing_one} is missing, which keeps editions as they were approved"
        yield _blocker("trigger", said, "editions", _RESTORE)
    if on_server:
        yield from _behind(connection)


def _behind(connection: Connection) -> Iterator[Finding]:
    for table in every_table():
        column = table.autoincrement_column
        if column is None:
            continue
        highest = connection.execute(select(column).order_by(column.desc()).limit(1)).scalar() or 0
        named = {"table": table.name, "column": column.name}
        sequence = connection.execute(text("SELECT pg_get_serial_sequence(:table, :column)"), named).scalar()
        if sequence is None or connection.execute(text(f"SELECT last_value FROM {sequence}")).scalar_one() < highest:  # noqa: S608 - the server's own name
            fix = f"SELECT setval(pg_get_serial_sequence('{table.name}', '{column.name}'), {highest}) mends it."
            yield _blocker("ids", f"new rows would get ids that are taken, up to {highest}", table.name, fix)


def _broken_rules(connection: Connection) -> Iterator[Finding]:
    for rule in _RULES:
        statement = f"SELECT count(*), min(k) FROM ({rule.statement}) AS found"  # noqa: S608 - our own words
        count, first = connection.execute(text(statement)).one()
        if count:
            yield _blocker(rule.code, f"{count:,} {rule.wrong}, such as of {first}", rule.table, _RESTORE)


def _editions(connection: Connection) -> Iterator[Finding]:
    """Look whether what was approved is what is kept, and whether editions list the pairs they are made of."""
    frozen = select(
        col(EditionRow.week), col(EditionRow.state), col(EditionRow.subject), col(EditionRow.html),
        col(EditionRow.text), col(EditionRow.sha256),
    ).where(col(EditionRow.sha256) != "")  # fmt: skip
    for row in connection.execute(frozen):
        if fingerprint(Message(row.week, row.subject, row.html, row.text)) != row.sha256:
            yield _blocker("bytes-changed", "what is kept is not what was approved", row.week, _RESTORE)
    pairs = dict(connection.execute(text("SELECT week, count(*) FROM matchups GROUP BY week")).tuples().all())
    for week, content in connection.execute(select(col(EditionRow.week), col(EditionRow.content))):
        listed = len(content.get("matchups", ())) if isinstance(content, dict) else -1
        if listed != pairs.get(week, 0):
            said = f"it compares {max(listed, 0)} pairs, but {pairs.get(week, 0)} are noted"
            yield _blocker("matchups", said, week, _RESTORE)


def _counts(connection: Connection) -> Iterator[Finding]:
    with Session(connection) as session:
        for week in miscounted(session):
            said = "its tallies are not what its events come to"
            yield _blocker(
                "tallies", said, week, "Numbers shown are wrong, no letter is; restore a backup to mend them."
            )


def _hashes(connection: Connection, key: bytes | None) -> Iterator[Finding]:
    """Look whether the suppression key at hand is the one that readers' addresses were hashed under."""
    if key is None:
        fix = "Put the key of a backup (home/suppression_key.key) into the home folder."
        yield _blocker("no-key", "there is no suppression key, so nobody suppressed is recognised", "home", fix)
        return
    rows = select(col(SubscriberRow.id), col(SubscriberRow.folded), col(SubscriberRow.address_hash))
    options = {"stream_results": True, "yield_per": 5000}
    total, wrong, first = 0, 0, ""
    for row in connection.execute(rows, execution_options=options):
        total += 1
        if address_hash(row.folded, key) != row.address_hash:
            wrong, first = wrong + 1, first or row.id
    if wrong:
        said = f"{wrong:,} of {total:,} readers' addresses are hashed under another key, such as that of {first}"
        fix = "The key was changed: put the old one back (it is in each backup), else nobody suppressed is recognised."
        yield _blocker("other-key", said, "subscribers", fix)
