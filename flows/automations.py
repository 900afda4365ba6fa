"""What Prefect does by itself: the operator hears of runs that failed, crashed or came late."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from flows.deployments import NAME

from prefect.client.orchestration import PrefectClient  # isort: skip - after flows.runs, which sets Prefect up
from prefect.client.schemas.objects import StateType  # isort: skip
from prefect.events.actions import ChangeFlowRunState, RunDeployment  # isort: skip
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture  # isort: skip

#: How long a run may be late until somebody hears of it: workers ask every ten seconds, and one may be busy.
_LATE = timedelta(minutes=10)

#: How long a run may be silent until it counts as dead: it tells every three minutes that it lives.
_SILENT = timedelta(minutes=9)

_ENDS = ("Completed", "Failed", "Crashed", "Cancelled", "TimedOut")


async def register(client: PrefectClient, home: str, *, far: bool) -> None:
    """Make the automations, or bring those there are to what they should be; for `far` see `automations`."""
    alarm = (await client.read_deployment_by_name(f"alarm/{NAME}")).id
    for wanted in automations(alarm, home, far=far):
        known = await client.read_automations_by_name(wanted.name)
        if known:
            await client.update_automation(known[0].id, wanted)
        else:
            await client.create_automation(wanted)


def automations(alarm: UUID, home: str, *, far: bool) -> list[AutomationCore]:
    """Give the automations; `alarm` is the deployment that writes to the operator of the home folder.

    Workers that are `far` may be gone without a word: then silence tells. `verdicts serve` sees its own runs end, and
    its Prefect, on SQLite, would be busy with noting each sign of life.
    """
    ends = [
        _telling("failed", {"expect": {"prefect.flow-run.Failed"}}, alarm, home),
        _telling("crashed", {"expect": {"prefect.flow-run.Crashed"}}, alarm, home),
    ]
    return [*ends, *_of_silence(alarm, home)] if far else ends


def _of_silence(alarm: UUID, home: str) -> list[AutomationCore]:
    return [
        _telling(
            "late",
            {"after": {"prefect.flow-run.Late"}, "expect": _events("Pending", "Running", *_ENDS)}
            | {"posture": Posture.Proactive, "within": _LATE},
            alarm,
            home,
        ),
        AutomationCore(
            name=f"{NAME}: a run that is silent has crashed",
            description="Its process was killed, or its machine is gone: then nobody else tells of it.",
            trigger=_trigger(
                after={"prefect.flow-run.heartbeat"},
                expect={"prefect.flow-run.heartbeat", *_events(*_ENDS)},
                posture=Posture.Proactive,
                within=_SILENT,
            ),
            actions=[ChangeFlowRunState(state=StateType.CRASHED, message="It was silent for too long.")],
        ),
    ]


def _telling(state: str, when: Mapping[str, Any], alarm: UUID, home: str) -> AutomationCore:
    # Prefect makes a name up for a run that has not begun, and a worker that is away lets many of them be late.
    name = "{{ flow.name }}" if state == "late" else "{{ flow_run.name }}"
    run = {"__prefect_kind": "jinja", "template": name}
    return AutomationCore(
        name=f"{NAME}: tell of a run that {'is' if state == 'late' else 'has'} {state}",
        description="Asks for a letter to the operator.",
        trigger=_trigger(**when),
        actions=[RunDeployment(deployment_id=alarm, parameters={"home": home, "run": run, "state": state})],
    )


def _trigger(**when: Any) -> EventTrigger:
    """Give what waits for events of our own runs, of each run by itself."""
    ours = {"prefect.resource.id": f"prefect.tag.{NAME}", "prefect.resource.role": "tag"}
    about = {"match": {"prefect.resource.id": "prefect.flow-run.*"}, "match_related": ours}
    how = {"posture": Posture.Reactive, "threshold": 1, "for_each": {"prefect.resource.id"}, **when}
    return EventTrigger.model_validate({**about, **how})


def _events(*states: str) -> set[str]:
    return {f"prefect.flow-run.{state}" for state in states}
