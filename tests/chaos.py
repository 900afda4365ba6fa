"""Kill `verdicts send` again and again: `python -m tests.chaos --kills N --seed S [--postgresql] [--processes P]`.

Each round sends an edition through the local SendGrid, which misbehaves at random, with one or more processes at once
that are killed at random moments and at every named step, while readers leave; in the end everything is let alone until
it is done. Then the ledgers of both sides are compared, and a table shows what was survived.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, create_engine, make_url, text
from sqlmodel import Session, col, select

from digest.database import open_engine, upgrade
from digest.editions import Editions
from digest.settings import load_settings, make_home
from subscribers.ledger import Ledger
from subscribers.store import Subscribers
from subscribers.tables import BatchRow, DeliveryRow, EarlierCallRow, SubscriberRow
from tests import sendgrid
from tests.benchmarks.subscribers import postgresql
from tests.killed import STEPS
from tests.sendgrid import WAYS, Running
from tests.subscribers.readers import WEEK, approve, join

ROOT = Path(__file__).parent.parent

#: How long the stand-in's records lag behind, and after which time the program believes them: the longest call beside.
LAG_S, SETTLE_S = 0.5, 3

#: How long another process may need from a claim it had already to its call, when one is told to wait.
_GRACE_S = 0.5

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
    standin: Running
    dice: random.Random
    processes: int = 1
    readers: int = 200
    size: int = 5
    forgetful: bool = False
    left_at: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        make_home(self.folder)
        self.engine: Engine = open_engine(self.url)
        upgrade(self.engine)
        self.everyone = join(self.engine, self.readers)
        approve(self.engine)
        Editions(self.engine).start_sending(WEEK)

    def run(self, kills: int) -> Round:
        """Kill so often, then let it end; gives what came of it."""
        done = Round(self.readers)
        lacking = ["activity", "logs"] if self.forgetful else self.dice.choice(([], ["activity"]))
        self.standin.control(seed=self.dice.random(), odds=_odds(), lag_s=LAG_S, slow_s=0.2, lacking=lacking)
        while done.kills.total() < kills and not self._is_over():
            done.kills.update(self._some_lives())
        return self._ended(done)

    def survive(self, fates: list[tuple[str, int]], lacking: list[str]) -> Round:
        """Run one process after the other to these fates with a stand-in that behaves, then let it end."""
        done = Round(self.readers)
        self.standin.control(lag_s=LAG_S, lacking=lacking)
        for fate in fates:
            done.kills.update(self._lives([fate]))
        return self._ended(done)

    def _ended(self, done: Round) -> Round:
        """Let the work end without more kills, and compare."""
        self.standin.control(odds={}, reset_at=0)
        for _ in range(20):
            if self._is_over():
                break
            time.sleep(SETTLE_S / 2)
            done.kills.update(self._lives([("", 0)]))
        done.ways.update(call.way for call in self.standin.calls())
        done.kills.update(way for way in done.ways.elements() if way.startswith("kill "))
        _judge(self, done)
        self.engine.dispose()
        return done

    def _is_over(self) -> bool:
        """Tell whether nothing is left to do: with nothing to look up, what is in doubt stays so."""
        counts = Ledger(self.engine).counts(WEEK)
        return bool(counts.planned) and not counts.waiting and (self.forgetful or not counts.unknown)

    def _some_lives(self) -> Counter[str]:
        """Start some processes, each with a fate of its own, and let readers leave meanwhile."""
        fates = [self._fate() for _ in range(self.dice.randint(1, self.processes))]
        self._leave()
        return self._lives(fates)

    def _fate(self) -> tuple[str, int]:
        step = self.dice.choice((*STEPS[1:], "any moment", "any moment"))
        return step, self.dice.choice((1, 1, 2, 3, 5))

    def _lives(self, fates: list[tuple[str, int]]) -> Counter[str]:
        """Run processes to their ends; gives at which steps they were killed."""
        lives = [(step, self._start("" if step == "any moment" else step, nth)) for step, nth in fates]
        began, killed = time.monotonic(), Counter[str]()
        moments = {id(life): self.dice.uniform(0.5, 3.0) for step, life in lives if step == "any moment"}
        while any(life.poll() is None for _, life in lives):
            for step, life in lives:
                if life.poll() is None and time.monotonic() - began > moments.get(id(life), _HANGS_S):
                    life.kill()
                    killed[step or "hung"] += 1
            if self.dice.random() < 0.1:
                self._leave()
            time.sleep(0.02)
        killed.update(step for step, life in lives if life.returncode == -9 and step not in {"", "any moment"})
        failed = self.folder / "errors"
        assert all(life.returncode in {-9, 0, 1, 2} for _, life in lives), failed  # 2: somebody else's call held it
        assert "Traceback" not in failed.read_text(encoding="utf-8"), failed
        if (record := Editions(self.engine).require(WEEK)).held is not None and record.state == "sending":
            Editions(self.engine).release(WEEK)  # the person who was asked to act
        return killed

    def _start(self, step: str, nth: int) -> subprocess.Popen[bytes]:
        environment = os.environ | self.standin.environment() | {
            "VERDICTS_DATABASE_URL": self.url, "VERDICTS_SETTLE_S": str(SETTLE_S), "VERDICTS_SEND_TIMEOUT_S": "1",
            "VERDICTS_SEND_CONNECTIONS": str(self.dice.choice((1, 2, 4))),
        }  # fmt: skip
        command = [sys.executable, "-m", "tests.killed", step, str(nth), str(self.size)]
        command += ["send", WEEK, "--home", str(self.folder)]
        with (self.folder / "errors").open("ab") as errors:
            return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=errors)

    def _leave(self) -> None:
        """Let a reader go who has not left yet."""
        one = self.dice.choice(self.everyone)
        if one not in self.left_at and len(self.left_at) < self.readers // 10:
            key = load_settings(self.folder, {}).key("suppression_key")
            Subscribers(self.engine, key).leave(one, datetime.now(UTC), source="page")
            self.left_at[one] = datetime.now(UTC)


def _odds() -> dict[str, float]:
    """How often the stand-in does what: two calls in three go well."""
    rare = {"silence before": 0.01, "silence after": 0.01, "400": 0.01, "redirect": 0.005}
    ways = [way for way in WAYS if way not in {"accept", *rare}]
    return rare | dict.fromkeys(ways, 0.3 / len(ways))


def _judge(chaos: Chaos, done: Round) -> None:
    """Compare the stand-in's ledger with ours."""
    with Session(chaos.engine) as session:
        batches = {row.number: row for row in session.exec(select(BatchRow).where(BatchRow.week == WEEK))}
        deliveries = session.exec(select(DeliveryRow).where(DeliveryRow.week == WEEK)).all()
        emails = {row.id: row.email for row in session.exec(select(SubscriberRow).order_by(col(SubscriberRow.id)))}
    states = {one.subscriber_id: one.state or batches[one.batch].state for one in deliveries}
    mailed = Counter(reader for call in chaos.standin.ledger() for reader in call["ids"])
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
        "mailed, and we do not know": sorted(mailed.keys() - accepted - unknown),
        "unknown and not listed": sorted({emails[one] for one in unknown} ^ listed),
        "mailed after they left": sorted(_mailed_after_leaving(chaos, batches)),
        "called before the time to wait was over": _too_early(chaos, batches),
    }
    done.faults += [f"{what}: {len(whom)} ({', '.join(whom[:3])})" for what, whom in wrong.items() if whom]


