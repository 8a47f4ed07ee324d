"""Which lane a delivery is in, and how many each lane may have now.

A lane is a mailbox provider on one relay: the big providers and the domains that config.toml gives a limit have one
each, all others share the lane "". A delivery's lane is written down when the audience is drawn, so that a claim takes
from each lane only what may go and never has to step over a million that may not.

How fast a lane may go stands in the table Lane, in the claim's own transaction: all processes share one rate, and a
restart does not forget it. A single domain of the shared lane that asks for less gets a row of its own, while it lasts.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from newsletter.config import Config, Newsletter, Relay
from newsletter.config.sending import Sending
from newsletter.delivery import relays
from newsletter.delivery.conversation import Answer
from newsletter.delivery.models import Lane
from newsletter.delivery.pace import Backoff, Bucket, warm_up_cap
from newsletter.delivery.providers import PROVIDERS, provider_of
from newsletter.delivery.replies import Fate, Stage

ALL = "*"  # the lane of all mail together
_ACCEPTED = Fate.ACCEPTED
REST = ""  # the lane of everybody who has none of their own


@dataclass(frozen=True)
class Lanes:
    """The lanes of one newsletter's issues: which domains have their own, which relay takes them, and their limits."""

    by_domain: Mapping[str, str]  # domain → lane, of those that have one
    relays: Mapping[str, Relay]  # lane → relay
    limits: Mapping[str, int]  # bucket → messages a minute
    sending: Sending

    @classmethod
    def of(cls, config: Config, newsletter: Newsletter) -> "Lanes":
        """As config.toml says."""
        groups = _groups(config.sending)
        domains = {*groups, *(domain for relay in config.relays for domain in relay.domains)}
        base = relays.choose(config, newsletter, "")
        by_domain, by_lane = {}, {REST: base}
        for domain in sorted(domains):
            relay, group = relays.choose(config, newsletter, domain), groups.get(domain, REST)
            lane = group if relay is base else f"{relay.known_as}/{group}"
            by_domain[domain], by_lane[lane] = lane, relay
        limits = {ALL: config.sending.messages_per_minute}
        limits |= {_relay_bucket(relay): relay.messages_per_minute for relay in relays.all_of(config)}
        for rule in reversed(config.sending.lanes):  # of two rules for one provider the first counts
            limits |= {groups[domain]: rule.messages_per_minute for domain in rule.domains}
        return cls(by_domain, by_lane, {name: limit for name, limit in limits.items() if limit}, config.sending)

    def relay_of(self, lane: str) -> Relay:
        """The relay that takes a lane; of a lane that config.toml no longer has, the newsletter's own."""
        return self.relays.get(lane) or self.relays[REST]

    def buckets_of(self, lane: str) -> tuple[str, str, str]:
        """The three buckets that each message of a lane takes from: all mail, its relay's, its own."""
        return ALL, _relay_bucket(self.relay_of(lane)), lane.rpartition("/")[2]

    def bucket_of(self, domain: str) -> str:
        """The bucket of a reader's provider: its lane's, or the domain's own where it shares a lane."""
        return self.by_domain.get(domain, REST).rpartition("/")[2] or domain

    @property
    def kept(self) -> tuple[str, ...]:
        """The buckets that always have a row: those with a limit, and all mail while a warm-up counts its days."""
        return (*self.limits, *([ALL] if self.sending.warm_up and ALL not in self.limits else []))


def _groups(sending: Sending) -> dict[str, str]:
    """domain → group: the providers', and each rule's domains with all of their providers'."""
    groups = {domain: provider for provider, domains in PROVIDERS.items() for domain in domains}
    for rule in reversed(sending.lanes):
        name = provider_of(rule.domains[0]) or rule.domains[0]
        for domain in rule.domains:
            groups |= dict.fromkeys(PROVIDERS.get(provider_of(domain) or "", (domain,)), name)
    return groups


def _relay_bucket(relay: Relay) -> str:
    return f"relay {relay.known_as}"


@dataclass(frozen=True)
class Opening:
    """How many each lane may have now, and all of them together."""

    may: dict[str, int]
    limit: int
    again_at: datetime | None  # when to ask again if that is nothing
    rows: dict[str, Lane]  # locked until the commit

    def paused_until(self, name: str, now: datetime) -> datetime | None:
        """Until when a lane, or a single domain of the shared lane, is to be left alone."""
        row = self.rows.get(name)
        return row.paused_until if row and row.paused_until and row.paused_until > now else None


