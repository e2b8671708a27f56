"""Hosts on the internet, as opposed to this machine and its local networks."""

from __future__ import annotations

import ipaddress
import socket

#: The IPv6 addresses by which a network without IPv4 reaches IPv4's (RFC 6052).
NAT64 = ipaddress.ip_network("64:ff9b::/96")


def parse_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address that a host is, if it is one; IPv4 in IPv6 becomes IPv4."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_public(text: str) -> bool:
    """Return whether an address is on the internet, and does not embed another one.

    6to4 and Teredo embed one, and no server has such an address any more.
    """
    address = parse_address(text)
    if address is None:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address in NAT64:
            return is_public(str(ipaddress.IPv4Address(address.packed[-4:])))
        if address.sixtofour or address.teredo or address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def leads_to_public(host: str) -> bool:
    """Return whether all addresses of a host are public, or it has none that is known here."""
    name = host.strip("[]").removesuffix(".")
    if ":" in name or name.rpartition(".")[2][:1].isdigit():  # as in `127.1`, which is 127.0.0.1
        return is_public(name)
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except socket.gaierror:
        return True  # it cannot be reached, or by a proxy only
    except UnicodeError:
        return False
    return all(is_public(str(each[4][0])) for each in found)
