"""One sender: the letters of one relay, from claim to record, on all connections to it, in one thread.

Letters are claimed in batches while the wire takes them and recorded in batches as the answers come, so that no line
waits for the database longer than it must. May crash at any line: what was on the wire stands in the journal.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from time import monotonic

import structlog
from sqlmodel import Session

from newsletter.config import Relay
from newsletter.delivery import envelope, journal, lanes, ledger, message
from newsletter.delivery.connections import Connections, Wait
from newsletter.delivery.conversation import Answer, Letter
from newsletter.delivery.replies import Fate, Stage
from newsletter.delivery.run import Run
from newsletter.errors import RelayDown

BATCH_SECONDS = 0.25  # a claim is about so much work, so that a transaction's cost is small beside it
SHEET, AHEAD = 8, 3  # letters that are signed in one go, and how many sheets before the wire wants them
FIRST_BATCH, MOST_BATCH = 250, 2000  # deliveries
RECORD_SECONDS = 1.0  # what a slow relay has answered is on record after so long
ROUND = 20_000  # letters; then the journal begins anew, while no final dot is on the wire
PATIENCE_SECONDS = 60.0  # a lane that opens within so long is waited for; else the run ends and comes back later
FAIL_OVER_AFTER = 2  # failures of a relay in a row, if it has a fallback

log = structlog.get_logger()


class Sender:
    """Claim → build → hand over → record, round after round, until nothing is due or the run stops."""

    def __init__(self, run: Run, relay: Relay, connections: int) -> None:
        """`relay` is the first choice of its lanes; `connections` is this sender's share of its connections."""
        self._run, self._first_choice, self._most = run, relay, connections
        self._relay = relay
        self._keys, self._bounces = run.config.keys, run.config.smtp.bounce_address  # asked for with every letter
        self._down: set[str] = set()
        self._connections: Connections | None = None
        self._failures = 0  # of the relay, in a row
        self._to_send: deque[ledger.Claimed] = deque()
        self._being_made: deque[Future[list[Letter]]] = deque()  # the sheets in the press
        self._made: deque[Letter] = deque()  # of the sheet that is out
        self._press: ThreadPoolExecutor | None = None
        self._in_hand: dict[int, ledger.Claimed] = {}  # claimed and not recorded
        self._dotted: set[int] = set()
        self._answers: dict[int, Answer] = {}  # not recorded
        self._batch = FIRST_BATCH
        self._claimed_at = self._recorded_at = 0.0
        self._is_done = False

    def work(self) -> None:
        """The thread's body. A fault stops the whole run; its journal stays and says what was on the wire."""
        try:
            with ExitStack() as stack:
                self._notes = stack.enter_context(journal.Journal(self._run.config.smtp.journal_dir))
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
        heard: list[Answer] = []  # what says something of the relay
        trouble: RelayDown | None = None
        accepted = False
        try:
            for answer in self._open().send(self._letters(), self._note):
                self._hear(answer)
                accepted = accepted or answer.fate is Fate.ACCEPTED
                if answer.fate in (Fate.RELEASED, Fate.UNCERTAIN, Fate.STOPPED):
                    heard.append(answer)
        except RelayDown as error:
            trouble = error
        finally:
            self._record(all_in_hand=True)
        self._notes.clear()
        stopped = next((answer for answer in heard if answer.fate is Fate.STOPPED), None)
        if stopped:
            trouble = RelayDown(
                f"The relay refuses us at {stopped.stage}: {stopped.reply}. Nothing is lost.", stop=True
            )
        elif trouble is None and (broken := [answer for answer in heard if not (accepted and _is_the_lanes(answer))]):
            trouble = RelayDown(_in_words(broken[0]))
        self._look_after_the_relay(trouble, accepted)

    # --- letters ----------------------------------------------------------------------------------------------------

    def _letters(self) -> Iterator[Letter | Wait]:
        """The messages, each filled only when the wire wants it; Wait where the pace allows none yet."""
        handed, opens_at, is_over = 0, 0.0, False
        while not self._run.stopping.is_set() and handed < ROUND:
            if not (self._to_send or is_over) and monotonic() >= opens_at:  # the press works on meanwhile
                seconds = self._claim_more()
                is_over = seconds is None
                opens_at = monotonic() + (seconds or 0.0)
            if self._has_letters:
                handed += 1
                yield self._next_letter()
            elif is_over:
                return
            elif opens_at > monotonic():
                self._record()
                yield Wait(opens_at - monotonic())

    def _claim_more(self) -> float | None:
        """Take the next batch in hand. Returns after how many seconds there is something to send; None: not soon."""
        run = self._run
        if run.opens_at() is not None:  # out of hours: whoever runs later goes on
            self._is_done = True
            return None
        standing, asked = run.patiently(lambda _again: run.standing()), monotonic()
        if asked - self._claimed_at < BATCH_SECONDS:
            self._batch = min(2 * self._batch, MOST_BATCH)
        elif asked - self._claimed_at > 4 * BATCH_SECONDS:
            self._batch = max(self._batch // 2, FIRST_BATCH)
        settled = list(self._answers)
        claim = run.transaction(lambda session, again: self._claim(session, settled, standing, again))
        self._forget(settled)
        self._claimed_at = self._recorded_at = monotonic()
        if claim.number:
            self._notes.claimed(run.issue, claim.number)
        self._to_send.extend(claim.deliveries)
        self._in_hand |= {delivery.delivery_id: delivery for delivery in claim.deliveries}
        if claim.deliveries:
            return 0.0
        if claim.number and claim.again_at:
            seconds = (claim.again_at - run.clock()).total_seconds()
            self._is_done = seconds > PATIENCE_SECONDS
            return None if self._is_done else max(0.0, seconds)
        if claim.number and run.due_at(self._first_choice, run.patiently(lambda _again: run.standing(since=asked))):
            return 0.0  # the shares were of long ago
        self._is_done = not claim.number or not self._in_hand  # what is in hand may come back into the queue
        return None

    def _claim(self, session: Session, settled: list[int], standing: ledger.Standing, again: bool) -> ledger.Claim:
        """Write down the `settled` ones and claim the next, in one transaction."""
        run, now = self._run, self._run.clock()
        self._write(session, settled)
        if again:
            ledger.release(session, self._notes.name, self._in_hand, now)
        due = run.due_at(self._first_choice, standing)
        return ledger.claim(session, run.issue, self._notes.name, run.lanes, due, self._batch, now)

    def _next_letter(self) -> Letter:
        """The next one. Where an RSA key signs, a thread makes those after it meanwhile: a signature takes longer than
        all else that is done with a letter, and leaves the interpreter to others."""
        if self._press is None:
            return self._letter(self._to_send.popleft())
        while self._to_send and len(self._being_made) < AHEAD:
            sheet = [self._to_send.popleft() for _ in range(min(SHEET, len(self._to_send)))]
            self._being_made.append(self._press.submit(self._letters_of, sheet))
        if not self._made:
            self._made.extend(self._being_made.popleft().result())
        return self._made.popleft()

    @property
    def _has_letters(self) -> bool:
        return bool(self._to_send or self._being_made or self._made)

    def _letters_of(self, sheet: list[ledger.Claimed]) -> list[Letter]:
        return [self._letter(delivery) for delivery in sheet]

    def _letter(self, delivery: ledger.Claimed) -> Letter:
        run, to = self._run, delivery.recipient
        reader = message.Reader(delivery.delivery_id, to.subscriber_id, to.subscription_id, to.email, to.name)
        data = run.moulds.of(delivery.edition_id, to.format).fill(reader, self._keys, run.clock())
        return Letter(delivery.delivery_id, self._envelope(delivery), to.email, data, has_dots=False)

    def _envelope(self, delivery: ledger.Claimed) -> str:
        if not self._bounces:
            return self._run.newsletter.sender_address
        return envelope.sender(self._bounces, self._keys, delivery.delivery_id)

    # --- answers ----------------------------------------------------------------------------------------------------

    def _note(self, heard: Sequence[Answer], dots: Sequence[int]) -> None:
        self._notes.note(heard, dots)
        self._dotted.update(dots)

    def _hear(self, answer: Answer) -> None:
        """Keep an answer (the journal has it already) for the next claim, or record it and others where those are far
        between."""
        self._answers[answer.id] = answer
        if reason := self._run.breaker.hear(answer.fate):
            last = f"{reason}; the last one said {answer.reply}"
            self._run.stop(RelayDown(f"Paused: {last}. Look at the list and the relay before going on.", stop=True))
        if monotonic() - self._recorded_at > RECORD_SECONDS:
            self._record()

    def _record(self, *, all_in_hand: bool = False) -> None:
        """Write down the answers; at a round's end also what was not handed over, and what has no answer."""
        self._recorded_at = monotonic()
        settled = list(self._in_hand) if all_in_hand else list(self._answers)
        if not settled:
            return
        self._run.transaction(lambda session, _again: self._write(session, settled))
        self._forget(settled)
        if all_in_hand:
            self._to_send.clear()
            self._being_made.clear()
            self._made.clear()

    def _forget(self, settled: list[int]) -> None:
        """The ledger has them."""
        for number in settled:
            del self._in_hand[number]
            self._answers.pop(number, None)
        self._dotted.difference_update(settled)

    def _write(self, session: Session, settled: list[int]) -> None:
        if not settled:
            return
        now, rules = self._run.clock(), self._run.lanes
        attempts = {number: self._in_hand[number].attempts for number in settled}
        ledger.record(session, self._notes.name, attempts, self._answers, self._dotted, now)
        lanes.hear(session, rules, [(self._in_hand[i].domain, a) for i, a in self._answers.items()], now)

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


def _is_the_lanes(answer: Answer) -> bool:
    """A 421 to one recipient, while others are taken, is about that one's provider: its lane is slowed, no other."""
    return answer.stage is Stage.RCPT and answer.reply is not None


def _in_words(answer: Answer) -> str:
    said = f"it said {answer.reply}" if answer.reply else "the connection broke"
    return f"The relay is in trouble: {said} at {answer.stage}. Nothing is lost; sending again goes on."
