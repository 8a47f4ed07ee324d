"""A secret that must be read again, as the database keeps it: whoever has only the database can't use it.

A code's secret is sealed by AES-256-GCM with a key derived from the secret key of config.toml, for one editor: put into
another's row it opens no more. 20 bytes become 64 characters: nonce, ciphertext, tag, in base64url.
"""

import hmac
from base64 import b32decode, b32encode, urlsafe_b64decode, urlsafe_b64encode
from secrets import token_bytes

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from subscribers.tokens import Keys

_NONCE_BYTES = 12
_SEALED = 64  # characters; a plain secret has 32


def seal(keys: Keys, editor_id: int, secret: str) -> str:
    """`secret`, in base32, as it may be stored."""
    nonce = token_bytes(_NONCE_BYTES)
    box = AESGCM(_key(keys.signing[1])).encrypt(nonce, b32decode(secret), _whose(editor_id))
    return urlsafe_b64encode(nonce + box).decode()


def opened(keys: Keys, editor_id: int, stored: str) -> str:
    """What was sealed, by whichever of `keys`; "" where none opens it. One from before they were sealed is plain."""
    if len(stored) != _SEALED:
        return stored
    raw = urlsafe_b64decode(stored)
    for secret in keys.secrets:
        try:
            found = AESGCM(_key(secret)).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _whose(editor_id))
        except InvalidTag:
            continue
        return b32encode(found).decode()
    return ""


def _key(secret: bytes) -> bytes:
    return hmac.digest(secret, b"newsletter/editors-codes", "sha256")


def _whose(editor_id: int) -> bytes:
    return str(editor_id).encode()
