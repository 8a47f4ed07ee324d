"""DKIM: a signature that says this message is ours and came unchanged (RFC 6376, 8301, 8463).

Canonical form is relaxed/simple: relays may fold headers anew, and our bodies are made so that none needs to touch
them. `h=` covers all that mail programs act on, both headers of one-click unsubscribing among them (RFC 8058 §4), and
From once more than it is there, so that nobody can add a second one. Pure but for `signer`, which reads key files.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from itertools import chain
from operator import itemgetter
from typing import Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from newsletter.config import DkimKey
from newsletter.errors import ConfigError

SIGNED = (
    "from", "to", "subject", "date", "message-id", "reply-to", "mime-version", "content-type",
    "content-transfer-encoding", "list-id", "list-unsubscribe", "list-unsubscribe-post", "list-help", "feedback-id",
    "auto-submitted",
)  # fmt: skip
RSA_BITS = (2048, 4096)  # at least (RFC 8301 §3.2), and what every receiver can check
Algorithm = Literal["rsa", "ed25519"]

_PLACES = {name.encode(): place for place, name in enumerate(SIGNED)}
_PLACE = itemgetter(0)
_FOLD = re.compile(rb"\r\n(?=[ \t])")
_SPACES = re.compile(rb"[ \t]+")
_LAST_LINE_ENDS = re.compile(rb"(?:\r\n)*\Z")
_OURS = re.compile(rb"^DKIM-Signature: ([^\r\n]*(?:\r\n [^\r\n]*)*)", re.MULTILINE)
_PADDING, _HASH = PKCS1v15(), SHA256()
_LINE = 76  # characters of a line of our header


@dataclass(frozen=True)
class Key:
    """A private key and where its public half stands in the DNS."""

    domain: str
    selector: str
    private: RSAPrivateKey | Ed25519PrivateKey

    @property
    def algorithm(self) -> Algorithm:
        """As `k=` of the record names it (RFC 6376 §3.6.1, RFC 8463)."""
        return "rsa" if isinstance(self.private, RSAPrivateKey) else "ed25519"

    @property
    def record_name(self) -> str:
        """The name of the TXT record (RFC 6376 §3.6.2.1)."""
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def record(self) -> str:
        """The text of the TXT record; a string in the DNS holds 255 octets of it (`record_strings`)."""
        if isinstance(self.private, RSAPrivateKey):
            public = self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        else:
            public = self.private.public_key().public_bytes_raw()  # RFC 8463 §4
        return f"v=DKIM1; k={self.algorithm}; p={b64encode(public).decode()}"

    @property
    def record_strings(self) -> list[str]:
        """The same, cut as the DNS wants it."""
        return [self.record[start : start + 255] for start in range(0, len(self.record), 255)]

    def sign(self, data: bytes) -> bytes:
        """The signature's own bytes."""
        if isinstance(self.private, RSAPrivateKey):
            return self.private.sign(data, _PADDING, _HASH)
        return self.private.sign(sha256(data).digest())  # RFC 8463 §3

    def check(self, signature: bytes, data: bytes) -> None:
        """Raises InvalidSignature."""
        if isinstance(self.private, RSAPrivateKey):
            self.private.public_key().verify(signature, data, _PADDING, _HASH)
        else:
            self.private.public_key().verify(signature, sha256(data).digest())


@dataclass(frozen=True)
class Signer:
    """Signs with each of its keys; without any, messages stay as they are."""

    keys: tuple[Key, ...] = ()

    def sign(self, message: bytes, now: datetime) -> bytes:
        """`message` (CRLF line ends, dots not stuffed) with a DKIM-Signature for each key before it."""
        head, _, body = message.partition(b"\r\n\r\n")
        return self.headers((head,), body, now) + message

    def headers(self, heads: Sequence[bytes], body: bytes, now: datetime) -> bytes:
        """A DKIM-Signature for each key. `heads` are whole headers, several in one; the same ones cost less again."""
        if not self.keys:
            return b""
        found = sorted(chain.from_iterable(map(_relaxed, reversed(heads))), key=_PLACE)
        names = ("from", *(SIGNED[place] for place, _ in found))
        lines = b"".join([line for _, line in found])
        hashed = b64encode(sha256(_simple(body)).digest()).decode()
        return b"".join([_header(key, names, lines, hashed, int(now.timestamp())) for key in self.keys])


@lru_cache(maxsize=64)
def signer(keys: tuple[DkimKey, ...]) -> Signer:
    """A signer with the keys of these tables, whose files are read once in a process's life, and tried out.

    Raises ConfigError for a file that can't be read, holds no key, or one that receivers would not accept.
    """
    made = Signer(tuple(read(key) for key in keys))
    _try_out(made)
    return made


