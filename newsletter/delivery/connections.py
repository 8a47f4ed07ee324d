"""Many lines to one relay, worked by one thread: letters in, answers out.

Each line has a conversation of its own. This page waits for all of them together and passes on what comes: replies to
the conversations, letters to those that want one, answers to the caller. Python's standard client can't tell "not sent"
from "may have been sent" when a connection breaks; here the stage is always known.

Lines are opened in threads of their own, for a handshake takes long and the other lines go on meanwhile.
"""

import select
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic

from newsletter.config import Relay
from newsletter.delivery.conversation import WANT, Answer, Ask, Conversation, Letter, converse
from newsletter.delivery.dial import dial
from newsletter.delivery.line import TIMEOUTS, Broken, Line
from newsletter.delivery.replies import Fate, Reply, Stage
from newsletter.errors import GiveUp, RelayDown, TryLater

__all__ = ["TIMEOUTS", "Answer", "Connections", "Letter", "Wait", "hand_over"]

LOOK_SECONDS = 0.1  # how often a source that says Wait is asked again at the latest
_NEVER = float("inf")
_POLL, _SECOND = (select.epoll, 1) if hasattr(select, "epoll") else (select.poll, 1000)  # poll looks at each line anew
_IN, _OUT = select.POLLIN, select.POLLOUT  # which are epoll's too
_ACCEPTED = Fate.ACCEPTED


@dataclass(frozen=True, slots=True)
class Wait:
    """What a source of letters says when none may go for so many seconds."""

    seconds: float


Note = Callable[[Sequence[Answer], Sequence[int]], None]


def unnoted(_heard: Sequence[Answer], _dots: Sequence[int]) -> None:
    """For letters that nobody writes down."""


@dataclass(slots=True, eq=False)
class _Talk:
    """A line in use. It waits, since `deadline` was set, for the reply that comes after those it `got` to what it
    asked; for a letter where it has asked nothing."""

    line: Line
    conversation: Conversation
    asked: Ask | None = None
    dot: int = 0  # the letter whose final dot is in that, if one is
    got: list[Reply] = field(default_factory=list)
    deadline: float = 0.0


