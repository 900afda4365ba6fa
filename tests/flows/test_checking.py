"""`verdicts check`: an edition, the templates of every email, any html file, and where links lead."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from digest.database import open_engine
from digest.rendering import template_folders
from flows.demo import SAMPLES
from tests.commands import Ran, verdicts
from tests.web import Reply, Web

MONDAY, TUESDAY = ("--now", "2026-11-16T06:10Z"), ("--now", "2026-11-17T09:05Z")
SHIPPED = template_folders()[0]


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a composed draft and readers, made once."""
    home = tmp_path_factory.mktemp("composed") / "home"
    assert verdicts("init", home=home).status == 0
    (home / "verdicts.toml").write_text(
        'postal_address = "1 Sample Street – Exampleton"\nfrom_email = "verdicts@example.org"\n'
        'site_url = "https://verdicts.example.org"\nfetch_allow_hosts = ["127.0.0.1"]\n'
    )
    (home / "feeds.toml").write_text("# Nothing to poll.\n")
    assert verdicts("panel", "import", SAMPLES / "reviews", "--now", "2026-11-15T12:00Z", home=home).status == 0
    assert verdicts("subscribers", "import", SAMPLES / "subscribers.csv", home=home).status == 0
    assert verdicts("compose", *MONDAY, home=home).status == 0
    return home


@pytest.fixture
def ready(composed: Path, home: Path) -> Path:
    shutil.rmtree(home)
    shutil.copytree(composed, home)
    return home


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as served:
        yield served


def override(home: Path, name: str, *change: tuple[str, str]) -> Path:
    """Put a changed copy of a shipped template into the home folder."""
    source = (SHIPPED / name).read_text("utf-8")
    for before, after in change:
        assert before in source
        source = source.replace(before, after)
    path = home / "templates" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source, "utf-8")
    return path


def found(ran: Ran) -> dict[str, dict[str, Any]]:
    return {one["code"]: one for one in ran.document["findings"]}


def test_a_good_edition_and_the_shipped_templates_have_no_fault(ready: Path) -> None:
    ran = verdicts("check", "--json", *MONDAY, home=ready)

    assert (ran.document["ok"], ran.document["findings"], ran.status) == (True, [], 0)
    sizes = ran.document["sizes"]
    assert sizes["html"]["bytes"] < sizes["html"]["rewritten"] < 80_000
    assert f"html {sizes['html']['bytes']:,} bytes, about" in verdicts("check", *MONDAY, home=ready).out


@pytest.mark.parametrize(
    "name", ["confirm", "welcome", "goodbye", "link", "move", "moved", "editors-notice", "alarm", "digest"]
)
def test_a_broken_override_of_any_email_is_named_with_file_line_and_snippet(ready: Path, name: str) -> None:
    path = override(ready, f"email/{name}/body.mjml", ("{% block footer %}", "{% block footer %}\n{{ nobody }}"))
    line = path.read_text("utf-8").splitlines().index("{{ nobody }}") + 1
    ran = verdicts("check", "--json", *MONDAY, home=ready)

    assert ran.status == 1
    assert [one["code"] for one in ran.document["findings"]] == ["template"]
    assert found(ran)["template"]["where"] == f"{path}, line {line}"
    assert "'nobody' is undefined" in found(ran)["template"]["message"]
    assert f">{line:5} | {{{{ nobody }}}}" in verdicts("check", *MONDAY, home=ready).out


def test_an_override_that_renders_but_is_unfit_is_found(ready: Path) -> None:
    override(ready, "email/confirm/body.mjml", ("<h2>Is this you?</h2>", '<h4 style="color:#e8e2d4">Is this you?</h4>'))
    findings = found(verdicts("check", "--json", *MONDAY, home=ready))

    assert findings["contrast"]["where"].startswith("confirm, html, line")
    assert findings["heading-order"]["where"].startswith("confirm, html, line")


def test_what_was_approved_is_checked_and_so_are_the_templates_of_now(ready: Path) -> None:
    assert verdicts("edition", "approve", *MONDAY, home=ready).status == 0
    override(ready, "email/digest/body.mjml", ("{{ links.leave|attr }}", "/away"))
    ran = verdicts("check", "--json", *MONDAY, home=ready)

    assert ran.status == 1
    assert all(one["where"].startswith("digest, html") for one in ran.document["findings"])
    assert {"leave-link", "link-not-absolute"} <= found(ran).keys()


def test_a_page_s_template_that_does_not_parse_and_one_that_overrides_nothing_are_found(ready: Path) -> None:
    broken = override(ready, "pages/leave.html", ("{% else %}", "{% els %}"))
    stray = ready / "templates" / "email" / "digest" / "bdoy.mjml"
    stray.parent.mkdir(parents=True, exist_ok=True)
    stray.write_text("x")
    findings = found(verdicts("check", "--json", *MONDAY, home=ready))

    assert findings["template"]["where"].startswith(f"{broken}, line")
    assert findings["template-unused"]["where"] == str(stray)
    assert findings["template-unused"]["fix"] == "Did you mean email/digest/body.mjml?"


