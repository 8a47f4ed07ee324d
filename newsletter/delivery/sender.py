"""One sender: the letters of one relay, from claim to record, on all connections to it, in one thread.

Letters are claimed in batches and recorded in batches as the answers come. Where the wire is quick a clerk, in a thread
of its own, claims the next batch while the lines still carry the last one: else the relay would have nothing to do
meanwhile. May crash at any line: what was on the wire stands in the journal.
"""

import os
import sys
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from threading import get_native_id
from time import monotonic
from typing import NamedTuple

import structlog
from sqlmodel import Session

from newsletter.config import Relay
from newsletter.delivery import envelope, journal, lanes, ledger, message
from newsletter.delivery.connections import Connections, Wait
from newsletter.delivery.conversation import Answer, Letter
from newsletter.delivery.replies import Fate, Stage
from newsletter.delivery.run import Run
from newsletter.errors import RelayDown
from subscribers import Format

BATCH_SECONDS = 0.25  # a claim is about so much work, so that a transaction's cost is small beside it
SHEET, AHEAD = 16, 2  # letters that are made in one go; how many sheets before the wire wants them where keys sign
FIRST_BATCH, MOST_BATCH = 250, 600  # deliveries: a claim of so many keeps other writers of SQLite waiting for 20 ms
RECORD_SECONDS = 1.0  # what a slow relay has answered is on record after so long
ROUND = 20_000  # letters; then the journal begins anew, while no final dot is on the wire
PATIENCE_SECONDS = 60.0  # a lane that opens within so long is waited for; else the run ends and comes back later
CLERKS_PATIENCE = 5  # nice
FAIL_OVER_AFTER = 2  # failures of a relay in a row, if it has a fallback

log = structlog.get_logger()


class _Taken(NamedTuple):
    """What came of asking for a batch."""

    claim: ledger.Claim
    settled: Mapping[int, Answer]  # written down in the same transaction
    asked: float  # monotonic seconds


