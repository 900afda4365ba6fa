"""Logs: one line for each event that a program can read, and nobody's address in any."""

from __future__ import annotations

import json
import logging

import pytest

from flows.logs import Lines, Masked, masked


def line(message: str, *words: object, error: BaseException | None = None) -> str:
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("flows.sending", logging.WARNING, __file__, 1, message, words, info)
    record.flow_run_name = "send-2026-W47"
    assert Masked().filter(record)
    return Lines().format(record)


def test_an_event_is_one_line_of_named_fields() -> None:
    said = line("an edition waits: %s", 'held "for now"\nreally')
    head, _, rest = said.partition(" message=")
    assert head.split(" ", 1)[1] == "level=warning logger=flows.sending run=send-2026-W47"
    assert json.loads(rest) == 'an edition waits: held "for now"\nreally'
    assert "\n" not in said


def test_json_is_an_object_for_each_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERDICTS_LOG_FORMAT", "json")
    found = json.loads(line("done"))
    assert list(found) == ["time", "level", "logger", "run", "message"]
    assert found["time"].endswith("Z")


def test_no_line_holds_an_address_nor_does_a_traceback() -> None:
    with pytest.raises(ValueError, match="no such mailbox") as caught:
        _refuse("ada.lovelace@example.org")
    error = caught.value
    said = line("refused %s and postgresql://me:secret@db/x", "Zoë <zoë@münchen.example>", error=error)
    assert "@" not in said
    assert "secret" not in said
    assert "ValueError" in said
    assert "550 no such mailbox <(address)>" in said


def _refuse(address: str) -> None:
    raise ValueError(f"550 no such mailbox <{address}>")


def test_what_is_no_address_stays() -> None:
    assert masked("2026-W47: 3 accepted (at 09:00)") == "2026-W47: 3 accepted (at 09:00)"