def test_a_piece_of_ones_own_that_an_override_includes_is_no_stray(ready: Path) -> None:
    (ready / "templates" / "email").mkdir(parents=True)
    (ready / "templates" / "email" / "mine.mjml").write_text("<p>Mine – as ever.</p>")
    override(
        ready,
        "email/goodbye/body.mjml",
        ("{% block footer %}", '{% block footer %}{% include "email/mine.mjml" %}'),
    )

    assert verdicts("check", "--json", *MONDAY, home=ready).document["findings"] == []


@pytest.mark.parametrize(
    ("name", "change", "code", "where"),
    [
        ("confirm/subject.txt", ("Confirm your subscription to {{ site.name }}", ""), "subject", "confirm, subject"),
        ("confirm/body.txt", ("{{ confirm_url }}", ""), "link-missing", "confirm, text"),
        ("welcome/body.txt", ("{{ links.leave }}", ""), "leave-link", "welcome, text"),
        ("goodbye/body.txt", ("YOU HAVE LEFT", "GOODBYE *|FNAME|*"), "placeholder", "goodbye, text, line 3 column 9"),
        ("confirm/body.txt", ("~ valid_days ~", "~ 99 ~"), "parts-differ", "confirm, text"),
        (
            "goodbye/body.mjml", ("button(links.leave,", "button('https://evil.example/leave/' ~ '[[' ~ 'reader]]',"),
            "leave-link", "goodbye, html",
        ),
    ],
)  # fmt: skip
def test_a_letter_that_fails_its_purpose_is_found(
    ready: Path, name: str, change: tuple[str, str], code: str, where: str
) -> None:
    override(ready, f"email/{name}", change)
    ran = verdicts("check", "--json", *MONDAY, home=ready)

    assert (code, where) in {(one["code"], one["where"]) for one in ran.document["findings"]}


def test_without_an_edition_the_templates_are_checked_all_the_same(home: Path) -> None:
    assert verdicts("init", home=home).status == 0
    assert "no edition yet" in verdicts("check", home=home).out
    override(home, "email/confirm/body.txt", ("{{ confirm_url }}", "{{ confirm_ur }}"))
    ran = verdicts("check", "--json", home=home)

    assert (ran.status, [one["code"] for one in ran.document["findings"] if one["level"] == "blocker"]) == (
        1,
        ["template"],
    )


def test_a_skipped_week_is_no_fault(ready: Path) -> None:
    assert verdicts("edition", "skip", "--reason", "holidays", *MONDAY, home=ready).status == 0
    ran = verdicts("check", *MONDAY, home=ready)

    assert ran.status == 0
    assert "2026-W47, skipped: holidays: fit to send" in ran.out


def test_files_that_no_template_uses_stop_neither_the_check_nor_a_run(ready: Path) -> None:
    (ready / "templates" / "email" / "digest").mkdir(parents=True)
    (ready / "templates" / ".DS_Store").write_bytes(b"\x00\xff")
    (ready / "templates" / "notes.txt").write_bytes(b"caf\xe9")
    (ready / "templates" / "email" / "digest" / "body.mjml~").write_text("old")
    findings = found(verdicts("check", "--json", *MONDAY, home=ready))

    assert findings.keys() <= {"template", "template-unused"}
    assert "2026-W47 is sent" in verdicts("run", *TUESDAY, home=ready).out


def test_an_override_that_is_no_text_is_named_once_with_its_line(ready: Path) -> None:
    path = ready / "templates" / "email" / "_parts.mjml"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"one\ntwo \xff\n")
    findings = verdicts("check", "--json", *MONDAY, home=ready).document["findings"]

    assert [(one["code"], one["where"]) for one in findings] == [("template", f"{path}, line 2")]


def test_a_folder_in_the_place_of_a_template_is_named(ready: Path) -> None:
    path = ready / "templates" / "email" / "digest" / "body.mjml"
    path.mkdir(parents=True)

    assert found(verdicts("check", "--json", *MONDAY, home=ready))["template"]["where"] == str(path)


def test_what_was_approved_is_written_as_it_is_sent(ready: Path, tmp_path: Path) -> None:
    assert verdicts("edition", "approve", *MONDAY, home=ready).status == 0
    override(ready, "email/digest/body.mjml", ("Forwarded to you?", "Passed on to you?"))
    verdicts("check", "--out", tmp_path, *MONDAY, home=ready)

    assert "Forwarded to you?" in (tmp_path / "digest.html").read_text("utf-8")
    assert "Passed on to you?" in (tmp_path / "digest with the templates of now.html").read_text("utf-8")


