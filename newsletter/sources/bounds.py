"""How long one source may take in all, how much it may send, and where it may live.

A stranger's feed may redirect us, or let its name resolve, to a machine behind our own walls. So each connection goes
to the very address that was checked (no second look-up in which it could change), and that holds for every redirect.
"""

import threading
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from queue import Empty, SimpleQueue
from socket import SOCK_STREAM, gaierror, getaddrinfo
from time import monotonic
from typing import Any

from newsletter.config import Collecting
from newsletter.errors import FetchError

HEADROOM = 200_000  # bytes on the wire beside the body: headers, chunk sizes, TLS

Address = IPv4Address | IPv6Address
GLOBAL_IPV6 = IPv6Network("2000::/3")
NAT64 = IPv6Network("64:ff9b::/96")


class Bounds:
    """Those of one fetch; its time runs from when it is made."""

    def __init__(self, collecting: Collecting) -> None:
        self.allowed = collecting.allowed_networks
        self.ca_file = collecting.ca_file
        self.max_bytes = collecting.max_bytes
        self.seconds = collecting.timeout_seconds
        self._end = monotonic() + self.seconds
        self._received = 0

    def seconds_left(self, at_most: float | None = None) -> float:
        """Until it must end, or `at_most`. Raises FetchError when it is over."""
        left = self._end - monotonic()
        if left <= 0:
            raise self.took_too_long()
        return left if at_most is None else min(left, at_most)

    def received(self, data: bytes) -> bytes:
        """`data` itself, counted. Raises FetchError when it is too much."""
        self._received += len(data)
        if self._received > self.max_bytes + HEADROOM:
            raise self.too_large()
        return data

    def took_too_long(self) -> FetchError:
        """What ends a fetch whose time is over."""
        return FetchError(f"It took longer than {self.seconds:g} seconds (collecting.timeout_seconds).")

    def too_large(self) -> FetchError:
        """What ends one that brings too much."""
        return FetchError(f"It is larger than {self.max_bytes:,} bytes (collecting.max_bytes).")

    def address_of(self, host: str, port: int) -> str:
        """The address to connect to, checked. One forbidden address among several forbids the name."""
        addresses = self._look_up(host, port)
        for address in addresses:
            if not self._may_reach(address):
                shown = str(_unwrapped(address))
                leads = "is" if host == shown else f"leads to {shown}, which is"
                raise FetchError(
                    f"{host} {leads} in a network that is not public; "
                    "if it is meant to be reached, add that network to collecting.private_networks."
                )
        return str(addresses[0])

    def _may_reach(self, address: Address) -> bool:
        inner = _unwrapped(address)
        if any(inner in network for network in self.allowed):
            return True
        if isinstance(inner, IPv6Address) and inner not in GLOBAL_IPV6:
            return False
        return inner.is_global and not inner.is_multicast

    def _look_up(self, host: str, port: int) -> list[Address]:
        """What the resolver knows, in its own thread: it takes no time-out, and names like 127.1 are numbers to it."""
        answers: SimpleQueue[list[Any] | OSError | UnicodeError] = SimpleQueue()

        def ask() -> None:
            try:
                answers.put(getaddrinfo(host, port, type=SOCK_STREAM))
            except (OSError, UnicodeError) as error:
                answers.put(error)

        threading.Thread(target=ask, daemon=True, name="name-look-up").start()
        try:
            answer = answers.get(timeout=self.seconds_left())
        except Empty as error:
            raise self.took_too_long() from error
        if not isinstance(answer, list):
            why = answer.strerror if isinstance(answer, gaierror) else str(answer)
            raise FetchError(f"There is no {host} to be found: {why}.") from answer
        return list(dict.fromkeys(ip_address(found[4][0]) for found in answer))


def _unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for (::ffff:10.0.0.1, 6to4, NAT64), else the same."""
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
