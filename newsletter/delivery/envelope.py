"""The envelope sender of a delivery, written so that returned mail names it (VERP): write it, read it back. Pure.

`bounces+DELIVERY-MAC@example.com`: the MAC keeps strangers from making up bounces for readers they dislike. Digits and
lower-case letters only, because some systems lower-case the local part; well under its 64 octets (RFC 5321 §4.5.3.1.1).
"""

import hmac
import re
from collections.abc import Callable
from email.utils import parseaddr
from functools import lru_cache

from subscribers.mac import Mac, keyed
from subscribers.tokens import Keys

_MAC_BYTES = 8
_SHAPE = re.compile(r"\+(\d{1,18})-([0-9a-f]{16})$")


def writer(bounce_address: str, keys: Keys, instead: str = "") -> Callable[[int], str]:
    """What writes the envelope senders of many deliveries: number → address. Without an address for bounces it is
    `instead` for all of them."""
    if not bounce_address:
        return lambda _delivery_id: instead
    local, _, domain = parseaddr(bounce_address)[1].rpartition("@")
    mac = _mac(keys.secrets[0])

    def sender(delivery_id: int) -> str:
        return f"{local}+{delivery_id}-{mac(b'%d' % delivery_id).hex()}@{domain}"

    return sender


def delivery_of(address: str, keys: Keys) -> int | None:
    """The delivery that a returned mail's recipient names; None for any address that we did not write."""
    found = _SHAPE.search(address.rpartition("@")[0].lower())
    if found is None:
        return None
    number = found[1].encode("ascii")
    macs = [mac(number)[:_MAC_BYTES] for key in keys.secrets for mac in (_mac(key), _old_mac(key))]
    known = any(hmac.compare_digest(bytes.fromhex(found[2]), mac) for mac in macs)
    return int(number) if known else None


@lru_cache(maxsize=16)
def _mac(secret: bytes) -> Callable[[bytes], bytes]:
    return keyed(secret, "return", _MAC_BYTES)


@lru_cache(maxsize=16)
def _old_mac(secret: bytes) -> Mac:
    """For mails that went out when an HMAC made it."""
    return Mac(secret, b"newsletter/return/")
