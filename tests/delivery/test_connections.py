"""The wire: every stage, every kind of trouble, pipelined and not, against a server that misbehaves on purpose."""

from collections.abc import Iterator, Sequence

import pytest

from newsletter.config import Smtp
from newsletter.delivery import line
from newsletter.delivery.connections import TIMEOUTS, Answer, Connections, Letter, Wait, hand_over
from newsletter.delivery.replies import Fate, Stage
from newsletter.errors import GiveUp, RelayDown, TryLater
from tests.sink import HANG_UP, SILENCE, Sink

SHORT = 0.5  # seconds: a silence in a test need not last ten minutes


def smtp_to(sink: Sink, **changes) -> Smtp:
    return Smtp.model_validate({"port": sink.port, "security": "none"} | changes)


def letters(count: int) -> list[Letter]:
    return [
        Letter(n, "daily@example.com", f"reader{n}@example.com", b"Subject: x\r\n\r\n.dot\r\nend\r\n")
        for n in range(1, count + 1)
    ]


def send(sink: Sink, count: int, silent: Stage | None = None) -> list[Answer]:
    connection = Connections(smtp_to(sink), 1, TIMEOUTS | ({silent: SHORT} if silent else {}))
    try:
        return list(connection.send(letters(count)))
    finally:
        connection.close()


BAD = [
    "421 4.3.2 closing",
    "450 4.2.1 busy",
    "451 4.7.1 greylisted",
    "452 4.2.2 full",
    "550 5.1.1 nobody",
    "552 5.2.2 full",
]
BAD += ["554 5.7.1 no", HANG_UP, SILENCE]

# What the second of three letters (the first, if the server falls silent: then no answer that comes has to come in a
# hurry) becomes when things go wrong at a stage: the table of replies.py, said again by hand.
EXPECTED = {
    "MAIL": dict.fromkeys(BAD[:4], Fate.RELEASED) | dict.fromkeys(BAD[4:7], Fate.STOPPED),
    "RCPT": {BAD[0]: Fate.RELEASED}
    | dict.fromkeys([*BAD[1:4], BAD[5]], Fate.DEFERRED)
    | dict.fromkeys([BAD[4], BAD[6]], Fate.FAILED),
    "DATA": {BAD[0]: Fate.RELEASED} | dict.fromkeys(BAD[1:4], Fate.DEFERRED) | dict.fromkeys(BAD[4:7], Fate.FAILED),
    "dot": dict.fromkeys(BAD[:4], Fate.DEFERRED) | dict.fromkeys(BAD[4:7], Fate.FAILED),
}
STAGES = {"MAIL": Stage.MAIL, "RCPT": Stage.RCPT, "DATA": Stage.DATA, "dot": Stage.DOT}
for _stage, _row in EXPECTED.items():
    _row.update(dict.fromkeys([HANG_UP, SILENCE], Fate.UNCERTAIN if _stage == "dot" else Fate.RELEASED))


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize(("stage", "trouble"), [(s, t) for s in EXPECTED for t in BAD])
def test_trouble_with_one_letter_is_that_letters_alone(stage: str, trouble: str, pipelining: bool):
    """Each stage and reply has one fate; letters before it are accepted, letters after it are accepted or untouched."""
    before = 0 if trouble == SILENCE else 1
    with Sink(pipelining=pipelining) as sink:
        sink.refuse = lambda at, _word: trouble if (at, sink.nth) == (stage, before + 1) else None
        answers = send(sink, 3, STAGES[stage] if trouble == SILENCE else None)
    became = EXPECTED[stage][trouble]
    goes_on = became in (Fate.DEFERRED, Fate.FAILED)  # on a new line, where the relay closed the old one
    assert [answer.fate for answer in answers] == [*[Fate.ACCEPTED] * before, became, *[Fate.ACCEPTED] * goes_on]
    assert sink.recipients == [*["reader1@example.com"] * before, *["reader3@example.com"] * goes_on]


def test_a_pipelined_letter_costs_one_round_trip():
    """The final dot travels with the next letter's MAIL, RCPT and DATA (RFC 2920)."""
    with Sink() as sink:
        connection = Connections(smtp_to(sink), 1)
        dots: list[int] = []
        answers = list(connection.send(letters(50), lambda _heard, now: dots.extend(now)))
        connection.close()
    assert [answer.id for answer in answers] == dots == list(range(1, 51))
    assert all(answer.fate is Fate.ACCEPTED for answer in answers)
    assert sink.reached["DATA"] == 50


def test_dots_are_stuffed_once():
    """What the server undots is what was handed in (RFC 5321 §4.5.2)."""
    with Sink() as sink:
        send(sink, 1)
    assert sink.taken[0].data == b"Subject: x\r\n\r\n.dot\r\nend\r\n"


