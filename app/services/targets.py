"""Where a webhook may point: addresses, resolved once and held to."""

import asyncio
import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import urlsplit

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_PATIENCE = 5.0
"""Seconds that the resolving of a name may take."""
_RESOLVERS = ThreadPoolExecutor(512, "resolver")
"""Threads that wait for names: one that takes long keeps no other, nor anything else, waiting."""


class PrivateTarget(Exception):
    """A target is within a network that is not public."""


class Unresolved(Exception):
    """A target's name has no address now."""


def _inner(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv6 address stands for, if it does."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def is_public(text: str) -> bool:
    """Tell whether an address is one of the public network, of one host."""
    address = _inner(ipaddress.ip_address(text.partition("%")[0]))
    is_local = isinstance(address, IPv6Address) and address.is_site_local
    return address.is_global and not (is_local or address.is_multicast or address.is_reserved)


async def resolved(url: str, *, private: bool) -> str:
    """Return an address of a URL's host. Raises `PrivateTarget` (unless `private`) or `Unresolved`.

    One address that is not public is enough to refuse a name that has several.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme.lower() == "https" else 80)
    found = await _addresses(host, port)
    if not private and not all(map(is_public, found)):
        raise PrivateTarget(host)
    return found[0]


async def _addresses(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_PATIENCE):
            found = await loop.run_in_executor(
                _RESOLVERS, partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
            )
    except (OSError, UnicodeError, TimeoutError) as error:
        raise Unresolved(host) from error
    if not found:
        raise Unresolved(host)
    return [str(each[4][0]) for each in found]
