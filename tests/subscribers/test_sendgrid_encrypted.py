"""SendGrid is called over connections that are encrypted, stay open, and carry no key where no certificate vouches."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from digest.errors import SendHalted, SendLater, SendUnknown
from digest.settings import Settings
from subscribers.addressing import Batch
from subscribers.senders import Doubt
from subscribers.senders.sendgrid import SendGrid, open_sender
from tests import sendgrid
from tests.certificates import certificate
from tests.examples import NOW
from tests.sendgrid import Running
from tests.subscribers.mailing import batch
from tests.subscribers.readers import MESSAGE


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("encrypted")
    certificate(made, "127.0.0.1")
    return made


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[Running]:
    with sendgrid.running(folder, encrypted=True) as running:
        yield running


@pytest.fixture
def trusted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "certificate.pem"))


def opened(service: Running) -> SendGrid:
    return open_sender(Settings(send_timeout_s=1), service.environment() | {"SENDGRID_LOOKUP": "activity"})


@pytest.fixture
def sender(service: Running, trusted: None) -> Iterator[SendGrid]:
    sender = opened(service)
    yield sender
    sender.close()


def fresh() -> Batch:
    return batch(key=os.urandom(12).hex())


def connections(service: Running, calls: list[Batch]) -> list[int]:
    """From which ports these calls came, in order."""
    keys = {one.key for one in calls}
    return [call.connection for call in service.calls() if call.batch in keys]


def test_calls_and_questions_share_one_connection(service: Running, sender: SendGrid) -> None:
    calls = [fresh() for _ in range(8)]
    for sent in calls:
        assert sender.send(sent).message_id
        assert sender.found(Doubt(sent.week, sent.key, NOW, ())) is True

    assert len(set(connections(service, calls))) == 1


def test_threads_have_a_connection_each_and_keep_it(service: Running, sender: SendGrid) -> None:
    calls = [fresh() for _ in range(24)]
    with ThreadPoolExecutor(4) as pool:
        assert all(receipt.message_id for receipt in pool.map(sender.send, calls))
    found = connections(service, calls)
    assert len(found) == 24
    assert len(set(found)) <= 4


def test_a_large_call_goes_over_the_same_connection(service: Running, sender: SendGrid) -> None:
    """More than one record holds, and more than a socket takes at once."""
    large = replace(fresh(), message=replace(MESSAGE, html=MESSAGE.html + "x" * 5_000_000))
    calls = [fresh(), large, fresh()]
    for sent in calls:
        sender.send(sent)
    assert len(set(connections(service, calls))) == 1


@pytest.mark.parametrize("way", ["reset after", "silence after", "half after", "500 after"])
def test_an_answer_that_is_lost_leaves_the_call_in_doubt_and_the_next_goes_over_a_new_connection(
    service: Running, sender: SendGrid, way: str
) -> None:
    calls = [fresh(), fresh(), fresh()]
    sender.send(calls[0])
    service.control(plan=[way])
    with pytest.raises(SendUnknown):
        sender.send(calls[1])
    assert sender.send(calls[2]).message_id
    first, second, third = connections(service, calls)
    assert first == second != third


def test_a_refusal_before_the_whole_call_has_left_is_read(service: Running, sender: SendGrid) -> None:
    service.control(plan=["413"])
    with pytest.raises(SendHalted, match="413"):
        sender.send(fresh())


def test_a_service_that_was_started_anew_costs_nobody_an_answer(tmp_path: Path, trusted: None, folder: Path) -> None:
    """The connection that rested ended with it; that shows before a call goes over it."""
    with sendgrid.running(folder, encrypted=True) as service:
        sender = opened(service)
        assert sender.send(fresh()).message_id
        port = int(service.address.rpartition(":")[2])
    with sendgrid.running(folder, port=port, encrypted=True):
        assert sender.send(fresh()).message_id
    with pytest.raises(SendLater, match="Connection refused"):
        sender.send(fresh())
    sender.close()


def test_whom_no_certificate_vouches_for_gets_neither_key_nor_letter(service: Running) -> None:
    before = len(service.calls())
    with pytest.raises(SendLater, match=r"self.signed certificate"):
        opened(service).send(fresh())
    assert len(service.calls()) == before
