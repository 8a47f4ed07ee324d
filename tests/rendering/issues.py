"""Issues to render: a plain one, and the hard cases that every design must bear."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from newsletter.config import Site
from newsletter.issues.contents import Also, Contents, Item, Logo, Look, SectionOfItems, Sponsor

SITE = Site(name="The Harbour Post", url="https://post.example.com", postal_address="1 Quay Street, Harbourton")
BODY = (
    "<h2>At the Quay</h2><p>The ferry came round the breakwater at ten past four, sounding her horn the "
    "<em>whole</em> way, and by the time she had her ropes ashore some nine hundred people stood there to say so.</p>"
    '<p>A <a href="https://radio.example.com/ferry?a=1&amp;b=2">hired catamaran</a> had taken her place. It was '
    "faster, drier &amp; by common consent unbearable.</p><ul><li>Bicycles travel free until Easter.</li>"
    "<li>Dogs always did.</li></ul><p>The new engine is a hybrid, and runs on batteries inside the harbour, which the "
    "office says will spare the seals and the people of Quay Street in equal measure. Fares stay as they were. "
    "The brass bell hangs where it hung, and the teapot was carried aboard by the mate.</p>"
    "<p>This paragraph comes too late for the mail.</p>"
)


def an_item(position: int, **changes: Any) -> Item:
    """A plain item with a standfirst and a picture; `changes` are its fields."""
    values: dict[str, Any] = {
        "position": position,
        "section": "City",
        "title": f"Story number {position} is told in one plain line",
        "standfirst": f"What happened on the Quay at {position} o’clock, and who saw it.",
        "body": BODY,
        "url": f"https://post.example.com/stories/{position}?from=feed&n={position}",
        "source": "Skerry Radio",
        "author": "Nell Ashdown",
        "image": f"https://post.example.com/media/{position}.jpg",
        "image_alt": f"A picture of story {position}",
        "image_width": 1200,
        "image_height": 800,
        "minutes": 3,
        "published_at": datetime(2026, 11, 23, 4, 30, tzinfo=UTC),
    }
    return Item(**(values | changes))


def normal(**changes: Any) -> Contents:
    """Eight stories, four sections, an intro, one story that others tell too. `changes` are fields of the issue."""
    also = (
        Also("Island Gazette", "https://gazette.example.com/1", "The ferry is back"),
        Also("Port News", "https://port.example.com/ferry", "Home again"),
    )
    values: dict[str, Any] = {
        "newsletter": "daily",
        "title": "The Harbour Daily",
        "description": "The town and the harbour, every weekday.",
        "day": date(2026, 11, 23),
        "number": 214,
        "subject": "The ferry is back, plus a clock and a gull",
        "preheader": "The market hall’s clock is slow on purpose, and a gull is given a job on the pier",
        "intro": "Good morning. There is **frost** on the steps; [mind them](https://post.example.com/frost).",
        "signature": "Nell Ashdown",
        "language": "en",
        "accent": "#9c2b1f",
        "lead": an_item(1, also=also, title="The ferry is back, with the old bell & the teapot"),
        "sections": (
            SectionOfItems("City", (an_item(2), an_item(3, image="", image_alt=""), an_item(4))),
            SectionOfItems("World", (an_item(5, section="World", standfirst=""),)),
            SectionOfItems("Business", (an_item(6, section="Business", body="", standfirst="", minutes=0),)),
            SectionOfItems(
                "And finally", (an_item(7, section="And finally", source="The Harbour Post"),), is_light=True
            ),
        ),
        "site_name": SITE.name,
        "postal_address": SITE.postal_address,
        "web_view_url": f"{SITE.url}/archive/daily/2026-11-23",
        "sign_up_url": f"{SITE.url}/",
        "archive_url": f"{SITE.url}/archive/daily",
        "feed_url": f"{SITE.url}/archive/daily/feed.xml",
    }
    return Contents(**(values | changes))


def without_pictures() -> Contents:
    """Not one picture."""
    issue = normal()
    return replace(issue, lead=_bare(issue.lead), sections=tuple(_bare_section(s) for s in issue.sections))


def one_item() -> Contents:
    """A lead, and that is all: no section, no body."""
    return normal(lead=an_item(1, body="", standfirst=""), sections=())


def many_items(number: int = 30) -> Contents:
    """A long issue: so many stories, five to a section, each with a picture and a standfirst."""
    items = [an_item(n, section=f"Section {(n - 2) // 5 + 1}") for n in range(2, number + 1)]
    sections = tuple(SectionOfItems(items[n].section, tuple(items[n : n + 5])) for n in range(0, len(items), 5))
    return normal(sections=sections)


def hard_headlines() -> Contents:
    """200 characters, an unbroken word of 80, hardly any, right-to-left and CJK ones."""
    long = ("The council decided after a long night and many cups of tea that it would decide again " * 3)[:200]
    titles = (long, "Donaudampfschiff" * 5, "Rain", "خبر من الميناء القديم", "港の時計は四分遅れている、わざと")
    items = tuple(an_item(n, title=title, source="x" * 60) for n, title in enumerate(titles, start=2))
    return normal(lead=an_item(1, title="W" * 80, standfirst="m" * 80), sections=(SectionOfItems("C" * 40, items),))


def no_intro() -> Contents:
    """The editor had nothing to say, and there is no description."""
    return normal(intro="", signature="", description="", preheader="")


def no_standfirst() -> Contents:
    """Stories have a headline and a body, and nothing between."""
    issue = normal()
    return replace(
        issue,
        lead=issue.lead and replace(issue.lead, standfirst=""),
        sections=tuple(
            replace(section, items=tuple(replace(item, standfirst="") for item in section.items))
            for section in issue.sections
        ),
    )


def everything() -> Contents:
    """Every mark and slot there is: an update, a paywall, notes, a sponsor, a logo, a list at the top, opinions."""
    issue = many_items(12)
    note = "We were there on the Quay ourselves; [see the pictures](https://post.example.com/quay)."
    told = replace(issue.sections[0], items=tuple(_marked(item) for item in issue.sections[0].items))
    light = SectionOfItems("And finally", (an_item(20, section="And finally", note="A *smile* for the road."),), True)
    return replace(
        issue,
        lead=issue.lead and replace(issue.lead, is_update=True, is_paid=True, note=note, section="City"),
        sections=(told, *issue.sections[1:], light),
        sponsor=Sponsor(
            "From our sponsor",
            "**Tarrant & Daughter** mend sails, tents and, at this time of year, dignity.",
            "https://tarrant.example.com/harbour",
            "https://post.example.com/media/sponsor.jpg",
            "A needle and a torn sail",
        ),
        reply_to="daily@example.com",
        look=Look(logo=Logo("https://post.example.com/media/logo.png", "The Harbour Daily", 260)),
    )


def in_(design: str, contents: Contents) -> Contents:
    """The same issue in another design."""
    return replace(contents, look=replace(contents.look, design=design))


def german() -> Contents:
    """A German issue, with words of its own for one link."""
    return _translated(
        "de", "Hafenpost", "Die Fähre ist zurück, mit der alten Glocke", words={"read_on": "Zur Meldung"}
    )


def arabic() -> Contents:
    """An Arabic issue, from right to left; one headline in it is English."""
    issue = _translated("ar", "بريد الميناء", "العبّارة تعود إلى الميناء بجرسها القديم بعد أحد عشر شهرا")
    items = (
        an_item(2, section="المدينة", title="ساعة السوق تتأخر أربع دقائق عن قصد", standfirst=_ARABIC, body=""),
        an_item(3, section="المدينة", title="The harbour office answers in English", standfirst="", body=""),
    )
    return replace(issue, sections=(SectionOfItems("المدينة", items),), signature="ندى")


def japanese() -> Contents:
    """A Japanese issue: dates of its own, words that we don't have, lines without spaces."""
    issue = _translated("ja", "港日報", "渡し船が十一か月ぶりに港へ帰ってきた、古い鐘とともに")
    standfirst = (
        "市場の時計が四分遅れているのは、修理に当たった職人によれば、昔からわざとそうしてあったのだという。" * 2
    )
    items = (an_item(2, section="街", title="港の時計は四分遅れている、わざと", standfirst=standfirst),)
    return replace(issue, sections=(SectionOfItems("街", items),))