def _mailed_after_leaving(chaos: Chaos, batches: dict[int, BatchRow]) -> Iterator[str]:
    claimed = {one.key: one.claimed_at for one in batches.values() if one.key and one.claimed_at}
    for call in chaos.standin.ledger():
        for reader in call["ids"]:
            left_at, claimed_at = chaos.left_at.get(reader), claimed.get(call["batch"])
            if left_at and claimed_at and left_at < claimed_at:
                yield reader


def _too_early(chaos: Chaos, batches: dict[int, BatchRow]) -> list[str]:
    """Calls that began while the stand-in had asked to wait; a process killed with the answer in hand told nobody."""
    with Session(chaos.engine) as session:
        untold = {one.key for one in batches.values()} | set(session.exec(select(EarlierCallRow.key)))
    calls = chaos.standin.calls()
    told = [one for one in calls if one.way == "429" and not one.limited and one.batch not in untold]
    return [
        f"{one.reset - call.began:.2f} s too early"
        for one in told
        for call in calls
        if one.ended + _GRACE_S < call.began < one.reset
    ]


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
    folder: Path, server: str | None, seed: int, kills: int, processes: int, *, forgetful: bool = False,
    readers: int = 200,
) -> Round:  # fmt: skip
    """Do one round in an empty folder; with `forgetful` nothing can be looked up at the stand-in."""
    dice = random.Random(seed)  # noqa: S311 - the same chances again for the same seed
    folder.mkdir(parents=True)
    with database(server, folder) as url, sendgrid.running(folder / "sendgrid") as standin:
        return Chaos(folder / "home", url, standin, dice, processes, readers, forgetful=forgetful).run(kills)


def main() -> int:
    """Do rounds until there were enough kills; 1 when anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--processes", type=int, default=3)
    options = parser.parse_args()
    rounds: list[Round] = []
    began = datetime.now(UTC)
    with postgresql() if options.postgresql else nullcontext() as server:
        while (killed := sum(one.kills.total() for one in rounds)) < options.kills:
            folder, seed = Path(tempfile.mkdtemp(prefix="verdicts-chaos-")), options.seed + len(rounds)
            some = min(15, options.kills - killed)
            rounds.append(one_round(folder / "round", server, seed, some, options.processes, forgetful=seed % 3 == 0))
            _say(f"seed {seed}: {rounds[-1].kills.total()} kills, {'; '.join(rounds[-1].faults) or 'nothing wrong'}")
            if not rounds[-1].faults:
                shutil.rmtree(folder)
    _table(rounds, datetime.now(UTC) - began)
    return 1 if any(one.faults for one in rounds) else 0


def _table(rounds: list[Round], took: timedelta) -> None:
    for what in ("kills", "ways", "ends"):
        found: Counter[str] = sum((getattr(one, what) for one in rounds), Counter())
        _say(f"\n{ {'kills': 'killed', 'ways': 'calls', 'ends': 'readers'}[what] }: {found.total()}")
        for name, count in found.most_common():
            _say(f"  {count:6} {name}")
    _say(f"\n{len(rounds)} editions, {sum(one.readers for one in rounds)} readers, {took.total_seconds():.0f} s")
    _say("\n".join(fault for one in rounds for fault in one.faults) or "nobody twice, nobody lost, nothing untold")


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - for whoever runs it


if __name__ == "__main__":
    sys.exit(main())
