"""One line for each event, on standard error, from every process that serves; no line holds an address."""

from __future__ import annotations

import json
import logging
import logging.config
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

#: How lines are written: `time=… level=…`, or one JSON object each.
Form = Literal["logfmt", "json"]

#: Where processes that Prefect starts find how to log: it reads the file that this variable names.
_PREFECT = {"PREFECT_LOGGING_SETTINGS_PATH": str(Path(__file__).with_name("logging.yml"))}

_ADDRESS = re.compile(r"[^\s@<>\"'(),;:=]+@[^\s@<>\"'(),;:=]+")

#: Prefect's word for what a line is about, by the field it becomes.
_ABOUT = {"flow_run_name": "run", "task_run_name": "step"}


def masked(text: str) -> str:
    """Put "(address)" in the place of every e-mail address; who runs this may see what was sent, not to whom."""
    return _ADDRESS.sub("(address)", text)


class Masked(logging.Filter):
    """Takes addresses out of what is logged, before any handler has it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the message and the traceback; every record passes."""
        record.msg, record.args = masked(record.getMessage()), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = masked(logging.Formatter().formatException(record.exc_info))
        return True


class Lines(logging.Formatter):
    """Writes a record as one line: time in UTC, level, logger, message, the flow run, and the traceback if any."""

    def format(self, record: logging.LogRecord) -> str:
        """Write it as VERDICTS_LOG_FORMAT says, as logfmt unless it says json."""
        fields = _fields(record)
        if os.environ.get("VERDICTS_LOG_FORMAT") == "json":
            return json.dumps(fields, ensure_ascii=False)
        return " ".join(f"{name}={_quoted(value)}" for name, value in fields.items())


def _fields(record: logging.LogRecord) -> dict[str, str]:
    at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    fields = {"time": at.replace("+00:00", "Z"), "level": record.levelname.lower(), "logger": record.name}
    fields |= {short: str(named) for name, short in _ABOUT.items() if (named := getattr(record, name, None))}
    fields["message"] = record.getMessage().strip()
    if record.exc_info or record.exc_text:
        fields["error"] = record.exc_text or logging.Formatter().formatException(record.exc_info or (None, None, None))
    return fields


def _quoted(value: str) -> str:
    plain = bool(value) and not re.search(r"[\s\"=\\]", value)
    return value if plain else json.dumps(value, ensure_ascii=False)


def begin(form: Form) -> None:
    """Let this process log so, and every one that it starts."""
    os.environ |= {**_PREFECT, "VERDICTS_LOG_FORMAT": form}
    logging.config.dictConfig(_HERE)


#: The same as logging.yml, for a process that has not imported Prefect.
_HERE: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"masked": {"()": "flows.logs.Masked"}},
    "formatters": {"lines": {"()": "flows.logs.Lines"}},
    "handlers": {"lines": {"class": "logging.StreamHandler", "formatter": "lines", "filters": ["masked"]}},
    "loggers": {name: {"level": "INFO"} for name in ("digest", "flows", "pages", "sources", "subscribers")},
    "root": {"level": "WARNING", "handlers": ["lines"]},
}
