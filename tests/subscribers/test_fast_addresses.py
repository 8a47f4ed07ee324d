"""The quick way through `parse`: it takes nothing that email-validator refuses, and writes it the same."""

import hmac

from email_validator import validate_email
from hypothesis import example, given, settings
from hypothesis import strategies as st

from subscribers import NotAnAddress, parse
from subscribers.address import address_hash
from tests.subscribers.conftest import KEYS

LOCAL = st.from_regex(r"[a-zA-Z0-9!#$%&'*+/=?^_`{|}~.-]{0,70}", fullmatch=True) | st.text(max_size=20)
DOMAIN = st.from_regex(r"[a-zA-Z0-9.-]{0,80}\.[a-zA-Z0-9-]{0,66}", fullmatch=True) | st.emails().map(
    lambda email: email.partition("@")[2]
)


@settings(max_examples=200, deadline=None)
@given(LOCAL, DOMAIN)
@example("a" * 64, "example.com")
@example("a" * 65, "example.com")
@example("a..b", "example.com")
@example(".a", "example.com")
@example("a", "b" * 63 + "." + ".".join(["c" * 61] * 3) + ".com")
@example("a", "example.com\n")
@example("a", "[127.0.0.1]")
def test_what_is_taken_is_what_email_validator_takes(local, domain):
    """A subset of it, with the same spelling: the quick way is for speed only."""
    try:
        address = parse(f"{local}@{domain}")
    except NotAnAddress:
        return
    told = validate_email(f"{local}@{domain}".strip(), check_deliverability=False, test_environment=True, strict=True)
    assert address.email == f"{told.local_part}@{told.ascii_domain}"
    assert address.domain == told.ascii_domain


@given(st.text())
def test_the_hash_is_hmac_sha256(key):
    """RFC 2104, with its key taken in once."""
    assert address_hash(KEYS, key) == hmac.digest(KEYS.address_key, key.encode(), "sha256").hex()
