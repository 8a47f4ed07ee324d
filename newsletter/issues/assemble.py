"""Picks → the day's issue: drafted, or drafted anew, in one transaction; and read back as plain values for templates.

The rows say everything that was considered and why: Story and Candidate hold all of it, Pick what was chosen. A draft
may be made again and again; what editors have approved is never touched.
"""

from collections.abc import Sequence
from datetime import date, datetime
from email.utils import parseaddr
from itertools import groupby
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, delete, func, insert, select, update

from newsletter import links
from newsletter.config import Config, Newsletter
from newsletter.errors import Refused
from newsletter.issues import edits, look, models, pictures, states, window
from newsletter.issues.choosing import choice_for, choice_of, stories_of_day
from newsletter.issues.chosen import Chosen, chosen_for, shown_source, url_of, wants_subscription
from newsletter.issues.contents import WORDS_A_MINUTE, Also, Contents, Item, SectionOfItems, Sponsor
from newsletter.issues.edits import Edits, Field
from newsletter.issues.find import on
from newsletter.issues.models import Decision, Issue, IssueState, Story
from newsletter.issues.pictures import Shown
from newsletter.issues.wording import preheader, subject
from newsletter.picks.choose import Candidate, Choice, Pick
from newsletter.picks.reasons import count, shortened
from newsletter.sources import hosting

__all__ = ["choice_of", "contents", "draft", "reading_minutes", "stories_of_day"]

WHO = "draft"  # who decided, where drafting itself did
LONGEST_WHY = 500


def draft(session: Session, config: Config, newsletter: Newsletter, day: date, now: datetime) -> Issue:
    """The newsletter's issue of `day`, picked from what is in the store: made, or a draft made anew.

    An issue that is approved or further, or that an editor holds, comes back as it is. With fewer picks than
    `min_articles` it is held, and `why` says so. Of two processes the second waits and finds the first one's work.
    """
    issue = _row(session, newsletter, day, now)
    if not may_be_drafted(session, issue):
        return issue
    edited = edits.of(session, newsletter, day)
    choice = choice_for(session, config, newsletter, issue, edited.wishes)
    put(session, issue, newsletter, choice, edited, now)
    return settle(session, issue, newsletter, choice, now)


def reopen(session: Session, newsletter: Newsletter, day: date, who: str, why: str, now: datetime) -> None:
    """Take a skipped day up again, under the next number. Refused if the day is not skipped."""
    issue = on(session, newsletter, day)
    name = f"{newsletter.slug}/{day}"
    if issue is None:
        raise Refused(f"{name} was never skipped: `newsletter draft {newsletter.slug} --date {day}` makes it.")
    if issue.state is not IssueState.SKIPPED:
        raise Refused(f"{name} is {issue.state}: only a skipped day can be reopened.")
    issue.number = _next_number(session, newsletter)
    session.flush()
    states.move(session, issue.id or 0, IssueState.DRAFT, who, why, now)


def put(session: Session, issue: Issue, newsletter: Newsletter, choice: Choice, edited: Edits, now: datetime) -> None:
    """Write the choice in the place of the one before, and the words on top."""
    _write(session, issue, choice)
    word(session, issue, newsletter, choice.picks, edited, now)


def _row(session: Session, newsletter: Newsletter, day: date, now: datetime) -> Issue:
    """The day's row, locked until the transaction ends: there already, or new. The unique key decides who made it."""
    if on(session, newsletter, day) is None:
        try:
            with session.begin_nested():
                session.add(_new(session, newsletter, day, now))
        except IntegrityError:
            pass  # another process made it since we looked; its row is the one
    query = select(Issue).where(col(Issue.newsletter) == newsletter.slug, col(Issue.issue_date) == day)
    return session.exec(query.with_for_update().execution_options(populate_existing=True)).one()


def _new(session: Session, newsletter: Newsletter, day: date, now: datetime) -> Issue:
    """A fresh row with the next number."""
    number = _next_number(session, newsletter)
    return Issue(newsletter=newsletter.slug, issue_date=day, number=number, intro=newsletter.intro, drafted_at=now)