class Sender:
    """Claim → build → hand over → record, round after round, until nothing is due or the run stops."""

    def __init__(self, run: Run, relay: Relay, connections: int) -> None:
        """`relay` is the first choice of its lanes; `connections` is this sender's share of its connections."""
        self._run, self._first_choice, self._most = run, relay, connections
        self._relay = relay
        self._keys = run.config.keys  # asked for with every letter
        self._envelope = envelope.writer(run.config.smtp.bounce_address, self._keys, run.newsletter.sender_address)
        self._down: set[str] = set()
        self._connections: Connections | None = None
        self._failures = 0  # of the relay, in a row
        self._to_send: deque[ledger.Claimed] = deque()
        self._being_made: deque[Future[list[Letter]]] = deque()  # the sheets in the press
        self._made: deque[Letter] = deque()  # of the sheet that is out
        self._press: ThreadPoolExecutor | None = None
        self._filled_at: datetime | None = None  # a letter says in which second it was made
        self._fillers: dict[tuple[int | None, bool], tuple[bool, message.Filler]] = {}  # of that second's
        self._clerk: ThreadPoolExecutor | None = None
        self._ahead: Future[_Taken] | None = None  # what the clerk is at; nobody else writes into the ledger meanwhile
        self._in_hand: dict[int, ledger.Claimed] = {}  # claimed and not recorded
        self._dotted: set[int] = set()
        self._answers: dict[int, Answer] = {}  # not recorded
        self._unheard: list[Answer] = []  # what they say of the relay and of the issue is not known yet
        self._of_the_relay: list[Answer] = []  # of this round: those that say something of the relay
        self._has_accepted = False  # anything in this round
        self._batch, self._last = FIRST_BATCH, 0  # deliveries: of a claim at most, and of the last one
        self._claimed_at = self._recorded_at = 0.0
        self._is_done = False

    def work(self) -> None:
        """The thread's body. A fault stops the whole run; its journal stays and says what was on the wire."""
        try:
            with ExitStack() as stack:
                self._notes = stack.enter_context(journal.Journal(self._run.config.smtp.journal_dir))
                self._clerk = stack.enter_context(ThreadPoolExecutor(1, initializer=_let_the_wire_go_first))
                if any(key.algorithm == "rsa" for key in self._run.moulds.whole.signer.keys):
                    self._press = stack.enter_context(ThreadPoolExecutor(1))
                while not (self._is_done or self._run.stopping.is_set()):
                    self._round()
        except BaseException as error:
            self._run.fail(error)
        finally:
            self._hang_up()

    def _round(self) -> None:
        """Hand over until nothing is due, the relay is in trouble, or the journal is long enough."""
        trouble: RelayDown | None = None
        self._of_the_relay, self._has_accepted = [], False
        try:
            for _ in self._open().send(self._letters(), self._note):
                if monotonic() - self._recorded_at > RECORD_SECONDS:
                    self._record()
        except RelayDown as error:
            trouble = error
        finally:
            self._hear()
            self._record(all_in_hand=True)
        self._notes.clear()
        self._look_after_the_relay(self._stopped() or trouble or self._broken(), self._has_accepted)

    def _stopped(self) -> RelayDown | None:
        """The relay refuses us, whatever else is wrong."""
        said = next((answer for answer in self._of_the_relay if answer.fate is Fate.STOPPED), None)
        if said is None:
            return None
        return RelayDown(f"The relay refuses us at {said.stage}: {said.reply}. Nothing is lost.", stop=True)

    def _broken(self) -> RelayDown | None:
        """A line broke, or the relay wants a rest."""
        is_up = self._has_accepted
        said = next((answer for answer in self._of_the_relay if not (is_up and _is_the_lanes(answer))), None)
        return RelayDown(_in_words(said)) if said else None

    # --- letters ----------------------------------------------------------------------------------------------------

    def _letters(self) -> Iterator[Letter | Wait]:
        """The messages, each filled only when the wire wants it; Wait where the pace allows none yet."""
        handed, opens_at, is_over = 0, 0.0, False
        while not self._run.stopping.is_set():
            if not self._made:
                may_claim = handed < ROUND and not is_over
                if may_claim and not self._to_send and monotonic() >= opens_at:  # the press works on meanwhile
                    seconds = self._claim_more()
                    is_over = seconds is None
                    opens_at = monotonic() + (seconds or 0.0)
                elif may_claim:
                    self._claim_ahead()
                if not self._make_more():
                    if is_over or handed >= ROUND:
                        return
                    if opens_at > monotonic():
                        self._record()
                        yield Wait(opens_at - monotonic())
                    continue
            handed += 1
            yield self._made.popleft()

    def _claim_ahead(self) -> None:
        """Set the clerk to work when half of a large batch is gone in no time, and there seems to be more."""
        if self._ahead or not self._clerk or 2 * len(self._to_send) > self._last:
            return
        is_quick = self._batch == MOST_BATCH and monotonic() - self._claimed_at < BATCH_SECONDS
        if is_quick and 2 * self._last > self._batch:
            self._ahead = self._clerk.submit(self._ask, self._answers.copy())

    def _claim_more(self) -> float | None:
        """Take the next batch in hand. Returns after how many seconds there is something to send; None: not soon."""
        run = self._run
        if run.opens_at() is not None:  # out of hours: whoever runs later goes on
            self._is_done = True
            return None
        taken = self._collect() or self._take_in(self._asked_at_once())
        claim = taken.claim
        if claim.deliveries:
            return 0.0
        if claim.number and claim.again_at:
            seconds = (claim.again_at - run.clock()).total_seconds()
            self._is_done = seconds > PATIENCE_SECONDS
            return None if self._is_done else max(0.0, seconds)
        if claim.number and run.due_at(self._first_choice, run.patiently(lambda _: run.standing(since=taken.asked))):
            return 0.0  # the shares were of long ago
        self._is_done = not claim.number or not self._in_hand  # what is in hand may come back into the queue
        return None

    def _asked_at_once(self) -> _Taken:
        """The next batch; its size is what the wire took of late."""
        took = monotonic() - self._claimed_at
        if took < BATCH_SECONDS:
            self._batch = min(2 * self._batch, MOST_BATCH)
        elif took > 4 * BATCH_SECONDS:
            self._batch = max(self._batch // 2, FIRST_BATCH)
        return self._ask(self._answers.copy())

    def _ask(self, settled: Mapping[int, Answer]) -> _Taken:
        """Write down the `settled` ones and claim the next, in one transaction. Changes nothing of this sender: the
        clerk does it too."""
        run = self._run
        standing, asked = run.patiently(lambda _again: run.standing()), monotonic()
        claim = run.transaction(lambda session, again: self._claim(session, settled, standing, again))
        return _Taken(claim, settled, asked)

    def _claim(
        self, session: Session, settled: Mapping[int, Answer], standing: ledger.Standing, again: bool
    ) -> ledger.Claim:
        run, now = self._run, self._run.clock()
        self._write(session, settled, settled)
        if again:
            ledger.release(session, self._notes.name, self._in_hand, now)
        due = run.due_at(self._first_choice, standing)
        return ledger.claim(session, run.issue, self._notes.name, run.lanes, due, self._batch, now)

    def _collect(self) -> _Taken | None:
        """What the clerk was set to, taken in hand when it is done; None if it was not."""
        if self._ahead is None:
            return None
        ahead, self._ahead = self._ahead, None
        return self._take_in(ahead.result())

    def _take_in(self, taken: _Taken) -> _Taken:
        self._forget(taken.settled)
        self._claimed_at = self._recorded_at = monotonic()
        if taken.claim.number:
            self._notes.claimed(self._run.issue, taken.claim.number)
        self._last = len(taken.claim.deliveries)
        self._to_send.extend(taken.claim.deliveries)
        self._in_hand |= {delivery.delivery_id: delivery for delivery in taken.claim.deliveries}
        return taken

    def _make_more(self) -> bool:
        """The next letters; False if there are none. Where an RSA key signs, a thread makes those after them meanwhile:
        a signature takes longer than all else that is done with a letter, and leaves the interpreter to others."""
        if self._press is None:
            self._made.extend(self._letters_of(self._next_sheet()))
            return bool(self._made)
        while self._to_send and len(self._being_made) < AHEAD:
            self._being_made.append(self._press.submit(self._letters_of, self._next_sheet()))
        if self._being_made:
            self._made.extend(self._being_made.popleft().result())
        return bool(self._made)

    def _next_sheet(self) -> list[ledger.Claimed]:
        return [self._to_send.popleft() for _ in range(min(SHEET, len(self._to_send)))]

    def _letters_of(self, sheet: list[ledger.Claimed]) -> list[Letter]:
        now, write, made = self._run.clock().replace(microsecond=0), self._envelope, []
        if now != self._filled_at:
            self._filled_at = now
            self._fillers.clear()
        fillers = self._fillers
        for number, subscriber, subscription, email, name, form, _, _, edition in sheet:
            kind = edition, form is _HTML
            if kind not in fillers:
                mould = self._run.moulds.of(edition, form)
                fillers[kind] = mould.is_ascii, mould.filler(self._keys, now)
            is_ascii, fill = fillers[kind]
            sender, data = write(number), fill(number, subscriber, subscription, email, name)
            made.append(Letter(number, sender, email, data, is_ascii and email.isascii() and sender.isascii()))
        return made

    # --- answers ----------------------------------------------------------------------------------------------------

    def _note(self, heard: Sequence[Answer], dots: Sequence[int]) -> None:
        """Keep the answers for the next claim, and have the journal say what was heard and which dots go out."""
        is_odd = False
        for answer in heard:
            self._answers[answer.id] = answer
            is_odd = is_odd or answer.fate is not _ACCEPTED
        self._unheard += heard
        if is_odd or len(self._unheard) >= SHEET:
            self._hear()
        self._notes.note(heard, dots)
        self._dotted.update(dots)

    def _hear(self) -> None:
        """What the answers say of the relay and of the issue. Nearly all say that a letter was accepted."""
        heard, self._unheard = self._unheard, []
        others = [answer for answer in heard if answer.fate is not _ACCEPTED]
        accepted = len(heard) - len(others)
        self._has_accepted = self._has_accepted or accepted > 0
        self._of_the_relay += [answer for answer in others if answer.fate in _OF_THE_RELAY]
        if reason := self._run.breaker.hear(accepted, others):
            words = f"Paused: {reason}. Look at the list and the relay before going on."
            self._run.stop(RelayDown(words, stop=True))

    def _record(self, *, all_in_hand: bool = False) -> None:
        """Write down the answers; at a round's end also what was not handed over, and what has no answer."""
        self._collect()
        self._recorded_at = monotonic()
        settled = list(self._in_hand) if all_in_hand else list(self._answers)
        if not settled:
            return
        self._run.transaction(lambda session, _again: self._write(session, settled, self._answers))
        self._forget(settled)
        if all_in_hand:
            self._to_send.clear()
            self._being_made.clear()
            self._made.clear()

    def _forget(self, settled: Collection[int]) -> None:
        """The ledger has them."""
        for number in settled:
            del self._in_hand[number]
            self._answers.pop(number, None)
        self._dotted.difference_update(settled)

    def _write(self, session: Session, settled: Collection[int], answers: Mapping[int, Answer]) -> None:
        if not settled:
            return
        now, hand = self._run.clock(), self._in_hand
        attempts = {number: hand[number].attempts for number in settled}
        ledger.record(session, self._notes.name, attempts, answers, self._dotted, now)
        lanes.hear(session, self._run.lanes, answers.values(), lambda number: hand[number].domain, now)

    # --- the relay --------------------------------------------------------------------------------------------------

    def _open(self) -> Connections:
        self._connections = self._connections or Connections(self._relay, self._most)
        return self._connections

    def _hang_up(self) -> None:
        if self._connections:
            self._connections.close()
            self._connections = None

    def _look_after_the_relay(self, trouble: RelayDown | None, accepted: bool) -> None:
        """After a round: go on, or give the relay a rest, or let its fallback take over, or end the run."""
        if trouble is None:
            self._failures = 0
            return
        self._hang_up()
        self._failures = 1 if accepted else self._failures + 1
        log.warning("The relay is in trouble.", action="relay_trouble", failures=self._failures, why=str(trouble))
        if (trouble.stop or self._failures >= FAIL_OVER_AFTER) and self._fall_back():
            return
        if trouble.stop or self._failures > len(self._run.rests):
            self._run.stop(trouble)
            return
        self._run.stopping.wait(self._run.rests[self._failures - 1])

    def _fall_back(self) -> bool:
        """Let the next relay that is not down take over; nothing that may have been sent is asked about again."""
        self._down.add(self._relay.known_as)
        relay = self._relay
        while relay.known_as in self._down:
            if not relay.fallback:
                return False
            relay = self._run.config.relay(relay.fallback)
        log.warning("Another relay takes over.", action="fail_over", relay=relay.known_as)
        self._relay, self._failures = relay, 0
        return True


def _let_the_wire_go_first() -> None:
    """A clerk's first act. What it claims is wanted later, so a line that may go on need not wait for its turn to end;
    it is put back by little, for others wait for what it holds. Elsewhere than on Linux threads are all alike."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, get_native_id(), CLERKS_PATIENCE)


_ACCEPTED, _HTML = Fate.ACCEPTED, Format.HTML
_OF_THE_RELAY = frozenset((Fate.RELEASED, Fate.UNCERTAIN, Fate.STOPPED))


def _is_the_lanes(answer: Answer) -> bool:
    """A 421 to one recipient, while others are taken, is about that one's provider: its lane is slowed, no other."""
    return answer.stage is Stage.RCPT and answer.reply is not None


def _in_words(answer: Answer) -> str:
    said = f"it said {answer.reply}" if answer.reply else "the connection broke"
    return f"The relay is in trouble: {said} at {answer.stage}. Nothing is lost; sending again goes on."
