"""The envelope sender of a delivery, written so that returned mail names it (VERP): write it, read it back. Pure.

`bounces+DELIVERY-MAC@example.com`: the MAC keeps strangers from making up bounces for readers they dislike. Digits and
lower-case letters only, because some systems lower-case the local part; well under its 64 octets (RFC 5321 §4.5.3.1.1).
"""

import hmac
import re
from email.utils import parseaddr
from functools import lru_cache

from subscribers.mac import Mac
from subscribers.tokens import Keys

_SHAPE = re.compile(r"\+(\d{1,18})-([0-9a-f]{16})$")


def sender(bounce_address: str, keys: Keys, delivery_id: int) -> str:
    """The envelope sender of one delivery."""
    local, domain = _halves(bounce_address)
    return f"{local}+{delivery_id}-{_mac(keys.secrets[0], delivery_id)}@{domain}"


def delivery_of(address: str, keys: Keys) -> int | None:
    """The delivery that a returned mail's recipient names; None for any address that we did not write."""
    found = _SHAPE.search(address.rpartition("@")[0].lower())
    if found is None:
        return None
    delivery_id = int(found[1])
    known = any(hmac.compare_digest(found[2], _mac(secret, delivery_id)) for secret in keys.secrets)
    return delivery_id if known else None


@lru_cache(maxsize=16)  # reading an address takes longer than all else a letter needs
def _halves(bounce_address: str) -> tuple[str, str]:
    local, _, domain = parseaddr(bounce_address)[1].rpartition("@")
    return local, domain


def _mac(secret: bytes, delivery_id: int) -> str:
    return _by(secret)(b"%d" % delivery_id).hex()[:16]


@lru_cache(maxsize=16)
def _by(secret: bytes) -> Mac:
    return Mac(secret, b"newsletter/return/")
