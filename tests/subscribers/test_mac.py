"""The half-done hashes are the standard library's."""

import hmac
from hashlib import blake2b

from hypothesis import given
from hypothesis import strategies as st

from subscribers.mac import Mac, keyed


@given(key=st.binary(max_size=150), before=st.binary(max_size=20), text=st.binary(max_size=200))
def test_it_is_hmac_sha256_of_any_key_and_text(key: bytes, before: bytes, text: bytes):
    """RFC 2104, also for keys longer than a block; one that was begun can be used again."""
    mac = Mac(key, before)
    assert mac(text) == mac(text) == hmac.digest(key, before + text, "sha256")


@given(key=st.binary(max_size=64), text=st.binary(max_size=200))
def test_a_mark_is_keyed_blake2b_and_each_purpose_and_size_has_its_own(key: bytes, text: bytes):
    """RFC 7693; one that was begun can be used again."""
    mark = keyed(key, "leave", 16)
    salt = b"newsletter/marks"
    assert mark(text) == mark(text) == blake2b(text, key=key, digest_size=16, salt=salt, person=b"leave").digest()
    assert mark(text) != keyed(key, "stay", 16)(text)
    assert mark(text)[:8] != keyed(key, "leave", 8)(text)


def test_a_key_longer_than_the_hash_takes_is_shortened_and_not_cut():
    """Two long secrets with the same beginning are two keys."""
    one, other = b"x" * 64 + b"1", b"x" * 64 + b"2"
    assert keyed(one, "leave", 16)(b"text") != keyed(other, "leave", 16)(b"text")
