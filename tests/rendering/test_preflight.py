"""Seeded faults are found by their rule at their level; clean issues raise none."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from newsletter.config import Preflight
from newsletter.issues.before import Before
from newsletter.issues.contents import Contents, SectionOfItems
from newsletter.rendering import preflight, slots
from newsletter.rendering.preflight import Case, Finding, Level, support
from newsletter.rendering.render import Rendered, edition
from newsletter.rendering.templates import Templates
from tests.rendering import issues

URL = "https://post.example.com"
SUPPORT = support.load()
Spoil = Callable[[Case], Case]


def a_case(contents: Contents, folder: Path, rendered: Rendered | None = None, **more: Any) -> Case:
    """The issue as it is checked, with a good message around it and all its pictures in their folder."""
    form, media = rendered or edition(contents, Templates(folder), issues.SITE), folder / "media"
    media.mkdir(exist_ok=True)
    for name in re.findall(rf"{URL}/media/([\w.]+)", form.html):
        (media / name).write_bytes(b"a picture")
    values: dict[str, Any] = {"site_url": URL, "min_articles": 3, "support": SUPPORT, "message": parsed(GOOD)}
    return Case(form=form, contents=contents, media_dir=media, **(values | more))


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    return edition(issues.normal(), Templates(tmp_path_factory.mktemp("project")), issues.SITE)


@pytest.fixture
def clean(rendered: Rendered, tmp_path: Path) -> Case:
    return a_case(issues.normal(), tmp_path, rendered)


def check(case: Case, **levels: str) -> list[Finding]:
    named = {name.replace("_", "-"): level for name, level in levels.items()}
    return preflight.findings(case, Preflight.model_validate(named))


@pytest.mark.parametrize(
    "contents",
    [
        issues.normal(),
        issues.without_pictures(),
        issues.many_items(),
        issues.everything(),
        issues.german(),
        issues.arabic(),
        issues.japanese(),
        issues.normal(accent="#ffd000"),
        issues.normal(accent="#1a3cff"),
    ],
)
@pytest.mark.parametrize("design", ["digest", "letter", "links"])
def test_a_clean_issue_raises_nothing(contents: Contents, design: str, tmp_path: Path) -> None:
    """A check that cries wolf is soon switched off. No design uses what a mail program lacks, in any accent."""
    assert check(a_case(issues.in_(design, contents), tmp_path), too_few="off") == []


# --- seeded faults --------------------------------------------------------------------------------------------------

GOOD = b"""From: The Harbour Post <daily@example.com>\r
To: reader@example.com\r
Subject: The ferry is back\r
Date: Mon, 23 Nov 2026 06:30:00 +0000\r
Message-ID: <1@example.com>\r
List-Unsubscribe: <https://post.example.com/u/TOKEN>, <mailto:u@example.com>\r
List-Unsubscribe-Post: List-Unsubscribe=One-Click\r
List-Id: "The Harbour Daily" <daily.post.example.com>\r
MIME-Version: 1.0\r
Content-Type: multipart/alternative; boundary=x\r
\r
--x\r
Content-Type: text/plain\r
\r
a\r
--x\r
Content-Type: text/html\r
\r
<p>a</p>\r
--x--\r
"""


def parsed(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=policy.default)


def html(before: str, after: str) -> Spoil:
    """The first `before` of the HTML becomes `after`; it must be there."""

    def spoil(case: Case) -> Case:
        assert before in case.form.html
        return given(html=case.form.html.replace(before, after, 1))(case)

    return spoil


def text(before: str, after: str) -> Spoil:
    return lambda case: given(text=case.form.text.replace(before, after))(case)


def given(**fields: str) -> Spoil:
    def spoil(case: Case) -> Case:
        assert isinstance(case.form, Rendered)
        return replace(case, form=replace(case.form, **fields))

    return spoil


def message(before: bytes, after: bytes) -> Spoil:
    """The first `before` of the message becomes `after`; it must be there."""
    assert before in GOOD
    return lambda case: replace(case, message=parsed(GOOD.replace(before, after, 1)))


def sent_as(bytes_of_html: int) -> Spoil:
    """The HTML part is as long as that on the wire, decoded."""
    return message(b"<p>a</p>", b"<p>" + b"a " * ((bytes_of_html - 7) // 2) + b"</p>")


def in_the_body(piece: str) -> Spoil:
    """One more thing at the end of the mail."""
    return html("</body>", f'<div class="paper">{piece}</div></body>')


def style(rules: str) -> Spoil:
    """One more style sheet."""
    return html("</head>", f"<style>{rules}</style></head>")


def link(words: str, address: str = "https://radio.example.com/one") -> Spoil:
    def spoil(case: Case) -> Case:
        piece = f'<p><a href="{address}" class="tint" style="color:#9c2b1f">{words}</a></p>'
        return given(text=f"{case.form.text}\n{address}")(in_the_body(piece)(case))

    return spoil


def picture(attributes: str) -> Spoil:
    return in_the_body(f"<img {attributes}>")


def file(name: str, size: int | None) -> Spoil:
    """A picture's file of that many bytes, or gone."""

    def spoil(case: Case) -> Case:
        assert case.media_dir
        place = case.media_dir / name
        if size is None:
            place.unlink(missing_ok=True)
        else:
            place.write_bytes(b"x" * size)
        return case

    return spoil


