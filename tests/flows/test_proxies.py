"""The proxies of docs/operating.md, as it has them, in front of the real pages."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlmodel import Session, col, select

from pages.consent import WORDING_VERSION
from pages.shielding import MOST_EVENT_BYTES
from subscribers.links import form_stamp
from subscribers.tables import ConsentRow
from tests.certificates import certificate
from tests.flows.served import Served, served
from tests.ports import free_port

_DOCS = Path(__file__).parents[2] / "docs" / "operating.md"

#: Debian has nginx where only administrators look.
_PATH = "/usr/sbin:/usr/bin"

#: A client in a network of its own, as far as this machine goes, and what it claims to be.
_CLIENT, _CLAIM = "127.7.0.9", "203.0.113.7"


def _written(language: str) -> str:
    """The only block of a language in the documentation."""
    (block,) = re.findall(rf"^```{language}\n(.*?)^```$", _DOCS.read_text(), re.MULTILINE | re.DOTALL)
    return str(block)


@contextmanager
def _nginx(folder: Path, behind: int) -> Iterator[tuple[str, ssl.SSLContext]]:
    port, made = free_port(), certificate(folder, "127.0.0.1")
    text = _written("nginx")
    for said, here in (
        ("listen 443", f"listen 127.0.0.1:{port}"), ("/etc/ssl/verdicts/fullchain.pem", str(made.trust)),
        ("/etc/ssl/verdicts/key.pem", str(folder / "key.pem")), ("127.0.0.1:8000", f"127.0.0.1:{behind}"),
    ):  # fmt: skip
        assert text.count(said) == 1, said
        text = text.replace(said, here)
    paths = "".join(f"{name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy"))
    (folder / "nginx.conf").write_text(
        f"daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\nerror_log {folder}/errors;\nevents {{}}\n"
        f"http {{\n{paths}{text}}}\n"
    )
    with _running(["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")], port, folder):
        yield f"https://127.0.0.1:{port}", ssl.create_default_context(cafile=str(made.trust))


@contextmanager
def _caddy(folder: Path, behind: int) -> Iterator[tuple[str, ssl.SSLContext]]:
    port, text, made = free_port(), _written("caddy"), certificate(folder, "127.0.0.1")
    for said, here in (
        ("verdicts.example.org {", f"https://127.0.0.1:{port} {{\n\ttls {made.trust} {folder / 'key.pem'}"),
        ("127.0.0.1:8000", f"127.0.0.1:{behind}"),
    ):  # fmt: skip
        assert text.count(said) == 1, said
        text = text.replace(said, here)
    # Nothing but the site: no port for administration, none to redirect from.
    (folder / "Caddyfile").write_text(
        f"{{\n\tadmin off\n\tauto_https disable_redirects\n\tstorage file_system {folder}\n}}\n{text}"
    )
    with _running(["caddy", "run", "--config", str(folder / "Caddyfile")], port, folder):
        yield f"https://127.0.0.1:{port}", ssl.create_default_context(cafile=str(made.trust))


@contextmanager
def _running(command: list[str], port: int, folder: Path) -> Iterator[None]:
    with (folder / "said").open("w") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, env={"HOME": str(folder), "PATH": _PATH})
    try:
        deadline = time.monotonic() + 30
        while socket.socket().connect_ex(("127.0.0.1", port)):
            assert process.poll() is None, (folder / "said").read_text()
            assert time.monotonic() < deadline, (folder / "said").read_text()
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(20)


_Proxy = Callable[[Path, int], AbstractContextManager[tuple[str, ssl.SSLContext]]]


@pytest.mark.parametrize("proxy", [_nginx, _caddy])
def test_a_proxy_as_documented_tells_who_asks_and_keeps_figures_in(
    proxy: _Proxy, home: Path, free_port: int, tmp_path: Path
) -> None:
    name = proxy.__name__.strip("_")
    if shutil.which(name, path=_PATH) is None:
        pytest.skip(f"{name} is not installed")
    more = 'trusted_proxies = ["127.0.0.1"]\nnetwork_kept = "full"\n'
    with served(home, free_port, more) as site, proxy(tmp_path, free_port) as (url, trust):
        transport = httpx.HTTPTransport(verify=trust, local_address=_CLIENT)
        headers = {"X-Forwarded-For": _CLAIM, "X-Real-IP": _CLAIM}
        with httpx.Client(base_url=url, transport=transport, headers=headers) as client:
            assert client.get("/archive").text.count("12 Harbour Lane") == 1
            assert client.get("/metrics").status_code == 404
            # Of the largest post of events nothing may be refused on the way: without a signature it is, by us.
            post = client.post("/events/sendgrid", content=b" " * (MOST_EVENT_BYTES - 1))
            assert (post.status_code, post.headers["x-content-type-options"]) == (403, "nosniff")
            _sign_up(client, site)
    assert _CLIENT in _networks(site)


def _sign_up(client: httpx.Client, site: Served) -> None:
    stamp = form_stamp(site.services.link_keys[0], datetime.now(UTC) - timedelta(seconds=5), WORDING_VERSION)
    form = {"email": "ann@example.org", "website": "", "stamp": stamp}
    assert client.post("/subscribe", data=form).status_code == 200
    site.letter("ann@example.org", "Confirm")


def _networks(site: Served) -> list[str]:
    with Session(site.engine) as session:
        return list(session.exec(select(col(ConsentRow.network))))
