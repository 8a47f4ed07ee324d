"""The half-done HMAC is the standard library's."""

import hmac

from hypothesis import given
from hypothesis import strategies as st

from subscribers.mac import Mac


@given(key=st.binary(max_size=150), before=st.binary(max_size=20), text=st.binary(max_size=200))
def test_it_is_hmac_sha256_of_any_key_and_text(key: bytes, before: bytes, text: bytes):
    """RFC 2104, also for keys longer than a block; one that was begun can be used again."""
    mac = Mac(key, before)
    assert mac(text) == mac(text) == hmac.digest(key, before + text, "sha256")