def test_a_server_that_takes_a_text_for_nobody_gets_an_empty_one():
    """RFC 2920 §3.1: a pipelining client must be ready for 354 although every RCPT was refused."""

    with Sink() as sink:
        sink.refuse = lambda stage, word: "550 5.1.1 nobody" if stage == "RCPT" and "reader1@" in word else None
        answers = send(sink, 2)
    assert [(a.stage, a.fate) for a in answers] == [(Stage.RCPT, Fate.FAILED), (Stage.DOT, Fate.ACCEPTED)]


def test_an_address_beyond_ascii_needs_a_server_that_takes_it():
    """RFC 6531: without SMTPUTF8 that one reader fails with 5.6.7, and nothing is made up in its place."""
    letter = Letter(1, "daily@example.com", "jörg@example.com", b"Subject: x\r\n\r\nx\r\n")
    for features, fate in ((("SMTPUTF8", "8BITMIME"), Fate.ACCEPTED), (("8BITMIME",), Fate.FAILED)):
        with Sink(features=features) as sink:
            connection = Connections(smtp_to(sink), 1)
            [answer] = connection.send([letter])
            connection.close()
        assert answer.fate is fate
        assert answer.reply is not None
        assert (answer.reply.status == "5.6.7") == (fate is Fate.FAILED)


def test_a_message_that_is_too_large_for_the_relay_is_not_tried():
    """RFC 1870: the relay has said its limit; every message of the edition is as large, so the run stops."""
    with Sink(features=("SIZE 10",)) as sink:
        [answer] = send(sink, 1)
    assert answer.fate is Fate.STOPPED
    assert "DATA" not in sink.commands


def test_an_address_that_would_break_out_of_its_command_is_refused():
    """No line break or bracket of an address ever reaches the wire."""
    with Sink() as sink:
        connection = Connections(smtp_to(sink), 1)
        [answer] = connection.send([Letter(1, "a@example.com", "b@example.com>\r\nRCPT TO:<c@example.com", b"")])
        connection.close()
    assert answer.fate is Fate.FAILED
    assert not any("c@example.com" in command for command in sink.commands)


def test_one_message_alone_tells_temporary_from_permanent():
    """Notices need no more than: taken, later, never, or the relay is down."""
    data = b"Subject: x\r\n\r\nx\r\n"
    with Sink() as sink:
        assert "2.0.0" in hand_over(smtp_to(sink), "a@example.com", "b@example.com", data)
    for rule, error in (("450 4.2.1 busy", TryLater), ("550 5.1.1 nobody", GiveUp)):
        with Sink(rules={"RCPT": rule}) as sink, pytest.raises(error):
            hand_over(smtp_to(sink), "a@example.com", "b@example.com", data)
    with pytest.raises(RelayDown, match="can't be reached"):
        hand_over(Smtp(port=sink.port, security="none"), "a@example.com", "b@example.com", data)


def test_bytes_beyond_ascii_need_a_server_that_takes_them():
    """RFC 6152: 8BITMIME is asked for where it is offered; else the edition is refused here, and the run stops."""
    letter = Letter(1, "daily@example.com", "reader@example.com", "Subject: x\r\n\r\nFähre\r\n".encode())
    for features, fate in ((("8BITMIME",), Fate.ACCEPTED), ((), Fate.STOPPED)):
        with Sink(features=features) as sink:
            connection = Connections(smtp_to(sink), 1)
            [answer] = connection.send([letter])
            connection.close()
        assert answer.fate is fate
        assert any("BODY=8BITMIME" in command for command in sink.commands) == (fate is Fate.ACCEPTED)


def test_a_line_is_renewed_after_so_many_messages():
    """A new one takes its place, nothing is lost or doubled on the way, and the old one hears QUIT."""
    with Sink() as sink:
        connections = Connections(smtp_to(sink, messages_per_connection=7, connections=2))
        answers = list(connections.send(letters(50)))
        connections.close()
    assert sorted(answer.id for answer in answers) == list(range(1, 51))
    assert len(set(sink.recipients)) == len(sink.recipients) == 50
    assert sink.reached["banner"] >= 8
    assert sink.commands.count("QUIT") >= 7


def test_a_line_is_renewed_after_so_long():
    """Boxes on the way forget old connections; a relay may have a limit of its own."""
    with Sink() as sink:
        connections = Connections(smtp_to(sink, seconds_per_connection=1e-9), 1)
        list(connections.send(letters(5)))
        connections.close()
    assert sink.reached["banner"] in (5, 6)  # whether more letters come is known only when one is asked for


