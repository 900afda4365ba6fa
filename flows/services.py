"""Open what the steps work with, from settings, and close it again."""

from __future__ import annotations

import getpass
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, overload

from digest.errors import SettingsError
from digest.model import Feed, Reviewer
from digest.settings import Settings, load_settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from digest.decisions import Decisions
    from digest.editions import Editions
    from digest.launches import Launches
    from digest.store import Store
    from digest.tools import Tools
    from digest.undoing import Journal
    from sources.policy import Policy
    from sources.store import FeedStore
    from subscribers.accounts import Accounts
    from subscribers.addressing import Identity
    from subscribers.events import Events
    from subscribers.joining import Joining
    from subscribers.ledger import Ledger
    from subscribers.notices import Notices
    from subscribers.senders import Sender
    from subscribers.store import Subscribers

Clock = Callable[[], datetime]


def clock_from(now: datetime | None) -> Clock:
    """Make the clock of a run: the real one, or one that stands still, so that commands replayed at one time agree."""
    return (lambda: datetime.now(UTC)) if now is None else (lambda: now)


def whoever() -> str:
    """Name who runs the program; in a container the user may have a number only."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


class LinkKeys(Sequence[bytes]):
    """The keys of signed links as they are now: a process that runs for weeks learns of a new one within a second.

    Letters of other processes are signed with it at once; without this their links would be nobody's here.
    """

    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
        self._home, self._environment = home, environment
        self._file = Path(environment.get("VERDICTS_SECRET_FILE") or home / "secret.key")
        self._looked_at, self._changed_at = -inf, 0
        self._keys: tuple[bytes, ...] = ()
        self._now()

    @overload
    def __getitem__(self, index: int) -> bytes: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[bytes, ...]: ...

    def __getitem__(self, index: int | slice) -> bytes | tuple[bytes, ...]:
        return self._now()[index]

    def __len__(self) -> int:
        return len(self._now())

    def _now(self) -> tuple[bytes, ...]:
        if time.monotonic() - self._looked_at < 1:
            return self._keys
        self._looked_at = time.monotonic()
        changed_at = self._file.stat().st_mtime_ns if self._file.exists() else 0
        if not self._keys or changed_at != self._changed_at:
            self._changed_at = changed_at
            self._keys = load_settings(self._home, self._environment).link_keys
        return self._keys


@dataclass(frozen=True)
class Services:
    """Everything a step may touch.

    Modules are imported, files read and the database opened when first asked for: a command starts quicker, and a step
    fails only on what it needs. With `create` the database is made or upgraded then. `who` decides; "" is who runs the
    program. `patience_s` is how long a writer waits for other programs, None the usual time.
    """

    settings: Settings
    clock: Clock
    create: bool = False
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    who: str = ""
    patience_s: float | None = None

    @property
    def by(self) -> str:
        """In whose name decisions are kept: an editor's who said it, else of who runs the program."""
        return self.who or whoever()

    def named(self, who: str) -> Services:
        """Give the same services in an editor's name: the same database, while files are read anew."""
        mine = replace(self, who=who)
        vars(mine)["engine"] = self.engine
        return mine

    @cached_property
    def engine(self) -> Engine:
        """The database, at this program's version.

        Raises:
            DatabaseError: It is missing, older or newer than this program, and not to be created.
        """
        from digest.database import open_engine, require_current, upgrade

        engine = open_engine(self.settings.database, self.patience_s)
        if self.create:
            upgrade(engine)
        else:
            require_current(engine)
        return engine

    @cached_property
    def store(self) -> Store:
        """Tools, launches and reviews."""
        from digest.store import Store

        return Store(self.engine)

    @cached_property
    def launches(self) -> Launches:
        """Launches as an editor looks through them."""
        from digest.launches import Launches

        return Launches(self.engine)

    @cached_property
    def editions(self) -> Editions:
        """Editions, one for each week."""
        from digest.editions import Editions
        from subscribers.ending import take_back

        return Editions(self.engine, take_back)

    @cached_property
    def tools(self) -> Tools:
        """Tools with their history, by any name they ever had."""
        from digest.tools import Tools

        return Tools(self.engine)

    @cached_property
    def decisions(self) -> Decisions:
        """What editors decide about launches."""
        from digest.decisions import Decisions

        return Decisions(self.engine, self.by)

    @cached_property
    def journal(self) -> Journal:
        """What editors changed at the desk, with the way back."""
        from digest.undoing import Journal

        return Journal(self.engine)

    @cached_property
    def entries(self) -> FeedStore:
        """Feed memory and entries."""
        from sources.store import FeedStore

        return FeedStore(self.engine)

    @cached_property
    def subscribers(self) -> Subscribers:
        """Readers."""
        from subscribers.store import Subscribers

        return Subscribers(self.engine, self.settings.key("suppression_key"))

    @cached_property
    def joining(self) -> Joining:
        """The way in for readers."""
        from subscribers.joining import Joining

        settings = self.settings
        return Joining(
            self.engine,
            settings.key("suppression_key"),
            refuse=settings.refuse_addresses,
            per_network=settings.signups_per_network,
        )

    @cached_property
    def accounts(self) -> Accounts:
        """Readers' own data."""
        from subscribers.accounts import Accounts

        return Accounts(self.engine, self.settings.key("suppression_key"), refuse=self.settings.refuse_addresses)

    @cached_property
    def link_keys(self) -> Sequence[bytes]:
        """The keys of signed links; the first signs.

        Raises:
            SettingsError: Nobody made one yet.
        """
        return LinkKeys(self.settings.home, self.environment)

    @cached_property
    def ledger(self) -> Ledger:
        """Deliveries; the operator is told when the sender halts them."""
        from flows.alarms import halted
        from subscribers.ledger import Ledger
        from subscribers.pacing import Pace

        settings = self.settings
        return Ledger(
            self.engine, halted(settings), Pace(settings.pace_per_hour or None, settings.pace_per_day or None)
        )

    @cached_property
    def events(self) -> Events:
        """What the provider tells of letters; the operator is told when an edition holds itself."""
        from flows.alarms import turned_away
        from subscribers.events import Events
        from subscribers.holding import Limits

        settings = self.settings
        return Events(
            self.engine,
            settings.key("suppression_key"),
            settings.soft_bounces,
            site_url=settings.site_url,
            limits=Limits(settings.hold_bounces_percent, settings.hold_complaints_per_mille),
            holding=turned_away(settings),
        )

    @cached_property
    def notices(self) -> Notices:
        """Letters outside the editions."""
        from subscribers.notices import Notices

        return Notices(self.engine, self.settings.key("suppression_key"))

    @cached_property
    def sender(self) -> Sender:
        """The configured way of sending."""
        from subscribers.senders import open_sender

        return open_sender(self.settings, self.environment)

    @cached_property
    def feeds(self) -> list[Feed]:
        """The feeds watched."""
        from sources.catalog import load_feeds

        return load_feeds(self.feeds_path)

    @property
    def feeds_path(self) -> Path:
        """Where they are read from: the setting, else feeds.toml of the home folder, else the bundled list."""
        from sources.catalog import bundled_feeds

        if self.settings.feeds:
            return self.settings.feeds
        return self.own_feeds if self.own_feeds.exists() else bundled_feeds()

    @property
    def own_feeds(self) -> Path:
        """Where changes go; the bundled list is never changed."""
        return self.settings.feeds or self.settings.home / "feeds.toml"

    @cached_property
    def panel(self) -> tuple[Reviewer, ...]:
        """The reviewers: reviewers.toml of the home folder, else the bundled list."""
        from sources.panel import BUNDLED_REVIEWERS, load_reviewers

        own = self.settings.home / "reviewers.toml"
        return load_reviewers(own if own.exists() else BUNDLED_REVIEWERS)

    @property
    def judges(self) -> set[str]:
        """The slugs of the reviewers whose calls count.

        Raises:
            SettingsError: They are fewer than the quorum: no tool could ever be ready.
        """
        active = {one.slug for one in self.panel if one.active}
        if len(active) < self.settings.quorum:
            raise SettingsError(
                f"quorum: found {self.settings.quorum}, but {len(active)} of {len(self.panel)} reviewers are active;"
                f" allowed: {f'1 to {len(active)}' if active else 'any, with active reviewers'}"
                " (change quorum in verdicts.toml, or active in reviewers.toml)"
            )
        return active

    @property
    def policy(self) -> Policy:
        """How politely and how much we fetch."""
        from sources.policy import Policy

        return Policy(
            site_url=self.settings.site_url,
            allow_hosts=frozenset(self.settings.fetch_allow_hosts),
            first_poll_days=self.settings.first_poll_days,
        )

    @property
    def identity(self) -> Identity:
        """Who letters come from; the outbox reaches nobody, so it needs no address of ours."""
        from subscribers.addressing import Identity

        settings = self.settings
        return Identity(
            from_email=settings.from_email or "verdicts@example.org",
            from_name=settings.from_name or settings.name,
            reply_to=settings.reply_to,
            site_url=settings.site_url,
        )


@contextmanager
def open_services(
    home: Path,
    now: datetime | None = None,
    *,
    create: bool = False,
    environment: Mapping[str, str] = os.environ,
    patience_s: float | None = None,
) -> Iterator[Services]:
    """Open the services of a home folder; `create` makes or upgrades the database instead of asking for it.

    With `patience_s` a writer gives up so soon where another program holds the database; somebody may be watching.

    Raises:
        SettingsError: A setting is wrong.
    """
    from subscribers.senders import require_sender

    services = Services(load_settings(home, environment), clock_from(now), create, environment, patience_s=patience_s)
    require_sender(services.settings)
    try:
        yield services
    finally:
        if "sender" in vars(services):
            services.sender.close()
        if "engine" in vars(services):
            services.engine.dispose()
