"""Which addresses a URL from outside may lead to."""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address

# `is_global` follows a table that differs between Python releases (3.11.7 calls 192.0.0.8 global),
# so the ranges that matter are named here. Sources: the IANA special-purpose address registries.
_REFUSED = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; also some clouds' metadata
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's machine agent: public by number, local by routing
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
        "2001::/23",  # protocol assignments: Teredo (carries an IPv4 address), ORCHID, benchmarks
        "2001:db8::/32",
        "2002::/16",  # 6to4: carries an IPv4 address
        "3fff::/20",
    )
)
# The rest of IPv6 is not in use, or is local (fc00::/7, fe80::/10, fec0::/10), or carries an IPv4
# address that a gateway would reach for us (NAT64 64:ff9b::/96 and 64:ff9b:1::/48, ::a.b.c.d).
_GLOBAL_UNICAST = ip_network("2000::/3")
_ENDS_IN_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)", re.IGNORECASE)


def literal(host: str) -> Address | None:
    """The address `host` spells (v6 without brackets), None for a name.

    Takes every spelling that the C library would: decimal, octal, hexadecimal and short forms.
    Raises ValueError for a host that ends in a number and yet is no address.
    """
    if ":" in host:
        return ip_address(host)
    host = host.removesuffix(".")
    if not _ENDS_IN_NUMBER.fullmatch(host):
        return None
    try:
        return IPv4Address(socket.inet_aton(host))
    except OSError as error:
        raise ValueError(f"{host!r} is not an address") from error


def is_public(address: Address) -> bool:
    """Whether anybody on the internet would reach the same machine under this address."""
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return False
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address not in _GLOBAL_UNICAST:
            return False
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address in network for network in _REFUSED)
    )
