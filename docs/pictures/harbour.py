"""The made-up paper of the desk's pictures: a draft that editors have worked on, two months of issues, four feeds.

`opened` serves it from a folder; `start` and `go_on` let the morning's send begin and move.
"""

import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path
from random import Random

from playwright.sync_api import Page
from sqlmodel import Session, col, insert, select, update

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from benchmarks.harness import free_port
from newsletter import config, daily, sample
from newsletter.database import Database
from newsletter.delivery import tallies
from newsletter.delivery.models import Delivery, DeliveryState
from newsletter.demo import EDITOR, write_articles
from newsletter.editors import Role, accounts, sessions
from newsletter.issues import acts, states
from newsletter.issues.edits import Field
from newsletter.issues.models import Issue, IssueState, Pick
from newsletter.issues.texts import Said
from newsletter.paper import Paper
from newsletter.rendering.counted import TRAP, Link
from newsletter.rendering.models import Edition
from newsletter.sources.models import Article, SourceState
from newsletter.web.app import create_app, serving
from subscribers import Way, clicks, transfer, unsubscribe
from subscribers.clicks import Following
from subscribers.models import Leaving

NOW = datetime(2026, 11, 23, 6, 4, tzinfo=UTC)
PASSWORD = "eleven cups of harbour tea"  # noqa: S105 - of an account that lives as long as this script
PEOPLE = (
    ("nell@example.com", "Nell Ashdown", Role.ADMIN),
    ("tom@example.com", "Tom Farrow", Role.SENDER),
    ("ida@example.com", "Ida Kestrel", Role.EDITOR),
    ("bram@example.com", "Bram Holloway", Role.VIEWER),
)
FIRST = ("Ada", "Bo", "Cleo", "Dag", "Edda", "Finn", "Greta", "Hugo", "Ines", "Jon", "Kit", "Lena", "Mina")
LAST = ("Abbot", "Birch", "Corrie", "Dunn", "Ember", "Frost", "Gale", "Heath", "Isbister", "Juniper", "Kerr")
AT_FIRST, A_DAY = 1_180, (3, 9)  # readers two months ago, and how many came each day
SUBJECTS = (
    "The lock gates open twice, and once by mistake",
    "Who painted the bandstand? The council would like to know",
    "A bakery for Little Skerry, if the oven fits the boat",
    "Forty swans, one slipway, no agreement",
    "The last coal barge is a library now",
    "Rain until Thursday, says the man with the barometer",
)
LINKS = (  # of the last issue that went out: title, section, of a hundred readers how many followed it
    ("Who painted the bandstand? The council would like to know", "City", 14),
    ("A second lifeboat, and the first one's opinion of it", "City", 5),
    ("Low water at Long Reach for the third week", "World", 3),
    ("The rope works takes apprentices again", "Business", 2),
    ("Forty voices and one organ, on Sunday", "Culture", 4),
    ("A seal in the car park, properly parked", "And finally", 9),
)
GATEWAYS = 21  # mailboxes whose servers open every link before their readers do
FEEDS = {  # name → section, its address, headlines with the hours since they came out
    "skerry-radio": ("City", "https://radio.example.com/news.xml", (
        ("The Saint Brannoc sails home after eleven months in dry dock", 3),
        ("Bridge closed on Tuesday for its hundredth coat of paint", 9),
        ("Choir looks for tenors, offers soup", 14),
    )),
    "coast-wire": ("World", "https://wire.example.com/coast.rss", (
        ("River treaty signed after a night of corrections", 5),
        ("Three capitals agree on one gauge for slow trains", 11),
    )),
    "market-letter": ("Business", "https://market.example.com/feed", (
        ("Cranes for rent: the container port thinks smaller", 8),
    )),
    "stage-and-page": ("Culture", "https://stage.example.com/atom.xml", ()),
}  # fmt: skip
REPLIES = (  # code, status, words, lane: why relays said no
    (550, "5.1.1", "No such user here", "google"),
    (550, "5.1.1", "User unknown in virtual mailbox table", ""),
    (552, "5.2.2", "Mailbox full", "yahoo"),
    (554, "5.7.1", "Message refused by policy", "microsoft"),
)
LANES = ("google",) * 9 + ("",) * 5 + ("microsoft",) * 4 + ("apple",) * 2 + ("yahoo",)
REASONS = ("A letter a week would do.", "I moved inland.", "Too many gulls.")
SENT, TAKEN = DeliveryState.ACCEPTED, {"code": 250, "status": "2.0.0", "why": "queued"}


