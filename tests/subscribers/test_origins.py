"""A network address is known by its network, and kept only as far as settings let us."""

from __future__ import annotations

import pytest

from subscribers.origins import NOWHERE, Origin, origin_of


@pytest.mark.parametrize(
    ("address", "network", "full"),
    [
        ("203.0.113.77", "203.0.113.0/24", "203.0.113.77"),
        ("::ffff:203.0.113.77", "203.0.113.0/24", "203.0.113.77"),
        ("2001:db8:1:2:3::4", "2001:db8:1::/48", "2001:db8:1:2:3::4"),
        ("fe80::1%eth0", "fe80::/48", "fe80::1"),
    ],
)
def test_what_is_kept_of_an_address(address: str, network: str, full: str) -> None:
    assert origin_of(address, "none") == Origin(network, "")
    assert origin_of(address, "truncated") == Origin(network, network)
    assert origin_of(address, "full") == Origin(network, full)


@pytest.mark.parametrize("address", [None, "", "unix:", "testclient", "1.2.3", "999.1.1.1", "\0"])
def test_what_is_no_address_is_nowhere(address: str | None) -> None:
    assert origin_of(address, "full") == NOWHERE
