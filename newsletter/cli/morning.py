"""Making the issue: collect, draft, stories, preview, check, test."""

from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlmodel import Session

from newsletter import daily, proof
from newsletter.cli.out import (
    Day,
    IssueWords,
    Json,
    NewsletterSlug,
    day_for,
    issue_in,
    now,
    opened,
    plain,
    print_json,
    say,
    say_table,
    table,
    the_issue,
)
from newsletter.cli.segments import readers_of
from newsletter.daily import Paper
from newsletter.delivery import message, prose
from newsletter.errors import NotFound, PreflightFailed
from newsletter.issues import assemble, documents
from newsletter.issues.models import Issue, IssueState
from newsletter.picks.reasons import count
from newsletter.rendering import by_topics, editions, preflight, slots
from newsletter.rendering.models import Edition
from newsletter.rendering.preflight import support
from newsletter.rendering.screenshots import take
from subscribers import Format, directory
from subscribers.topics import ALL, packed, unpacked

MARKS = {"block": "[red]blocks[/]", "warn": "[yellow]warns[/]", "note": "notes"}


def collect(context: typer.Context, json: Json = False) -> None:
    """Read all sources into the store."""
    with opened(context) as paper:
        reports = daily.gather(paper, now())
    if json:
        print_json({"sources": [report.as_json() for report in reports]})
        return
    if not reports:
        say("There is nothing to read: config.toml names no source that is asked for its articles.")
    shown = table("Source", "New", "Changed", "Seen", "Failed", numbers=("New", "Changed", "Seen", "Failed"))
    for report in reports:
        counts = (report.new, report.changed, report.seen, len(report.failed))
        shown.add_row(report.name, *map(str, counts))
    say_table(shown)
    for report in reports:
        for where, why in [(report.name, report.error)] * bool(report.error) + [
            (f.where, f.why) for f in report.failed
        ]:
            say(f"[yellow]{plain(where)}[/]: {plain(why)}")


def draft(context: typer.Context, newsletter: NewsletterSlug, date: Day = "", json: Json = False) -> None:
    """Pick and build that day's issue; run again, it refreshes a draft and never touches an approved one."""
    with opened(context, drafts=newsletter) as paper:
        settings = paper.config.newsletter(newsletter)
        issue = daily.draft(paper, settings, day_for(settings, date), now())
        with paper.database.reading() as session:
            document = documents.drafted(session, paper.config, issue)
            document["audience"] = readers_of(session, paper, issue)
    if json:
        print_json(document)
        return
    say(f"[bold]{issue.newsletter}/{issue.issue_date}[/] is {issue.state}. {plain(issue.why)}".rstrip())
    if document["picks"]:
        say(f"Subject    {plain(issue.subject)}\nPreheader  {plain(issue.preheader)}\n")
        _show(document["picks"])
    else:
        say("Nothing is in it: `newsletter sources` says what became of each source.")
    if document["left_out"]:
        say(f"\n{len(document['left_out'])} left out; `--json` lists them with their reasons.")
    if issue.state is IssueState.DRAFT:
        say(f"{count(document['audience']['readers'], 'reader')} would get it now.")
        say(f"Look: newsletter preview {issue.newsletter}/{issue.issue_date} --html issue.html")


def _show(picks: list[dict[str, Any]]) -> None:
    shown = table("", "Section", "Headline", "Points", "Why", numbers=("", "Points"))
    for pick in picks:
        points = f"{pick['score']:.2f}"
        shown.add_row(str(pick["position"]), *map(plain, (pick["section"], pick["title"], points, pick["why"])))
    say_table(shown)


def stories(context: typer.Context, newsletter: NewsletterSlug, date: Day = "", json: Json = False) -> None:
    """The day's articles, grouped by the event they tell."""
    with opened(context) as paper:
        settings = paper.config.newsletter(newsletter)
        with paper.database.reading() as session:
            told = assemble.stories_of_day(session, paper.config, settings, day_for(settings, date))
        document = documents.grouped(paper.config, told)
    if json:
        print_json(document)
        return
    for story in document:
        say(f"[bold]{story['story']:>4}[/]  " + "\n      ".join(plain(_credit(a)) for a in story["articles"]))
    say(f"\n{len(document)} stories.")


def _credit(article: dict[str, str]) -> str:
    return f"{article['title']} ({article['source']})"


