"""How often one caller may do something in an hour: counted in memory by `limits`, by the clock we are given."""

from datetime import datetime
from ipaddress import IPv6Address, ip_address, ip_network

from limits import RateLimitItemPerHour
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

MAX_CALLERS = 100_000  # remembered at once, of one kind


class Allowance:
    """At most so many of something in an hour of the clock for each caller. Safe between threads."""

    def __init__(self, an_hour: int) -> None:
        self._an_hour = RateLimitItemPerHour(an_hour)
        self._counts = MemoryStorage()
        self._limiter = FixedWindowRateLimiter(self._counts)

    def takes(self, caller: str, now: datetime) -> bool:
        """Count one more; False if that caller has had their share of this hour."""
        if len(self._counts.storage) > MAX_CALLERS:
            self._counts.reset()  # who calls from so many places is stopped by no count
        return self._limiter.hit(self._an_hour, caller, f"{now:%Y%m%d%H}")

    def has_left(self, caller: str, now: datetime) -> bool:
        """The same without counting."""
        return self._limiter.test(self._an_hour, caller, f"{now:%Y%m%d%H}")


def network_of(address: str) -> str:
    """What one household or office shares: /24 of IPv4, /64 of IPv6; what is no address stands for itself."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return str(ip_network((found, 64 if isinstance(found, IPv6Address) else 24), strict=False))
