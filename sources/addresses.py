"""Tell public network addresses from those that lead into our own network."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

#: Not reachable from outside, or leading somewhere else than it says, beyond what the standard library knows.
#: Source: IANA's registries of special-purpose addresses.
_CLOSED_4 = [
    IPv4Network(net) for net in ("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15")
]
_CLOSED_6 = [
    IPv6Network(net)
    for net in (
        "::/96",  # IPv4-compatible, unspecified, loopback
        "64:ff9b:1::/48",  # NAT64 of a local network
        "100::/64",  # discard
        "2001::/23",  # Teredo and other protocols' own
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",  # site-local of old
    )
]
_NAT64 = IPv6Network("64:ff9b::/96")
_6TO4 = IPv6Network("2002::/16")


def is_public(address: str) -> bool:
    """Whether an address, as text, is one of the open internet; an IPv6 form of an IPv4 address is judged as that.

    Raises:
        ValueError: It is no IP address.
    """
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address) and (inner := _inside(found)):
        found = inner
    if found.is_private or found.is_loopback or found.is_link_local or found.is_multicast or found.is_unspecified:
        return False
    closed: list[IPv4Network] | list[IPv6Network] = _CLOSED_4 if isinstance(found, IPv4Address) else _CLOSED_6
    return not found.is_reserved and not any(found in net for net in closed)


def is_address(host: str) -> bool:
    """Whether a host is an IP address itself, and no name."""
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _inside(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that traffic to this IPv6 address ends at, None when there is none."""
    if address.ipv4_mapped:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.sixtofour if address in _6TO4 else None