class Connections:
    """Up to `most` open lines to a relay, kept from one `send` to the next. Not for several threads at once."""

    def __init__(self, relay: Relay, most: int = 0, timeouts: dict[Stage, float] = TIMEOUTS) -> None:
        """`most` 0 is what the relay's table says. Nothing is opened before there is a letter."""
        self._relay, self._timeouts = relay, timeouts
        self._dot_seconds = timeouts[Stage.DOT]
        self._most = most or relay.connections
        self._idle: list[Line] = []
        self._talks: dict[int, _Talk] = {}  # by the socket's number
        self._opener = _Opener(relay, timeouts)
        self._poll = _POLL()
        self._poll.register(self._opener.bell, _IN)
        # of one `send`
        self._letters: Iterator[Letter | Wait] = iter(())
        self._given_back: deque[Letter] = deque()  # taken, not handed over, and their line is gone
        self._answers: list[Answer] = []  # not given out
        self._noted = 0  # of those, how many are written down
        self._dots: list[_Talk] = []  # lines whose next final dot waits to be written down
        self._note: Note = unnoted
        self._look_at = 0.0  # monotonic seconds: nothing needs a look at all lines before
        self._waits_until = 0.0
        self._has_more = False
        self._is_in_trouble = False
        self._fault: BaseException | None = None

    def send(self, letters: Iterable[Letter | Wait], note: Note = unnoted) -> Iterator[Answer]:
        """Hand the letters over, one answer each, on whichever line is free; so answers come in any order.

        `note` is called with what was heard and with the numbers of the letters whose final dots are about to go out,
        those of many lines together. A line's answer is noted before its next dot or with it: who writes both down
        never has more than one open dot a line. If it raises, those dots don't go out.

        A letter without an answer was not handed over. No more letters are taken when no line is left, and when the
        relay refuses the sender or wants a rest; what is on the wire still gets its answer. Listen to the end: who
        stops listening does not hear of what is on the wire. Raises RelayDown when no line can be opened, or none
        should be; an error of `letters` or `note` itself is raised when the wire is quiet.
        """
        self._letters, self._note = iter(letters), note
        self._has_more, self._is_in_trouble, self._fault = True, False, None
        self._given_back.clear()
        self._look_at = self._waits_until = 0.0
        idle, self._idle = self._idle, []
        for line in idle:
            self._start(line)
        try:
            while self._look_at > (now := monotonic()) or self._look_around(now):
                for number, event in self._poll.poll((self._look_at - now) * _SECOND):
                    if talk := self._talks.get(number):
                        self._serve(talk, event)
                    elif number == self._opener.bell.fileno():
                        self._greet_new_lines()
                self._write_down()
                if self._answers:
                    yield from self._new_answers()
            yield from self._new_answers()
        finally:
            self._put_down()
        if self._fault:
            raise self._fault

    def close(self) -> None:
        """Hang up all lines, politely."""
        for line in self._idle:
            line.close()
        self._idle.clear()
        self._opener.close()

    # --- lines ------------------------------------------------------------------------------------------------------

    def _look_around(self, now: float) -> bool:
        """Break lines that are silent for too long, feed those that wait for a letter, open more if there are letters.
        Says in `_look_at` when to look again although nothing came. Returns whether there is anything to wait for."""
        self._look_at = _NEVER  # whoever wants an earlier look meanwhile says so
        for talk in tuple(self._talks.values()):
            if talk.asked is None:
                if letter := self.take():
                    self._go_on(talk, letter)
            elif talk.deadline <= now:
                self._break(talk)
        self._write_down()
        ends = [talk.deadline for talk in self._talks.values() if talk.asked]
        if self._has_letters():
            self._open_more()
            if len(ends) < len(self._talks) or self._opener.count:
                ends.append(self._waits_until if self._waits_until > now else now + LOOK_SECONDS)
        self._look_at = max(now, min(self._look_at, *ends)) if ends else now
        return bool(ends)

    def _write_down(self) -> None:
        """Have everything noted that was heard and the dots that come next; then these go out."""
        heard = self._answers[self._noted :]
        if not (self._dots or heard):
            return
        dots, self._dots = self._dots, []
        for talk in dots:
            if talk.line.is_closing or talk.line.unread:  # it spoke out of turn
                dots = [other for other in dots if other is not talk]
                self._cut_off(talk)
        self._noted = len(self._answers)
        try:
            self._note(heard, [talk.dot for talk in dots])
        except Exception as error:  # what is on the wire already is still heard
            self._fault = self._fault or error
            self._take_no_more()
            for talk in dots:
                self._cut_off(talk)
        else:
            ends = monotonic() + self._dot_seconds
            if ends < self._look_at:
                self._look_at = ends
            for talk in dots:
                talk.deadline = ends
                self._push(talk)

    def _new_answers(self) -> list[Answer]:
        answers, self._answers, self._noted = self._answers, [], 0
        return answers

    def _open_more(self) -> None:
        if self._is_in_trouble or self._fault:
            return
        while len(self._talks) + self._opener.count < self._most:
            self._opener.start()

    def _greet_new_lines(self) -> None:
        self._look_at = 0.0
        for opened in self._opener.finished():
            if isinstance(opened, Line):
                self._start(opened)
                continue
            self._is_in_trouble = True
            are_others_left = bool(self._talks or self._opener.count)
            if not isinstance(opened, RelayDown) or opened.stop or not are_others_left:
                self._fault = self._fault or opened
                self._take_no_more()

    def _start(self, line: Line) -> None:
        talk = _Talk(line, converse(line, self))
        self._talks[line.socket.fileno()] = talk
        self._poll.register(line.socket, _IN)
        self._go_on(talk, None)

    def _serve(self, talk: _Talk, event: int) -> None:
        """Something can be read or written on a line."""
        line = talk.line
        try:
            if event & _OUT:
                line.push()
                self._listen(talk)
            if event & ~_OUT:
                self._hear(talk)
        except (OSError, Broken):
            self._break(talk)

    def _hear(self, talk: _Talk) -> None:
        """Take the replies that are here whole. Raises Broken."""
        line = talk.line
        if talk.asked is None:
            line.hear(0)
            raise Broken("it spoke out of turn")
        wanted = talk.asked.stages
        new = line.hear(len(wanted) - len(talk.got))
        got = talk.got = talk.got + new if talk.got else new
        if len(got) < len(wanted) and not line.is_closing:
            if new:
                self._expect(talk, wanted[len(got)])
            return
        has_said_more = line.unread and not line.is_closing
        self._go_on(talk, got)
        if has_said_more and talk not in self._dots:
            raise Broken("it spoke out of turn")

    def _expect(self, talk: _Talk, stage: Stage) -> None:
        """Give the server as long as that stage may take."""
        talk.deadline = monotonic() + self._timeouts[stage]
        if talk.deadline < self._look_at:
            self._look_at = talk.deadline

    def _break(self, talk: _Talk) -> None:
        """The line broke or fell silent. Who waits for replies gets those that came; who waited for a letter loses
        nothing."""
        talk.line.is_closing = True
        if talk.asked:
            self._go_on(talk, talk.got)
        elif talk.line.socket.fileno() in self._talks:
            self._finish(talk, None)

    def _cut_off(self, talk: _Talk) -> None:
        """Of a line whose next final dot must not go out: its letter was not handed over."""
        talk.line.is_closing = True
        self._finish(talk, None)

    def _put_down(self) -> None:
        """At the end of a `send`: who waits for a letter in vain rests; who is in the middle of one is cut off."""
        self._dots.clear()
        for talk in list(self._talks.values()):
            talk.line.is_closing |= talk.asked is not None
            self._finish(talk, None)

    # --- a conversation ---------------------------------------------------------------------------------------------

    def _go_on(self, talk: _Talk, outcome: list[Reply] | Letter | None) -> None:
        """Tell a conversation the outcome of what it wanted, and do what it wants next."""
        talk.asked = None
        try:
            step = talk.conversation.send(outcome)
            if step is WANT:
                if self._has_letters():
                    self._look_at = 0.0
                    return  # until one comes
                step = talk.conversation.send(None)
        except StopIteration as ended:
            self._finish(talk, ended.value)
            return
        assert isinstance(step, Ask)
        talk.asked, talk.got = step, []
        if step.dot is None:
            self._expect(talk, step.stages[0])
            self._push(talk)
        else:
            talk.dot, talk.deadline = step.dot, _NEVER  # until it goes out
            self._dots.append(talk)

    def _push(self, talk: _Talk) -> None:
        """Send what the conversation has asked."""
        assert talk.asked is not None
        try:
            if not talk.line.push(talk.asked.data):
                self._listen(talk)
        except OSError:
            talk.line.is_closing = True
            talk.deadline = self._look_at = 0.0  # broken at the next look at the clock

    def _listen(self, talk: _Talk) -> None:
        wanted = _IN | (_OUT if talk.line.wants_to_write else 0)
        self._poll.modify(talk.line.socket, wanted)

    def _finish(self, talk: _Talk, given_back: Letter | None) -> None:
        """The conversation is over: the line rests until the next `send`, or it is hung up."""
        self._look_at = 0.0
        del self._talks[talk.line.socket.fileno()]
        self._poll.unregister(talk.line.socket)
        talk.asked = None
        talk.conversation.close()
        if given_back:
            self._given_back.append(given_back)
        if not talk.line.is_worn:
            self._idle.append(talk.line)
        elif talk.line.is_closing:
            talk.line.close()
        else:  # a slow goodbye must not hold up the others
            Thread(target=talk.line.close, daemon=True).start()

    # --- letters ----------------------------------------------------------------------------------------------------

    def keep(self, answer: Answer) -> None:
        """Remember an answer to pass on, and what it says of the relay: that it has had enough, or lost a line."""
        self._answers.append(answer)
        fate, reply = answer.fate, answer.reply
        if fate is _ACCEPTED:
            return
        if fate is Fate.STOPPED or (fate is Fate.RELEASED and reply and reply.code != 421):
            self._take_no_more()
        elif fate in (Fate.RELEASED, Fate.UNCERTAIN):
            self._is_in_trouble = True

    def _take_no_more(self) -> None:
        self._has_more = False
        self._given_back.clear()

    def _has_letters(self) -> bool:
        return self._has_more or bool(self._given_back)

    def take(self) -> Letter | None:
        """A letter that may go now; None if there is none, or none yet."""
        if self._given_back:
            return self._given_back.popleft()
        if not self._has_more or (self._waits_until and self._waits_until > monotonic()):
            return None
        try:
            found = next(self._letters, None)
        except BaseException as error:
            self._fault, found = error, None
        if isinstance(found, Wait):
            self._waits_until = monotonic() + min(found.seconds, LOOK_SECONDS)
            return None
        self._waits_until = 0.0
        self._has_more = found is not None
        return found


