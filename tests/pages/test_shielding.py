"""What stands before every page: size, origin, path, and whose word on a client's address counts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlmodel import Session, select

from pages.app import create_app
from pages.consent import WORDING_VERSION
from pages.shielding import MOST_BYTES
from subscribers.links import form_stamp
from subscribers.tables import ConsentRow
from tests.pages.places import SECRET, Place, TestClient, words
from tests.pages.test_joining import PATIENT

HOME = "https://verdicts.example.org"


def post(place: Place, path: str = "/preferences/{token}", **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    page = place.client.post(path.format(token=place.token), data={"pause": "2"}, headers=named)
    return int(page.status_code)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://testserver"},
        {"Origin": HOME},
        {"Origin": "null", "Sec_Fetch_Site": "same-origin"},
        {"Sec_Fetch_Site": "same-origin"},
        {"Sec_Fetch_Site": "none"},
    ],
)
def test_forms_of_our_own_pages_are_taken(place: Place, headers: dict[str, str]) -> None:
    assert post(place, **headers) == 200
    assert place.reader.paused_until is not None


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://testserver.evil.example"},
        {"Origin": "null", "Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Origin": "http://["},
    ],
)
def test_forms_of_other_sites_are_not(place: Place, headers: dict[str, str]) -> None:
    assert post(place, **headers) == 403
    assert place.reader.paused_until is None


def test_a_mail_program_may_post_one_click_from_anywhere(place: Place) -> None:
    page = place.client.post(
        f"/leave/{place.token}", data={"List-Unsubscribe": "One-Click"}, headers={"Origin": "https://mail.example"}
    )
    assert (page.status_code, place.reader.state) == (200, "unsubscribed")
    assert "set-cookie" not in page.headers


def test_what_is_larger_than_a_form_is_refused_before_it_is_read_whole(place: Place) -> None:
    most = b"pause=" + b"2" * (MOST_BYTES - 6)
    for body, status in ((most, 422), (most + b"2", 413)):
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        page = place.client.post(f"/preferences/{place.token}", content=body, headers=headers)
        assert page.status_code == status
        assert page.headers["content-type"].startswith("text/html")
    endless = place.client.post("/subscribe", content=(b"x" * 5000 for _ in range(1000)))
    assert endless.status_code == 413


def test_many_fields_and_wrong_forms_are_no_error_of_ours(place: Place) -> None:
    kind = "application/x-www-form-urlencoded"
    for content_type, body in (
        (kind, b"&".join(b"a%d=1" % n for n in range(1500))), (kind, b"\xff\xfe=%zz&email=%00"), ("text/plain", b"x"),
        ("multipart/form-data; boundary=x", b"--x\r\n"), ("multipart/form-data", b"--x\r\n"), (kind, b""),
        ("application/json", b"{"), ("multipart/form-data; boundary=x", _FILE),
    ):  # fmt: skip
        for path in ("/subscribe", "/leave", f"/preferences/{place.token}", f"/leave/{place.token}"):
            page = place.client.post(path, content=body, headers={"Content-Type": content_type})
            assert page.status_code < 500, (content_type, path)


_FILE = b'--x\r\nContent-Disposition: form-data; name="email"; filename="a"\r\n\r\nz\r\n--x--\r\n'


def kept_network(place: Place, proxies: tuple[str, ...], forwarded: str | None) -> str:
    """Sign up through a proxy; gives what was kept of where that came from."""
    app = create_app(replace(place.app.state.rooms, proxies=proxies))
    client = TestClient(app, client=("10.0.0.5", 1))
    data = {"email": "bob@example.net", "stamp": form_stamp(SECRET, PATIENT, WORDING_VERSION)}
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    assert client.post("/subscribe", data=data, headers=headers).status_code == 200
    with Session(place.engine) as session:
        return session.exec(select(ConsentRow.network).where(ConsentRow.what == "asked")).one()


@pytest.mark.parametrize(
    ("proxies", "forwarded", "network"),
    [
        ((), None, "10.0.0.0/24"),
        ((), "203.0.113.9", "10.0.0.0/24"),
        (("10.0.0.5",), "203.0.113.9", "203.0.113.0/24"),
        (("10.0.0.0/24",), "198.51.100.7, 203.0.113.9", "203.0.113.0/24"),
        (("10.0.0.0/24",), "203.0.113.9, 10.0.0.8", "203.0.113.0/24"),
        (("10.0.0.9",), "203.0.113.9", "10.0.0.0/24"),
        (("10.0.0.5",), "no address", ""),
    ],
)
def test_only_a_trusted_proxys_word_on_the_client_counts(
    place: Place, proxies: tuple[str, ...], forwarded: str | None, network: str
) -> None:
    assert kept_network(place, proxies, forwarded) == network


def test_a_site_on_https_asks_browsers_to_stay_there(place: Place) -> None:
    rooms = place.app.state.rooms
    for url, found in ((HOME, "max-age=31536000"), ("http://localhost:8000", None)):
        app = create_app(replace(rooms, site=replace(rooms.site, url=url)))
        assert TestClient(app).get("/healthz").headers.get("strict-transport-security") == found


def test_an_address_with_control_characters_is_no_page(place: Place) -> None:
    page = place.client.get("/tools/%00")
    assert page.status_code == 404
    assert "There is no such page" in words(page.text)