def told(title: str, url: str = f"{URL}/else") -> Spoil:
    """One more story."""

    def spoil(case: Case) -> Case:
        more = SectionOfItems("World", (issues.an_item(9, title=title, url=url),))
        return replace(case, contents=replace(case.contents, sections=(*case.contents.sections, more)))

    return spoil


def before(subject: str = "Yesterday", *stories: tuple[str, str]) -> Spoil:
    return lambda case: replace(case, before=Before(date(2026, 11, 20), subject, stories))


def of_contents(**changes: Any) -> Spoil:
    return lambda case: replace(case, contents=replace(case.contents, **changes))


def of_site(url: str) -> Spoil:
    def spoil(case: Case) -> Case:
        moved = given(html=case.form.html.replace(URL, url), text=case.form.text.replace(URL, url))(case)
        return replace(moved, site_url=url, media_dir=None)

    return spoil


@dataclass(frozen=True)
class Seeded:
    """A fault, and the finding that it must raise."""

    spoil: Spoil
    rule: str
    level: str
    where: str = "html"
    also: str = ""  # another rule that rightly minds it too


FERRY = "https://port.example.com/ferry"
PLAIN = "http://post.example.com/frost"
LIST = "List-Unsubscribe"
SOURCE = 'src="https://post.example.com/media/1.jpg" width="60" height="40"'
FAULTS = {
    "no link to leave in the HTML": Seeded(html(f"{URL}/u/{slots.UNSUBSCRIBE}", URL), "unsubscribe-link", "block"),
    "no link to leave in the text": Seeded(text(slots.UNSUBSCRIBE, ""), "unsubscribe-link", "block", "text"),
    "no postal address in the HTML": Seeded(html("1 Quay Street", ""), "postal-address", "block"),
    "a hidden postal address": Seeded(
        html("1 Quay Street", "1 <style>Quay</style> Street"), "postal-address", "block"),
    "no postal address in the text": Seeded(text("1 Quay Street", ""), "postal-address", "block", "text"),
    "no postal address at all": Seeded(of_contents(postal_address=" "), "postal-address", "block", ""),
    "no Date": Seeded(message(b"Date: Mon, 23 Nov 2026 06:30:00 +0000\r\n", b""), "headers", "block", "Date"),
    "no Message-ID": Seeded(message(b"Message-ID: <1@example.com>\r\n", b""), "headers", "block", "Message-ID"),
    "two readers in one To": Seeded(
        message(b"To: reader@example.com\r\n", b"To: a@example.com\r\nTo: b@example.com\r\n"),
        "headers", "block", "To"),
    "a List-Id that is none": Seeded(
        message(b'List-Id: "The Harbour Daily" <daily.post.example.com>', b"List-Id: daily"),
        "headers", "block", "List-Id"),
    "an encoded List-Unsubscribe": Seeded(
        message(b"<https://post.example.com/u/TOKEN>", b"=?utf-8?q?=3Chttps=3A//a.example.com/1=3E?="),
        "headers", "block", LIST),
    "two addresses to leave": Seeded(
        message(b"<https://post.example.com/u/TOKEN>", b"<https://a.example.com/>, <https://b.example.com/>"),
        "headers", "block", LIST),
    "only a mailto to leave": Seeded(message(b"<https://post.example.com/u/TOKEN>, ", b""), "headers", "block", LIST),
    "no one-click": Seeded(message(b"List-Unsubscribe=One-Click", b"One-Click"), "headers", "block", f"{LIST}-Post"),
    "parts that are no alternatives": Seeded(
        message(b"multipart/alternative", b"multipart/mixed"), "parts", "block", "Content-Type"),
    "two HTML parts": Seeded(message(b"text/plain", b"text/html"), "parts", "block", "Content-Type"),
    "an empty text part": Seeded(given(text=" \n"), "text-part", "block", "text"),
    "a link that the text lacks": Seeded(text(FERRY, ""), "text-links", "warn", FERRY),
    "a mark that nobody fills": Seeded(html("Good morning", "MarkFooZZZZZZZZ"), "unresolved-mark", "block"),
    "template code in the HTML": Seeded(html("Good morning", "{{ greeting }}"), "template-syntax", "block"),
    "template code in a link": Seeded(html(f"{URL}/frost", "{{ url }}"), "template-syntax", "block"),
    "template code in the subject": Seeded(given(subject="Hello *|FNAME|*"), "template-syntax", "block", "subject"),
    "template code in the text": Seeded(text("Good", "{% if x %}"), "template-syntax", "block", "text"),
    "a mail that Gmail cuts off": Seeded(sent_as(100_010), "size", "block"),
    "a mail that is nearly too long": Seeded(sent_as(90_010), "size-near", "warn"),
    "our own link without TLS": Seeded(link("Mind the frost", PLAIN), "own-links", "warn", PLAIN),
    "another's link without TLS": Seeded(
        link("The port's own page", "http://port.example.com/"), "https", "note", "http://port.example.com/"),
    "a link to a machine in the office": Seeded(
        link("The draft", "http://10.0.0.7/draft"), "private-link", "warn", "http://10.0.0.7/draft"),
    "a link to a bare name": Seeded(link("The wiki", "https://wiki/ferry"), "private-link", "warn", "https://wiki/ferry"),
    "a picture without words": Seeded(
        html('alt="A picture of story 1"', 'alt=" "'), "picture-alt", "warn", f"{URL}/media/1.jpg"),
    "a picture without a size": Seeded(
        picture(f'src="{URL}/media/1.jpg" alt="A ferry"'), "picture-size", "warn", f"{URL}/media/1.jpg"),
    "a heavy picture": Seeded(file("2.jpg", 300_001), "picture-weight", "warn", f"{URL}/media/2.jpg"),
    "a picture that is gone": Seeded(file("2.jpg", None), "picture-missing", "block", f"{URL}/media/2.jpg"),
    "a picture that could not be had": Seeded(
        lambda case: replace(case, lost={"https://a.example.com/1.jpg": "It answers 404."}),
        "picture-lost", "note", "https://a.example.com/1.jpg"),
    "a picture without an address": Seeded(
        picture('alt="A ferry" width="60" height="40"'), "picture-missing", "block"),
    "grey words on white": Seeded(
        in_the_body('<div class="wash" style="background-color:#f2eee5"><p style="color:#b5651d">Too pale</p></div>'),
        "contrast", "warn", "light", also="contrast-dark"),
    "dark words in our night": Seeded(
        style("@media (prefers-color-scheme: dark) { .paper p { color: #333333 !important } }"),
        "contrast", "warn", "dark"),
    "words that drown in a forced night": Seeded(
        in_the_body('<p style="color:#1b1b1b;background-color:#868686">A badge</p>'),
        "contrast-dark", "warn", "forced dark", also="contrast"),
    "a layout that Outlook has not": Seeded(
        in_the_body('<div class="row" style="display:flex">A row</div>'), "client-support", "warn", "div.row"),
    "a film": Seeded(in_the_body("<video></video>"), "client-support", "warn", "video"),
    "a drawing that Gmail drops": Seeded(in_the_body("<svg></svg>"), "client-support", "warn", "svg"),
    "a font from elsewhere": Seeded(
        style("@font-face { font-family: X; src: url(x.woff) }"),
        "client-support", "warn", "@font-face"),
    "a link named here": Seeded(link("Click here!"), "link-words", "warn", "https://radio.example.com/one"),
    "a link without words": Seeded(link(" "), "link-words", "warn", "https://radio.example.com/one"),
    "a link named by its address": Seeded(
        link("https://radio.example.com/one"), "link-words", "warn", "https://radio.example.com/one"),
    "an empty heading": Seeded(in_the_body("<h3> </h3>"), "headings", "warn", "h3"),
    "a heading from the template's sample": Seeded(in_the_body("<h2>Headline</h2>"), "headings", "warn", "h2"),
    "no subject": Seeded(given(subject="  "), "subject-missing", "block", "subject"),
    "a long subject": Seeded(given(subject="a" * 91), "subject-length", "warn", "subject"),
    "no preheader": Seeded(given(preheader=""), "preheader-missing", "warn", "preheader"),
    "a short preheader": Seeded(given(preheader="Hello"), "preheader-length", "note", "preheader"),
    "yesterday's subject": Seeded(
        before("THE ferry  is back, plus a clock and a gull"), "yesterdays-subject", "warn", "subject"),
    "one story told twice": Seeded(
        told("The ferry is back with the old bell and the teapot"), "repeated-story", "warn", f"{URL}/else"),
    "one page told twice": Seeded(
        told("Something else", issues.an_item(2).url), "repeated-story", "warn", issues.an_item(2).url),
    "a story of yesterday": Seeded(
        before("Yesterday", ("Old bell and teapot", issues.an_item(1).url)),
        "repeated-story", "warn", issues.an_item(1).url),
    "too few stories": Seeded(lambda case: replace(case, min_articles=8), "too-few", "block", ""),
    "a site on this machine": Seeded(
        of_site("http://127.0.0.1:8000"), "own-machine", "note", "http://127.0.0.1:8000/archive/daily/2026-11-23"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_seeded_fault_is_found(name: str, clean: Case) -> None:
    """By its rule alone, at its level, at its place, with a sentence that says what to do."""
    seeded = FAULTS[name]
    found = check(seeded.spoil(clean))
    assert (seeded.rule, seeded.level, seeded.where) in [(f.rule, f.level, f.where) for f in found]
    assert {f.rule for f in found} <= {seeded.rule, seeded.also}
    assert all(len(f.message.split()) > 5 and f.message.endswith(".") for f in found)
    assert preflight.blocks(found) == (seeded.level == "block")


def test_there_are_at_least_forty_of_them() -> None:
    """And every rule that looks at nothing outside has one."""
    assert len(FAULTS) >= 40
    outside = {"dead-link", "spam-score", "not-looked", "template-words"}  # have tests of their own
    assert {rule.name for rule in preflight.RULES} - outside == {seeded.rule for seeded in FAULTS.values()}


# --- what is no fault -----------------------------------------------------------------------------------------------


def test_template_code_in_an_articles_own_words_only_warns(tmp_path: Path) -> None:
    """A piece about programming is no fault of ours."""
    contents = issues.normal(lead=issues.an_item(1, title="Why {{ x }} is everywhere"))
    assert {(f.rule, f.level) for f in check(a_case(contents, tmp_path))} == {("template-words", Level.WARN)}


def test_a_link_is_named_if_another_to_the_same_page_is(clean: Case) -> None:
    """“Read on” below a headline that leads to the same page."""
    assert check(link("here", issues.an_item(2).url)(clean)) == []


def test_headlines_that_differ_in_a_number_are_two_stories(clean: Case) -> None:
    """The third day of a strike is not the second one."""
    spoiled = before("Yesterday", ("Story number 12 is told in one plain line", f"{URL}/12"))(clean)
    assert check(spoiled) == []


def test_a_private_network_that_the_operator_names_is_meant(clean: Case) -> None:
    """A newsletter for the office may link into the office."""
    collecting = clean.collecting.model_copy(update={"private_networks": ("10.0.0.0/8",)})
    spoiled = link("The wiki", "https://10.0.0.7/wiki")(replace(clean, collecting=collecting))
    assert check(spoiled) == []


@pytest.mark.parametrize(
    "piece",
    [
        '<p style="color:#767676;font-size:30px">Large words need less</p>',
        '<p style="display:none;color:#ffffff;background:#ffffff">Nobody sees this</p>',
        '<div style="display:none"><p style="display:flex">Nor this</p></div>',
        "<!--[if mso]><v:rect><![endif]--><!--[if !mso]><!-- -->",
        '<table style="border-radius:4px"><tr><td role="presentation">Square corners are corners</td></tr></table>',
        '<p style="max-height:none;overflow:visible;min-height:0">Nothing is set here</p>',
    ],
)
def test_what_harms_nobody_is_no_finding(piece: str, clean: Case) -> None:
    """Extras, hidden words, neutral values, and what stands in conditional comments."""
    assert check(in_the_body(piece)(clean), contrast_dark="off") == []


def test_extras_for_some_screens_are_no_finding(clean: Case) -> None:
    """Whoever does not know @media has a whole mail without it."""
    assert check(style("@media (min-width:480px) { .a:hover { display:flex; position:absolute } }")(clean)) == []


def test_all_pictures_together_may_weigh_too_much(clean: Case) -> None:
    """Each is light enough, but there are many."""
    assert clean.media_dir
    for place in clean.media_dir.iterdir():
        place.write_bytes(b"x" * 299_000)
    assert [(f.rule, f.where) for f in check(clean)] == [("picture-weight", "pictures")]


def test_the_sent_size_counts_and_not_its_encoding(clean: Case) -> None:
    """A mail of accents is three times as long in quoted-printable; Gmail counts what it decodes."""
    accents = "é".encode() * 40_000
    encoded = b"".join(b"=%02X" % byte for byte in accents)
    lines = b"=\r\n".join(encoded[n : n + 72] for n in range(0, len(encoded), 72))
    raw = GOOD.replace(b"Content-Type: text/html\r\n", b"Content-Type: text/html; charset=utf-8\r\n"
                       b"Content-Transfer-Encoding: quoted-printable\r\n").replace(b"<p>a</p>", lines)  # fmt: skip
    assert len(raw) > 200_000
    assert check(replace(clean, message=parsed(raw))) == []


# --- levels ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["block", "warn", "note"])
def test_the_config_says_how_grave_a_rule_is(level: str, clean: Case) -> None:
    """And what is graver comes first."""
    found = check(given(preheader="Hello", subject="a" * 91)(clean), subject_length=level)
    assert {f.rule: str(f.level) for f in found} == {"subject-length": level, "preheader-length": "note"}
    assert [f.level for f in found] == sorted((f.level for f in found), key=list(Level).index)


def test_a_rule_may_be_switched_off(clean: Case) -> None:
    """It is not even looked for."""
    assert check(link("here")(clean), link_words="off") == []


def test_every_rule_has_a_level_in_the_config_and_every_level_a_rule() -> None:
    """One name, in both places."""
    keys = {field.alias for field in Preflight.model_fields.values()} - {"look-outside"}
    assert {rule.name for rule in preflight.RULES} == keys
    assert len({rule.name for rule in preflight.RULES}) == len(preflight.RULES)


def test_the_editors_page_has_the_table_of_all_rules() -> None:
    """With the level that each has unless the config says otherwise."""
    page = (Path(__file__).parents[2] / "docs" / "editors.md").read_text(encoding="utf-8")
    chapter = page.partition("## What is checked")[2].partition("\n## ")[0]
    rows = [line for line in chapter.splitlines() if line.startswith("| `")]
    levels = Preflight()
    assert rows == [
        f"| `{rule.name}` | {levels.level(rule.name)} | {rule.looks_for} | {rule.advice} |" for rule in preflight.RULES
    ]


def test_a_hosted_picture_of_its_own_size_is_light_enough(tmp_path: Path) -> None:
    """What we scale ourselves never raises a finding of its own."""
    from newsletter.sources.pictures import fit_for_mail

    noise = Image.effect_noise((2400, 1600), 90).convert("RGB")
    noise.save(tmp_path / "noise.png")
    scaled, _ = fit_for_mail((tmp_path / "noise.png").read_bytes())
    assert len(scaled) <= 300_000