def test_numbers_that_stand_in_a_template_are_the_editors_own(ready: Path) -> None:
    line = "© 2026 Example Ltd, company no. 1234567. Call +44 20 7946 0000"
    override(ready, "email/digest/body.mjml", ("{% block footer %}", f"{{% block footer %}}<p>{line}</p>"))
    override(ready, "email/digest/body.txt", ("Forwarded to you?", f"{line}\nForwarded to you?"))

    assert verdicts("check", "--json", *MONDAY, home=ready).document["findings"] == []
    assert verdicts("edition", "approve", *MONDAY, home=ready).status == 0
    assert verdicts("check", "--json", *MONDAY, home=ready).document["findings"] == []


def test_every_email_is_written_to_be_looked_at(ready: Path, tmp_path: Path) -> None:
    verdicts("check", "--out", tmp_path / "emails", *MONDAY, home=ready)

    names = {"alarm", "confirm", "digest", "editors-notice", "goodbye", "link", "move", "moved", "welcome"}
    assert {path.name for path in (tmp_path / "emails").iterdir()} == {
        f"{one}.{end}" for one in names for end in ("html", "txt")
    }
    assert (tmp_path / "emails" / "goodbye.txt").read_text("utf-8").startswith("You have left AI Tool Verdicts\n\n")


def test_a_run_says_that_a_template_is_broken_and_sends_nothing(ready: Path) -> None:
    override(ready, "email/digest/body.mjml", ("{% block footer %}", "{% block footer %}{{ nobody }}"))
    ran = verdicts("run", *TUESDAY, home=ready)

    assert ran.status == 1
    assert "'nobody' is undefined" in ran.out
    assert not list(ready.glob("outbox/**/*.eml"))


def test_sending_checks_once_more_what_was_approved(ready: Path) -> None:
    assert verdicts("edition", "approve", *MONDAY, home=ready).status == 0
    engine = open_engine(f"sqlite:///{ready / 'verdicts.db'}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE reviews SET quote = 'Somebody else said this.'"))
    engine.dispose()
    ran = verdicts("send", *TUESDAY, home=ready)

    assert ran.status == 1
    assert "cannot be sent: quote-not-in-row" in ran.err
    assert "cannot be sent" in verdicts("run", *TUESDAY, home=ready).out
    assert not list(ready.glob("outbox/**/*.eml"))


def test_any_html_file_is_checked_without_a_database(home: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<html><body><img src=x.png><p>Hello</body></html>")
    ran = verdicts("check", "--html", page, "--json", home=home)

    assert ran.status == 1
    assert {"leave-link", "charset", "image-alt"} <= found(ran).keys()
    assert "line 1" in found(ran)["image-alt"]["where"]
    assert "not fit to send" in verdicts("check", "--html", page, home=home).out


def test_a_letter_from_the_outbox_s_html_part_is_fit(ready: Path, tmp_path: Path) -> None:
    verdicts("check", "--out", tmp_path, *MONDAY, home=ready)
    (tmp_path / "filled.html").write_text((tmp_path / "digest.html").read_text("utf-8").replace("[[reader]]", "a" * 38))

    assert verdicts("check", "--html", tmp_path / "filled.html", "--json", home=ready).document["findings"] == []


@pytest.mark.parametrize(
    ("content", "said"), [(None, "No such file"), (b"<p>caf\xe9", "bytes that are not UTF-8; allowed: UTF-8 text")]
)
def test_a_file_that_cannot_be_read_is_one_line(home: Path, tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "page.html").write_bytes(content)
    ran = verdicts("check", "--html", tmp_path / "page.html", home=home)

    assert ran.status == 2
    assert said in ran.err


def test_a_file_and_a_week_at_once_are_refused(home: Path, tmp_path: Path) -> None:
    ran = verdicts("check", "2026-W47", "--html", tmp_path / "page.html", home=home)

    assert ran.status == 2
    assert "leave out W" in ran.err


def test_links_that_lead_nowhere_block_and_those_of_our_own_site_are_left_alone(
    ready: Path, web: Web, tmp_path: Path
) -> None:
    good, gone = web.serve("/good", b"hello"), web.serve("/gone", Reply(b"", 410))
    page = tmp_path / "page.html"
    page.write_text(f'<p>“Hi” <a href="{good}?a=1&amp;b=2">a page</a> <a href="{gone}">another</a> '
                    '<a href="https://verdicts.example.org/leave/[[reader]]">Unsubscribe</a></p>')  # fmt: skip
    dead = [
        one
        for one in verdicts("check", "--html", page, "--links", "--json", home=ready).document["findings"]
        if one["code"] == "link-dead"
    ]

    assert [one["where"] for one in dead] == [gone]
    assert dead[0]["level"] == "blocker"
    assert {seen.path for seen in web.seen} == {"/good?a=1&b=2", "/gone"}
