"""From where somebody asked: which network limits count for, and what of its address may be kept."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Literal

#: Bits that name a network: what a provider hands to one customer or site, so that limits cannot be dodged inside it.
_NETWORK_BITS = {4: 24, 6: 48}

#: What settings let us keep of a network address.
Kept = Literal["none", "truncated", "full"]


@dataclass(frozen=True, slots=True)
class Origin:
    """From where a form came: its `network`, such as 203.0.113.0/24 ("" where unknown), and what is `kept` of it."""

    network: str
    kept: str


#: Where nothing is known: a command, or a test.
NOWHERE = Origin("", "")


def origin_of(address: str | None, keep: Kept) -> Origin:
    """Take what counts and what may be kept from a client's network address, which may be missing or no address."""
    try:
        found: IPv4Address | IPv6Address = ip_address((address or "").partition("%")[0])
    except ValueError:
        return NOWHERE
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    network = str(ip_network(f"{found}/{_NETWORK_BITS[found.version]}", strict=False))
    return Origin(network, {"none": "", "truncated": network, "full": str(found)}[keep])
