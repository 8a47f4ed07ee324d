"""What a reader gets: bytes that the standard library reads without a defect, and headers that mail programs obey."""

import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from quopri import decodestring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter import links
from newsletter.delivery import envelope, message
from newsletter.delivery.quoted_printable import encode
from newsletter.rendering import slots
from subscribers.tokens import Keys, Purpose, check
from tests.builders import KEY, a_config

KEYS = Keys((KEY.encode(),))
CONFIG = a_config()
NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
READER = message.Reader(delivery_id=77, subscriber_id=5, subscription_id=6, email="ann@example.com", name="Ann")
TEXT_OF_READERS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=300)


def a_message(reader: message.Reader = READER, subject="The ferry sails again", html="", text="", **site) -> bytes:
    place = CONFIG.site.model_copy(update=site)
    leave, choose = links.unsubscribe(place, slots.UNSUBSCRIBE), links.preferences(place, slots.PREFERENCES)
    html = html or f'<p>Good morning, Zoë.</p><a href="{leave}">Leave</a> <a href="{choose}">Choose</a>\n'
    text = text or f"Good morning, Zoë.\n\nLeave: {leave}\nChoose: {choose}\n"
    return message.mould(place, CONFIG.newsletters[0], 9, subject, html, text).fill(reader, KEYS, NOW)


def parsed(raw: bytes) -> EmailMessage:
    read = message_from_bytes(raw, policy=policy.default)
    assert isinstance(read, EmailMessage)
    assert not read.defects
    assert not any(part.defects for part in read.walk())
    return read


def test_a_message_is_text_and_html_and_says_the_same_as_was_put_in():
    """multipart/alternative with plain first (RFC 2046 §5.1.4), equal part by part to what was rendered."""
    read = parsed(a_message())
    plain, html = read.iter_parts()
    assert [part.get_content_type() for part in (plain, html)] == ["text/plain", "text/html"]
    assert plain.get_content().startswith("Good morning, Zoë.")
    assert "Zoë" in html.get_content()
    assert not slots.has_marks(plain.get_content() + html.get_content())


