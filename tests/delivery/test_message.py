"""What a reader gets: bytes that the standard library reads without a defect, and headers that mail programs obey."""

import re
import shutil
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import escape
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter import links
from newsletter.delivery import envelope, message, prose
from newsletter.delivery.base64_lines import Base64
from newsletter.delivery.body import Body, Part
from newsletter.delivery.quoted_printable import QuotedPrintable
from newsletter.rendering import slots
from newsletter.rendering.render import edition
from newsletter.rendering.templates import Templates
from subscribers.tokens import Keys, Purpose, check
from tests.builders import KEY, a_config
from tests.rendering import issues

KEYS = Keys((KEY.encode(),))
CONFIG = a_config()
NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
READER = message.Reader(delivery_id=77, subscriber_id=5, subscription_id=6, email="ann@example.com", name="Ann")
WORDS = {slots.UNSUBSCRIBE: "u" * 44, slots.PREFERENCES: "p" * 44, slots.NAME: "Zoë"}
TEXTS_WITH_SLOTS = st.lists(st.text(max_size=90) | st.sampled_from(slots.MARKS), max_size=9).map("".join)
GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("*.html"))
TEXT_OF_READERS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=300)


def a_message(reader: message.Reader = READER, **edition) -> bytes:
    """The bytes for a reader; the arguments are those of `mould`."""
    return mould(**edition).fill(reader, KEYS, NOW)


def mould(subject="The ferry sails again", html="", text="", **site) -> message.Mould:
    """An edition's message; `site` changes the site's settings."""
    place = CONFIG.site.model_copy(update=site)
    leave, choose = links.unsubscribe(place, slots.UNSUBSCRIBE), links.preferences(place, slots.PREFERENCES)
    html = html or f'<p>Good morning, Zoë.</p><a href="{leave}">Leave</a> <a href="{choose}">Choose</a>\n'
    text = text or f"Good morning, Zoë.\n\nLeave: {leave}\nChoose: {choose}\n"
    return message.mould(place, CONFIG.newsletters[0], 9, subject, html, text)


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
    """Receivers notice a second copy by its Message-ID (RFC 5322 §3.6.4), a day later and after a new key too."""
    first = parsed(a_message())["Message-ID"]
    assert parsed(a_message())["Message-ID"] == first
    rotated = Keys((b"another key of thirty-two letters", *KEYS.secrets))
    later = mould().fill(READER, rotated, NOW + timedelta(days=1))
    assert parsed(later)["Message-ID"] == first
    other = message.Reader(78, 5, 6, "ann@example.com")
    assert parsed(a_message(other))["Message-ID"] != first
    assert re.fullmatch(r"<[0-9a-f.]+@example\.com>", first)


def test_the_date_is_the_moment_of_sending_in_the_newsletters_zone():
    """A reader in London sees 07:30 +0100 in summer, whatever the machine's zone (RFC 5322 §3.3)."""
    summer = datetime(2026, 7, 1, 6, 30, 1, 999_999, tzinfo=UTC)
    assert b"\r\nDate: Wed, 01 Jul 2026 07:30:01 +0100\r\n" in mould().fill(READER, KEYS, summer)
    assert b"\r\nDate: Mon, 23 Nov 2026 06:30:00 +0000\r\n" in mould().fill(READER, KEYS, NOW)


def test_an_address_beyond_ascii_stands_in_the_header_as_it_is():
    """RFC 6532: never an encoded word within the angle brackets, which would be another address."""
    raw = a_message(message.Reader(77, 5, 6, "jörg@example.com", "Jörg Müller"))
    assert "\r\nTo: =?utf-8?b?SsO2cmcgTcO8bGxlcg==?= <jörg@example.com>\r\n".encode() in raw


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
    assert str(parsed(raw)["Subject"]) == prose.one_line(subject)
    head = raw.partition(b"\r\n\r\n")[0]
    assert all(len(word) <= 75 for word in re.findall(rb"=\?[^?]+\?[bqBQ]\?[^?]*\?=", head))
    lines = re.findall(rb"^Subject:.*(?:\r\n[ \t].*)*", head, re.MULTILINE)[0].split(b"\r\n")
    assert all(len(line) <= 78 or b" " not in line.strip().removeprefix(b"Subject:").strip() for line in lines)


def test_a_headline_keeps_what_joins_its_letters_and_loses_what_turns_its_direction():
    """Joiners belong to Persian words and to emoji; overrides can make an address read backwards."""
    assert prose.one_line("نمی‌خواهم 👩‍🚀") == "نمی‌خواهم 👩‍🚀"
    assert prose.one_line("cod\u202e.exe\r\nBcc: x\x00\u2028y") == "cod .exe Bcc: x y"


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


