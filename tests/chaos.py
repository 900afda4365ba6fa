"""Kill `verdicts send` again and again: `python -m tests.chaos --kills N --seed S [--sender smtp] [--postgresql]`.

Each round sends an edition through the local SendGrid or a mail server, which misbehaves at random, with one or more
processes at once that are killed at random moments and at every named step, while readers leave; in the end everything
is let alone until it is done. Then the ledgers of both sides are compared, and a table shows what was survived.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import get_args

from sqlalchemy import Engine, create_engine, make_url, text
from sqlmodel import Session, col, select

from digest.database import open_engine, upgrade
from digest.editions import Editions
from digest.settings import load_settings, make_home
from subscribers.ledger import Ledger
from subscribers.store import Subscribers
from subscribers.tables import BatchRow, DeliveryRow, EarlierCallRow, SubscriberRow
from tests import killed, processes
from tests.benchmarks.subscribers import postgresql
from tests.receivers import Letter, MailServer, Name, Receiver, receiving
from tests.subscribers.readers import WEEK, approve, join

#: Lives, a few at once, that are spent for a kill at most.
_LIVES = 10

#: A process that takes longer than this hangs.
_HANGS_S = 120


@dataclass
class Round:
    """One edition: what was done to it, and what was found wrong in the end."""

    readers: int
    kills: Counter[str] = field(default_factory=Counter)
    ways: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


@dataclass
class Chaos:
    """What a round works with; the dice decide everything that is left to chance."""

    folder: Path
    url: str
    receiver: Receiver
    dice: random.Random
    processes: int = 1
    readers: int = 200
    size: int = 5
    left_at: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        make_home(self.folder)
        (self.folder / "errors").touch()  # a process may be killed before it can say anything
        self.engine: Engine = open_engine(self.url)
        upgrade(self.engine)
        self.everyone = join(self.engine, self.readers)
        approve(self.engine)
        Editions(self.engine).start_sending(WEEK)

    def run(self, kills: int) -> Round:
        """Kill so often, then let it end; gives what came of it."""
        done = Round(self.readers)
        self.receiver.misbehave(self.dice)
        for _ in range(_LIVES * kills):
            if done.kills.total() >= kills or self._is_over():
                break
            done.kills.update(self._some_lives())
        return self._ended(done)

    def survive(self, fates: list[tuple[str, int]]) -> Round:
        """Run one process after the other to these fates with a receiver that behaves, then let it end."""
        done = Round(self.readers)
        self.receiver.behave()
        for fate in fates:
            done.kills.update(self._lives([fate]))
        return self._ended(done)

    def _ended(self, done: Round) -> Round:
        """Let the work end without more kills, and compare."""
        self.receiver.behave()
        for _ in range(20):
            if self._is_over():
                break
            time.sleep((self.receiver.settle_s or 0.2) / 2)
            done.kills.update(self._lives([("", 0)]))
        done.ways.update(self.receiver.ways())
        done.kills.update(way for way in done.ways.elements() if way.startswith("kill"))
        _judge(self, done)
        self.engine.dispose()
        return done

    def _is_over(self) -> bool:
        """Tell whether nothing is left to do: with nothing to look up, what is in doubt stays so."""
        counts = Ledger(self.engine).counts(WEEK)
        return bool(counts.planned) and not counts.waiting and not (self.receiver.settle_s and counts.unknown)

    def _some_lives(self) -> Counter[str]:
        """Start some processes, each with a fate of its own, and let readers leave meanwhile."""
        fates = [self._fate() for _ in range(self.dice.randint(1, self.processes))]
        self._leave()
        return self._lives(fates)

    def _fate(self) -> tuple[str, int]:
        steps = killed.SMTP_STEPS if isinstance(self.receiver, MailServer) else killed.STEPS
        step = self.dice.choice((*steps[1:], "any moment", "any moment"))
        return step, self.dice.choice((1, 1, 2, 3, 5))

    def _lives(self, fates: list[tuple[str, int]]) -> Counter[str]:
        """Run processes to their ends; gives at which steps they were killed."""
        lives = [(step, self._start("" if step == "any moment" else step, nth)) for step, nth in fates]
        began, deaths = time.monotonic(), Counter[str]()
        moments = {id(life): self.dice.uniform(0.1, 1.5) for step, life in lives if step == "any moment"}
        while any(life.exitcode is None for _, life in lives):
            for step, life in lives:
                if life.exitcode is None and time.monotonic() - began > moments.get(id(life), _HANGS_S):
                    life.kill()
                    deaths[step or "hung"] += 1
                    life.join()
            if self.dice.random() < 0.1:
                self._leave()
            time.sleep(0.02)
        deaths.update(step for step, life in lives if life.exitcode == -9 and step not in {"", "any moment"})
        failed = self.folder / "errors"
        assert all(life.exitcode in {-9, 0, 1, 2} for _, life in lives), failed  # 2: somebody else's call held it
        assert "Traceback" not in failed.read_text(encoding="utf-8"), failed
        if (record := Editions(self.engine).require(WEEK)).held is not None and record.state == "sending":
            Editions(self.engine).release(WEEK)  # the person who was asked to act
        return deaths

    def _start(self, step: str, nth: int) -> ForkServerProcess:
        environment = self.receiver.environment() | {
            "VERDICTS_DATABASE_URL": self.url, "VERDICTS_SEND_TIMEOUT_S": "1",
            "VERDICTS_SEND_CONNECTIONS": str(self.dice.choice((1, 2, 4))),
        }  # fmt: skip
        words = ["send", WEEK, "--home", str(self.folder)]
        return processes.start(
            killed.run, step, nth, self.size, words, environment, self.folder, self.folder / "errors"
        )

    def _leave(self) -> None:
        """Let a reader go who has not left yet."""
        one = self.dice.choice(self.everyone)
        if one not in self.left_at and len(self.left_at) < self.readers // 10:
            key = load_settings(self.folder, {}).key("suppression_key")
            Subscribers(self.engine, key).leave(one, datetime.now(UTC), source="page")
            self.left_at[one] = datetime.now(UTC)


def _judge(chaos: Chaos, done: Round) -> None:
    """Compare the receiver's ledger with ours."""
    with Session(chaos.engine) as session:
        batches = {row.number: row for row in session.exec(select(BatchRow).where(BatchRow.week == WEEK))}
        deliveries = session.exec(select(DeliveryRow).where(DeliveryRow.week == WEEK)).all()
        untold = {*(one.key for one in batches.values()), *session.exec(select(EarlierCallRow.key))}
        emails = {row.id: row.email for row in session.exec(select(SubscriberRow).order_by(col(SubscriberRow.id)))}
    states = {one.subscriber_id: one.state or batches[one.batch].state for one in deliveries}
    keys = {one.subscriber_id: batches[one.batch].key for one in deliveries}
    letters = chaos.receiver.letters()
    mailed = Counter(one.reader for one in letters)
    done.ends.update(states.values())
    accepted, unknown = (
        {reader for reader, state in states.items() if state == one} for one in ("accepted", "unknown")
    )
    planned_late = set(chaos.everyone) - states.keys() - chaos.left_at.keys()
    listed = {one.email for one in Ledger(chaos.engine).unknown(WEEK)}
    wrong = {
        "got it twice": [reader for reader, times in mailed.items() if times > 1],
        "vanished": sorted(planned_late | {one for one, state in states.items() if state in {"planned", "claimed"}}),
        "accepted and never mailed": sorted(accepted - mailed.keys()),
        "accepted in a call that did not carry them": [
            one.reader for one in letters if one.reader in accepted and one.key != keys[one.reader]
        ],
        "mailed, and we do not know": sorted(mailed.keys() - accepted - unknown),
        "unknown and not listed": sorted({emails[one] for one in unknown} ^ listed),
        "mailed after they left": sorted(_mailed_after_leaving(chaos, letters, batches)),
        "called before the time to wait was over": chaos.receiver.too_early(untold),
    }
    done.faults += [f"{what}: {len(whom)} ({', '.join(whom[:3])})" for what, whom in wrong.items() if whom]