@dataclass
class Clock:
    """Stands still until somebody moves it."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        """The moment it stands at."""
        return self.now


@dataclass
class Desk:
    """The paper, its clock, its address, and the issues that the pages are about."""

    paper: Paper
    clock: Clock
    url: str
    draft: int
    sent: int

    def path(self, page: str) -> str:
        """Where a page is."""
        return {
            "today": "/desk",
            "issue": f"/desk/issues/{self.draft}",
            "sending": f"/desk/issues/{self.draft}/sending",
            "results": f"/desk/issues/{self.sent}/results",
            "figures": "/desk/figures?days=30",
            "article": f"/desk/issues/{self.draft}/articles/1",
            "readers": "/desk/readers?q=ada+birch",
            "reader": "/desk/readers/3",
            "erase": "/desk/readers/3/erase",
            "suppressions": "/desk/suppressions",
            "imports": "/desk/imports",
            "sources": "/desk/sources",
            "source": "/desk/sources/coast-wire",
            "people": "/desk/people",
            "account": "/desk/account",
            "audit": "/desk/audit",
        }[page]


# --- the paper --------------------------------------------------------------------------------------------------------


@contextmanager
def opened(folder: Path) -> Iterator[Desk]:
    """The paper in `folder` and its site on a free port, until the block ends."""
    port = free_port()
    paper, clock = a_paper(folder, port), Clock()
    desk = Desk(paper, clock, f"http://127.0.0.1:{port}", sent=the_past(paper), draft=a_draft(paper))
    app = create_app(paper.config, paper.database, clock=clock, sends_notices=False)
    server = serving(app, "127.0.0.1", port)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.01)
    try:
        yield desk
    finally:
        server.should_exit = True
        thread.join()
        paper.database.close()


def a_paper(folder: Path, port: int) -> Paper:
    """The shipped config with more sources; people at the desk, readers, and the morning's articles."""
    text = sample.config_text().replace("8000", str(port))
    for key, words in EDITOR.items():
        text = re.sub(rf'^# {key} = ""', f'{key} = "{words}"', text, count=1, flags=re.MULTILINE)
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    config.write_new_key(folder / "secret.key")
    write_articles(sample.TODAY, folder, NOW)
    settings = config.load(file)
    database = Database(settings.database.url)
    database.prepare()
    daily.gather(Paper(settings, database), NOW - timedelta(minutes=34))  # before there are feeds: nothing is fetched
    lines = [
        f'[[sources]]\nname = "{n}"\ntitle = "{n.replace("-", " ").title()}"\n'
        f'kind = "feed"\nurl = "{url}"\nsection = "{s}"'
        for n, (s, url, _) in FEEDS.items()
    ]
    file.write_text(text + "\n" + "\n".join(lines) + "\n", encoding="utf-8")
    paper = Paper(config.load(file), database)
    with database.transaction() as session:
        told_by_feeds(session)
        the_people(session)
    return paper


def told_by_feeds(session: Session) -> None:
    """What the feeds have, and how they are: one has been failing since yesterday."""
    for at, (name, (section, url, headlines)) in enumerate(FEEDS.items()):
        good = NOW - timedelta(minutes=at + 1)
        state = SourceState(name=name, url=url, good_at=good, checked_at=good, items=12 + at)
        if name == "stage-and-page":
            state.good_at = state.failing_since = NOW - timedelta(hours=19)
            state.error = "stage.example.com does not answer: the connection timed out after 10 seconds."
        session.add(state)
        for n, (title, hours) in enumerate(headlines, start=1):
            out = NOW - timedelta(hours=hours)
            address = f"https://{url.split('/')[2]}/{n}"
            session.add(Article(
                source=name, guid=address, url=address, page=address, title=title, section=section, place=n,
                standfirst=f"{title}: what is known this morning.", published_at=out, first_seen_at=out, changed_at=out,
            ))  # fmt: skip


def the_people(session: Session) -> None:
    """Four editors, one of each role."""
    for at, (email, name, role) in enumerate(PEOPLE):
        editor = accounts.add(session, email, name, role, NOW - timedelta(days=200 - 30 * at))
        accounts.set_password(session, editor, PASSWORD)
        if at:
            sessions.begin(session, editor, NOW - timedelta(minutes=20, hours=26 * (at - 1)))


# --- this morning -----------------------------------------------------------------------------------------------------


