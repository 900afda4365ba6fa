"""How addresses are written in a message."""

from __future__ import annotations

import pytest

from digest.wording import address


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("https://münchen.de/ö", "https://xn--mnchen-3ya.de/%C3%B6"),
        ("https://straße.de", "https://xn--strae-oqa.de"),
        ("http://例え。テスト:8080/?q=1", "http://xn--r8jz45g.xn--zckzah:8080/?q=1"),
        ("https://me@MÜNCHEN.de/me@münchen.de", "https://me@xn--mnchen-3ya.de/me@m%C3%BCnchen.de"),
        ("https://Example.org:80/a b", "https://Example.org:80/a%20b"),
        ("ftp://münchen.de", ""),
        ("https://", ""),
    ],
)
def test_a_host_in_another_script_is_written_as_it_is_looked_up(url: str, written: str) -> None:
    assert address(url) == written
