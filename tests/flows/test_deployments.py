"""Deployments: what prefect.yaml says is what the program deploys, and who hears of a run's bad end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from ruamel.yaml import YAML
from sqlmodel import Session, select

from digest.database import writing
from digest.errors import SettingsError
from digest.settings import Settings
from flows import alarms, blocks
from flows.services import Services, open_services
from subscribers.tables import NoticeRow
from tests.commands import verdicts

ROOT = Path(__file__).parents[2]


@pytest.fixture
def services(home: Path) -> Iterator[Services]:
    (home / "verdicts.toml").write_text('operator = "operator@example.org"\n')
    with open_services(home, create=True) as opened:
        yield opened


def test_prefect_yaml_deploys_what_the_program_does() -> None:
    from flows.deployments import deployments

    written = YAML(typ="safe").load((ROOT / "prefect.yaml").read_text())
    assert written["pull"] == []
    told = [_deployment(one) for one in written["deployments"]]
    assert told == [_ours(one) for one in deployments(Path("{{ $VERDICTS_HOME }}"), Settings())]


def _deployment(written: dict[str, Any]) -> dict[str, Any]:
    return {**written, "schedules": written.get("schedules", []), "concurrency_limit": written.get("concurrency_limit")}


def _ours(one: Any) -> dict[str, Any]:
    limited = {"limit": one.concurrency_limit, "collision_strategy": "CANCEL_NEW"} if one.concurrency_limit else None
    if limited:
        assert one.concurrency_options.collision_strategy.value == "CANCEL_NEW"
    plans = [plan.schedule.model_dump() for plan in one.schedules or []]
    schedules = [{"cron": plan["cron"], "timezone": plan["timezone"]} for plan in plans]
    return {
        "name": one.name, "entrypoint": one.entrypoint, "schedules": schedules, "parameters": one.parameters,
        "tags": one.tags, "concurrency_limit": limited, "enforce_parameter_schema": one.enforce_parameter_schema,
        "work_pool": {"name": "verdicts"},
    }  # fmt: skip


def test_schedules_follow_the_settings_in_the_configured_zone() -> None:
    from flows.deployments import deployments

    settings = Settings(gather_at="5 */2 * * *", send_at="0 17 * * 4", timezone="Asia/Kolkata")
    plans = {one.flow_name: _ours(one)["schedules"] for one in deployments(Path("/srv"), settings)}
    assert [one["cron"] for one in plans["gather"]] == ["5 */2 * * *"]
    assert [one["cron"] for one in plans["send"]] == ["0 17 * * 4"]
    assert {one["timezone"] for some in plans.values() for one in some} == {"Asia/Kolkata"}


def test_silence_of_a_far_worker_is_looked_for_and_an_alarm_raises_none() -> None:
    from prefect.events.schemas.automations import EventTrigger
    from prefect.events.schemas.events import ResourceSpecification

    from flows.automations import automations

    near, far = (automations(uuid4(), "/srv", far=far) for far in (False, True))
    assert [one.name.rpartition(" ")[2] for one in near] == ["failed", "crashed"]
    assert [one.name.rpartition(" ")[2] for one in far] == ["failed", "crashed", "late", "crashed"]
    for one in far:
        assert isinstance(one.trigger, EventTrigger)
        assert one.trigger.match_related == ResourceSpecification(
            {"prefect.resource.id": "prefect.tag.verdicts", "prefect.resource.role": "tag"}
        )


def test_the_operator_hears_once_a_day_of_a_run_that_crashed(services: Services) -> None:
    now = services.clock()
    with writing(services.engine) as session:
        for _ in range(2):
            alarms.run_went_wrong(services.settings, "send-2026-W47", "crashed", now)(session)
        alarms.run_went_wrong(services.settings, "send-2026-W47", "late", now)(session)
    with Session(services.engine) as session:
        titles = [one.data["title"] for one in session.exec(select(NoticeRow))]
    assert titles == ["The run send-2026-W47 has crashed", "The run send-2026-W47 is late"]


def test_a_secret_stands_in_a_block_and_in_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.blocks.system import Secret

    kept = {"mail-key": "SG.kept-in-a-block"}

    def load(name: str) -> Secret[str]:
        if name not in kept:
            raise ValueError(f"Unable to find block document named {name}")
        return Secret[str](value=kept[name])

    monkeypatch.setattr(Secret, "load", load)
    environment = {"SENDGRID_API_KEY_BLOCK": "mail-key", "PATH": "/bin"}
    assert blocks.with_blocks(environment)["SENDGRID_API_KEY"] == "SG.kept-in-a-block"
    assert "SENDGRID_API_KEY" not in environment
    assert blocks.with_blocks({**environment, "SENDGRID_API_KEY": "own"})["SENDGRID_API_KEY"] == "own"
    with pytest.raises(SettingsError, match="SMTP_PASSWORD_BLOCK: found 'gone'"):
        blocks.with_blocks({"SMTP_PASSWORD_BLOCK": "gone"})


def test_deploying_without_a_server_says_what_to_set(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    ran = verdicts("deploy", home=home)
    assert (ran.status, "PREFECT_API_URL is missing" in ran.err) == (2, True)