def a_draft(paper: Paper) -> int:
    """Drafted at 05:30, worked on by two editors, checked; its number."""
    issue = daily.draft(paper, paper.config.newsletters[0], NOW.date(), NOW - timedelta(minutes=34))
    number = issue.id or 0
    with paper.database.reading() as session:
        query = select(Article).join(Pick, col(Pick.article_id) == Article.id).where(Pick.issue_id == number)
        picks = {article.guid: article for article in session.exec(query)}
    lead, hall, choir = (picks[f"{name}.md"] for name in ("ferry-returns", "market-hall", "choir"))
    headline = Said(Field.TITLE, lead.title, "The Saint Brannoc is home, and her teapot with her")
    note = Said(Field.NOTE, "", "The tower opens for readers on *Saturday* at ten.")
    steps: tuple[tuple[acts.Act, str], ...] = (
        (acts.Write(lead.id, (headline,)), "Ida Kestrel"),
        (acts.Write(hall.id, (note,)), "Tom Farrow"),
        (acts.Pin(choir.id or 0), "Ida Kestrel"),
    )
    for minutes, (act, who) in enumerate(steps, start=2):
        daily.change(paper, number, act, who, NOW - timedelta(minutes=20 - 3 * minutes))
    daily.check(paper, number, NOW - timedelta(minutes=3))
    return number


def start(desk: Desk) -> None:
    """Tom approves; at half past six it begins, and two minutes later this is where it stands."""
    paper, number = desk.paper, desk.draft
    daily.approve(paper, number, "Tom Farrow", NOW + timedelta(minutes=8))
    begun = NOW + timedelta(minutes=26)
    with paper.database.transaction() as session:
        issue = states.move(session, number, IssueState.SENDING, "schedule", "", begun)
        issue.drawn_at = issue.started_at = begun
        issue.deadline_at = begun + timedelta(hours=12)
        session.add(issue)
        session.flush()
        later = {"code": 421, "status": "4.7.0", "why": "Try again later", "lane": "yahoo"}
        last = [
            (3, DeliveryState.SKIPPED, {"why": "unsubscribed"}),
            (1, DeliveryState.FAILED, reply(0)),
            (4, DeliveryState.DEFERRED, later),
            (608, SENT, TAKEN),
            (806, DeliveryState.QUEUED, {"attempts": 0}),
        ]
        deliveries(session, number, begun, last)
    desk.clock.now = begun + timedelta(minutes=2)


def go_on(desk: Desk, view: Page) -> None:
    """Ten seconds of the send: a pace is measured between two looks."""
    view.goto(desk.url + desk.path("sending"))
    with desk.paper.database.transaction() as session:
        query = select(Delivery.id).where(Delivery.issue_id == desk.draft, Delivery.state == DeliveryState.QUEUED)
        next_ones = list(session.exec(query.limit(31)))
        values = {"state": SENT, "attempts": 1, **TAKEN}
        session.execute(update(Delivery).where(col(Delivery.id).in_(next_ones)).values(values))
    desk.clock.now += timedelta(seconds=10)
    view.wait_for_timeout(1200)  # counts are shared for half a second
    view.goto("about:blank")


# --- the weeks before -------------------------------------------------------------------------------------------------


def the_past(paper: Paper) -> int:
    """Two months of readers who came and went and of issues that went out; the number of the last issue."""
    dice, subjects = Random(7), cycle(SUBJECTS)  # noqa: S311 - the same picture each time
    days = [NOW.date() - timedelta(days=n) for n in range(62, 0, -1)]
    joined, last = AT_FIRST, 0
    come(paper, days[0] - timedelta(days=1), 0, joined)
    for day in days:
        more = dice.randint(*A_DAY)
        come(paper, day, joined, more)
        joined += more
        if day.weekday() < 5:
            number = 214 - sum(1 for later in days if later >= day and later.weekday() < 5)
            last = gone_out(paper, day, number, next(subjects), joined - 40, dice, is_last=day == days[-3])
            some_leave(paper, day, last, dice, joined)
    tallies.keep_missing(paper.database)
    return last


def come(paper: Paper, day: date, known: int, count: int) -> None:
    """`count` new readers on that day."""
    rows = (f"{person(n).lower().replace(' ', '.')}.{n}@example.com,{person(n)}" for n in range(known, known + count))
    file = paper.config.folder / "readers.csv"
    file.write_text("email,name\n" + "\n".join(rows) + "\n", encoding="utf-8")
    at = datetime(day.year, day.month, day.day, 15, tzinfo=UTC)
    transfer.import_csv(paper.database.transaction, paper.config.keys, "daily", file, "said so at the market", at)


