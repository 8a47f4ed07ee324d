"""Passwords: long enough, kept as argon2id, compared in the same time whether the account exists or not."""

from functools import lru_cache

from pwdlib import PasswordHash

from newsletter.errors import Refused

SHORTEST, LONGEST = 12, 200  # characters; NIST SP 800-63B-4 asks for length and against rules of composition
_HASHER = PasswordHash.recommended()


def hashed(password: str, *, known: tuple[str, ...] = ()) -> str:
    """What is stored of it. Refused if it is too short, too long, or made of `known` words: a name, an address."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise Refused(f"A password has {SHORTEST} to {LONGEST} characters; three or four words make a good one.")
    if len(set(password)) < 5 or password.lower() in {word.lower() for word in known}:
        raise Refused("That password is too easy to guess; three or four words make a good one.")
    return _HASHER.hash(password)


def is_right(password: str, stored: str) -> bool:
    """Whether `password` is the one of the hash `stored`. An empty hash costs the same time, and is never right."""
    right = _HASHER.verify(password[:LONGEST], stored or _nobodys_hash())
    return right and bool(stored)


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    return _HASHER.hash("nobody has this password")