def decoded(kind: type[QuotedPrintable] | type[Base64], text: str, values: dict[str, str]) -> str:
    """`text`, cut, encoded, filled, and read back by the standard library; its form is checked on the way."""
    content = kind.of(*slots.cut(text))
    words = values[slots.UNSUBSCRIBE].encode(), values[slots.PREFERENCES].encode(), values[slots.NAME]
    lines = b"".join(Body([Part(b"", content, is_html=False)], b"").filled(*words))
    assert b"\n" not in lines.replace(b"\r\n", b"")
    assert max(map(len, lines.split(b"\r\n"))) <= 76
    assert not re.search(rb"^(\.|From )|[ \t]$", lines, re.MULTILINE)
    head = f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {content.name}\r\n\r\n"
    return str(parsed(head.encode() + lines).get_content())


def as_it_was(text: str, values: dict[str, str]) -> str:
    """`text` with a reader's words, and CRLF line ends."""
    words = {"unsubscribe": values[slots.UNSUBSCRIBE], "preferences": values[slots.PREFERENCES]}
    filled = slots.fill(text, **words, name=values[slots.NAME])
    return filled.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")


@pytest.mark.parametrize("kind", [QuotedPrintable, Base64])
@given(text=TEXTS_WITH_SLOTS, name=TEXT_OF_READERS)
def test_any_text_with_slots_anywhere_comes_back_as_it_was(kind, text: str, name: str):
    """Both encodings, any script, slots side by side, names of any length: equal after the library's decoder; lines
    of at most 76, none that begins with a dot or "From " or ends in a space."""
    values = WORDS | {slots.NAME: prose.one_line(name)}
    assert decoded(kind, text, values) == as_it_was(text, values)


@pytest.mark.parametrize("kind", [QuotedPrintable, Base64])
@pytest.mark.parametrize("letter", ["x", "é", "中", "🚢"])
def test_a_slot_may_stand_at_every_offset(kind, letter: str):
    """Where the line is full just before, within or after it, and at each place in a group of three bytes."""
    for offset in range(90):
        for mark in slots.MARKS:
            text = f"{letter * offset}{mark}{letter * 40}\r\n{mark}"
            assert decoded(kind, text, WORDS) == as_it_was(text, WORDS)


@pytest.mark.parametrize("piece", [".", "From ", "é.", "=.", "🚢From "])
def test_no_line_begins_with_what_relays_change(piece: str):
    """However many dots follow one another, and wherever a line would be full among them."""
    for offset in range(80):
        text = f"{'x' * offset}{piece * (offset + 1)}y\r\n{piece * 200}"
        assert decoded(QuotedPrintable, text, WORDS) == as_it_was(text, WORDS)


@pytest.mark.parametrize(
    ("words", "encoding"),
    [
        ("The ferry is back in the harbour, and Zoë is glad.", "quoted-printable"),
        ("Le bateau est de retour à Orléans ; le conseil se réunit ce soir à la mairie.", "quoted-printable"),
        ("عادت العبارة إلى الميناء بعد أسابيع من الإصلاح.", "base64"),
        ("Το πλοίο επέστρεψε στο λιμάνι μετά από εβδομάδες.", "base64"),
        ("渡轮在船坞停留数周后返回港口。", "base64"),
    ],
)
def test_a_part_takes_the_encoding_that_makes_it_smaller(words: str, encoding: str):
    """Plain ASCII is never base64, which filters mistrust; Arabic in quoted-printable would be twice the size."""
    plain, html = parsed(a_message(text=words + "\n", html=f"<p>{words * 20}</p>")).iter_parts()
    assert plain["Content-Transfer-Encoding"] == encoding
    assert (plain.get_content(), html.get_content()) == (words + "\r\n", f"<p>{words * 20}</p>")


@given(name=TEXT_OF_READERS, language=st.sampled_from(["Good morning, {}.", "早上好，{}。", "صباح الخير {}"]))
def test_a_reader_is_greeted_by_name_in_any_script(name: str, language: str):
    """In HTML the name is escaped; a long one grows no line; without one the comma before it goes too."""
    reader = message.Reader(77, 5, 6, "ann@example.com", name)
    greeting = language.format(slots.NAME)
    raw = a_message(reader, text=greeting, html=f"<p>{greeting}</p>")
    shown = prose.one_line(name)
    expected = language.format(shown) if shown else re.sub(r"[,，]? ?\{\}", "", language)
    plain, html = parsed(raw).iter_parts()
    assert plain.get_content() == expected
    assert html.get_content() == f"<p>{expected if not shown else language.format(escape(shown))}</p>"
    assert max(map(len, raw.partition(b"\r\n\r\n")[2].split(b"\r\n"))) <= 76


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_every_golden_digest_comes_back_as_it_was(file: Path):
    """Real pages in every design and language: each part equal to what was rendered, with the reader's words."""
    html, text = file.read_text(encoding="utf-8"), file.with_suffix(".txt").read_text(encoding="utf-8")
    made = mould(html=html, text=text)
    tokens = made.tokens(READER, KEYS)
    plain, page = parsed(made.fill(READER, KEYS, NOW)).iter_parts()
    assert plain.get_content() == slots.fill(text, **tokens).replace("\n", "\r\n")
    assert page.get_content() == slots.fill(html, **tokens).replace("\n", "\r\n")


