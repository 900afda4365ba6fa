"""`verdicts doctor`: what is wrong with an installation, with what to do, asked of real servers on this machine."""

from __future__ import annotations

import json
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from flows.doctoring.access import figures_at
from flows.doctoring.examining import beside, examine
from flows.doctoring.scheduled import ADDRESS
from pages.desk.steps import Check
from tests import nameserver, sendgrid
from tests.commands import verdicts
from tests.flows.served import Served, served
from tests.smtpd import Post, Server, with_password

REAL = 'from_email = "ai@mail.example.com"\npostal_address = "1 Road"\noperator = "op@example.com"\n'
REAL += 'editors = ["ed@example.com"]\n'

#: What SendGrid shows as the key its events are signed with.
_EVENTS = ec.generate_private_key(ec.SECP256R1()).public_key()
EVENT_KEY = b64encode(_EVENTS.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def published(bits: int = 1024) -> str:
    """A DKIM record."""
    key = rsa.RSAPublicNumbers(65537, (1 << bits - 1) + 12345).public_key()  # nobody signs with it
    made = b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    return f'"k=rsa; t=s; p={made[:100]}" "{made[100:]}"'


KEY = published()

#: What a domain publishes that is set up well for SendGrid.
ZONE = {
    ("mail.example.com", "TXT"): ['"google-site-verification=x"', '"v=spf1 include:sendgrid.example ~all"'],
    ("sendgrid.example", "TXT"): ['"v=spf1 ip4:192.0.2.0/24 -all"'],
    ("s1._domainkey.mail.example.com", "CNAME"): ["s1.domainkey.sendgrid.example."],
    ("s2._domainkey.mail.example.com", "CNAME"): ["s2.domainkey.sendgrid.example."],
    ("s1.domainkey.sendgrid.example", "TXT"): [KEY],
    ("s2.domainkey.sendgrid.example", "TXT"): [KEY],
    ("_dmarc.example.com", "TXT"): ['"v=DMARC1; p=reject; sp=none"'],
}


@pytest.fixture
def ready(home: Path) -> Path:
    (home / "verdicts.toml").write_text(REAL)
    assert verdicts("init", home=home).status == 0
    return home


@pytest.fixture
def site(home: Path, free_port: int) -> Iterator[Served]:
    with served(home, free_port) as found:
        yield found


@pytest.fixture
def standin(home: Path) -> Iterator[sendgrid.Running]:
    with sendgrid.running(home / "sendgrid") as running:
        yield running


@pytest.fixture
def zone() -> Iterator[tuple[dict[tuple[str, str], list[str]], str]]:
    """What names lead to, which tests change, and who tells it."""
    table = dict(ZONE)
    with nameserver.serving(table) as address:
        yield table, address


def of(found: list[Check], about: str) -> Check:
    (one,) = [one for one in found if one.about == about]
    return one


def test_a_fresh_home_has_nothing_wrong_and_asks_for_no_network(ready: Path) -> None:
    ran = verdicts("doctor", "--json", "--offline", home=ready)
    assert ran.status == 0, ran.out
    levels = {one["about"]: one["level"] for one in ran.document["checks"]}
    assert levels["Database"] == levels["Keys"] == levels["Settings"] == "good"
    assert levels["Sender"] == levels["One-click"] == "warning"
    assert not {"Credentials", "SPF", "Reached", "Prefect"} & set(levels)
    assert all(bool(one["fix"]) is (one["level"] != "good") for one in ran.document["checks"])


def test_a_well_kept_installation_is_told_so_for_all_it_needs(
    site: Served, standin: sendgrid.Running, zone: tuple[Any, str]
) -> None:
    """Served for real, through SendGrid's stand-in, with names from a real name server; only https is missing here."""
    (site.home / "verdicts.toml").write_text(REAL + f'site_url = "{site.url}"\n')
    environment = standin.environment() | {"SENDGRID_EVENT_PUBLIC_KEY": EVENT_KEY}
    week = site.services.editions.states()[0][0]
    site.services.editions.start_sending(week)
    site.services.ledger.plan(week, datetime.now(UTC))
    site.services.editions.finish_sending(week, datetime.now(UTC))
    began = time.monotonic()
    found = examine(site.home, environment, nameserver=zone[1])
    assert time.monotonic() - began < 5
    wrong = [one for one in found if one.level == "wrong"]
    assert {one.about for one in wrong} == {"Public pages", "One-click", "Templates"}
    assert all("https" in one.said for one in wrong)
    assert of(found, "Credentials").said == "SendGrid takes the key, with 5 permissions."
    assert of(found, "SPF").said == "mail.example.com has one record, with 1 look-ups."
    assert of(found, "DKIM").said == "mail.example.com has the keys s1, s2."
    assert of(found, "DMARC").said == "_dmarc.example.com says p=none."
    assert of(found, "Reached").said == f"{site.url} answers."
    assert of(found, "Clock").said == "As that of sendgrid."
    assert "SG." not in str(found)


def test_nothing_changes(site: Served, standin: sendgrid.Running, zone: tuple[Any, str]) -> None:
    (site.home / "verdicts.toml").write_text(REAL + f'site_url = "{site.url}"\n')
    rows, files = (
        site.rows(),
        {path: path.stat().st_size for path in site.home.glob("*.*") if "verdicts.db" not in path.name},
    )
    examine(site.home, standin.environment(), nameserver=zone[1])
    assert site.rows() == rows
    assert {path: path.stat().st_size for path in files} == files
    assert standin.calls() == []


@pytest.mark.parametrize(
    ("lacking", "key", "said"),
    [
        (["mail.send"], "", "but not mail.send: it may not send"),
        ([], "SG.another-key", "SendGrid answered 401: authorization required (check SENDGRID_API_KEY)"),
    ],
)
def test_a_key_that_may_not_send_is_wrong_and_is_not_shown(
    ready: Path, standin: sendgrid.Running, zone: tuple[Any, str], lacking: list[str], key: str, said: str
) -> None:
    standin.control(lacking=lacking)
    environment = standin.environment() | ({"SENDGRID_API_KEY": key} if key else {})
    found = examine(ready, environment, nameserver=zone[1])
    assert said in of(found, "Credentials").said
    assert of(found, "Credentials").level == "wrong"
    assert "SG." not in str(found)


def test_a_sender_that_is_not_there_is_told_soon(ready: Path, zone: tuple[Any, str], free_port: int) -> None:
    environment = {"VERDICTS_SENDER": "sendgrid", "SENDGRID_API_KEY": "SG.key"}
    environment["SENDGRID_HOST"] = f"http://127.0.0.1:{free_port}"
    found = examine(ready, environment, nameserver=zone[1])
    assert "SendGrid cannot be reached" in of(found, "Credentials").said


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_a_mail_server_is_asked_to_let_us_in(ready: Path, zone: tuple[Any, str], free_port: int) -> None:
    (ready / "verdicts.toml").write_text(REAL + 'dkim_selectors = ["s1"]\n')
    environment = {
        "VERDICTS_SENDER": "smtp", "SMTP_HOST": "127.0.0.1", "SMTP_PORT": f"{free_port}", "SMTP_TLS": "none",
        "SMTP_USERNAME": "us", "SMTP_PASSWORD": "s3cret",
    }  # fmt: skip
    server = Server(Post(), free_port, authenticator=with_password("us", "s3cret"), auth_require_tls=False)
    server.start()
    try:
        found = examine(ready, environment, nameserver=zone[1])
        assert "lets us in, without encryption, with the password" in of(found, "Credentials").said
        assert of(found, "DKIM").level == "good"
        found = examine(ready, environment | {"SMTP_PASSWORD": "wr0ng"}, nameserver=zone[1])
        assert "does not let us in" in of(found, "Credentials").said
        assert "wr0ng" not in str(found)
    finally:
        server.stop()


LONG = [f"include:n{number}.example" for number in range(11)]


@pytest.mark.parametrize(
    ("name", "records", "about", "level", "said"),
    [
        ("mail.example.com", [], "SPF", "warning", "has no SPF record"),
        ("mail.example.com", ['"v=spf1 -all"', '"v=spf1 ~all"'], "SPF", "wrong", "2 SPF records"),
        ("mail.example.com", ['"v=spf1 +all"'], "SPF", "wrong", "lets anybody send"),
        ("mail.example.com", ['"v=spf1 a mx"'], "SPF", "warning", "forbids nobody"),
        ("mail.example.com", [f'"v=spf1 {" ".join(LONG)} -all"'], "SPF", "wrong", "more than 10 look-ups"),
        ("mail.example.com", ['"v=spf1 include:mail.example.com -all"'], "SPF", "good", "1 look-ups"),
        ("s1.domainkey.sendgrid.example", [], "DKIM", "warning", "s2 is there, but not s1"),
        ("s2.domainkey.sendgrid.example", ['"p="'], "DKIM", "warning", "s1 is there, but not s2"),
        ("s1.domainkey.sendgrid.example", ['"k=rsa; p=AAAA"'], "DKIM", "warning", "s2 is there, but not s1"),
        ("_dmarc.example.com", [], "DMARC", "wrong", "mail.example.com has no policy"),
        ("_dmarc.example.com", ['"v=DMARC1; p=none"', '"v=DMARC1; p=reject"'], "DMARC", "wrong", "2 policies"),
        ("_dmarc.example.com", ['"v=DMARC1; p=maybe"'], "DMARC", "wrong", "p=maybe"),
        ("_dmarc.mail.example.com", ['"v=DMARC1; p=quarantine"'], "DMARC", "good", "p=quarantine"),
    ],
)
def test_what_the_mail_domain_publishes_is_judged_as_receivers_do(
    ready: Path, zone: tuple[Any, str], name: str, records: list[str], about: str, level: str, said: str
) -> None:
    table, address = zone
    table[name, "TXT"] = records
    found = of(examine(ready, {"VERDICTS_SENDER": "sendgrid"}, nameserver=address), about)
    assert (found.level, said in found.said) == (level, True), found


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (published(768), "a key of 768 bits; 1024 is the least"),
        ('"k=rsa; p="', "its key is taken back"),
        ('"k=rsa; p=////"', "a key that cannot be read"),
        ('"v=DKIM1"', "no key"),
    ],
)
def test_a_selector_that_settings_name_must_hold_a_good_key(
    ready: Path, zone: tuple[Any, str], record: str, said: str
) -> None:
    (ready / "verdicts.toml").write_text(REAL + 'dkim_selectors = ["mail2026"]\n')
    zone[0]["mail2026._domainkey.mail.example.com", "TXT"] = [record]
    found = of(
        examine(ready, {"VERDICTS_SENDER": "smtp", "SMTP_HOST": "127.0.0.1", "SMTP_PORT": "9"}, nameserver=zone[1]),
        "DKIM",
    )
    assert (found.level, found.said) == ("wrong", f"mail2026._domainkey.mail.example.com: {said}.")


