"""The list of feeds: read with every fault at once, changed without losing a comment."""

from __future__ import annotations

from pathlib import Path

import pytest

from digest.errors import FilesError, SettingsError
from digest.model import Feed
from sources.catalog import add_feed, bundled_feeds, is_fetchable, kind_names, load_feeds, remove_feed

OURS = """# What I watch.

# Releases of one
[[feed]]
name = "one"   # the first
url = "https://example.org/one.atom"
kind = "github"
why = "it ships [[feed]] weekly"

# --- others ---

[[ feed ]]
url = 'https://example.org/two'
name = "two"

# the end
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "feeds.toml"
    path.write_text(OURS)
    return path


def faults(path: Path) -> list[tuple[int | None, str]]:
    with pytest.raises(FilesError) as caught:
        load_feeds(path)
    for fault in caught.value.faults:
        assert fault.found
        assert fault.allowed
        assert fault.file == str(path)
    return [(fault.line, fault.field) for fault in caught.value.faults]


def test_a_list_is_read_in_its_order(file: Path) -> None:
    assert load_feeds(file) == [
        Feed("one", "https://example.org/one.atom", "github", "it ships [[feed]] weekly"),
        Feed("two", "https://example.org/two"),
    ]


def test_the_bundled_list_is_right() -> None:
    feeds = load_feeds(bundled_feeds())
    assert len(feeds) > 20
    assert all(feed.why for feed in feeds)


def test_kinds_are_the_files_in_their_folder() -> None:
    assert kind_names() == ("auto", "github", "hackernews", "html", "jsonfeed", "producthunt", "rss")


def test_everything_wrong_is_said_at_once_with_its_line(file: Path) -> None:
    file.write_text(
        """title = "x"
[[feed]]
name = "one"
url = "ftp://example.org/"
color = "red"

[[feed]]
url = "https://example.org/"
kind = "gopher"

[[feed]]
name = "one"
url = "https:///nohost"

[[feed]]
name = 7
url = "https://example.org/a b"
why = ["x"]
"""
    )
    assert faults(file) == [
        (1, "title"),
        (5, "color"),
        (4, "url"),
        (7, "name"),
        (9, "kind"),
        (12, "name"),
        (13, "url"),
        (16, "name"),
        (17, "url"),
        (18, "why"),
    ]


def test_broken_toml_is_said_with_its_line(file: Path) -> None:
    file.write_text('[[feed]]\nname = "one\n')
    assert [line for line, _ in faults(file)] == [2]


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    assert faults(tmp_path / "none.toml") == [(None, "")]


def test_bytes_that_are_no_text_are_said_with_their_line(file: Path) -> None:
    file.write_bytes(b'[[feed]]\nname = "\xff"\n')
    assert faults(file) == [(2, "")]


def test_a_list_of_another_shape_is_said(file: Path) -> None:
    file.write_text("feed = 3\n")
    assert faults(file) == [(None, "feed")]


def test_feeds_written_inline_are_read_and_their_faults_said(file: Path) -> None:
    file.write_text('feed = [{name = "one", url = "https://example.org/"}]')
    assert [feed.name for feed in load_feeds(file)] == ["one"]
    file.write_text('feed = [{name = "one"}]')
    assert faults(file) == [(None, "url")]


def test_an_added_feed_stands_at_the_end_and_all_else_stays(file: Path) -> None:
    feed = Feed("three", "https://example.org/3?a=1&b=2", "auto", 'says "hi"\nand \\ more')
    add_feed(file, feed)
    assert file.read_text().startswith(OURS)
    assert load_feeds(file)[2] == feed


def test_a_file_without_a_last_newline_takes_a_feed(file: Path) -> None:
    file.write_text(OURS.rstrip() + " no newline")
    add_feed(file, Feed("three", "https://example.org/3"))
    assert len(load_feeds(file)) == 3


def test_a_wrong_feed_is_not_added(file: Path) -> None:
    for feed in (Feed("one", "https://example.org/"), Feed("x", "javascript:x"), Feed("", "https://example.org/")):
        with pytest.raises(FilesError):
            add_feed(file, feed)
    assert file.read_text() == OURS


def test_half_characters_from_a_command_line_are_refused(file: Path) -> None:
    with pytest.raises(FilesError):
        add_feed(file, Feed("a\udcff", "https://example.org/"))
    assert file.read_text() == OURS


def test_a_feed_is_cut_and_the_comments_stay(file: Path) -> None:
    assert remove_feed(file, "one").url == "https://example.org/one.atom"
    assert [feed.name for feed in load_feeds(file)] == ["two"]
    left = file.read_text()
    for comment in ("# What I watch.", "# --- others ---", "# the end"):
        assert comment in left
    remove_feed(file, "two")
    assert load_feeds(file) == []


def test_a_feed_that_is_not_there_is_not_cut(file: Path) -> None:
    with pytest.raises(SettingsError, match="no feed is called 'ten'"):
        remove_feed(file, "ten")


def test_what_cannot_be_cut_by_line_is_left_to_a_person(file: Path) -> None:
    file.write_text('feed = [{name = "one", url = "https://example.org/"}]')
    with pytest.raises(SettingsError, match="by hand"):
        remove_feed(file, "one")


def test_adding_and_cutting_gives_the_file_back(file: Path) -> None:
    add_feed(file, Feed("three", "https://example.org/3", why="x"))
    remove_feed(file, "three")
    assert file.read_text().rstrip() == OURS.rstrip()


def test_a_new_list_starts_from_the_one_watched_so_far(tmp_path: Path, file: Path) -> None:
    mine = tmp_path / "home" / "feeds.toml"
    add_feed(mine, Feed("three", "https://example.org/3"), base=file)
    assert [feed.name for feed in load_feeds(mine)] == ["one", "two", "three"]
    assert file.read_text() == OURS


def test_a_changed_file_keeps_its_mode_and_its_place(tmp_path: Path, file: Path) -> None:
    file.chmod(0o640)
    link = tmp_path / "link.toml"
    link.symlink_to(file)
    add_feed(link, Feed("three", "https://example.org/3"))
    assert link.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["feeds.toml", "link.toml"]


@pytest.mark.parametrize(
    "url", ["https://example.org", "http://10.0.0.1:81/x", "https://[::1]/feed", "https://ü.example/"]
)
def test_an_address_may_be_fetched(url: str) -> None:
    assert is_fetchable(url)


@pytest.mark.parametrize(
    "url", ["", "example.org", "file:///etc/passwd", "https://", "https://[::1", "https://a:x/", "https://a b/"]
)
def test_another_address_may_not(url: str) -> None:
    assert not is_fetchable(url)