def test_each_header_is_there_once_and_says_what_it_must():
    """Exactly one of each, List-Unsubscribe plain, its Post literal, nothing that only a relay sets."""
    read = parsed(a_message())
    once = ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "List-Unsubscribe", "List-Unsubscribe-Post"]
    once += ["List-Id", "Auto-Submitted", "Precedence", "Feedback-ID", "Content-Language", "Content-Type"]
    assert [name for name in once if len(read.get_all(name, [])) != 1] == []
    assert read["To"] == "Ann <ann@example.com>"
    assert read["From"] == "The Harbour Post <daily@example.com>"
    assert read["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert read["List-Id"] == '"The Harbour Daily" <daily.example.com>'
    assert read["Date"].datetime == NOW
    for forbidden in ("Bcc", "Received", "Return-Path", "Sender", "X-Priority"):
        assert read[forbidden] is None


def test_the_one_click_address_is_one_plain_https_address_with_a_good_token():
    """RFC 8058 §3.1; a long address must never become an encoded word, whatever its length."""
    raw = a_message(url="https://" + "a-rather-long-label." * 7 + "example.com")
    [line] = re.findall(rb"^List-Unsubscribe: (.*)\r\n", raw, re.MULTILINE)
    assert b"=?" not in line
    found = re.fullmatch(rb"<(https://[^<>,\s]+/u/([A-Za-z0-9_-]{44}))>", line)
    assert found
    claim = check(KEYS, Purpose.UNSUBSCRIBE, found[2].decode())
    assert claim is not None
    assert (claim.subject, claim.detail) == (READER.subscription_id, 9)


def test_links_in_both_parts_carry_the_readers_own_tokens():
    """A mark in a part, wherever quoted-printable wraps its line, becomes the token."""
    read = parsed(a_message())
    for part in read.iter_parts():
        leave = re.findall(r"/u/([A-Za-z0-9_-]+)", part.get_content())
        choose = re.findall(r"/preferences/([A-Za-z0-9_-]+)", part.get_content())
        assert [check(KEYS, Purpose.UNSUBSCRIBE, token) is not None for token in leave] == [True]
        assert [check(KEYS, Purpose.PREFERENCES, token) is not None for token in choose] == [True]


def test_a_second_attempt_has_the_same_message_id_and_another_reader_has_not():
    """Receivers notice a second copy by its Message-ID (RFC 5322 §3.6.4)."""
    first = parsed(a_message())["Message-ID"]
    assert parsed(a_message())["Message-ID"] == first
    other = message.Reader(78, 5, 6, "ann@example.com")
    assert parsed(a_message(other))["Message-ID"] != first
    assert re.fullmatch(r"<[0-9a-f.]+@example\.com>", first)


def test_the_wire_form_is_crlf_and_no_line_is_too_long():
    """No bare CR or LF, no line over 998 octets (RFC 5321 §4.5.3.1.6), body lines within 76 (RFC 2045 §6.7)."""
    raw = a_message(html="<p>" + "long " * 1000 + "</p>" + slots.UNSUBSCRIBE, subject="Zoë " * 60)
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert b"\n" not in raw.replace(b"\r\n", b"")
    head, _, body = raw.partition(b"\r\n\r\n")
    assert max(map(len, body.split(b"\r\n"))) <= 76
    assert max(map(len, head.split(b"\r\n"))) <= 998


@given(subject=TEXT_OF_READERS)
def test_any_subject_comes_back_whole_in_lawful_words(subject: str):
    """Encoded words of at most 75 characters, lines of at most 78 where they can be folded (RFC 2047 §2)."""
    raw = a_message(subject=subject)
    expected = " ".join("".join(c if c.isprintable() else " " for c in subject).split())
    assert str(parsed(raw)["Subject"]) == expected
    head = raw.partition(b"\r\n\r\n")[0]
    assert all(len(word) <= 75 for word in re.findall(rb"=\?[^?]+\?[bqBQ]\?[^?]*\?=", head))


@given(name=TEXT_OF_READERS)
def test_no_name_adds_a_header_or_a_recipient(name: str):
    """A reader's name is prose: whatever it holds, there is one To with one address."""
    read = parsed(a_message(message.Reader(77, 5, 6, "ann@example.com", name)))
    assert [address.addr_spec for address in read["To"].addresses] == ["ann@example.com"]
    assert len(read.keys()) == len(parsed(a_message()).keys())


@given(name=st.text(max_size=120))
def test_a_name_with_line_breaks_stays_one_header(name: str):
    """Header injection: CR, LF and other controls never reach the message."""
    raw = a_message(message.Reader(77, 5, 6, "ann@example.com", f"x\r\nBcc: evil@example.com\n{name}"))
    assert parsed(raw)["Bcc"] is None


@given(before=st.text(max_size=200), after=st.text(max_size=200))
def test_quoted_printable_keeps_text_and_never_breaks_a_mark(before: str, after: str):
    """Round trip through the standard library's decoder; lines ≤ 76; the mark whole at every offset."""
    text = f"{before}{slots.UNSUBSCRIBE}{after}"
    encoded = encode(text, slots.MARKS)
    assert encoded.count(slots.UNSUBSCRIBE.encode()) == text.count(slots.UNSUBSCRIBE)
    assert all(len(line) <= 76 for line in encoded.split(b"\r\n"))
    assert not any(line.startswith((b".", b"From ")) or line.endswith((b" ", b"\t")) for line in encoded.split(b"\r\n"))
    normal = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n") + "\n"
    assert decodestring(encoded).replace(b"\r\n", b"\n").decode() == normal


@pytest.mark.parametrize("offset", range(90))
def test_a_mark_survives_at_every_offset(offset: int):
    """Where the line is full just before, within or after it."""
    assert slots.PREFERENCES.encode() in encode("x" * offset + slots.PREFERENCES + "y" * 40, slots.MARKS)


def test_returned_mail_names_its_delivery_and_strangers_can_not():
    """VERP: what we wrote is read back, in any case of letters; a changed one is nobody's."""
    address = envelope.sender("Bounces <bounces@example.com>", KEYS, 4711)
    assert re.fullmatch(r"bounces\+4711-[0-9a-f]{16}@example\.com", address)
    assert envelope.delivery_of(address.upper(), KEYS) == 4711
    assert envelope.delivery_of(address.replace("4711", "4712"), KEYS) is None
    assert envelope.delivery_of("bounces@example.com", KEYS) is None
    assert len(address.partition("@")[0]) <= 64
