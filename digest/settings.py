"""What can be set, where it is read from, and what a wrong value says.

Order: the environment, then `verdicts.toml` in the home folder, then the defaults below. Secrets never stand in the
TOML file: they come from the environment, from the file named by `…_FILE`, or from the key files that `init` makes.
"""

from __future__ import annotations

import difflib
import os
import re
import secrets
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from digest.errors import Fault, FilesError, SettingsError
from digest.model import Site
from digest.weeks import due_in

FILE = "verdicts.toml"


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


#: A TOML list, or a comma list in the environment.
Words = Annotated[tuple[str, ...], BeforeValidator(_split)]


def _not_a_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a whole number")  # noqa: TRY004 - pydantic collects ValueErrors only
    return value


#: Which addresses a sign-up may be refused for.
Kind = Literal["disposable", "role"]


#: A number as text in the environment; TOML's true would otherwise count as 1.
Number = Annotated[int, BeforeValidator(_not_a_boolean)]

_ADDRESS = re.compile(r"[^@\s<>,]+@[^@\s<>,]+")


class Settings(BaseModel):
    """Every setting of the core; senders own theirs. The TOML key is the field, the variable VERDICTS_ + FIELD."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    home: Path = Field(default=Path(), exclude=True, description="the home folder; not a key of the file")
    database_url: str = Field(
        default="", repr=False, description="SQLite or PostgreSQL; empty: verdicts.db in the home folder"
    )
    feeds: Path | None = Field(
        default=None, description="the list of feeds; unset: feeds.toml in the home folder, else the bundled one"
    )
    fetch_allow_hosts: Words = Field(
        default=(), description="hosts that may be fetched though their address is private"
    )
    site_url: str = Field(default="http://localhost:8000", description="where the public pages are reached")
    secret: SecretStr | None = Field(
        default=None,
        description="keys of signed links, one a line: the first signs, all are recognised; made by init",
    )
    suppression_key: SecretStr | None = Field(
        default=None, description="key of the suppression list, never rotated, part of backups; made by init"
    )
    sender: str = Field(default="outbox", description="how letters leave: outbox (files), sendgrid or smtp")
    from_email: str = Field(default="", description="the From address")
    from_name: str = Field(default="", description="the From name; empty: name")
    reply_to: str = Field(default="", description="where answers go; empty: from_email")
    postal_address: str = Field(default="", description="shown in the footer of every email, as the law asks")
    approval: Literal["automatic", "editor"] = Field(
        default="automatic",
        description="automatic: sent when due unless held; editor: nothing leaves without an editor",
    )
    name: str = Field(default="AI Tool Verdicts", description="the newsletter's name")
    tagline: str = Field(default="New AI tools, two at a time. Ship or skip?", description="the line below the name")
    logo: str = Field(default="", description="address of a logo; empty: the name as text")
    utm_source: str = Field(
        default="", description="marks links in the digest with utm_source, utm_medium and utm_campaign; empty: none"
    )
    editors: Words = Field(default=(), description="addresses that get the editor's notice")
    operator: str = Field(default="", description="address that gets alarms")
    heartbeat_url: str = Field(
        default="",
        repr=False,
        description="address asked after each good run, for who watches from outside; empty: none",
    )
    metrics_port: Number = Field(
        default=0, ge=0, le=65535,
        description="port of /metrics on 127.0.0.1; 0: beside the pages, for direct neighbours only",
    )  # fmt: skip
    dkim_selectors: Words = Field(
        default=(), description="selectors that letters are signed with; empty: SendGrid's own, with sendgrid"
    )
    gather_at: str = Field(default="0 * * * *", description="when feeds are polled, as cron in `timezone`")
    compose_at: str = Field(default="0 6 * * 1", description="when the week's digest is composed, as cron")
    send_at: str = Field(default="0 9 * * 2", description="when it is sent, as cron")
    timezone: str = Field(default="UTC", description="zone of the schedules and of the ISO week")
    expires_after_h: Number = Field(
        default=48, ge=1, le=144, description="hours after send_at when it is too late to send"
    )
    pairs: Number = Field(default=5, ge=1, le=20, description="matchups of an edition at most")
    quorum: Number = Field(default=3, ge=1, le=50, description="reviews a tool needs before it can be compared")
    repeat_weeks: Number = Field(default=26, ge=0, le=520, description="weeks before the same pair may come again")
    first_poll_days: Number = Field(default=14, ge=0, le=365, description="how old an entry of a new feed may be")
    refuse_addresses: tuple[Kind, ...] = Field(
        default=("disposable",),
        description="addresses that may not sign up: disposable (made for a day), role (such as info@); empty: all may",
    )
    signups_per_network: Number = Field(
        default=30, ge=1, le=100_000, description="forms that may come from one network in an hour"
    )
    network_kept: Literal["none", "truncated", "full"] = Field(
        default="truncated",
        description="what is kept of the network address behind a consent: truncated to /24 and /48, none, full",
    )
    pace_per_hour: Number = Field(default=0, ge=0, description="letters of editions an hour at most; 0: any number")
    pace_per_day: Number = Field(default=0, ge=0, description="letters of editions a day at most; 0: any number")
    send_connections: Number = Field(default=8, ge=1, le=64, description="calls to the sender at the same time")
    send_timeout_s: Number = Field(default=30, ge=1, le=600, description="seconds until a call is given up as unknown")
    send_workers: Number = Field(
        default=1, ge=1, le=256, description="flow runs that send an edition at once, where workers are there for them"
    )
    settle_s: Number = Field(
        default=900, ge=0, le=7 * 24 * 3600,
        description="seconds until SendGrid's own records of a call are believed; 900 at least, but for tests",
    )  # fmt: skip
    soft_bounces: Number = Field(
        default=5, ge=1, le=100, description="editions in a row that a mailbox turns away before it gets no more"
    )
    hold_bounces_percent: Number = Field(
        default=10, ge=1, le=100, description="bounces of an edition in percent at which it holds itself"
    )
    hold_complaints_per_mille: Number = Field(
        default=3, ge=1, le=1000, description="complaints of an edition in per mille at which it holds itself"
    )
    trusted_proxies: Words = Field(
        default=(), description="addresses or networks of proxies whose X-Forwarded-For is believed"
    )
    retention_days: Number = Field(
        default=400,
        ge=30,
        le=3650,
        description="days that settled letters, unconfirmed sign-ups, posts of events, who opened and clicked what, and"
        " what entries said are kept",
    )

    log_format: Literal["logfmt", "json"] = Field(
        default="logfmt", description="how serve writes its log, a line for each event: logfmt or json"
    )

    @field_validator("refuse_addresses", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return _split(value)

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            for one in value:
                ip_network(one)
        except ValueError as error:
            raise ValueError("addresses or networks such as 10.0.0.5 or 10.0.0.0/24") from error
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: "Europe" is a folder of zones
            raise ValueError("a zone name such as Europe/Berlin or UTC") from error
        return value

    @field_validator("gather_at", "compose_at", "send_at")
    @classmethod
    def _readable_cron(cls, value: str) -> str:
        allowed = 'five cron fields such as "0 9 * * 2" (minute, hour, day, month, weekday)'
        if len(value.split()) != 5:  # a sixth would be seconds, which the schedules do not have
            raise ValueError(allowed)
        try:
            CronSim(value, datetime(2026, 1, 1, tzinfo=UTC))
        except CronSimError as error:
            raise ValueError(allowed) from error
        return value

    @field_validator("send_at")
    @classmethod
    def _after_composing(cls, value: str, info: ValidationInfo) -> str:
        week = "2026-W24"  # any week without a clock change
        composed, sent = (due_in(week, one, ZoneInfo("UTC")) for one in (info.data.get("compose_at", value), value))
        if composed and sent and sent < composed:
            raise ValueError("a time of the ISO week, Monday to Sunday, that is later than compose_at")
        return value

    @field_validator("site_url")
    @classmethod
    def _absolute_url(cls, value: str) -> str:
        allowed = "an address such as https://verdicts.example.org, without ? and #"
        try:
            parts = urlsplit(value)
        except ValueError as error:  # a bracket without its other half
            raise ValueError(allowed) from error
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(allowed)
        return value.rstrip("/")

    @field_validator("heartbeat_url")
    @classmethod
    def _askable(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[^\s/?#]+[^\s#]*", value):
            raise ValueError("an address such as https://watch.example.org/ping/…")
        return value

    @field_validator("dkim_selectors")
    @classmethod
    def _selectors(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]{0,62}", one) for one in value):
            raise ValueError("names such as s1 or mail2026")
        return value

    @field_validator("from_email", "reply_to", "operator")
    @classmethod
    def _one_address(cls, value: str) -> str:
        if value and not _ADDRESS.fullmatch(value):
            raise ValueError("one bare address such as editor@example.org")
        return value

    @field_validator("editors")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_ADDRESS.fullmatch(one) for one in value):
            raise ValueError("bare addresses such as editor@example.org")
        return value

    @property
    def zone(self) -> ZoneInfo:
        """The zone of schedules and weeks."""
        return ZoneInfo(self.timezone)

    @property
    def database(self) -> str:
        """The database's address, with the default filled in.

        Raises:
            SettingsError: The home folder's path cannot stand in an address.
        """
        if not self.database_url and "?" in str(self.home):
            raise SettingsError(f"home: found {str(self.home)!r}; allowed: a path without “?”, or set database_url")
        return self.database_url or f"sqlite:///{self.home / 'verdicts.db'}"

    @property
    def site(self) -> Site:
        """What the masthead and the footer need."""
        return Site(self.name, self.tagline, self.site_url, self.postal_address, self.logo, self.utm_source)

    def key(self, name: Literal["secret", "suppression_key"]) -> bytes:
        """Give one of the two keys.

        Raises:
            SettingsError: Nobody made it yet.
        """
        value = getattr(self, name)
        if value is None:
            raise SettingsError(f"{name} is missing: run `verdicts init`, or set VERDICTS_{name.upper()}")
        return bytes(value.get_secret_value().encode())

    @property
    def link_keys(self) -> tuple[bytes, ...]:
        """Give the keys of signed links: the first signs, links made with any of them are recognised.

        Raises:
            SettingsError: Nobody made one yet.
        """
        return tuple(line.strip() for line in self.key("secret").splitlines() if line.strip())


SECRETS = ("secret", "suppression_key")


def load_settings(home: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings of a home folder.

    Raises:
        FilesError: A key or value is wrong; every fault at once, with file, line and what is allowed.
    """
    path = home / FILE
    values, lines = _read_toml(path)
    known = set(Settings.model_fields) - {"home", *SECRETS}
    faults = [_unknown(path, key, lines, known) for key in values if key not in known]
    values = {key: value for key, value in values.items() if key in known}
    values |= {name: text for name in known if (text := environment.get(f"VERDICTS_{name.upper()}"))}
    for name in SECRETS:
        try:
            values[name] = _secret(name, home, environment)
        except FilesError as error:
            faults.extend(error.faults)
    try:
        settings = Settings(**values, home=home)
    except ValidationError as error:
        faults += [_fault(dict(one), path, lines, environment) for one in error.errors()]
        raise FilesError(sorted(faults, key=lambda fault: fault.line or 0)) from error
    if faults:
        raise FilesError(faults)
    return settings


