"""How long to wait after wrong passwords: for an account from one network, for the account, for the network.

Waits grow and end: nobody is locked out by a stranger for long, and from a network that has not guessed wrongly the
right password works at once until an account has seen very many wrong ones. Every try is a row before it is looked at,
so a hundred at once count as a hundred.
"""

from datetime import datetime, timedelta
from hashlib import sha256

from sqlmodel import Session, col, delete, func, select

from newsletter.editors.models import WrongTry

REMEMBERED = timedelta(hours=1)
FREE = 5  # tries, for one account from one network
LONGEST_WAIT = timedelta(minutes=15)
OF_A_NETWORK = 40  # in an hour, whatever the account
OF_AN_ACCOUNT = 200  # in an hour, from wherever


def begin(session: Session, email: str, network: str, now: datetime) -> timedelta:
    """Count a try; returns how long to wait before the next one is looked at, zero if this one may be."""
    session.execute(delete(WrongTry).where(col(WrongTry.at) < now - REMEMBERED))
    account = _account(email)
    pair = _tries(session, now, WrongTry.account == account, WrongTry.network == network)
    wait = max(
        _pause(pair, now),
        _share(_tries(session, now, WrongTry.network == network), OF_A_NETWORK, now),
        _share(_tries(session, now, WrongTry.account == account), OF_AN_ACCOUNT, now),
    )
    if not wait:
        session.add(WrongTry(account=account, network=network, at=now))
        session.flush()
    return wait


def forget(session: Session, email: str, network: str) -> None:
    """It was right: what went wrong before, for this account from this network, counts no more."""
    session.execute(delete(WrongTry).where(col(WrongTry.account) == _account(email), col(WrongTry.network) == network))


def pause_after(wrong: int) -> timedelta:
    """The wait after so many wrong tries: none for the first, then 15 s, 30 s, 1 min … 15 min."""
    if wrong < FREE:
        return timedelta(0)
    return min(timedelta(seconds=15 * 2 ** min(wrong - FREE, 10)), LONGEST_WAIT)


def _tries(session: Session, now: datetime, *which: object) -> tuple[int, datetime]:
    """How many there were in the last hour, and when the last one was."""
    query = select(func.count(), func.max(WrongTry.at)).where(*which, WrongTry.at >= now - REMEMBERED)  # type: ignore[arg-type]
    count, last = session.exec(query).one()
    return count, last or now


def _pause(tries: tuple[int, datetime], now: datetime) -> timedelta:
    count, last = tries
    return max(timedelta(0), last + pause_after(count) - now)


def _share(tries: tuple[int, datetime], most: int, now: datetime) -> timedelta:
    count, last = tries
    return max(timedelta(0), last + LONGEST_WAIT - now) if count >= most else timedelta(0)


def _account(email: str) -> str:
    return sha256(email.strip().lower().encode()).hexdigest()
