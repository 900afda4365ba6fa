"""Nobody but the editor uses the desk: no other site, no other user of the machine, no other machine."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute

from digest.errors import SettingsError
from flows.desk.serving import DeskServer, desk_password
from pages.desk.keys import LASTS_S, TRIES, TRIES_OF_ALL
from pages.desk.showing import FILES
from tests.pages.desk.desks import PASSWORD, Sat, browser_like, form_of, sat_at, words

#: All addresses of this machine.
EVERYWHERE = "0.0.0.0"  # noqa: S104 - with a password


@pytest.fixture
def stranger(sat: Sat) -> Iterator[httpx.Client]:
    """Somebody else on this machine, without the key."""
    with browser_like(sat.url) as client:
        yield client


@pytest.mark.only_looks
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:{port}", ""]
)
def test_another_sites_name_for_this_machine_gets_nothing(sat: Sat, host: str) -> None:
    """DNS rebinding: a name of theirs leads to 127.0.0.1, and the browser sends along what it has for that name."""
    port = str(sat.server.keys.access.port)
    for path in ("/", "/desk.css", "/live", "/?key=x"):
        answer = sat.client.get(path, headers={"Host": host.replace("{port}", port)})
        assert answer.status_code == 421, path
        assert sat.record.edition.subject not in answer.text


@pytest.mark.only_looks
@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "LOCALHOST:{port}", "[::1]:{port}"])
def test_the_names_of_this_machine_lead_to_the_desk(sat: Sat, host: str) -> None:
    named = host.replace("{port}", str(sat.server.keys.access.port))
    cookie = f"{sat.server.keys.cookie}={sat.client.cookies[sat.server.keys.cookie]}"
    assert httpx.get(sat.url, headers={"Host": named, "Cookie": cookie}).status_code == 200


@pytest.mark.only_looks
def test_without_the_key_there_is_nothing_to_see_and_nothing_to_do(sat: Sat, stranger: httpx.Client) -> None:
    before = sat.rows()
    fields = form_of(sat.get(), "/approve")
    for path in [one.path for one in sat.server.app.routes if isinstance(one, APIRoute)]:
        if path.lstrip("/") in FILES:
            continue
        answer = stranger.get(path)
        assert answer.status_code == 401, path
        assert sat.record.edition.subject not in answer.text
        assert stranger.post(path, data=fields).status_code == 401, path
    assert stranger.get("/desk.css").status_code == stranger.get("/desk.js").status_code == 200
    assert sat.rows() == before


def test_a_key_opens_once_and_a_new_one_is_told_to_whoever_started_the_desk(
    sat: Sat, stranger: httpx.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    address = sat.server.keys.address
    assert stranger.get(address).status_code == 200
    assert "key=" not in str(stranger.get(address).url)
    with browser_like(sat.url) as late:
        answer = late.get(address)
        assert answer.status_code == 401
        assert "The address was used before" in words(answer.text)
        told = capsys.readouterr().out
        assert f"{sat.server.keys.address}\n" in told
        assert sat.server.keys.address not in answer.text
        assert late.get(sat.server.keys.address).status_code == 200


@pytest.mark.only_looks
def test_the_key_is_not_left_in_the_address_nor_sent_elsewhere(sat: Sat, stranger: httpx.Client) -> None:
    answer = stranger.get(f"{sat.server.keys.address}&week=2026-W47", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/?week=2026-W47")
    assert answer.headers["referrer-policy"] == "no-referrer"
    (cookie,) = answer.headers.get_list("set-cookie")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    for path in ("//evil.example/?key=x", "/\\evil.example/?key=x"):
        assert stranger.get(sat.url + path, follow_redirects=False).status_code == 404


@pytest.mark.only_looks
@pytest.mark.parametrize("change", [slice(0, -1), slice(1, None)])
def test_a_cookie_that_was_tampered_with_is_nobodys(sat: Sat, stranger: httpx.Client, change: slice) -> None:
    name = sat.server.keys.cookie
    for value in (sat.client.cookies[name][change], "a.b.c.d", "", "é", "." * 9):
        answer = stranger.get("/", headers={b"Cookie": f"{name}={value}".encode()})
        assert answer.status_code == 401


def test_a_session_outlives_a_restart_but_not_a_week_nor_another_password(desk_home: Path) -> None:
    with sat_at(desk_home) as first:
        keys = first.server.keys
        session = keys.session(first.client.cookies[keys.cookie])
        assert session is not None
        cookie = keys.cookie_of(session)
        assert keys.session(keys.cookie_of(keys.renamed(session, "Bob"))) == keys.renamed(session, "Bob")
    with sat_at(desk_home) as second:
        assert second.server.keys.session(cookie) == session
    with sat_at(desk_home, environment={"VERDICTS_DESK_PASSWORD": PASSWORD}) as third:
        assert third.server.keys.session(cookie) is None
    aged = type(session)(session.id, session.who, session.since - LASTS_S - 1, session.token)
    with sat_at(desk_home) as fourth:
        assert fourth.server.keys.session(fourth.server.keys.cookie_of(aged)) is None


def test_two_desks_on_one_machine_keep_each_their_session(sat: Sat, demo_home: Path, tmp_path: Path) -> None:
    """Cookies are not kept apart by port: one of the same name would close the first desk by opening the second."""
    with sat_at(shutil.copytree(demo_home, tmp_path / "other")) as other:
        assert sat.client.get(other.server.keys.address, headers={"Origin": other.url}).status_code == 200
        assert sat.client.get(f"{other.url}/").status_code == 200
        assert sat.send("/hold", reason="a doubt").status_code == 200
    assert sat.state == "held"


@pytest.mark.only_looks
@pytest.mark.parametrize("token", ["", "0" * 40, "é"])
def test_a_form_without_the_sessions_token_does_nothing(sat: Sat, token: str) -> None:
    before = sat.rows()
    fields = form_of(sat.get(), "/approve")
    for sent in ({**fields, "csrf": token}, {name: value for name, value in fields.items() if name != "csrf"}):
        answer = sat.post("/approve", sent)
        assert answer.status_code == 403
        assert "not sent from the desk" in words(answer.text)
    other = sat.come_in("Bob")
    assert sat.post("/approve", fields, other).status_code == 403, "the token of another session"
    assert sat.rows() == before


def test_a_script_may_give_the_token_in_a_header(sat: Sat) -> None:
    fields = form_of(sat.get(), "/approve")
    headers = {"X-Desk-Token": fields.pop("csrf")}
    assert sat.client.post("/approve", data=fields, headers=headers).status_code == 200
    assert sat.state == "approved"


@pytest.mark.only_looks
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "", "Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_that_another_site_sends_does_nothing(sat: Sat, headers: dict[str, str]) -> None:
    before = sat.rows()
    fields = form_of(sat.get(), "/approve")
    answer = sat.client.post("/approve", data=fields, headers=headers)
    assert answer.status_code == 403
    assert sat.rows() == before


@pytest.mark.only_looks
def test_no_get_changes_anything(sat: Sat) -> None:
    before = sat.rows()
    for route in sat.server.app.routes:
        if isinstance(route, APIRoute) and "{" not in route.path and not route.path.endswith("/live"):
            for week in ("", "?week=2026-W47", "?week=2030-W01", "?week=nonsense", "?week=2026-W47&reason=x&change=1"):
                answer = sat.client.get(route.path + week)
                wanted = {200} if "GET" in (route.methods or ()) else {405}
                assert answer.status_code in wanted, route.path + week
    assert sat.rows() == before


@pytest.mark.only_looks
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_no_other_method_does_anything(sat: Sat, method: str) -> None:
    before = sat.rows()
    headers = {"X-Desk-Token": form_of(sat.get(), "/approve")["csrf"]}
    assert sat.client.request(method, "/approve", headers=headers).status_code == 405
    assert sat.rows() == before


@pytest.mark.only_looks
def test_a_form_may_only_be_so_large(sat: Sat) -> None:
    before = sat.rows()
    fields = form_of(sat.get(), "/hold")
    assert sat.post("/hold", {**fields, "reason": "x" * 1_000_001}).status_code == 413
    many = {**fields, **{f"x{number}": "1" for number in range(2_001)}}
    assert sat.post("/hold", many).status_code == 400
    too_much = {"files": ("a.yaml", b"x" * 8_000_001)}
    assert sat.client.post("/hold", data=fields, files=too_much).status_code == 413
    headers = {"Content-Type": "multipart/form-data; boundary=x", "X-Desk-Token": fields["csrf"]}
    assert sat.client.post("/hold", content=b"--y\r\nnonsense", headers=headers).status_code == 400
    assert sat.rows() == before


@pytest.mark.only_looks
def test_every_answer_forbids_what_a_page_does_not_need(sat: Sat, stranger: httpx.Client) -> None:
    answers = [
        sat.client.get("/"), sat.client.get("/nothing"), sat.client.get("/desk.css"), stranger.get("/"),
        sat.post("/approve", {}), sat.client.get("/", headers={"Host": "evil.example"}),
    ]  # fmt: skip
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers


@pytest.mark.only_looks
def test_files_are_kept_by_browsers_only_under_their_fingerprint(sat: Sat) -> None:
    for name, kind in (("desk.css", "text/css"), ("desk.js", "text/javascript"), ("favicon.svg", "image/svg+xml")):
        (address,) = {part for part in sat.get().split('"') if part.startswith(f"/{name}?v=")}
        answer = sat.client.get(address)
        assert answer.headers["content-type"].startswith(kind)
        assert "immutable" in answer.headers["cache-control"]
        assert sat.client.get(f"/{name}?v=old").headers["cache-control"] == "no-store"


@pytest.mark.only_looks
def test_a_page_that_is_not_there_says_so(sat: Sat) -> None:
    for path in ("/nothing", "/a/b", "/%00", "/desk.css/x"):
        answer = sat.client.get(path)
        assert answer.status_code == 404
        assert "There is no such page" in words(answer.text)


@pytest.mark.only_looks
def test_back_leads_nowhere_else(sat: Sat) -> None:
    for address in ("https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "/\tx"):
        fields = {**form_of(sat.get(), "/name"), "back": address}
        answer = sat.client.post("/name", data=fields, follow_redirects=False)
        assert answer.headers["location"] == "/", address


# A password, and other machines


def test_another_address_is_refused_without_a_password(desk_home: Path) -> None:
    with sat_at(desk_home) as sat:
        for host in (EVERYWHERE, "::", "192.0.2.1", "example.org"):
            with pytest.raises(SettingsError, match=r"allowed without a password: 127\.0\.0\.1"):
                DeskServer(sat.services, host, 0)


@pytest.mark.parametrize("password", ["short", "eleven char"])
def test_a_password_has_twelve_characters(password: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="allowed: at least 12") as refused:
        desk_password({"VERDICTS_DESK_PASSWORD": password})
    assert password not in str(refused.value)
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    assert desk_password({"VERDICTS_DESK_PASSWORD_FILE": str(file)}) == PASSWORD
    assert desk_password({}) == ""
    file.write_text("")
    with pytest.raises(SettingsError, match="found 0 characters"):
        desk_password({"VERDICTS_DESK_PASSWORD_FILE": str(file)})
    with pytest.raises(SettingsError, match="allowed: a file with the password"):
        desk_password({"VERDICTS_DESK_PASSWORD_FILE": str(tmp_path / "none")})


@pytest.fixture
def shared(desk_home: Path) -> Iterator[Sat]:
    """A desk that other machines may open with the password."""
    with sat_at(desk_home, environment={"VERDICTS_DESK_PASSWORD": PASSWORD}, host=EVERYWHERE) as sat:
        yield sat


def test_the_password_opens_it_under_a_name_also_from_another_machine(shared: Sat) -> None:
    port = shared.server.keys.access.port
    with browser_like(f"http://{socket.gethostname()}:{port}") as bob:
        assert bob.get("/").status_code == 401
        answer = bob.post("/enter", data={"password": PASSWORD, "who": "Bob"})
        assert answer.status_code == 200
        shared.send("/approve", client=bob)
    assert shared.record.approved_by == "Bob"
    assert shared.client.get("/", headers={"Host": f"evil.example:{port}"}).status_code == 421


def test_wrong_passwords_are_only_tried_so_often(shared: Sat) -> None:
    with browser_like(shared.url) as guesser:
        said = [guesser.post("/enter", data={"password": f"guess {one}"}) for one in range(TRIES + 1)]
        assert [one.status_code for one in said] == [401] * TRIES + [429]
        assert 0 < int(said[-1].headers["retry-after"]) <= 61
        assert guesser.post("/enter", data={"password": PASSWORD}).status_code == 429
        at, place = shared.server.keys._wrong[-TRIES]
        shared.server.keys._wrong[-TRIES] = (at - 61, place)  # a minute later
        assert guesser.post("/enter", data={"password": PASSWORD}).status_code == 200


def test_who_guesses_keeps_out_nobody_else_until_many_do(desk_home: Path) -> None:
    with sat_at(desk_home, environment={"VERDICTS_DESK_PASSWORD": PASSWORD}) as sat:
        keys = sat.server.keys
        for _ in range(TRIES):
            assert keys.open_by_password("a guess of twelve", "", "192.0.2.1") is None
        assert min(keys.must_wait("192.0.2.1"), keys.must_wait("::ffff:192.0.2.1")) > 0
        assert keys.must_wait("192.0.2.2") == keys.must_wait("2001:db8::1") == 0
        for number in range(TRIES):
            keys.open_by_password("a guess of twelve", "", f"2001:db8::{number}")
        assert keys.must_wait("2001:db8::ffff") > 0, "one customer has all of them"
        for number in range(TRIES_OF_ALL):
            keys.open_by_password("a guess of twelve", "", f"198.51.100.{number}")
        assert keys.must_wait("203.0.113.1") > 0


def test_a_password_is_only_taken_from_the_desks_own_page(shared: Sat) -> None:
    with browser_like(shared.url) as client:
        answer = client.post("/enter", data={"password": PASSWORD}, headers={"Origin": "http://evil.example"})
        assert answer.status_code == 403
        assert client.cookies.get(shared.server.keys.cookie) is None
        assert client.post("/enter", content=b"x" * 5_000).status_code == 413


@pytest.mark.only_looks
def test_without_a_password_none_opens_it(sat: Sat, stranger: httpx.Client) -> None:
    for password in ("", PASSWORD):
        assert stranger.post("/enter", data={"password": password}).status_code == 401