def home_folder(option: Path | None, environment: Mapping[str, str] = os.environ) -> Path:
    """Find the home folder: the option, else VERDICTS_HOME, else the current folder."""
    return (option or Path(environment.get("VERDICTS_HOME") or ".")).expanduser().resolve()


def _read_toml(path: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """Read the file's keys and the line of each; a missing file has none."""
    try:
        source = path.read_text(encoding="utf-8")
        values = tomllib.loads(source)
    except FileNotFoundError:
        return {}, {}
    except (OSError, UnicodeDecodeError) as error:
        raise FilesError([Fault(path.name, None, "", str(error), "a readable UTF-8 file")]) from error
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        number = int(line[1]) if line else len(source.rstrip().splitlines())
        raise FilesError([Fault(path.name, number, "", str(error), 'TOML: name = "text" or name = 5')]) from error
    lines = {
        match[1]: number
        for number, line in enumerate(source.splitlines(), 1)
        if (match := re.match(r"\s*\"?([\w-]+)\"?\s*=", line))
    }
    if isinstance(values.get("feeds"), str):
        values["feeds"] = path.parent / values["feeds"] if values["feeds"] else None
    return values, lines


def _unknown(path: Path, key: str, lines: Mapping[str, int], known: set[str]) -> Fault:
    if key in SECRETS:
        return Fault(
            path.name, lines.get(key), key, "a secret", f"VERDICTS_{key.upper()} in the environment, or its key file"
        )
    near = difflib.get_close_matches(key, known, n=1)
    allowed = f"did you mean {near[0]}?" if near else ", ".join(sorted(known))
    return Fault(path.name, lines.get(key), key, "a key nobody knows", allowed)


def _secret(name: str, home: Path, environment: Mapping[str, str]) -> str | None:
    variable = f"VERDICTS_{name.upper()}"
    if given := environment.get(variable):
        return given
    named = environment.get(f"{variable}_FILE")
    path = Path(named) if named else home / f"{name}.key"
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except FileNotFoundError as error:
        if named:
            raise FilesError(
                [Fault(named, None, f"{variable}_FILE", "no such file", "a file with the secret")]
            ) from error
        return None
    except OSError as error:
        raise FilesError([Fault(str(path), None, name, str(error.strerror), "a file this user may read")]) from error
    except UnicodeDecodeError:  # not chained: it quotes the bytes
        raise FilesError([Fault(str(path), None, name, "bytes that are not text", "UTF-8 text")]) from None


def _fault(error: Mapping[str, Any], path: Path, lines: Mapping[str, int], environment: Mapping[str, str]) -> Fault:
    field = str(error["loc"][0])
    variable = f"VERDICTS_{field.upper()}"
    from_environment = bool(environment.get(variable))
    allowed = str(error["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    found = "a secret that cannot be used" if field in SECRETS else repr(error["input"])
    if from_environment:
        return Fault("environment", None, variable, found, allowed)
    return Fault(path.name, lines.get(field), field, found, allowed)


def make_home(home: Path) -> list[Path]:
    """Make what a home folder needs and lacks: settings with comments, and both keys; returns what was made."""
    home.mkdir(parents=True, exist_ok=True)
    made = []
    path = home / FILE
    if not path.exists():
        path.write_text(commented(), encoding="utf-8")
        made.append(path)
    for name in SECRETS:
        key = home / f"{name}.key"
        if not key.exists():
            _write_secret(key)
            made.append(key)
    return made


def add_secret(home: Path) -> Path:
    """Put a new key of signed links before those there are, which stay good; returns the file.

    Raises:
        SettingsError: There is no key file: the key comes from elsewhere.
    """
    path = home / "secret.key"
    try:
        known = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise SettingsError(
            f"{path} is not there; where VERDICTS_SECRET or VERDICTS_SECRET_FILE holds the key, put a new one on a line"
            " before it"
        ) from error
    _write_secret(path, known)
    return path


def _write_secret(path: Path, known: str = "") -> None:
    """Make a key file that only its owner may read; written aside, so that it is never there without its key."""
    aside = path.with_suffix(".part")
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(secrets.token_urlsafe(32) + "\n" + known)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def commented() -> str:
    """Write a settings file in which every key stands as a comment with its default and what it is for."""
    parts = [
        "# Settings of this newsletter. Remove the # before a line to change it;"
        " the environment wins (VERDICTS_NAME).\n"
    ]
    for name, field in Settings.model_fields.items():
        if name in {"home", *SECRETS}:
            continue
        parts.append(f"\n# {field.description}\n# {name} = {_toml(field.get_default())}\n")
    return "".join(parts)


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    return str(value) if isinstance(value, int) else f'"{value or ""}"'