def test_a_template_may_greet_the_reader(tmp_path: Path):
    """`{{ reader_name }}` comes through Jinja, MJML and the wrapping of lines; nobody reads a lonely comma."""
    greeting = "Good morning, {{ reader_name }}. It has rained all night on the quay, and this is what it left."
    shipped, own = Path(__file__).parents[2] / "templates", tmp_path / "templates"
    shutil.copytree(shipped / "digest", own / "digest")
    for name, intro in (("issue.mjml", "{{ intro }}"), ("issue.txt", "{{ paragraphs(intro) }}")):
        words = (
            greeting
            if name.endswith(".mjml")
            else '{{ wrapped("' + greeting.replace("{{", '" ~').replace("}}", '~ "') + '") }}'
        )
        source = (own / "digest" / name).read_text(encoding="utf-8")
        assert intro in source
        (own / "digest" / name).write_text(source.replace(intro, f"{words}\n{intro}"), encoding="utf-8")
    made = edition(issues.normal(), Templates(tmp_path), issues.SITE)
    for name, shown in (("Zoë <b>", "Good morning, Zoë <b>. It has"), ("", "Good morning. It has")):
        raw = a_message(message.Reader(77, 5, 6, "ann@example.com", name), html=made.html, text=made.text)
        plain, page = parsed(raw).iter_parts()
        assert shown in " ".join(plain.get_content().split())
        assert escape(shown) in " ".join(page.get_content().split())


def test_returned_mail_names_its_delivery_and_strangers_can_not():
    """VERP: what we wrote is read back, in any case of letters; a changed one is nobody's."""
    address = envelope.writer("Bounces <bounces@example.com>", KEYS)(4711)
    assert re.fullmatch(r"bounces\+4711-[0-9a-f]{16}@example\.com", address)
    assert envelope.delivery_of(address.upper(), KEYS) == 4711
    assert envelope.delivery_of(address.replace("4711", "4712"), KEYS) is None
    assert envelope.delivery_of("bounces@example.com", KEYS) is None
    assert len(address.partition("@")[0]) <= 64


def test_mail_that_returns_from_before_the_mark_changed_is_still_known():
    """It was once the beginning of an HMAC; a bounce may come days after an upgrade."""
    keys = Keys((b"a newer one, thirty-two bytes....", b"a key that signed long before this"))
    assert envelope.delivery_of("bounces+4711-10ca4ac75b31d559@example.com", keys) == 4711
    assert envelope.delivery_of("bounces+4711-10ca4ac75b31d559@example.com", KEYS) is None


@pytest.mark.parametrize("text", ["Good morning, Zoë.\n\nLeave.\n", "Καλημέρα σας. " * 40, ".\n..\n", "x" * 3000])
def test_a_reader_who_wants_no_html_gets_one_part_of_text_with_the_same_headers(text: str):
    """Format: text/plain only, without a defect, and every header of the mail with HTML but those of its body."""
    leave = links.unsubscribe(CONFIG.site, slots.UNSUBSCRIBE)
    both = parsed(a_message(text=f"{text}\n{leave}\n"))
    alone = message.mould(CONFIG.site, CONFIG.newsletters[0], 9, "The ferry sails again", "", f"{text}\n{leave}\n")
    raw = alone.fill(READER, KEYS, NOW)
    read = parsed(raw)
    assert read.get_content_type() == "text/plain"
    assert not read.is_multipart()
    as_both = next(part for part in both.walk() if part.get_content_type() == "text/plain")
    assert read.get_content().splitlines() == as_both.get_content().splitlines()
    assert read.get_content().endswith("\n")
    of_the_body = {"Content-Type", "Content-Transfer-Encoding", "MIME-Version"}
    assert {k: v for k, v in read.items() if k not in of_the_body} == {
        k: v for k, v in both.items() if k not in of_the_body
    }
    assert [name for name in read if read.get_all(name) != [read[name]]] == []
    assert raw.endswith(b"\r\n")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