def _next_number(session: Session, newsletter: Newsletter) -> int:
    """One more than the last: cancelled and skipped issues gave theirs back."""
    of_ours = col(Issue.newsletter) == newsletter.slug, col(Issue.state).not_in(window.RETRACTED)
    return (session.scalar(select(func.max(col(Issue.number))).where(*of_ours)) or 0) + 1


def may_be_drafted(session: Session, issue: Issue) -> bool:
    """Whether it is a draft, or held by drafting itself for want of articles."""
    if issue.state is IssueState.DRAFT:
        return True
    query = (
        select(col(Decision.who)).where(col(Decision.issue_id) == issue.id).order_by(col(Decision.id).desc()).limit(1)
    )
    return issue.state is IssueState.HELD and session.exec(query).first() == WHO


def _write(session: Session, issue: Issue, choice: Choice) -> None:
    """Put the choice in the place of the one before."""
    for table in (models.Pick, models.Candidate, Story):
        session.execute(delete(table).where(col(table.issue_id) == issue.id))
    ranks = range(1, len(choice.stories) + 1)
    if not ranks:
        return
    made = session.execute(
        insert(Story).returning(col(Story.rank), col(Story.id)), [{"issue_id": issue.id, "rank": r} for r in ranks]
    )
    ids: dict[int, int] = {row.rank: row.id for row in made}
    whys = {pick.piece.id: pick for pick in choice.picks}
    beside = {piece.id for pick in choice.picks for piece in pick.also}
    story_of: dict[int, int] = {}
    rows = []
    for rank, told in zip(ranks, choice.stories, strict=True):
        for candidate in told.candidates:
            story_of[candidate.piece.id] = ids[rank]
            values = _values(issue, ids[rank], whys.get(candidate.piece.id, candidate))
            parts = {name: round(part, 4) for name, part in candidate.parts.items()}
            rows.append(values | {"points": parts, "is_beside": candidate.piece.id in beside})
    session.execute(insert(models.Candidate), rows)
    if choice.picks:
        session.execute(
            insert(models.Pick),
            [
                {
                    **_values(issue, story_of[pick.piece.id], pick),
                    "section": pick.piece.section,
                    "position": pick.position,
                    "is_update": pick.is_update,
                }
                for pick in choice.picks
            ],
        )


def _values(issue: Issue, story_id: int, candidate: Candidate) -> dict[str, Any]:
    return {
        "issue_id": issue.id,
        "story_id": story_id,
        "article_id": candidate.piece.id,
        "score": candidate.score,
        "why": shortened(candidate.why, LONGEST_WHY),
    }


def word(
    session: Session, issue: Issue, newsletter: Newsletter, picks: Sequence[Pick], edited: Edits, now: datetime
) -> None:
    """Subject and preheader from the top stories, and the intro; the editors' words in their place."""
    top = _top(picks)
    titles = [edited.of(pick.piece.id, Field.TITLE, pick.piece.title) for pick in top]
    standfirst = edited.of(top[0].piece.id, Field.STANDFIRST, top[0].piece.standfirst) if top else ""
    session.execute(
        update(Issue)
        .where(col(Issue.id) == issue.id)
        .values(
            subject=edited.get(Field.SUBJECT, subject(titles, newsletter.language)),
            preheader=edited.get(Field.PREHEADER, preheader(titles, standfirst, newsletter.language)),
            intro=edited.get(Field.INTRO, newsletter.intro),
            drafted_at=now,
        )
        .execution_options(synchronize_session=False)
    )
    session.refresh(issue)


def _top(picks: Sequence[Pick]) -> list[Pick]:
    """The lead, then the others by points."""
    return [*picks[:1], *sorted(picks[1:], key=lambda pick: (-pick.score, pick.piece.key))]


def settle(
    session: Session, issue: Issue, newsletter: Newsletter, choice: Choice, now: datetime, *, tells: bool = True
) -> Issue:
    """Write down how the drafting ended: a draft (if it `tells`), or held for want of articles."""
    assert issue.id is not None
    found, least = len(choice.picks), newsletter.least_on(issue.issue_date)
    considered = f"{count(len(choice.picks) + len(choice.left_out), 'article')} in {_stories(len(choice.stories))}"
    if found < least:
        why = f"{count(found, 'pick')} from {considered}, and {newsletter.slug} wants at least {least}."
        return _held(session, issue, why, now)
    if issue.state is IssueState.HELD:
        states.move(session, issue.id, IssueState.DRAFT, WHO, "there are enough articles now", now)
    if tells:
        states.note(session, issue.id, "drafted", WHO, f"{count(found, 'pick')} from {considered}", now)
    return issue


