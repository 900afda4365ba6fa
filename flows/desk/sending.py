"""An edition's way to its readers, at the desk: tested, sent in a thread of its own, watched, stopped and settled."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from functools import partial

from digest.editions import EditionRecord
from digest.errors import SendError, SettingsError, Stale
from digest.undoing import Scope
from digest.weeks import due_in
from flows import reconciling, sending
from flows.checking import check_edition
from flows.desk.counting import Counting
from flows.desk.hands import Hands
from flows.desk.keeping import kept, require_unchanged
from flows.services import Services
from pages.desk.steps import ForSending, Going, LastTest, LookedUp, Running, Sending
from subscribers.addressing import fold
from subscribers.audience import counts
from subscribers.claiming import myself
from subscribers.ending import may_be_taken_back
from subscribers.pacing import Pace, Rest
from subscribers.progress import Hand, Progress, in_doubt, progress, refused

#: Addresses that one test may go to.
_MOST_TESTS = 20

#: Refused readers that are named, and readers of each call in doubt.
_NAMED = 20


class _Memory:
    """What the desk keeps until it ends: what it sends, and what came of the last test and look-up of each week."""

    def __init__(self, services: Services) -> None:
        self.hands = Hands()
        self.audience: Counting[Mapping[str, int]] = Counting(partial(_audience, services), services.clock)
        self.tested: dict[str, LastTest] = {}
        self.looked_up: dict[str, LookedUp] = {}


def sending_page(services: Services) -> ForSending:
    """Make the steps of the page."""
    memory = _Memory(services)

    def named(who: str) -> Services:
        return services.named(who)

    return ForSending(
        look=lambda week: _look(named(""), memory, week),
        going=lambda week: _going(services, memory.hands, week),
        test=lambda who, week, addresses: _test(named(who), memory, week, addresses),
        begin=lambda who, week, revision: _begin(named(who), memory.hands, week, revision),
        stop=lambda who, week: _stop(named(who), memory.hands, week),
        settle=lambda who, week, decision, keys, waiting: _settle(
            named(who), memory, week, decision, keys, waiting
        ),
        end=memory.hands.end,
    )  # fmt: skip


def _look(services: Services, memory: _Memory, week: str) -> Sending:
    record, settings, now = services.editions.of(week), services.settings, services.clock()
    going = _going(services, memory.hands, week)
    told, due = going.progress.counts if going else None, due_in(week, settings.send_at, settings.zone)
    return Sending(
        edition=record,
        findings=check_edition(services, record) if record and record.state in {"draft", "approved"} else (),
        audience=memory.audience(week),
        through=settings.sender,
        suggested=settings.editors,
        going=going,
        back=bool(record and _may_be_taken_back(services, record, going)),
        too_late=due is not None and now > due + timedelta(hours=settings.expires_after_h),
        refused=refused(services.engine, week, _NAMED) if told and told.refused else (),
        in_doubt=in_doubt(services.engine, week, _NAMED) if told and told.unknown else (),
        tested=memory.tested.get(week),
        looked_up=memory.looked_up.get(week),
    )


def _may_be_taken_back(services: Services, record: EditionRecord, going: Going | None) -> bool:
    if record.state != "sending" or record.held is None or going is None:
        return False
    told = going.progress.counts  # where somebody has it, no need to look through everybody
    return not (told.accepted or told.unknown or told.given_up) and may_be_taken_back(services.engine, record.week)


def _audience(services: Services, week: str) -> Mapping[str, int]:
    return counts(services.engine, services.clock(), week)


# How it goes


def _going(services: Services, hands: Hands, week: str) -> Going | None:
    """Tell how an edition goes out, None while it was not begun."""
    pulse = services.editions.pulse(week)
    if pulse is None or pulse[1] not in {"sending", "sent"}:
        return None
    _, state, held = pulse
    pace = Pace(services.settings.pace_per_hour or None, services.settings.pace_per_day or None)
    found, mine = progress(services.engine, week, services.clock(), pace), hands.running(week)
    if mine and mine.held and held is None:  # released since: why it ended is over
        mine = None
    others = tuple((_whose(one), one) for one in found.hands)
    said = tuple(_said(services, found, mine, others, held)) if state == "sending" else ()
    return Going(found, mine, others, said, waits=_rest(found, mine) is not None and not found.busy)


def _whose(hand: Hand) -> str:
    """Name the process that makes a call as people know it."""
    machine, process, _ = hand.claimed_by.rsplit(":", 2)
    if hand.claimed_by == myself():
        return "this desk"
    here = machine == myself().rsplit(":", 2)[0]
    return f"process {process} on {'this machine' if here else machine.split('/')[0]}"


def _said(
    services: Services, found: Progress, mine: Running | None, hands: Sequence[tuple[str, Hand]], held: str | None
) -> list[str]:
    """Say who sends it and for what it waits, or why nobody does."""
    zone, others = services.settings.zone, sorted({whose for whose, one in hands if not one.gone} - {"this desk"})
    runs = mine is not None and not mine.ended
    said = [f"It is held: {held}"] if held is not None else []
    if mine and runs:
        said.append(f"This desk sends it for {mine.by}, also when this page is closed.")
    if mine and runs and mine.stopping:
        said.append("It was stopped; calls under way end first.")
    said += [f"{whose[:1].upper()}{whose[1:]} sends it." for whose in others]
    gone = sum(hand.readers for _, hand in hands if hand.gone)
    if gone:
        said.append(f"A process that is gone left {gone} readers in doubt; going on looks them up.")
    rest = _rest(found, mine)
    if rest and rest.until and not held:
        said.append(f"It waits until {rest.until.astimezone(zone):%H:%M:%S %Z}: {rest.why}")
    if not runs and not others and held is None:
        waits = "Nobody sends it just now. Where “verdicts serve” runs, it goes on within minutes."
        settled = "Everybody else has an outcome. It ends once those in doubt are settled."
        said.append(settled if found.counts.unknown and not found.counts.waiting else waits)
    return said


def _rest(found: Progress, mine: Running | None) -> Rest | None:
    """Say for what it waits, None where it goes on or ended."""
    return (mine.waits if mine and not mine.ended else None) or found.rest or found.retry


# What is done


def _test(services: Services, memory: _Memory, week: str, typed: str) -> None:
    addresses = _addresses(typed)
    by, at, through = services.by, services.clock(), services.settings.sender
    try:
        done = sending.send_test(services, week, addresses)
    except SendError as error:  # nobody may take the test before for this one
        memory.tested[week] = LastTest(by, at, through, (), dict.fromkeys(addresses, str(error)), ())
        raise
    finally:
        if "sender" in vars(services):
            services.sender.close()
    memory.tested[week] = LastTest(by, at, through, done.got, done.missed, done.findings)


def _addresses(typed: str) -> list[str]:
    """Read addresses that are parted by commas, semicolons or space.

    Raises:
        SettingsError: There are none, too many, or some are none; all of those are named.
    """
    addresses = re.split(r"[\s,;]+", typed.strip(" \t\r\n,;")) if typed.strip(" \t\r\n,;") else []
    if not 0 < len(addresses) <= _MOST_TESTS:
        raise SettingsError(f"A test goes to 1 to {_MOST_TESTS} addresses; found {len(addresses)}. Nothing was sent.")
    wrong = []
    for one in addresses:
        try:
            fold(one)
        except ValueError as error:
            wrong.append(f"{one[:80]}: {error}")
    if wrong:
        raise SettingsError("\n".join([*wrong, "Nothing was sent."]))
    return addresses


def _begin(services: Services, hands: Hands, week: str, revision: int) -> None:
    going = require_unchanged(services, week, revision).state == "sending"
    hands.begin(services, week)
    said = f"Went on sending {week}" if going else f"Began to send {week}"
    services.journal.tell(week, services.by, services.clock(), said)


def _stop(services: Services, hands: Hands, week: str) -> None:
    """Hold an edition, so that no process goes on with it, and end what this desk sends of it at once."""
    hands.stop(week)
    why = f"{services.by} stopped it"
    kept(services, Scope(week), lambda: services.editions.hold(week, why), f"Stopped {week}")


def _settle(services: Services, memory: _Memory, week: str, decision: str, keys: Collection[str], waiting: int) -> None:
    """Look up who is in doubt, and do what was decided, of nobody who was not shown."""
    decide: Mapping[str, reconciling.Decision] = {"resend": "resend", "give up": "give up"}

    def shown(asked: reconciling.Question) -> bool:
        if {one.key for one in asked.doubtful} <= set(keys) and asked.waiting <= waiting:
            return True
        raise Stale("Others came to be in doubt, or to wait, since this page was opened; nobody was decided on.")

    try:
        done = reconciling.reconcile(services, week, decide.get(decision), services.by, shown)
    finally:
        if "sender" in vars(services):
            services.sender.close()
    memory.looked_up[week] = LookedUp(services.by, services.clock(), tuple(_settled(done, decision)))


def _settled(done: reconciling.Reconciled, decision: str) -> list[str]:
    """Say what came of calls that were looked up, and of readers who were decided on."""

    def many(number: int, what: str) -> str:
        return f"{number:,} {what}{'' if number == 1 else 's'}"

    settled, doubtful = done.settled, len(done.unknown)
    early = [at for one in done.unknown if (at := done.open_until(one.claimed_at))]
    said = (
        (settled["accepted"], f"{many(settled['accepted'], 'call')} went out."),
        (settled["planned"], f"{many(settled['planned'], 'call')} did not go out: those readers wait for another."),
        (done.decided, f"{many(done.decided, 'reader')} {_DECIDED.get(decision, '')}."),
        (len(done.busy), f"{many(len(done.busy), 'call')} under way just now."),
        (doubtful, f"Still in doubt: {many(doubtful, 'reader')}."),
        (len(early), f"Of {len(early):,} the sender can still tell, until {max(early, default=done.at):%H:%M:%S} UTC;"
                     " they were left alone."),
        (len(done.unasked), f"The sender could not be asked: {done.unasked}"),
    )  # fmt: skip
    return [words for number, words in said if number] or ["Nobody is in doubt."]


_DECIDED = {"resend": "to be sent to again", "give up": "counted as not reached"}
