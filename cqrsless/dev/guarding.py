"""Who may ask: only this machine, and in a browser only pages that come from this server.

A page from anywhere may have a browser send requests to 127.0.0.1. It is told apart by `Origin` and `Sec-Fetch-Site`,
and a name that an attacker points to 127.0.0.1 ("DNS rebinding") by `Host`.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

__all__ = ["CONSOLE_HEADER", "foreign_host", "foreign_page", "is_loopback", "unasked"]

#: What the console's own page sends with what changes something. Other sites' pages cannot without being allowed to.
CONSOLE_HEADER: Final = "X-Cqrsless-Console"


def is_loopback(host: str) -> bool:
    """Say whether a name or address stands for this machine alone.

    >>> [is_loopback(host) for host in ("127.0.0.1", "localhost", "shop.localhost", "::1", "0.0.0.0", "example.org")]
    [True, True, True, True, False, False]
    """
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _address(name)
    return address is not None and address.is_loopback


def foreign_host(host: str | None, *, exposed: bool) -> str | None:
    """Say what is wrong with a request's `Host`; nothing is, where it names this machine.

    Where the server is exposed any address will do, since rebinding takes a name, and so will the machine's own name.

    >>> foreign_host("127.0.0.1:8000", exposed=False), foreign_host("localhost", exposed=False)
    (None, None)
    >>> foreign_host("evil.example:8000", exposed=True)
    "the Host 'evil.example' is not this machine"
    """
    name = _host_name(host)
    if name is None:
        return "there is no Host"
    if is_loopback(name):
        return None
    if exposed and (_address(name) is not None or name in (socket.gethostname().lower(), socket.getfqdn().lower())):
        return None
    return f"the Host {name[:100]!r} is not this machine"


def foreign_page(headers: Mapping[str, str], *, exposed: bool) -> str | None:
    """Say which other site's page sends a request to the application, if one does. Pages of this machine may."""
    origin = headers.get("Origin")
    if origin is None:
        return None
    if foreign_host(urlsplit(origin).netloc or None, exposed=exposed) is None:
        return None
    return f"it comes from a page of {origin[:100]!r}"


def unasked(method: str, headers: Mapping[str, str]) -> str | None:
    """Say why a request to the console does not come from the console's page, if it does not.

    What changes something needs a header that another site's page could send only if this server said that it may.

    >>> unasked("GET", {"Host": "127.0.0.1:8000"}) is None
    True
    >>> unasked("POST", {"Host": "127.0.0.1:8000", "Content-Type": "application/json"})
    'it lacks the header X-Cqrsless-Console'
    >>> unasked("GET", {"Host": "127.0.0.1:8000", "Origin": "http://evil.example"})
    "it comes from a page of 'http://evil.example'"
    """
    origin = headers.get("Origin")
    if origin is not None and origin.lower() != f"http://{headers.get('Host', '').lower()}":
        return f"it comes from a page of {origin[:100]!r}"
    if headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        return "it comes from another site's page"
    if method in ("GET", "HEAD"):
        return None
    if CONSOLE_HEADER not in headers:
        return f"it lacks the header {CONSOLE_HEADER}"
    if headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
        return "its Content-Type is not application/json"
    return None


def _host_name(host: str | None) -> str | None:
    if not host:
        return None
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        return host
    return None if not name else name.lower().rstrip(".")


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