def _held(session: Session, issue: Issue, why: str, now: datetime) -> Issue:
    assert issue.id is not None
    if issue.state is IssueState.DRAFT:
        return states.move(session, issue.id, IssueState.HELD, WHO, why, now)
    issue.why = why
    states.note(session, issue.id, str(IssueState.HELD), WHO, why, now)
    return issue


def _stories(number: int) -> str:
    return "1 story" if number == 1 else f"{number:,} stories"


def contents(session: Session, config: Config, newsletter: Newsletter, issue: Issue) -> Contents:
    """The issue as plain values, for templates, pages and checks. The rows alone decide what stands in it."""
    picked, edited = chosen_for(session, issue), edits.of(session, newsletter, issue.issue_date)
    known = hosting.of(session, [chosen.article.image for chosen in picked])
    items = [
        _item(config, chosen, pictures.shown(config, newsletter, chosen.article.image, known), edited)
        for chosen in picked
    ]
    lead, rest = (items[0], items[1:]) if items else (None, [])
    light = {rule.name for rule in config.sections_of(newsletter) if rule.light}
    sections = tuple(
        SectionOfItems(name, tuple(group), is_light=name in light)
        for name, group in groupby(rest, key=lambda i: i.section)
    )
    site, slug = config.site, newsletter.slug
    return Contents(
        newsletter=slug,
        title=newsletter.title,
        description=newsletter.description,
        day=issue.issue_date,
        number=issue.number,
        subject=issue.subject,
        preheader=issue.preheader,
        intro=issue.intro,
        signature=edited.get(Field.SIGNATURE, newsletter.signature),
        language=newsletter.language,
        accent=newsletter.accent,
        lead=lead,
        sections=sections,
        site_name=site.name,
        postal_address=site.postal_address,
        web_view_url=links.web_view(site, slug, issue.issue_date),
        sign_up_url=links.sign_up(site),
        archive_url=links.archive(site, slug),
        feed_url=links.archive_feed(site, slug),
        look=look.look_of(config, newsletter),
        sponsor=sponsor_of(config, newsletter, edited),
        reply_to=parseaddr(newsletter.reply_to)[1],
        words=newsletter.words,
    )


def sponsor_of(config: Config, newsletter: Newsletter, edited: Edits) -> Sponsor | None:
    """The editors' for that day, or the newsletter's own."""
    slot = edited.get(Field.SPONSOR)
    if slot is None:
        return look.sponsor_of(config, newsletter)
    return Sponsor(**slot) if slot else None


def _item(config: Config, chosen: Chosen, picture: Shown, edited: Edits) -> Item:
    """One pick as a reader meets it: in the editors' words where they wrote some."""
    article, pick = chosen.article, chosen.pick
    words = edited.articles.get(article.id or 0, {})
    return Item(
        position=pick.position,
        section=pick.section,
        title=words.get(Field.TITLE, article.title),
        standfirst=words.get(Field.STANDFIRST, article.standfirst),
        body=article.body,
        url=url_of(config, article),
        source=shown_source(config, article.source),
        author=article.author,
        image=picture.address,
        image_alt=words.get(Field.IMAGE_ALT, article.image_alt),
        image_width=picture.width,
        image_height=picture.height,
        minutes=reading_minutes(article.words),
        published_at=article.published_at,
        is_update=pick.is_update,
        score=pick.score,
        also=tuple(Also(shown_source(config, a.source), url_of(config, a), a.title) for a in chosen.also),
        is_paid=words.get(Field.IS_PAID, wants_subscription(config, article)),
        note=words.get(Field.NOTE, ""),
    )


def reading_minutes(words: int) -> int:
    """How long `words` take to read, at least a minute; 0 where the length is not known."""
    return max(1, round(words / WORDS_A_MINUTE)) if words > 0 else 0
