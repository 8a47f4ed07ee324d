"""What is an e-mail address, how it is written, and when two are the same mailbox. Pure.

The domain is lower case and ASCII (RFC 5890 A-labels), so it is safe everywhere. The local part stays as its owner
wrote it, in NFC; one outside ASCII wants SMTPUTF8 from every relay on the way (RFC 6531) and is marked.
"""

import re
from functools import lru_cache
from itertools import repeat
from operator import contains
from string import ascii_letters, digits
from typing import TYPE_CHECKING, NamedTuple
from unicodedata import normalize

from subscribers.errors import NotAnAddress
from subscribers.tokens import Keys

if TYPE_CHECKING:
    from email_validator import ValidatedEmail

MAX_CHARACTERS = 254  # RFC 5321 §4.5.3.1.3, less the angle brackets
_ATEXT = ascii_letters + digits + "!#$%&'*+/=?^_`{|}~-"  # RFC 5322 §3.2.3
_ATOM = f"[{re.escape(_ATEXT)}]+"
_PLAIN_LOCAL_PART = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")


class Address(NamedTuple):
    """One good address. `key` says which mailbox it is; mail goes to `email`."""

    email: str
    key: str
    domain: str

    @property
    def needs_smtputf8(self) -> bool:
        """Whether its local part is outside ASCII, so that a relay must offer SMTPUTF8 (RFC 6531 §3)."""
        return not self.email.isascii()


def parse(text: str) -> Address:
    """The address that `text` is, spaces around it forgiven. NotAnAddress says what is wrong with it."""
    return Address._make(parts(text))


def parts(text: str) -> tuple[str, str, str]:
    """The same as a plain tuple, which is made in a quarter of the time: a file has a million of them."""
    written = text.strip()
    local, at, domain = written.rpartition("@")
    if at and len(local) <= 64 and _PLAIN_LOCAL_PART.fullmatch(local):
        known = _domain(domain)  # of which a file has a few thousand
        email = written if known == domain else f"{local}@{known}"
    else:
        checked = _checked(written)
        local, known = normalize("NFC", checked.local_part), _domain(checked.domain)
        email = f"{local}@{known}"
    if len(email) > MAX_CHARACTERS or (not email.isascii() and len(email.encode()) > MAX_CHARACTERS):
        raise NotAnAddress(f"An address has at most {MAX_CHARACTERS} characters.")
    small = local.lower()
    return email, email if small == local else f"{small}@{known}", known


class Column(NamedTuple):
    """Many addresses, a list a part. Where one is wrong its parts are empty."""

    emails: list[str]
    keys: list[str]
    domains: list[str]
    wrong: dict[int, str]  # by place, what is wrong with it


def column_of(texts: list[str]) -> Column:
    """The same of many at once: where all are as plain as most are, in a third of the time."""
    return (_plain_column(texts) or _column_one_by_one(texts)) if texts else Column([], [], [], {})


_PLAIN_BYTES = f"{_ATEXT}.@\n".encode()


def _plain_column(texts: list[str]) -> Column | None:
    """None where one of them is to be looked at for itself. Asked of all at once: ASCII, none of them long, one @ each,
    a local part that is a dot-atom; and a good domain."""
    whole = "\n".join(texts)
    if not whole.isascii() or len(max(texts, key=len)) > 64:
        return None
    raw = whole.encode()
    one_at_each = raw.count(b"@") == len(texts) and all(map(contains, texts, repeat("@")))
    if not one_at_each or raw.count(b"\n") != len(texts) - 1 or raw.translate(None, _PLAIN_BYTES):
        return None
    if any(wrong in b"\n" + raw for wrong in (b"\n@", b"\n.", b".@", b"..")):
        return None
    halves = whole.replace("\n", "@").split("@")
    try:
        domains = list(map(_domain, halves[1::2]))  # of which a file has a few thousand
    except NotAnAddress:
        return None
    if domains == halves[1::2]:
        emails = texts
    else:
        emails = [f"{local}@{domain}" for local, domain in zip(halves[::2], domains, strict=True)]
    return Column(emails, emails if raw == raw.lower() else list(map(str.lower, emails)), domains, {})


def _column_one_by_one(texts: list[str]) -> Column:
    wrong: dict[int, str] = {}
    found: list[tuple[str, str, str]] = []
    for place, text in enumerate(texts):
        try:
            found.append(parts(text))
        except NotAnAddress as error:
            wrong[place] = str(error)
            found.append(("", "", ""))
    emails, keys, domains = map(list, zip(*found, strict=True))
    return Column(emails, keys, domains, wrong)


def address_hash(keys: Keys, key: str) -> str:
    """The keyed hash of a mailbox, 64 hex digits: all that an erasure leaves. Useless without the secret key."""
    return keys.address_mac(key.encode()).hex()


def masked(email: str) -> str:
    """ "a…@e….com": enough for its owner, too little for whoever holds a forwarded mail. The domain is in its own
    letters, as its owner knows it, and not in the A-labels that stand for them."""
    local, _, ascii_domain = email.rpartition("@")
    domain = _in_its_letters(ascii_domain) if "xn--" in ascii_domain else ascii_domain
    name, _, ending = domain.rpartition(".")
    return f"{local[:1]}…@{name[:1]}….{ending}"


def _in_its_letters(domain: str) -> str:
    import idna  # slow to import, and few domains want it

    try:
        return idna.decode(domain)
    except idna.IDNAError:
        return domain


@lru_cache(maxsize=50_000)
def _domain(domain: str) -> str:
    checked = _checked(f"x@{domain}")
    return (checked.ascii_domain or checked.domain).lower()


def _checked(text: str) -> "ValidatedEmail":
    from email_validator import EmailNotValidError, validate_email  # slow to import, and most commands read no address

    try:
        return validate_email(text, check_deliverability=False, test_environment=True, strict=True)
    except EmailNotValidError as error:
        raise NotAnAddress(str(error)) from error
