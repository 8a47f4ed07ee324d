"""What is an address, and when two are the same mailbox."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers import NotAnAddress, masked, parse
from subscribers.address import address_hash, column_of, parts
from subscribers.tokens import Keys


@pytest.mark.parametrize(
    ("written", "email", "key"),
    [
        ("  Ann@Example.COM ", "Ann@example.com", "ann@example.com"),
        ("ann+news@example.com", "ann+news@example.com", "ann+news@example.com"),
        ("a.n.n@example.com", "a.n.n@example.com", "a.n.n@example.com"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"),
        ("Jo\u0308rg@example.com", "Jörg@example.com", "jörg@example.com"),
        ("ann@post.test", "ann@post.test", "ann@post.test"),
        ("a" * 64 + "@example.com", "a" * 64 + "@example.com", "a" * 64 + "@example.com"),
    ],
)
def test_an_address_is_normalised_for_mail_and_for_matching(written, email, key):
    """RFC 5890 domain in lower case, NFC local part; dots and tags stay; only the key is in lower case."""
    assert (parse(written).email, parse(written).key) == (email, key)


@pytest.mark.parametrize(
    "text",
    [
        *("", "@", "ann", "ann@", "@example.com", "ann@localhost", "a b@example.com", "a..b@example.com"),
        *("a" * 65 + "@example.com", "ann@" + "b" * 260 + ".com", "<ann@example.com>", "ann@example.com>"),
        *("ann@example.com\r\nBcc: bob@example.com", "ann\0@example.com", "ann\u2028@example.com", "ann@exa mple.com"),
        *('"ann b"@example.com', "ann@[192.0.2.1]", "ann@example..com", "ann@-example.com", "a@b@example.com"),
    ],
)
def test_what_is_no_address_is_refused_in_words_without_the_address(text):
    """The words are shown beside the form's field and go into an import's report."""
    with pytest.raises(NotAnAddress) as refusal:
        parse(text)
    assert len(str(refusal.value)) > 10
    assert "bob@" not in str(refusal.value)


def test_only_a_local_part_outside_ascii_needs_smtputf8():
    """A domain outside ASCII has a form that every relay takes; a local part has none (RFC 6531)."""
    assert not parse("ann@bücher.example").needs_smtputf8
    assert parse("jörg@example.com").needs_smtputf8


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_refused(text):
    """A stranger's form may hold anything; what is taken is safe in an SMTP command and stays what it is."""
    try:
        address = parse(text)
    except NotAnAddress:
        return
    assert not any(c in address.email for c in "\r\n\0 <>,;")
    assert parse(address.email) == address


def test_the_hash_is_keyed_and_the_same_after_a_new_signing_key():
    """Without the key nobody can guess addresses; a rotation must not forget who is suppressed."""
    old, rotated, other = Keys((b"a" * 32,)), Keys((b"b" * 32, b"a" * 32)), Keys((b"c" * 32,))
    assert address_hash(old, "ann@example.com") == address_hash(rotated, "ann@example.com")
    assert address_hash(old, "ann@example.com") != address_hash(other, "ann@example.com")


def test_a_masked_address_tells_its_owner_and_nobody_else():
    """The preferences link is in every mail, and mails are forwarded."""
    assert masked("ann.lee@mail.example.com") == "a…@m….com"


def test_a_masked_domain_is_in_its_owners_letters():
    """It is stored in the A-labels of RFC 5890; nobody knows their own address by the x of "xn--mnchen-3ya.example"."""
    assert masked("änne@xn--mnchen-3ya.example") == "ä…@m….example"
    assert masked("ann@xn--a.example") == "a…@x….example"


ODD = [
    "Ann@Example.COM", "bob@example.com", "a..b@example.com", ".a@example.com", "a.@example.com", "@example.com", "a@",
    "a@b@example.com", "example.com", "", "jörg@example.com", "ann@bücher.example", "o'neil+x@a.example",
    "a b@c.example",
    "x\n@c.example", "a@c.example\nb@c.example", "x@c.example.", "x@-c.example", '"a b"@c.example', "x@[192.0.2.1]",
    "x" * 65 + "@c.example", "x@" + "c" * 64 + ".example", "x" * 60 + "@long.name.example", "\x7f@c.example",
]  # fmt: skip
PLAIN = st.from_regex(r"[a-zA-Z0-9._'+@-]{1,12}@[a-z-]{1,8}\.example", fullmatch=True)


@pytest.mark.parametrize("odd", [*([text, "bob@c.example"] for text in ODD), ["b.example", "a.example@b@c.example"]])
def test_an_odd_address_stays_odd_beside_a_plain_one(odd):
    """Also where one has the @ that the other lacks."""
    assert together(odd) == list(map(alone, odd))


@given(st.lists(st.sampled_from(ODD) | PLAIN, max_size=6) | st.lists(PLAIN, max_size=6))
def test_a_column_of_addresses_is_each_of_them(texts):
    """However plain the others are that stand beside it; mostly all are."""
    assert together(texts) == list(map(alone, texts))


def together(texts: list[str]) -> list[tuple[str, str, str] | str]:
    """Each address, or what is wrong with it."""
    column = column_of(texts)
    whole = zip(column.emails, column.keys, column.domains, strict=True)
    return [column.wrong.get(place, found) for place, found in enumerate(whole)]


def alone(text: str) -> tuple[str, str, str] | str:
    """The same of one."""
    try:
        return parts(text)
    except NotAnAddress as error:
        return str(error)