def person(n: int) -> str:
    """A name for the reader of that number."""
    return f"{FIRST[n % len(FIRST)]} {LAST[n % len(LAST)]}"


def gone_out(
    paper: Paper, day: date, number: int, subject: str, readers: int, dice: Random, *, is_last: bool
) -> int:  # fmt: skip
    """A sent issue with its ledger; its number in the store. The last one has something for every table."""
    at = datetime(day.year, day.month, day.day, 6, 30, tzinfo=UTC)
    with paper.database.transaction() as session:
        issue = Issue(
            newsletter="daily", issue_date=day, number=number, state=IssueState.SENT, subject=subject,
            drafted_at=at - timedelta(hours=1), approved_at=at - timedelta(minutes=20), drawn_at=at, started_at=at,
            finished_at=at + timedelta(minutes=7),
        )  # fmt: skip
        session.add(issue)
        session.flush()
        groups = [(dice.randint(0, 3), DeliveryState.FAILED, reply(n)) for n in range(len(REPLIES))]
        groups.append((2, DeliveryState.SKIPPED, {"why": "unsubscribed"}))
        if is_last:
            groups.append((9, DeliveryState.FAILED, reply(0)))
            groups.append((3, DeliveryState.SKIPPED, {"why": "suppressed"}))
            words = "its final dot was on the wire and no reply came: the relay may have taken it"
            groups.append((2, DeliveryState.UNCERTAIN, {"why": words}))
            followed(session, issue.id or 0, at, readers, dice)
        groups.append((readers - sum(count for count, _, _ in groups), SENT, TAKEN))
        deliveries(session, issue.id or 0, at, groups)
        return issue.id or 0


def followed(session: Session, issue: int, at: datetime, readers: int, dice: Random) -> None:
    """The links of that issue, and who followed them: people over the morning, gateways within seconds."""
    site = "https://post.example.com"
    trap = Link(TRAP, f"{site}/archive/daily", "", "", "trap")
    links = [Link(n, f"{site}/{n}", title, section, "story") for n, (title, section, _) in enumerate(LINKS, start=1)]
    session.add(Edition(
        issue_id=issue, subject=LINKS[0][0], preheader="", html="<p></p>", text="", template_digest="", rendered_at=at,
        links=[link._asdict() for link in (trap, *links)],
    ))  # fmt: skip
    mails, seen = list(range(1, readers)), []
    for link, (_, _, share) in zip(links, LINKS, strict=True):
        for reader in dice.sample(mails, readers * share // 100):
            then = at + timedelta(minutes=dice.randint(4, 200))
            seen.append(Following(reader, "daily", issue, link.number, link.section, then, ""))
    for reader in dice.sample(mails, GATEWAYS):
        seen += [
            Following(reader, "daily", issue, one.number, one.section, at, "early burst trap") for one in (trap, *links)
        ]
    clicks.keep(session, seen)


def reply(n: int) -> dict[str, object]:
    """One of REPLIES as the fields of a row."""
    code, status, why, lane = REPLIES[n]
    return {"code": code, "status": status, "why": why, "lane": lane}


def deliveries(
    session: Session, issue: int, at: datetime, groups: list[tuple[int, DeliveryState, dict[str, object]]]
) -> None:
    """Rows of the ledger: how many, in which state, and what else they say."""
    lanes, number, rows = cycle(LANES), 0, []
    common = {"issue_id": issue, "attempts": 1, "changed_at": at, "code": None, "status": "", "why": ""}
    for count, state, more in groups:
        for lane in islice(lanes, count):
            number += 1
            rows.append(
                common | {"subscriber_id": number, "subscription_id": number, "state": state, "lane": lane} | more
            )
    session.execute(insert(Delivery), rows)


def some_leave(paper: Paper, day: date, issue: int, dice: Random, joined: int) -> None:
    """A few leave after that issue, and one of them says why."""
    at = datetime(day.year, day.month, day.day, 8, tzinfo=UTC)
    with paper.database.transaction() as session:
        for _ in range(dice.randint(1, 5)):
            way = dice.choice((Way.HEADER, Way.LINK, Way.LINK, Way.PREFERENCES))
            unsubscribe.leave(session, dice.randint(20, joined - 40), "daily", way, issue, at)
        said = select(Leaving).where(Leaving.issue == issue).limit(1)
        for leaving in session.exec(said):
            leaving.reason = dice.choice(REASONS)