def opening(session: Session, lanes: Lanes, wanted: Iterable[str], limit: int, now: datetime) -> Opening:
    """What may be claimed at `now` of the `wanted` lanes, all of one relay, and at most `limit` in all."""
    rows = _rows(session, lanes.kept, now)
    limit = min(limit, _left_of_the_day(rows.get(ALL), lanes.sending, now))
    may: dict[str, int] = {}
    times = [] if limit else [_midnight(now)]
    for lane in wanted:
        made = Opening({}, 0, None, rows)
        buckets = [_bucket(lanes, rows, name, now) for name in lanes.buckets_of(lane)]
        until = made.paused_until(lanes.buckets_of(lane)[-1], now)
        may[lane] = 0 if until else min(bucket.tokens(now, limit) for bucket in buckets)
        if limit and not may[lane]:
            times.append(until or max(bucket.ready_at(now) for bucket in buckets))
    shared = [_bucket(lanes, rows, name, now) for name in lanes.buckets_of(next(iter(may), REST))[:2]]
    whole = min(bucket.tokens(now, limit) for bucket in shared)
    return Opening(may, whole, min(times, default=None), rows)


def take(opened: Opening, lanes: Lanes, counts: Mapping[str, int], now: datetime) -> None:
    """Charge the buckets with what was claimed of each lane, in the transaction of `opening`."""
    rows = opened.rows
    for lane, count in counts.items():
        for name in lanes.buckets_of(lane):
            if name in rows:
                rows[name].free_at = _bucket(lanes, rows, name, now).take(count, now).free_at
    if ALL in rows:
        today = now.date()
        rows[ALL].taken = sum(counts.values()) + (rows[ALL].taken if rows[ALL].day == today else 0)
        rows[ALL].day = today


def hear(
    session: Session, lanes: Lanes, answers: Collection[Answer], domain_of: Callable[[int], str], now: datetime
) -> None:  # fmt: skip
    """Take a batch's answers to heart, in their order. Only lanes in trouble are written down."""
    is_fine = all(answer.fate is _ACCEPTED or _verdict(answer) is not False for answer in answers)
    if is_fine and all(_is_well(row) for row in _rows(session, (), now).values()):
        return  # nobody is in trouble
    heard: dict[str, list[bool]] = {}
    for answer in answers:
        good = _verdict(answer)
        if good is not None:
            heard.setdefault(lanes.bucket_of(domain_of(answer.id)), []).append(good)
    rows = _rows(session, [name for name, verdicts in heard.items() if not all(verdicts)], now)
    for name, verdicts in heard.items():
        if name in rows:
            _feel(rows[name], verdicts, now)
            if _is_well(rows[name]) and name not in lanes.kept:
                session.delete(rows[name])


def _feel(row: Lane, verdicts: list[bool], now: datetime) -> None:
    mood = Backoff(row.halvings, row.refusals, row.accepted, row.paused_until).after(verdicts, now)
    row.halvings, row.refusals, row.accepted, row.paused_until = (
        mood.halvings, mood.refusals, mood.accepted, mood.paused_until,
    )  # fmt: skip


def _is_well(row: Lane) -> bool:
    return not row.halvings and not row.refusals


def _verdict(answer: Answer) -> bool | None:
    """True: taken. False: the reader's own server asks for less (421, 4.7.x). None: it says nothing of its pace."""
    if answer.reply is None or answer.stage not in (Stage.RCPT, Stage.DATA, Stage.DOT):
        return None
    if answer.reply.code == 421 or answer.reply.status.startswith("4.7."):
        return False
    return True if answer.stage is Stage.DOT and answer.reply.code // 100 == 2 else None


def _bucket(lanes: Lanes, rows: Mapping[str, Lane], name: str, now: datetime) -> Bucket:
    rate, row = float(lanes.limits.get(name, 0)), rows.get(name)
    if row is None:
        return Bucket(rate, now)
    return Bucket(Backoff(row.halvings).slowed(rate), row.free_at)


def _rows(session: Session, wanted: Iterable[str], now: datetime) -> dict[str, Lane]:
    """All rows, locked, with new ones for those of `wanted` that have none. There are few: limits, and trouble."""
    rows = {row.name: row for row in session.exec(_ALL_ROWS)}
    missing = [name for name in wanted if name not in rows]
    if missing:
        insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        zeros = dict.fromkeys(("halvings", "refusals", "accepted", "taken"), 0)
        new = [{"name": name, "free_at": now, **zeros} for name in missing]
        session.execute(insert(Lane).values(new).on_conflict_do_nothing())
        rows = {row.name: row for row in session.exec(_ALL_ROWS)}
    return rows


_ALL_ROWS = select(Lane).order_by(col(Lane.name)).with_for_update()


def _left_of_the_day(row: Lane | None, sending: Sending, now: datetime) -> int:
    """How many messages the warm-up leaves today (UTC); a very large number where there is none."""
    cap = warm_up_cap(sending.warm_up, sending.warm_up_from, now.date())
    if cap is None:
        return 2**31
    return max(0, cap - (row.taken if row and row.day == now.date() else 0))


def _midnight(now: datetime) -> datetime:
    return datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), tzinfo=now.tzinfo)
