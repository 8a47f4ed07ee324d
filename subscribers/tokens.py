"""Tokens in the links of mails and pages: who may do what, provable without a look into the database.

A token is 44 characters of base64url: key id, two numbers, and a MAC of 128 bits over them, keyed BLAKE2b bound to the
purpose. Its length never changes, so that a message is made once and a reader's token is laid into its place. A token
for one purpose is no token for another; there is no address in it. Leaving never expires (RFC 8058 §6 asks for tokens
that are hard to forge; CAN-SPAM for links that live), so expiry is a question for each purpose's own door.

Tokens once held the first half of an HMAC-SHA256, under key ids of their own: mails with those are still read.
"""

import hmac
import struct
from base64 import urlsafe_b64decode
from binascii import Error as NotBase64
from binascii import b2a_base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache
from hashlib import sha256

from subscribers.mac import Mac, keyed

LENGTH = 44  # characters
_BODY = struct.Struct(">BQQ")  # key id, subject, detail
_MAC_BYTES = 16
_FOR_URLS = bytes.maketrans(b"+/", b"-_")  # RFC 4648 §5


class Purpose(StrEnum):
    """What a token lets its holder do. `subject` and `detail` are the two numbers it carries."""

    CONFIRM = "confirm"  # subject: subscription, detail: when it was asked for, in seconds since 1970
    UNSUBSCRIBE = "unsubscribe"  # subject: subscription, detail: issue or 0
    PREFERENCES = "preferences"  # subject: subscriber, detail: issue or 0
    RETURN = "return"  # subject: delivery, detail: issue: the envelope sender of a mail, so that a bounce names it
    CLICK = "click"  # subject: subscriber, detail: issue: which mail a link was followed out of
    ARTICLE = "article"  # subject: article, detail: 0
    INVITATION = "invitation"  # subject: invitation of an editor, detail: when it was made, in seconds since 1970
    FORM = "form"  # subject: when the page with the form was made, in seconds since 1970, detail: 0


@dataclass(frozen=True)
class Keys:
    """The secrets that sign, the newest first. The oldest also hashes suppressed addresses: it is never dropped."""

    secrets: tuple[bytes, ...]

    def __repr__(self) -> str:
        return f"Keys({len(self.secrets)} secrets)"

    @cached_property
    def signing(self) -> tuple[int, bytes]:
        """The id and the secret that sign new tokens."""
        return _key_id(self.secrets[0]), self.secrets[0]

    @cached_property
    def address_key(self) -> bytes:
        """What suppressed addresses are hashed with: it must not change when a new signing key is put first."""
        return hmac.digest(self.secrets[-1], b"newsletter/addresses", "sha256")

    @cached_property
    def address_mac(self) -> Mac:
        """The same, ready to hash."""
        return Mac(self.address_key)


@dataclass(frozen=True)
class Claim:
    """What a good token says."""

    subject: int
    detail: int


def sign(keys: Keys, purpose: Purpose, subject: int, detail: int = 0) -> str:
    """A token of exactly LENGTH characters out of A–Z a–z 0–9 - _."""
    return signer(keys, purpose)(subject, detail).decode()


@lru_cache(maxsize=64)
def signer(keys: Keys, purpose: Purpose) -> Callable[[int, int], bytes]:
    """`sign` for many subjects: (subject, detail) → token. What is the same for all of them is done once."""
    key_id, secret = keys.signing
    pack, mac = _BODY.pack, _mac(secret, purpose)

    def token(subject: int, detail: int) -> bytes:
        body = pack(key_id, subject, detail)
        return b2a_base64(body + mac(body), newline=False).translate(_FOR_URLS)

    return token


def check(keys: Keys, purpose: Purpose, token: str) -> Claim | None:
    """What `token` says if one of `keys` signed it for `purpose`; None for every other string, in constant time."""
    if len(token) != LENGTH or not token.isascii():
        return None
    try:
        raw = urlsafe_b64decode(token)
    except (NotBase64, ValueError):
        return None
    body, mac = raw[: _BODY.size], raw[_BODY.size :]
    key_id, subject, detail = _BODY.unpack(body)
    for candidate in _macs(keys, key_id, purpose):
        if hmac.compare_digest(mac, candidate(body)[:_MAC_BYTES]):
            return Claim(subject, detail)
    return None


def _macs(keys: Keys, key_id: int, purpose: str) -> Iterator[Callable[[bytes], bytes]]:
    """What may have signed under this id: one, or more when ids collide."""
    for secret in keys.secrets:
        if _key_id(secret) == key_id:
            yield _mac(secret, purpose)
        if _old_key_id(secret) == key_id:
            yield _old_mac(secret, purpose)


@lru_cache(maxsize=64)
def _mac(secret: bytes, purpose: str) -> Callable[[bytes], bytes]:
    return keyed(secret, purpose, _MAC_BYTES)


@lru_cache(maxsize=64)
def _key_id(secret: bytes) -> int:
    """One byte that says which secret signed; not secret itself."""
    return keyed(secret, "key id", 1)(b"")[0]


@lru_cache(maxsize=64)
def _old_mac(secret: bytes, purpose: str) -> Mac:
    return Mac(secret, b"newsletter/token/" + purpose.encode() + b"\0")


@lru_cache(maxsize=64)
def _old_key_id(secret: bytes) -> int:
    return sha256(b"newsletter/key-id/" + secret).digest()[0]