_ARABIC = "قال المرممون إن التأخير الشهير لم يكن عيبا، بل صنعه أحدهم عمدا كي لا يفوت العمالَ موعدُ العبّارة."


def _translated(language: str, title: str, headline: str, words: dict[str, str] | None = None) -> Contents:
    lead = normal().lead
    assert lead is not None
    return normal(
        language=language,
        title=title,
        lead=replace(lead, title=headline, body="", standfirst=""),
        intro="",
        words=words or {},
    )


def _marked(item: Item) -> Item:
    marks: dict[int, dict[str, Any]] = {
        2: {"is_update": True},
        3: {"is_paid": True},
        4: {"note": "An editor’s word on it."},
    }
    return replace(item, **marks.get(item.position, {}))


HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }}{% raw %}&amp;</mj-text></td>\x0b\u2028'


def hostile() -> Contents:
    """Every field that a stranger or an editor writes holds markup, template code and control characters."""
    words = dict.fromkeys(("section", "title", "standfirst", "source", "author", "image_alt"), HOSTILE)
    also = (Also(HOSTILE, 'https://x.example.com/"><script>', HOSTILE),)
    body = f"<p>{HOSTILE}</p><script>alert(3)</script><p onclick='x()'>ok</p>" + '<a href="javascript:alert(4)">j</a>'
    lead = an_item(1, **words, also=also, body=body, url='https://x.example.com/?"><script>alert(5)</script>')
    item = an_item(2, **words, also=also, body=body, image='https://x.example.com/a.jpg" onerror="alert(6)')
    fields = ("title", "description", "subject", "preheader", "intro", "signature", "site_name", "postal_address")
    return normal(lead=lead, sections=(SectionOfItems(HOSTILE, (item,)),), **dict.fromkeys(fields, HOSTILE))


def _bare(item: Item | None) -> Item | None:
    return item and replace(item, image="", image_alt="")


def _bare_section(section: SectionOfItems) -> SectionOfItems:
    return SectionOfItems(section.name, tuple(replace(item, image="", image_alt="") for item in section.items))