def test_no_name_server_is_told_as_such(ready: Path, free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.doctoring.domain._PATIENCE_S", 0.3)
    found = examine(ready, {"VERDICTS_SENDER": "sendgrid"}, nameserver=f"127.0.0.1:{free_port}")
    assert "No name server tells of mail.example.com" in of(found, "Mail domain").said
    found = examine(ready, {"VERDICTS_SENDER": "sendgrid"}, nameserver="nobody")
    assert "--nameserver ADDRESS[:PORT]" in of(found, "Mail domain").said


def test_settings_nobody_can_read_are_told_with_all_that_can_be_seen_without_them(ready: Path) -> None:
    (ready / "verdicts.toml").write_text("quorum = 0\nnonsense = 1\n")
    (ready / "secret.key").chmod(0o644)
    ran = verdicts("doctor", home=ready)
    assert ran.status == 1
    assert "verdicts.toml:1: quorum: found 0" in ran.out
    assert "verdicts.toml:2: nonsense: found a key nobody knows" in ran.out
    assert f"chmod go= {ready / 'secret.key'}" in ran.out
    assert (ready / "secret.key").read_text().strip() not in ran.out


def test_keys_that_others_may_read_are_wrong(ready: Path, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("s3cret")
    for mode, level in ((0o600, "good"), (0o640, "wrong")):
        password.chmod(mode)
        found = examine(ready, {"SMTP_PASSWORD_FILE": f"{password}"}, offline=True)
        assert of(found, "Keys").level == level


def test_a_database_that_is_missing_or_of_another_version_hides_nothing_else(ready: Path) -> None:
    (ready / "verdicts.db").unlink()
    found = examine(ready, {}, offline=True)
    assert of(found, "Database").said == "It is not there, or has no tables of ours."
    assert of(found, "One-click").level == "warning"
    (ready / "verdicts.db").write_bytes(b"no database" * 100)
    assert of(examine(ready, {}, offline=True), "Database").level == "wrong"


def test_templates_of_ones_own_that_cannot_be_rendered_are_told_with_the_place(ready: Path) -> None:
    own = ready / "templates" / "email" / "goodbye"
    own.mkdir(parents=True)
    (own / "body.txt").write_text("Bye.\n{{ nobody.knows }}\n")
    wrong = [one for one in examine(ready, {}, offline=True) if one.about == "Templates"]
    assert any("email/goodbye/body.txt, line 2" in one.said for one in wrong), wrong


def test_pages_that_do_not_answer_are_told_and_a_clock_that_is_off(
    ready: Path, standin: sendgrid.Running, zone: tuple[Any, str], free_port: int
) -> None:
    (ready / "verdicts.toml").write_text(REAL + f'site_url = "http://127.0.0.1:{free_port}"\n')
    later = datetime.now(UTC) + timedelta(minutes=7)
    found = examine(ready, standin.environment(), later, nameserver=zone[1])
    assert "cannot be reached: Connection refused" in of(found, "Reached").said
    clock = of(found, "Clock")
    assert clock.level == "wrong"
    assert "s ahead of that of sendgrid" in clock.said


def test_figures_that_anybody_may_read_are_wrong(site: Served) -> None:
    (found,) = figures_at(site.url)
    assert found.level == "wrong"
    assert "metrics_port" in found.fix


class _Prefect(BaseHTTPRequestHandler):
    """Tells of deployments as Prefect does."""

    deployments: list[dict[str, Any]]
    heard: list[str]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.heard.append(self.headers.get("Authorization", ""))
        flows = [{"id": f"id-{name}", "name": name} for name in ("gather", "compose", "send")]
        told = flows if self.path.endswith("/flows/filter") else self.deployments[body["offset"] :]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(told).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def deployed(flow: str, *crons: str, home: Path, **more: Any) -> dict[str, Any]:
    schedules = [{"active": True, "schedule": {"cron": cron, "timezone": "UTC"}} for cron in crons]
    return {
        "flow_id": f"id-{flow}",
        "tags": ["verdicts"],
        "parameters": {"home": f"{home}"},
        "schedules": schedules,
        **more,
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "It keeps 3 schedules, each once."),
        ({"send": ()}, "No schedule is active for send: it is done by nobody."),
        ({"gather": ("0 * * * *", "0 * * * *")}, "gather has 2 active schedules: Prefect starts it as often."),
        ({"compose": ("5 5 * * 1",)}, "compose is planned at 5 5 * * 1 UTC; settings say 0 6 * * 1 UTC."),
    ],
)
def test_each_schedule_is_there_once_as_settings_say(
    ready: Path, change: dict[str, tuple[str, ...]], said: str
) -> None:
    crons = {"gather": ("0 * * * *",), "compose": ("0 6 * * 1",), "send": ("0 9 * * 2",)} | change

    class Prefect(_Prefect):
        deployments = [  # noqa: RUF012 - each test its own
            *(deployed(flow, *times, home=ready) for flow, times in crons.items()),
            deployed("send", "0 1 * * *", home=Path("/another")),
            deployed("send", "0 1 * * *", home=ready, paused=True),
        ]  # fmt: skip
        heard = []  # noqa: RUF012 - as above

    with ThreadingHTTPServer(("127.0.0.1", 0), Prefect) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}/api"
        found = examine(ready, {"PREFECT_API_URL": address, "PREFECT_API_AUTH_STRING": "ed:s3cret"})
        (ready / ADDRESS.parent).mkdir()
        (ready / ADDRESS).write_text(address)
        assert of(examine(ready, {}), "Prefect") == of(found, "Prefect"), "as serve wrote it down"
        server.shutdown()
    assert of(found, "Prefect").said == said
    assert set(Prefect.heard) == {"Basic ZWQ6czNjcmV0", ""}
    assert "not run here" in of(examine(ready, {}), "Prefect").said, "what serve wrote down is old"
    assert of(examine(ready, {"PREFECT_API_URL": address}), "Prefect").level == "wrong"


def test_a_look_that_takes_too_long_or_breaks_hides_no_other() -> None:
    def sleep() -> list[Check]:
        time.sleep(3)
        return []

    def break_() -> list[Check]:
        raise ValueError("s3cret")

    began = time.monotonic()
    found = beside({"slow": sleep, "broken": break_, "fine": lambda: [Check("fine", "good", "")]}, 0.2)
    assert time.monotonic() - began < 2
    assert {one.about: one.level for one in found} == {"slow": "wrong", "broken": "wrong", "fine": "good"}
    assert "s3cret" not in str(found)