@pytest.mark.parametrize("trouble", ["", HANG_UP, SILENCE, "421 4.4.2 idle"])
def test_a_line_that_was_silent_is_asked_before_it_is_used_again(trouble: str, monkeypatch: pytest.MonkeyPatch):
    """RSET first; where nobody answers, the letter goes out on a new line and nobody calls it trouble."""
    with Sink() as sink:
        connections = Connections(smtp_to(sink), 1, TIMEOUTS | ({Stage.RSET: SHORT} if trouble == SILENCE else {}))
        first = list(connections.send(letters(1)))
        monkeypatch.setattr(line, "STALE_SECONDS", -1.0)  # what was used a moment ago counts as long ago
        sink.refuse = lambda stage, _word: trouble if stage == "RSET" and sink.nth == 1 else None
        second = list(connections.send(letters(2)[1:]))
        connections.close()
    assert [answer.fate for answer in first + second] == [Fate.ACCEPTED] * 2
    assert sink.reached["banner"] == (2 if trouble else 1)
    assert "RSET" in sink.commands


def test_one_line_that_breaks_leaves_the_others_at_work():
    """Its letter is uncertain, as the dot was out; the next one, whose MAIL went with that dot, goes out on another."""
    with Sink() as sink:
        sink.refuse = lambda stage, word: HANG_UP if stage == "dot" and word == "reader20@example.com" else None
        connections = Connections(smtp_to(sink, connections=3))
        answers = list(connections.send(letters(60)))
        connections.close()
    fates = {answer.id: answer.fate for answer in answers}
    assert fates == {n: Fate.UNCERTAIN if n == 20 else Fate.ACCEPTED for n in range(1, 61)}


def test_when_the_relay_refuses_the_sender_what_is_on_the_wire_is_still_heard():
    """No letter is taken any more; every dot that went out has its answer, so nothing is uncertain."""
    with Sink() as sink:
        sink.refuse = lambda stage, _word: "550 5.7.1 no" if stage == "MAIL" and sink.nth > 20 else None
        connections, dotted = Connections(smtp_to(sink, connections=4)), list[int]()
        answers = list(connections.send(letters(500), lambda _heard, dots: dotted.extend(dots)))
        connections.close()
    assert Fate.STOPPED in {answer.fate for answer in answers}
    assert {a.id for a in answers if a.stage is Stage.DOT} == set(dotted)
    assert len(sink.taken) == len(dotted) == 20


def test_a_source_that_waits_holds_up_no_dot():
    """The pace may allow the next letter only later: what is open is closed meanwhile, and the rest goes on in time."""
    with Sink() as sink:
        said: list[int] = []

        def source() -> Iterator[Letter | Wait]:
            for letter in letters(3):
                yield letter
                while letter.id not in said:
                    yield Wait(0.001)

        connections = Connections(smtp_to(sink), 1)
        for answer in connections.send(source()):
            said.append(answer.id)
        connections.close()
    assert said == [1, 2, 3]


def test_an_error_in_the_source_is_raised_when_the_wire_is_quiet():
    """A bug in making a message must not make those uncertain that are on the wire."""

    def source() -> Iterator[Letter]:
        yield from letters(10)
        raise ZeroDivisionError

    with Sink() as sink:
        connections, heard = Connections(smtp_to(sink, connections=3)), list[int]()
        with pytest.raises(ZeroDivisionError):
            heard.extend(answer.id for answer in connections.send(source()))
        connections.close()
    assert len(sink.taken) == 10
    assert heard == [] or sorted(heard) == list(range(1, 11))


def test_a_dot_that_can_t_be_written_down_does_not_go_out_and_the_others_are_heard():
    """A full disk: the letter was not handed over, and no other one becomes uncertain by it."""
    dotted: list[int] = []

    def note(_heard: Sequence[Answer], dots: Sequence[int]) -> None:
        if dots and len(dotted) >= 20:
            raise OSError("no space left")
        dotted.extend(dots)

    with Sink() as sink:
        connections, heard = Connections(smtp_to(sink, connections=4)), set[int]()
        with pytest.raises(OSError, match="no space left"):
            heard.update(answer.id for answer in connections.send(letters(100), note))
        connections.close()
    assert heard == set(dotted)
    assert 20 <= len(sink.taken) == len(dotted) < 24


def test_a_relay_that_takes_fewer_connections_than_we_would_like_is_used_with_those():
    """421 to the third: the first two carry everything, and nobody calls the relay down."""
    with Sink() as sink:
        sink.refuse = lambda stage, _word: "421 4.7.0 too many" if stage == "banner" and sink.nth > 2 else None
        connections = Connections(smtp_to(sink, connections=5))
        answers = list(connections.send(letters(100)))
        connections.close()
    assert [answer.fate for answer in answers] == [Fate.ACCEPTED] * 100