def preview(
    context: typer.Context, issue: IssueWords,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the HTML part here.")] = None,
    text: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the text part here.")] = None,
    eml: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the whole message here.")] = None,
    email: Annotated[str, typer.Option("--as", metavar="EMAIL", help="As this reader would get it.")] = "",
    topics: Annotated[
        str, typer.Option(metavar="SECTIONS", help='As those get it who have chosen them: "City, World".')
    ] = "",
) -> None:  # fmt: skip
    """What a reader would get; without a FILE, the text part on the terminal."""
    with opened(context) as paper, paper.database.reading() as session:
        found = issue_in(session, paper, issue)
        reader, chosen, form = _reader(session, paper, found, email)
        edition = _edition(session, paper, found, _topics(paper, found, topics) if topics else chosen)
        newsletter = paper.config.newsletter(found.newsletter)
        made = message.of_edition(paper.config.site, newsletter, edition, form)
        tokens = made.tokens(reader, paper.config.keys)
        name = prose.one_line(reader.name)
        as_text = slots.fill(edition.text, **tokens, name=name)
        as_html = slots.fill(edition.html, **tokens, name=escape(name))
        as_mail = made.fill(reader, paper.config.keys, now())
        parts = {html: as_html.encode(), text: as_text.encode(), eml: as_mail}
    written = {path: data for path, data in parts.items() if path is not None}
    for path, data in written.items():
        path.write_bytes(data)
        say(f"{path}: {len(data):,} bytes")
    if not written:
        say(plain(as_text))


def _topics(paper: Paper, issue: Issue, words: str) -> str:
    """The set that "City, World" names. NotFound says which sections there are."""
    sections = [rule.name for rule in paper.config.sections_of(paper.config.newsletter(issue.newsletter))]
    named = [name.strip() for name in words.split(",")]
    wrong = next((name for name in named if name not in sections), None)
    if wrong is not None:
        raise NotFound(f"{issue.newsletter} has no section {wrong!r}; it has {', '.join(sections)}.")
    return packed(named)


def _edition(session: Session, paper: Paper, issue: Issue, chosen: str) -> Edition:
    found = by_topics.shown(session, paper.config, paper.config.newsletter(issue.newsletter), issue, chosen)
    if found is None:
        raise NotFound(f"Who has chosen {', '.join(sorted(unpacked(chosen)))} gets nothing of this issue.")
    return found


def _reader(session: Session, paper: Paper, issue: Issue, email: str) -> tuple[message.Reader, str, Format]:
    """The subscriber of that address, with their topics and format; anybody, if none was named."""
    if not email:
        return proof.a_reader(), ALL, Format.HTML
    person = directory.show(session, paper.config.keys, email)
    subscription = next((s for s in person.subscriptions if s.newsletter == issue.newsletter), None)
    if subscription is None:
        raise NotFound(f"That person does not get {issue.newsletter}.")
    subscriber = person.subscriber
    reader = message.Reader(0, subscriber.id or 0, subscription.id or 0, subscriber.email, subscriber.name)
    return reader, subscription.topics, subscriber.format


def screenshots(
    context: typer.Context, issue: IssueWords,
    to: Annotated[Path, typer.Option(metavar="DIR", help="Where the pictures go.")],
) -> None:  # fmt: skip
    """Photograph it with Chromium: three widths, by day and by night, with pictures and without."""
    with opened(context) as paper:
        with paper.database.reading() as session:
            html = editions.of(session, issue_in(session, paper, issue)).html
        made = take(html, paper.config.site, to)
    say(f"{len(made)} pictures in {to}: {', '.join(plain(file.name) for file in made)}")


def check(
    context: typer.Context,
    issue: Annotated[str, typer.Argument(metavar="ISSUE", help="A number, daily/2026-11-23, or daily/today.")] = "",
    json: Json = False,
    update_data: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Take caniemail's data.json as what mail programs lack.")
    ] = None,
) -> None:  # fmt: skip
    """Look for what speaks against sending it; status 1 if anything blocks."""
    with opened(context) as paper:
        if update_data:
            made = support.update(update_data, paper.config.folder)
            say(f"{paper.config.folder / support.FILE}: what mail programs lack, as of {made.date}.")
        if not issue:
            if not update_data:
                raise typer.BadParameter("name the issue to look at", param_hint="ISSUE")
            return
        findings = daily.check(paper, the_issue(paper, issue).id or 0, now())
    blocked = preflight.blocks(findings)
    if json:
        print_json({"ok": not blocked, "findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            say(f"{MARKS[finding.level]}  {plain(finding.message)}  [dim]{plain(finding.where)} · {finding.rule}[/]")
        say("Nothing speaks against sending it." if not findings else "")
    if blocked:
        raise typer.Exit(1) if json else PreflightFailed("It may not go out like this: mend what blocks it.")


def test(
    context: typer.Context, issue: IssueWords,
    to: Annotated[str, typer.Option(metavar="EMAIL", help="Where the copy goes.")],
) -> None:  # fmt: skip
    """Send one marked copy to an editor."""
    with opened(context) as paper:
        words = proof.send_test(paper, the_issue(paper, issue).id or 0, to, now())
    say(f"The relay took it: {plain(words)}")
