"""Settings come from the environment, the TOML file and the defaults, and a wrong one says how to mend it."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from digest.errors import Fault, FilesError, SettingsError
from digest.settings import SECRETS, Settings, add_secret, commented, home_folder, load_settings, make_home

NOTHING: dict[str, str] = {}


def load(home: Path, toml: str = "", environment: dict[str, str] | None = None) -> Settings:
    (home / "verdicts.toml").write_text(toml, encoding="utf-8")
    return load_settings(home, NOTHING if environment is None else environment)


def faults(home: Path, toml: str = "", environment: dict[str, str] | None = None) -> tuple[Fault, ...]:
    with pytest.raises(FilesError) as caught:
        load(home, toml, environment)
    return caught.value.faults


# Where values come from


def test_everything_has_a_default(home: Path) -> None:
    found = load(home)

    assert (found.sender, found.approval) == ("outbox", "automatic")
    assert (found.pairs, found.quorum, found.repeat_weeks) == (5, 3, 26)
    assert (found.gather_at, found.compose_at, found.send_at) == ("0 * * * *", "0 6 * * 1", "0 9 * * 2")
    assert (found.timezone, found.expires_after_h, found.first_poll_days) == ("UTC", 48, 14)
    assert (found.site_url, found.feeds) == ("http://localhost:8000", None)
    assert (found.editors, found.fetch_allow_hosts) == ((), ())
    assert found.database == f"sqlite:///{home / 'verdicts.db'}"
    assert found.home == home


def test_a_home_without_a_file_has_the_defaults(tmp_path: Path) -> None:
    assert load_settings(tmp_path, NOTHING).pairs == 5


def test_the_file_changes_a_default(home: Path) -> None:
    found = load(home, 'pairs = 3\ntimezone = "Europe/Berlin"\nname = "Prüfstand"\napproval = "editor"\n')

    assert (found.pairs, found.name, found.approval) == (3, "Prüfstand", "editor")
    assert found.zone == ZoneInfo("Europe/Berlin")


def test_the_environment_wins_over_the_file(home: Path) -> None:
    environment = {"VERDICTS_PAIRS": "2", "VERDICTS_NAME": "Elsewhere", "UNRELATED": "x"}

    found = load(home, 'pairs = 3\nquorum = 4\nname = "Here"\n', environment)

    assert (found.pairs, found.quorum, found.name) == (2, 4, "Elsewhere")


def test_an_empty_variable_is_as_good_as_none(home: Path) -> None:
    assert load(home, "pairs = 3\n", {"VERDICTS_PAIRS": ""}).pairs == 3


def test_the_process_environment_is_read_unless_another_is_given(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERDICTS_PAIRS", "7")

    assert load_settings(home).pairs == 7
    assert load_settings(home, NOTHING).pairs == 5


def test_the_home_asked_for_wins_over_the_one_in_the_environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERDICTS_HOME", "/somewhere/else")

    found = load_settings(home)

    assert found.home == home
    assert found.database == f"sqlite:///{home / 'verdicts.db'}"


def test_the_home_folder_is_the_option_else_the_variable_else_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert home_folder(Path("a"), {"VERDICTS_HOME": "b"}) == tmp_path / "a"
    assert home_folder(None, {"VERDICTS_HOME": "b"}) == tmp_path / "b"
    assert home_folder(None, NOTHING) == tmp_path
    assert home_folder(None, {"VERDICTS_HOME": ""}) == tmp_path
    assert home_folder(Path("~/a"), NOTHING) == Path.home().resolve() / "a"


def test_lists_are_lists_in_the_file_and_comma_lists_in_the_environment(home: Path) -> None:
    expected = ("ada@example.org", "bob@example.org")

    assert load(home, 'editors = ["ada@example.org", "bob@example.org"]').editors == expected
    assert load(home, 'editors = "ada@example.org,bob@example.org"').editors == expected
    assert load(home, "", {"VERDICTS_EDITORS": " ada@example.org , bob@example.org,"}).editors == expected
    assert load(home, "", {"VERDICTS_FETCH_ALLOW_HOSTS": "10.0.0.1"}).fetch_allow_hosts == ("10.0.0.1",)


def test_a_list_of_feeds_is_found_beside_the_settings(home: Path) -> None:
    assert load(home, 'feeds = "lists/mine.toml"').feeds == home / "lists/mine.toml"
    assert load(home, 'feeds = "/etc/feeds.toml"').feeds == Path("/etc/feeds.toml")
    assert load(home, 'feeds = ""').feeds is None


def test_what_pages_and_letters_need_of_the_publisher_is_one_value(home: Path) -> None:
    found = load(home, 'site_url = "https://verdicts.example.org/"\npostal_address = "12 Harbour Lane"\nlogo = "l.png"')

    assert found.site.url == "https://verdicts.example.org"
    assert (found.site.name, found.site.postal_address, found.site.logo) == (found.name, "12 Harbour Lane", "l.png")


# Keys


def test_init_makes_the_settings_and_both_keys(tmp_path: Path) -> None:
    made = make_home(tmp_path / "new" / "home")

    assert [path.name for path in made] == ["verdicts.toml", "secret.key", "suppression_key.key"]
    assert all(path.is_file() for path in made)


@pytest.mark.skipif(os.name != "posix", reason="file modes are those of POSIX")
def test_keys_are_readable_by_their_owner_only(home: Path) -> None:
    for name in SECRETS:
        assert stat.S_IMODE((home / f"{name}.key").stat().st_mode) == 0o600


def test_keys_are_long_and_different(home: Path, tmp_path: Path) -> None:
    make_home(tmp_path / "other")
    keys = {(folder / f"{name}.key").read_text() for folder in (home, tmp_path / "other") for name in SECRETS}

    assert len(keys) == 4
    assert all(len(key.strip()) >= 43 for key in keys)


def test_init_overwrites_nothing(home: Path) -> None:
    (home / "verdicts.toml").write_text("pairs = 1\n")
    before = {path.name: path.read_bytes() for path in home.iterdir()}

    assert make_home(home) == []
    assert {path.name: path.read_bytes() for path in home.iterdir()} == before


def test_keys_come_from_their_files(home: Path) -> None:
    (home / "secret.key").write_text("in the home folder\n")

    found = load(home)

    assert found.key("secret") == b"in the home folder"
    assert found.key("suppression_key") == (home / "suppression_key.key").read_text().strip().encode()


def test_a_file_named_in_the_environment_wins_over_the_key_file(home: Path, tmp_path: Path) -> None:
    (tmp_path / "mounted").write_text("mounted\n")

    assert load(home, "", {"VERDICTS_SECRET_FILE": str(tmp_path / "mounted")}).key("secret") == b"mounted"


def test_a_key_in_the_environment_wins_over_every_file(home: Path) -> None:
    environment = {"VERDICTS_SECRET": "given", "VERDICTS_SECRET_FILE": str(home / "secret.key")}

    assert load(home, "", environment).key("secret") == b"given"


def test_a_missing_key_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"secret is missing: run `verdicts init`, or set VERDICTS_SECRET"):
        load_settings(tmp_path, NOTHING).key("secret")


def test_a_named_key_file_that_is_not_there_is_an_error(home: Path) -> None:
    [fault] = faults(home, "", {"VERDICTS_SUPPRESSION_KEY_FILE": "/nowhere/key"})

    assert (fault.file, fault.field, fault.found) == ("/nowhere/key", "VERDICTS_SUPPRESSION_KEY_FILE", "no such file")


def test_a_key_file_of_other_bytes_is_an_error_that_does_not_show_them(home: Path) -> None:
    (home / "secret.key").write_bytes(b"\xff\xfesecret")

    [fault] = faults(home)

    assert fault.field == "secret"
    assert "UTF-8" in fault.allowed
    assert "\\x" not in str(fault)


def test_a_folder_in_place_of_a_key_is_an_error(home: Path) -> None:
    (home / "secret.key").unlink()
    (home / "secret.key").mkdir()

    assert [fault.field for fault in faults(home)] == ["secret"]


def test_secrets_do_not_show(home: Path) -> None:
    environment = {
        "VERDICTS_SECRET": "s3cret-one",
        "VERDICTS_SUPPRESSION_KEY": "s3cret-two",
        "VERDICTS_DATABASE_URL": "postgresql+psycopg://us:s3cret-three@localhost/x",
    }

    found = load(home, "", environment)

    assert found.key("secret") == b"s3cret-one"
    assert found.database.endswith("s3cret-three@localhost/x")
    for shown in (repr(found), str(found), f"{found}", found.model_dump_json(exclude={"database_url"})):
        assert "s3cret" not in shown


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_in_the_file_is_refused_without_being_shown(home: Path, name: str) -> None:
    [fault] = faults(home, f'pairs = 3\n{name} = "hunter2"\n')

    assert (fault.file, fault.line, fault.field, fault.found) == ("verdicts.toml", 2, name, "a secret")
    assert f"VERDICTS_{name.upper()}" in fault.allowed
    assert "hunter2" not in str(fault)


# What a wrong file says


def test_an_unknown_key_has_its_line_and_a_suggestion(home: Path) -> None:
    [fault] = faults(home, "# mine\n\npair = 3\n")

    assert str(fault) == "verdicts.toml:3: pair: found a key nobody knows; allowed: did you mean pairs?"


def test_an_unknown_key_unlike_any_other_lists_them_all(home: Path) -> None:
    [fault] = faults(home, "zzz = 1\n")

    assert {"pairs", "site_url", "timezone"} <= set(fault.allowed.split(", "))
    assert not {"home", *SECRETS} & set(fault.allowed.split(", "))


def test_home_is_no_key_of_the_file(home: Path) -> None:
    assert [fault.field for fault in faults(home, 'home = "/tmp"\n')] == ["home"]


@pytest.mark.parametrize(
    ("line", "field", "allowed"),
    [
        ("pairs = 0", "pairs", "greater than or equal to 1"),
        ("pairs = 21", "pairs", "less than or equal to 20"),
        ('pairs = "many"', "pairs", "a valid integer"),
        ("pairs = true", "pairs", "a whole number"),
        ("quorum = 0", "quorum", "greater than or equal to 1"),
        ("expires_after_h = 145", "expires_after_h", "less than or equal to 144"),
        ("repeat_weeks = -1", "repeat_weeks", "greater than or equal to 0"),
        ("name = 5", "name", "a valid string"),
        ('approval = "maybe"', "approval", "'automatic' or 'editor'"),
        ("editors = [1, 2]", "editors", "a valid string"),
        ('editors = ["nobody"]', "editors", "bare addresses such as editor@example.org"),
        ('timezone = "Mars/Olympus"', "timezone", "a zone name such as Europe/Berlin or UTC"),
        ('timezone = "Europe"', "timezone", "a zone name such as Europe/Berlin or UTC"),
        ('timezone = ""', "timezone", "a zone name such as Europe/Berlin or UTC"),
        ('timezone = "../../etc/passwd"', "timezone", "a zone name such as Europe/Berlin or UTC"),
        ('send_at = "9 o\'clock"', "send_at", "five cron fields"),
        ('compose_at = "61 * * * *"', "compose_at", "five cron fields"),
        ('gather_at = ""', "gather_at", "five cron fields"),
        ('gather_at = "0 0 9 * * 2"', "gather_at", "five cron fields"),
        ('site_url = "verdicts.example.org"', "site_url", "an address such as https://verdicts.example.org"),
        ('site_url = "ftp://example.org"', "site_url", "an address such as https://verdicts.example.org"),
        ('site_url = "https://example.org/?a=1"', "site_url", "an address such as https://verdicts.example.org"),
        ('site_url = "https://[half"', "site_url", "an address such as https://verdicts.example.org"),
        ('from_email = "Desk <desk@example.org>"', "from_email", "one bare address such as editor@example.org"),
        ('reply_to = "a@example.org, b@example.org"', "reply_to", "one bare address such as editor@example.org"),
        ('operator = "nobody"', "operator", "one bare address such as editor@example.org"),
    ],
)
def test_a_wrong_value_has_its_line_what_was_found_and_what_is_allowed(
    home: Path, line: str, field: str, allowed: str
) -> None:
    found = faults(home, f"# one\n# two\n{line}\n")

    assert {(fault.file, fault.line, fault.field) for fault in found} == {("verdicts.toml", 3, field)}
    assert all(fault.found and allowed in fault.allowed for fault in found)


def test_a_wrong_variable_is_named_as_such(home: Path) -> None:
    [fault] = faults(home, "pairs = 3\n", {"VERDICTS_PAIRS": "lots"})

    assert (fault.file, fault.line, fault.field, fault.found) == ("environment", None, "VERDICTS_PAIRS", "'lots'")


def test_every_fault_is_reported_at_once_in_the_order_of_the_file(home: Path) -> None:
    toml = 'timezone = "Mars"\npair = 3\nsecret = "x"\nquorum = 0\nname = "fine"\nfrom_email = "nobody"\n'

    found = faults(home, toml, {"VERDICTS_SEND_AT": "never"})

    in_file = [(fault.line, fault.field) for fault in found if fault.file == "verdicts.toml"]
    assert in_file == [(1, "timezone"), (2, "pair"), (3, "secret"), (4, "quorum"), (6, "from_email")]
    assert [fault.field for fault in found if fault.file == "environment"] == ["VERDICTS_SEND_AT"]


def test_the_error_lists_every_fault_on_a_line_of_its_own(home: Path) -> None:
    with pytest.raises(FilesError) as caught:
        load(home, "pair = 3\nquorum = 0\n")

    first, second = str(caught.value).splitlines()
    assert first.startswith("verdicts.toml:1: pair: ")
    assert second.startswith("verdicts.toml:2: quorum: found 0; allowed: ")


@pytest.mark.parametrize(
    ("toml", "line"),
    [("pairs = 3\nname = broken\n", 2), ("pairs = 3\npairs = 4\n", 2), ("\n\n[[\n", 3), ('name = "open\n', 1)],
)
def test_a_file_that_is_no_toml_has_its_line(home: Path, toml: str, line: int) -> None:
    [fault] = faults(home, toml)

    assert (fault.file, fault.line, fault.field) == ("verdicts.toml", line, "")
    assert "TOML" in fault.allowed


def test_a_file_cut_off_in_the_middle_points_at_its_end(home: Path) -> None:
    [fault] = faults(home, 'pairs = 3\neditors = [\n  "a@example.org",\n')

    assert fault.line is not None
    assert fault.line >= 3


def test_a_file_of_other_bytes_is_an_error(home: Path) -> None:
    (home / "verdicts.toml").write_bytes('name = "Prüfstand"\n'.encode("latin-1"))

    with pytest.raises(FilesError, match="UTF-8"):
        load_settings(home, NOTHING)


def test_settings_cannot_be_changed_afterwards(home: Path) -> None:
    found: Any = load(home)

    with pytest.raises(ValueError, match="frozen"):
        found.pairs = 9


# The file `init` writes


def test_the_commented_file_sets_nothing(home: Path) -> None:
    assert (home / "verdicts.toml").read_text(encoding="utf-8") == commented()
    assert load_settings(home, NOTHING) == load(home, "")


def test_the_commented_file_shows_every_default_as_it_would_be_written(home: Path) -> None:
    uncommented = re.sub(r"^# (\w+ = )", r"\1", commented(), flags=re.MULTILINE)

    found = load(home, uncommented)

    assert found == load(home, "")
    keys = re.findall(r"^(\w+) = ", uncommented, flags=re.MULTILINE)
    assert set(keys) == set(Settings.model_fields) - {"home", *SECRETS}


def test_the_commented_file_says_what_each_key_is_for() -> None:
    paragraphs = commented().strip().split("\n\n")[1:]

    assert all(re.fullmatch(r"# \S.*\n# \w+ = .*", paragraph) for paragraph in paragraphs)


def test_a_home_that_no_database_address_can_hold_is_refused(tmp_path: Path) -> None:
    strange = tmp_path / "what?"
    strange.mkdir()

    with pytest.raises(SettingsError, match="allowed: a path without “\\?”, or set database_url"):
        _ = load_settings(strange, {}).database
    assert load_settings(strange, {"VERDICTS_DATABASE_URL": "sqlite:////tmp/x.db"}).database == "sqlite:////tmp/x.db"


def test_sending_before_composing_within_a_week_is_refused(tmp_path: Path) -> None:
    with pytest.raises((FilesError, SettingsError), match="later than compose_at"):
        load_settings(tmp_path, {"VERDICTS_COMPOSE_AT": "0 18 * * 0", "VERDICTS_SEND_AT": "0 9 * * 1"})


def test_a_new_key_signs_and_the_old_one_is_still_recognised(home: Path) -> None:
    old = load(home).link_keys
    assert add_secret(home) == home / "secret.key"

    new = load(home).link_keys
    assert len(new) == 2
    assert new[1:] == old
    assert (home / "secret.key").stat().st_mode & 0o777 == 0o600


def test_a_key_that_lives_elsewhere_is_changed_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="put a new one on a line before it"):
        add_secret(tmp_path)
    assert load_settings(tmp_path, {"VERDICTS_SECRET": "new\n\n  old \n"}).link_keys == (b"new", b"old")


@pytest.mark.parametrize(
    ("line", "field", "allowed"),
    [
        ('refuse_addresses = ["free"]', "refuse_addresses", "'disposable' or 'role'"),
        ('trusted_proxies = ["proxy.example"]', "trusted_proxies", "10.0.0.0/24"),
        ('network_kept = "some"', "network_kept", "'none', 'truncated' or 'full'"),
        ("signups_per_network = 0", "signups_per_network", "greater than or equal to 1"),
        ("retention_days = 1", "retention_days", "greater than or equal to 30"),
    ],
)
def test_what_readers_pages_need_is_checked(home: Path, line: str, field: str, allowed: str) -> None:
    [fault] = faults(home, line)
    assert fault.field == field
    assert allowed in fault.allowed


def test_lists_of_words_come_from_the_environment_too(home: Path) -> None:
    found = load(
        home, "", {"VERDICTS_REFUSE_ADDRESSES": "role, disposable", "VERDICTS_TRUSTED_PROXIES": "10.0.0.1,::1"}
    )
    assert found.refuse_addresses == ("role", "disposable")
    assert found.trusted_proxies == ("10.0.0.1", "::1")
    assert load(home, "", {}).refuse_addresses == ("disposable",)
