"""A name server of a test: real answers over UDP, from a table."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rrset


@contextmanager
def serving(table: Mapping[tuple[str, str], list[str]]) -> Iterator[str]:
    """Answer what the table holds by name and type, such as ("a.example", "TXT"); gives HOST:PORT.

    It is read at each question; a name that is not in it at all does not exist. CNAMEs are followed within it.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.1)
        stop = threading.Event()
        thread = threading.Thread(target=_answer, args=(server, table, stop), daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            stop.set()
            thread.join(5)


def _answer(server: socket.socket, table: Mapping[tuple[str, str], list[str]], stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            packet, client = server.recvfrom(4096)
        except TimeoutError:
            continue
        server.sendto(_reply(dns.message.from_wire(packet), table).to_wire(), client)


def _reply(asked: dns.message.Message, table: Mapping[tuple[str, str], list[str]]) -> dns.message.Message:
    question = asked.question[0]
    name, kind = question.name.to_text(omit_final_dot=True), question.rdtype.name
    reply = dns.message.make_response(asked)
    reply.flags |= dns.flags.RA
    while target := table.get((name, "CNAME")):
        reply.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "CNAME", *target))
        name = target[0].rstrip(".")
    if values := table.get((name, kind)):
        reply.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", kind, *values))
    elif not any(known == name for known, _ in table):
        reply.set_rcode(dns.rcode.NXDOMAIN)
    return reply
