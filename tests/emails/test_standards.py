"""Every email keeps the standards, and no spam filter minds it.

The samples go through each program together with one that is broken on purpose, which must be found.
"""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime

import pytest

from digest.model import Message
from digest.rendering import template_folders
from subscribers.addressing import Batch, Recipient
from subscribers.letters import letter
from tests.emails.checkers import TOOLS, Spam, html_validate, mjml, spamassassin, vnu
from tests.emails.samples import DISTINCT, EMAILS, NAMES, TOKEN, Sample, samples
from tests.subscribers.readers import IDENTITY, WEEK

#: The name of the sample that is broken on purpose.
BROKEN = "broken"

#: SpamAssassin's points up to which a letter is as good as without any: rules that only note something weigh 0.1.
HARMLESS = 0.1

#: What SpamAssassin reads, as it takes half a second for each.
_LETTERS = (*EMAILS, "digest-hostile")

_READER = Recipient("0123456789abcdef", "ada@example.org", "Ada Lovelace", TOKEN)

Found = dict[str, list[str]]


@pytest.fixture(scope="session")
def by_html_validate(tmp_path_factory: pytest.TempPathFactory) -> Found:
    return html_validate(pages(), tmp_path_factory.mktemp("html-validate"))


@pytest.fixture(scope="session")
def by_vnu(tmp_path_factory: pytest.TempPathFactory) -> Found:
    return vnu(pages(), tmp_path_factory.mktemp("vnu"))


@pytest.fixture(scope="session")
def by_mjml(tmp_path_factory: pytest.TempPathFactory) -> Found:
    sources = {name: sample.mjml for name, sample in samples().items()}
    sources[BROKEN] = sources["digest"].replace("<mj-text", '<mj-text colour="red"')
    return mjml(sources, tmp_path_factory.mktemp("mjml"))


@pytest.fixture(scope="session")
def by_spamassassin(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Spam]:
    broken = Sample("ACT NOW: FREE MONEY!!!", "<p>Click here</p>", "x", "")
    letters = [(name, samples()[name]) for name in _LETTERS] + [(BROKEN, broken)]
    sources = {name: written(sample, key=f"{number:08}") for number, (name, sample) in enumerate(letters)}
    return spamassassin(sources, tmp_path_factory.mktemp("spamassassin"))


def pages() -> dict[str, str]:
    """The samples as their readers get them, and a page with a heading that is not closed."""
    good = {name: samples()[name].page for name in DISTINCT}
    return {**good, BROKEN: good["digest"].replace("</h1>", "", 1)}


def written(sample: Sample, key: str) -> bytes:
    """A complete letter, as a reader's mail program gets it; the key makes its Message-ID."""
    message = Message(WEEK, sample.subject, sample.html, sample.text)
    return bytes(letter(Batch(WEEK, 1, key, message, IDENTITY, (_READER,)), _READER, datetime.now(UTC)))


def allowances() -> list[re.Pattern[str]]:
    """What vnu may say."""
    listed = tomllib.loads((TOOLS / "vnu-allowed.toml").read_text("utf-8"))["allowed"]
    assert all(entry["why"] for entry in listed)
    return [re.compile(entry["finding"]) for entry in listed]


def message(found: str) -> str:
    """A finding without its line."""
    return found.partition(": ")[2]


def test_every_email_has_a_sample() -> None:
    shipped = template_folders()[-1] / "email"
    assert {folder.name for folder in shipped.iterdir() if folder.is_dir()} == set(EMAILS)


@pytest.mark.parametrize("name", DISTINCT)
def test_html_validate_finds_nothing(by_html_validate: Found, name: str) -> None:
    assert by_html_validate[name] == []


@pytest.mark.parametrize("name", DISTINCT)
def test_vnu_finds_nothing_but_what_the_list_allows(by_vnu: Found, name: str) -> None:
    allowed = allowances()
    assert [one for one in by_vnu[name] if not any(entry.fullmatch(message(one)) for entry in allowed)] == []


def test_the_list_of_what_vnu_may_say_has_no_entry_too_many(by_vnu: Found) -> None:
    said = {message(one) for name in DISTINCT for one in by_vnu[name]}
    assert [entry.pattern for entry in allowances() if not any(map(entry.fullmatch, said))] == []


@pytest.mark.parametrize("name", NAMES)
def test_mjml_finds_nothing_in_what_is_compiled(by_mjml: Found, name: str) -> None:
    assert by_mjml[name] == []


@pytest.mark.parametrize("name", _LETTERS)
def test_spamassassin_has_nothing_against_a_letter(by_spamassassin: dict[str, Spam], name: str) -> None:
    score, rules = by_spamassassin[name]
    assert score <= HARMLESS, "\n".join(rules)


def test_a_heading_that_is_not_closed_would_be_found(by_html_validate: Found, by_vnu: Found) -> None:
    assert any("Unclosed element '<h1>'" in one for one in by_html_validate[BROKEN])
    assert any("Unclosed element “h1”" in one for one in by_vnu[BROKEN])


def test_an_attribute_that_mjml_does_not_know_would_be_found(by_mjml: Found) -> None:
    assert any("Attribute colour is illegal" in one for one in by_mjml[BROKEN])


def test_a_shouting_letter_would_be_taken_for_spam(by_spamassassin: dict[str, Spam]) -> None:
    assert by_spamassassin[BROKEN].score > 1
