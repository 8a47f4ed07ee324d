"""HMAC-SHA256 (RFC 2104) under one key, for many short texts: the half of the work that is the key's is done once.

The standard library's `hmac` begins anew with each text, which takes longer than all else that is done with a token.
"""

from hashlib import sha256

_BLOCK = 64  # bytes of SHA-256's blocks
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


class Mac:
    """Called with a text it returns 32 bytes; `before` is what every text begins with."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes, before: bytes = b"") -> None:
        block = (key if len(key) <= _BLOCK else sha256(key).digest()).ljust(_BLOCK, b"\0")
        self._inner = sha256(block.translate(_INNER) + before)
        self._outer = sha256(block.translate(_OUTER))

    def __call__(self, text: bytes) -> bytes:
        inner = self._inner.copy()
        inner.update(text)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()