def _mailed_after_leaving(chaos: Chaos, letters: list[Letter], batches: dict[int, BatchRow]) -> Iterator[str]:
    claimed = {one.key: one.claimed_at for one in batches.values() if one.key and one.claimed_at}
    for one in letters:
        left_at, claimed_at = chaos.left_at.get(one.reader), claimed.get(one.key)
        if left_at and claimed_at and left_at < claimed_at:
            yield one.reader


@contextmanager
def database(server: str | None, folder: Path) -> Iterator[str]:
    """Give an empty database: of a PostgreSQL server, else a file."""
    if server is None:
        yield f"sqlite:///{folder / 'verdicts.db'}"
        return
    name = f"chaos_{os.urandom(5).hex()}"
    admin = create_engine(make_url(server), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


def one_round(
    folder: Path, server: str | None, seed: int, kills: int, *, sender: Name = "sendgrid", together: int = 1,
    forgetful: bool = False, readers: int = 200,
) -> Round:  # fmt: skip
    """Do one round in an empty folder; with `forgetful` nothing can be looked up at the local SendGrid."""
    dice = random.Random(seed)  # noqa: S311 - the same chances again for the same seed
    folder.mkdir(parents=True)
    settling = {"settle_s": None} if forgetful else {}
    with database(server, folder) as url, receiving(sender, folder / sender, **settling) as receiver:
        return Chaos(folder / "home", url, receiver, dice, together, readers).run(kills)


def main() -> int:
    """Do rounds until there were enough kills; 1 when anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sender", choices=get_args(Name), default="sendgrid")
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--processes", type=int, default=3)
    options = parser.parse_args()
    rounds: list[Round] = []
    began = datetime.now(UTC)
    with postgresql() if options.postgresql else nullcontext() as server:
        while (killed := sum(one.kills.total() for one in rounds)) < options.kills:
            folder, seed = Path(tempfile.mkdtemp(prefix="verdicts-chaos-")), options.seed + len(rounds)
            some = min(15, options.kills - killed)
            how = {"sender": options.sender, "together": options.processes, "forgetful": seed % 3 == 0}
            rounds.append(one_round(folder / "round", server, seed, some, **how))
            _say(f"seed {seed}: {rounds[-1].kills.total()} kills, {'; '.join(rounds[-1].faults) or 'nothing wrong'}")
            if not rounds[-1].faults:
                shutil.rmtree(folder)
    _table(rounds, datetime.now(UTC) - began)
    return 1 if any(one.faults for one in rounds) else 0


def _table(rounds: list[Round], took: timedelta) -> None:
    for what, name in (("kills", "killed"), ("ways", "calls or letters"), ("ends", "readers")):
        found: Counter[str] = sum((getattr(one, what) for one in rounds), Counter())
        _say(f"\n{name}: {found.total()}")
        for one, count in found.most_common():
            _say(f"  {count:6} {one}")
    _say(f"\n{len(rounds)} editions, {sum(one.readers for one in rounds)} readers, {took.total_seconds():.0f} s")
    _say("\n".join(fault for one in rounds for fault in one.faults) or "nobody twice, nobody lost, nothing untold")


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - for whoever runs it


if __name__ == "__main__":
    sys.exit(main())
