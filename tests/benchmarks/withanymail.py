"""Sending as django-anymail does it: `python -m tests.benchmarks.withanymail ADDRESS RECIPIENTS SIZE CONNECTIONS`.

Gives its SendGrid backend the edition that we send, with each reader's own links, in calls of SIZE recipients as its
documentation has people send to many (`merge_data`), and prints the seconds that took. With SIZE 1 everyone gets a mail
of their own. It plans, claims and records nothing. CONNECTIONS threads share the work; Django alone has one.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import django
from anymail.message import AnymailMessage
from django.conf import settings
from django.core.mail import get_connection

from digest.model import READER, Message
from tests.benchmarks.sending import message
from tests.sendgrid import KEY
from tests.subscribers.readers import IDENTITY


def letter_to(numbers: Sequence[int], edition: Message) -> AnymailMessage:
    """One message to these readers, who do not see each other."""
    tokens = {f"reader{one}@example.org": f"{one:016x}{'t' * 22}" for one in numbers}
    mail = AnymailMessage(
        edition.subject, edition.text, f"{IDENTITY.from_name} <{IDENTITY.from_email}>",
        [f"Reader {one} <reader{one}@example.org>" for one in numbers],
    )  # fmt: skip
    mail.attach_alternative(edition.html, "text/html")
    mail.merge_data = {email: {READER: token} for email, token in tokens.items()}
    mail.merge_metadata = {email: {"delivery": token[:16]} for email, token in tokens.items()}
    mail.merge_headers = {
        email: {
            "List-Unsubscribe": f"<https://verdicts.example.org/leave/{token}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
        for email, token in tokens.items()
    }
    return mail


def send(recipients: int, size: int, connections: int) -> float:
    """Send to everyone in order, so many threads with a connection each; seconds."""
    edition, calls = message(), [range(at, at + size) for at in range(0, recipients, size)]

    def share(number: int) -> int:
        with get_connection() as connection:
            return sum(connection.send_messages([letter_to(one, edition)]) for one in calls[number::connections])

    started = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        sent = sum(pool.map(share, range(connections)))
    took = time.perf_counter() - started
    if sent != len(calls):
        raise SystemExit(f"{sent} of {len(calls)} messages were taken")
    return took


def main(address: str, recipients: int, size: int, connections: int) -> None:
    """Set Django up as its backend asks for, and send."""
    warnings.simplefilter("ignore")  # it says that SendGrid is no longer among what its makers test
    settings.configure(
        EMAIL_BACKEND="anymail.backends.sendgrid.EmailBackend",
        ANYMAIL={"SENDGRID_API_KEY": KEY, "SENDGRID_API_URL": f"{address}/v3/", "SENDGRID_MERGE_FIELD_FORMAT": "{}"},
    )
    django.setup()
    sys.stdout.write(f"{send(recipients, size, connections)}\n")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:5]))