def read(table: DkimKey) -> Key:
    """The key of one [[dkim]] table. Raises ConfigError."""
    place = f"[[dkim]] {table.selector} of {table.domain}: {table.key_file}"
    advice = f"`newsletter keys create --domain {table.domain} --selector {table.selector}` makes one"
    try:
        private = load_pem_private_key(table.key_file.read_bytes(), password=None)
    except FileNotFoundError as error:
        raise ConfigError(f"{place} does not exist; {advice}.") from error
    except OSError as error:
        raise ConfigError(f"{place} can't be read: {error.strerror}.") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError(f"{place} holds no private key in PEM without a password; {advice}.") from error
    if not isinstance(private, RSAPrivateKey | Ed25519PrivateKey):
        raise ConfigError(f"{place} holds a key that is neither RSA nor Ed25519; {advice}.")
    least, most = RSA_BITS
    if isinstance(private, RSAPrivateKey) and not least <= private.key_size <= most:
        raise ConfigError(f"{place} has {private.key_size} bits; receivers want {least} to {most}; {advice}.")
    return Key(table.domain, table.selector, private)


def new_key(algorithm: Algorithm) -> bytes:
    """A fresh private key as PEM: RSA of 2048 bits, which every receiver knows, or Ed25519."""
    made = generate_private_key(65537, RSA_BITS[0]) if algorithm == "rsa" else Ed25519PrivateKey.generate()
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


# --- canonical forms ------------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _relaxed(head: bytes) -> tuple[tuple[int, bytes], ...]:
    """The place in SIGNED and the relaxed form (RFC 6376 §3.4.2) of each header in `head` that is signed, the last one
    first (§5.4.2). Most headers of an edition are the same for all readers, hence the cache."""
    found: list[tuple[int, bytes]] = []
    for line in reversed(_unfolded(head).split(b"\r\n")):
        name, _, value = line.partition(b":")
        name = name.rstrip(b" \t").lower()
        if name in _PLACES:
            value = _SPACES.sub(b" ", value) if b"\t" in value or b"  " in value else value
            found.append((_PLACES[name], b"%b:%b\r\n" % (name, value.strip(b" "))))
    return tuple(found)


def _unfolded(head: bytes) -> bytes:
    return _FOLD.sub(b"", head) if b"\r\n " in head or b"\r\n\t" in head else head


def _simple(body: bytes) -> bytes:
    """One line end after the last line that is not empty (RFC 6376 §3.4.3)."""
    if body.endswith(b"\r\n") and not body.endswith(b"\r\n\r\n") and body != b"\r\n":
        return body
    return _LAST_LINE_ENDS.sub(b"\r\n", body, count=1)


def _header(key: Key, names: tuple[str, ...], lines: bytes, body_hash: str, seconds: int) -> bytes:
    """One DKIM-Signature with its line end. Unfolded, it is in relaxed form but for its name's capitals."""
    value = _value(key, names).format(seconds=seconds, body_hash=body_hash)
    unsigned = "dkim-signature:" + value.replace("\r\n ", " ")
    signature = b64encode(key.sign(lines + unsigned.encode())).decode()
    return f"DKIM-Signature: {value}{_fold(signature)}\r\n".encode()


@lru_cache(maxsize=64)
def _value(key: Key, names: tuple[str, ...]) -> str:
    """The header's tags up to `b=`, with places for `t=` and `bh=`: the same for all messages of an edition."""
    signed: list[str] = ["h="]
    for position, name in enumerate(names):
        word = name + (":" if position < len(names) - 1 else ";")
        if len(signed[-1]) + len(word) > _LINE:
            signed.append("")
        signed[-1] += word
    return "\r\n ".join(
        (
            f"v=1; a={key.algorithm}-sha256; c=relaxed/simple; t={{seconds}};",
            f"d={key.domain}; s={key.selector};",
            *signed,
            "bh={body_hash};",
            "b=",
        )
    )


def _fold(signature: str) -> str:
    """In lines; spaces within `b=` do not count (RFC 6376 §3.5)."""
    return "\r\n ".join([signature[start : start + 72] for start in range(0, len(signature), 72)])


# --- start-up -------------------------------------------------------------------------------------------------------


def _try_out(made: Signer) -> None:
    """Sign a sample and check it as a receiver would: a library that can't do it should say so before any reader."""
    sample = b"".join(f"{name.title()}: a\t sample\r\n".encode() for name in SIGNED) + b"\r\nA sample.\r\n\r\n"
    lines = b"".join(f"{name}:a sample\r\n".encode() for name in SIGNED)
    headers = _OURS.findall(made.sign(sample, datetime(2000, 1, 1, tzinfo=UTC)))
    for key, header in zip(made.keys, headers, strict=True):
        tags, b, signature = _FOLD.sub(b"", header).partition(b"; b=")
        try:
            key.check(b64decode(signature.replace(b" ", b"")), lines + b"dkim-signature:" + tags + b)
        except InvalidSignature as error:
            raise ConfigError(f"The DKIM key {key.selector} of {key.domain} signs wrongly.") from error