class _Opener:
    """Opens lines in threads. `bell` can be read when one has finished; `count` are on their way."""

    def __init__(self, relay: Relay, timeouts: dict[Stage, float]) -> None:
        self._relay, self._timeouts = relay, timeouts
        self._done: SimpleQueue[Line | BaseException] = SimpleQueue()
        self.bell, self._rope = socket.socketpair()
        self.count = 0

    def start(self) -> None:
        self.count += 1
        Thread(target=self._open, daemon=True).start()

    def _open(self) -> None:
        try:
            opened: Line | BaseException = dial(self._relay, self._timeouts)
        except BaseException as error:
            opened = error
        self._done.put(opened)
        try:
            self._rope.send(b"!")
        except OSError:  # nobody waits any more
            self._hang_up()

    def finished(self) -> Iterator[Line | BaseException]:
        """Lines that have been opened, and the errors of those that have not."""
        for _ in self.bell.recv(self.count):
            self.count -= 1
            yield self._done.get()

    def close(self) -> None:
        """Hang up also what was opened too late to be of use; what is still being opened hangs up by itself."""
        self._rope.close()
        self.bell.close()
        self._hang_up()

    def _hang_up(self) -> None:
        with suppress(Empty):
            while True:
                if isinstance(opened := self._done.get_nowait(), Line):
                    opened.close()


def hand_over(relay: Relay, envelope_from: str, recipient: str, data: bytes) -> str:
    """Send one message on a connection of its own and return the relay's words. For notices and tests, not for issues.

    `data` has CRLF line ends. Raises RelayDown, TryLater or GiveUp; a connection that broke after the final dot is
    TryLater too: a notice twice is better than none.
    """
    connections = Connections(relay, most=1)
    try:
        answers = list(connections.send([Letter(0, envelope_from, recipient, data)]))
    finally:
        connections.close()
    if not answers or answers[0].reply is None:
        at = answers[0].stage if answers else Stage.CONNECT
        raise TryLater(451, "4.4.2", f"the connection broke at {at}")
    reply = answers[0].reply
    if answers[0].fate is Fate.ACCEPTED:
        return str(reply)
    raise (GiveUp if reply.code // 100 == 5 else TryLater)(reply.code, reply.status, reply.text)
