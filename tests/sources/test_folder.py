"""Articles in files: `newsletter.sources.folder`."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.errors import FetchError
from newsletter.sources import folder
from newsletter.sources.found import FoundArticle

BERLIN = ZoneInfo("Europe/Berlin")
WRITTEN = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def read(text: str | bytes, name: str = "ferry.txt") -> FoundArticle:
    """The article in a file of these contents, written on 22 November, in Berlin."""
    data = text.encode() if isinstance(text, str) else text
    return folder.read(data, name, zone=BERLIN, modified_at=WRITTEN)


PLAIN = """The ferry sails again

Nov 23, 2026

After two weeks in the dry dock the boat is back

The harbour was crowded on Monday morning.
What was broken?

The engine, says the captain, who adds that it took two weeks to find a part for it anywhere in the country
 “We looked everywhere”, she says.

Sign up for our newsletter
"""


@pytest.mark.shared
def test_the_real_article_is_taken_as_it_stands(shared: Path):
    """Headline, date, standfirst, two subheadings, the quotes whole, and no closing line that asks to sign up."""
    data = (shared / "articles" / "syrian-peace-talks.txt").read_bytes()
    article = folder.read(data, "syria.txt", zone=ZoneInfo("Europe/London"), modified_at=WRITTEN)
    lines = [line.strip() for line in data.decode().split("\n") if line.strip()]
    assert (article.title, article.standfirst) == (lines[0], lines[2])
    assert article.published_at == datetime(2014, 2, 10, tzinfo=UTC)
    assert article.body.count("<h3>") == 2
    headings = [line for line in lines[3:] if len(line) < 60 and line.endswith("?")]
    expected = [f"<h3>{line}</h3>" if line in headings else f"<p>{line}</p>" for line in lines[3:-1]]
    assert [line.replace("<p>\N{NO-BREAK SPACE}", "<p>") for line in article.body.split("\n")] == expected
    assert lines[-1] not in article.body
    assert 400 < article.words < 450


def test_a_text_file_is_headline_date_standfirst_and_paragraphs():
    """Subheadings are short, end in a question mark or without a stop, and stand between paragraphs."""
    article = read(PLAIN)
    assert article.title == "The ferry sails again"
    assert article.standfirst == "After two weeks in the dry dock the boat is back"
    assert article.body.split("\n") == [
        "<p>The harbour was crowded on Monday morning.</p>",
        "<h3>What was broken?</h3>",
        "<p>The engine, says the captain, who adds that it took two weeks to find a part for it anywhere in the "
        "country</p>",
        "<p> “We looked everywhere”, she says.</p>",
    ]
    assert article.published_at == datetime(2026, 11, 22, 23, 0, tzinfo=UTC)
    assert article.dated


def test_a_last_short_line_is_no_subheading():
    """There is nothing below it that it could be the heading of."""
    assert "<h3>" not in read("Head\n\nStand\n\nOne.\n\nAnd that was that").body


def test_a_file_without_a_date_takes_its_modification_time():
    """And says that it was a guess, so that a later correction does not make it news again."""
    article = read("Head\n\nStandfirst.\n\nBody.")
    assert (article.published_at, article.dated) == (WRITTEN, False)
    assert (article.standfirst, article.body) == ("Standfirst.", "<p>Body.</p>")


def test_lines_wrapped_by_hand_are_one_paragraph():
    """Some editors break lines at 72 characters; a paragraph ends at a blank line or a line with room to spare."""
    wrapped = (
        "Head\n\nStand.\n\nThe harbour was crowded on Monday morning when the ferry came\nin. The captain, who had "
        "waited for this day for two weeks, said that\nshe was glad.\nWhat was broken?\n\nThe engine."
    )
    assert read(wrapped).body.split("\n") == [
        "<p>The harbour was crowded on Monday morning when the ferry came in. The captain, who had "
        "waited for this day for two weeks, said that she was glad.</p>",
        "<h3>What was broken?</h3>",
        "<p>The engine.</p>",
    ]


def test_only_a_request_to_sign_up_is_cut_and_only_at_the_end():
    """A sentence about people who sign up is news; so is a request in the middle of a piece."""
    for line in ("Sign up for our daily newsletter", "For more like this, subscribe to our free email briefing."):
        assert read(f"Head\n\nStand.\n\nBody.\n\n{line}").body == "<p>Body.</p>"
    for line in ("Residents can sign up for updates by email.", "Subscribe to nothing, she says."):
        assert line in read(f"Head\n\nStand.\n\nBody.\n\n{line}").body
    assert "Sign up" in read("Head\n\nStand.\n\nSign up for the newsletter.\n\nBody.").body


def test_what_looks_like_markup_in_a_text_file_is_text():
    """A text file has no tags: an angle bracket is one that readers shall see."""
    assert read("Head\n\nStand.\n\nIf a < b & <script>.").body == "<p>If a &lt; b &amp; &lt;script&gt;.</p>"


@pytest.mark.parametrize(
    ("line", "moment"),
    [
        ("2026-07-10", datetime(2026, 7, 9, 22, tzinfo=UTC)),
        ("10 July 2026", datetime(2026, 7, 9, 22, tzinfo=UTC)),
        ("Published: Friday, July 10, 2026 at 06:30", datetime(2026, 7, 10, 4, 30, tzinfo=UTC)),
        ("2026-07-10T06:30:00Z", datetime(2026, 7, 10, 6, 30, tzinfo=UTC)),
        ("10 July 2026 06:30 GMT", datetime(2026, 7, 10, 6, 30, tzinfo=UTC)),
        ("10 July 2026 06:30 +0530", datetime(2026, 7, 10, 1, 0, tzinfo=UTC)),
        ("10.07.2026", datetime(2026, 7, 9, 22, tzinfo=UTC)),
        ("10/07/2026", datetime(2026, 7, 9, 22, tzinfo=UTC)),
    ],
)
def test_a_date_line_may_be_written_in_many_ways(line: str, moment: datetime):
    """A day alone is its midnight in the source's zone."""
    assert read(f"Head\n\n{line}\n\nStand.\n\nBody.").published_at == moment


@pytest.mark.parametrize("line", ["May", "In 2026 the ferry comes back", "30 February 2026", "12"])
def test_a_line_that_names_no_day_is_the_standfirst(line: str):
    """A second line about a year is not a date."""
    article = read(f"Head\n\n{line}\n\nBody.")
    assert (article.standfirst, article.dated) == (line, False)


def test_a_markdown_file_says_more_in_its_front_matter():
    """Every key of design; its values are text, whatever YAML would make of them."""
    article = read(
        "---\ntitle: 1984\ndate: 2026-11-23 06:30\nstandfirst: Back & <b>forth</b>.\nauthor: Jane Doe\nsection: City\n"
        "image: pictures/boat.jpg\nimage_alt: A boat\nurl: https://post.example.com/ferry?utm_source=x\ntags: [a, b]\n"
        "---\n# The ferry\n\nThe *boat* is [back](/back).\n\n<script>alert(1)</script>\n\n"
        "Sign up for our newsletter!\n",
        "ferry.md",
    )
    assert article == FoundArticle(
        guid="ferry.md",
        title="1984",
        url="https://post.example.com/ferry",
        standfirst="Back & forth.",
        body='<h3>The ferry</h3>\n<p>The <em>boat</em> is <a href="https://post.example.com/back">back</a>.</p>',
        author="Jane Doe",
        sections=("City",),
        image="pictures/boat.jpg",
        image_alt="A boat",
        words=6,
        published_at=datetime(2026, 11, 23, 5, 30, tzinfo=UTC),
    )


def test_a_markdown_file_without_a_title_has_its_first_heading():
    """Front matter is a courtesy."""
    article = read("# The ferry\n\nThe boat is back.", "a.md")
    assert (article.title, article.body, article.dated) == ("The ferry", "<p>The boat is back.</p>", False)


def test_a_page_says_it_in_its_meta_elements():
    """What stands around an article on a page is not the article."""
    article = read(
        """<!DOCTYPE html><html><head><title>The ferry | Post</title>
        <meta name="description" content="Back &amp; forth."><meta name="author" content="Jane Doe">
        <meta property="article:published_time" content="2026-11-23T06:30:00+01:00">
        <meta property="article:section" content="City"><link rel="canonical" href="https://post.example.com/ferry#x">
        </head><body><nav>Home</nav><article><header><h1>The <i>ferry</i></h1></header><p>The boat is back.</p>
        <img src="boat.jpg" alt="A boat"><p>Sign up for our newsletter</p></article>
        <footer>Imprint</footer></body></html>""",
        "ferry.html",
    )
    assert article == FoundArticle(
        guid="ferry.html",
        title="The ferry",
        url="https://post.example.com/ferry",
        standfirst="Back & forth.",
        body="<p>The boat is back.</p>",
        author="Jane Doe",
        sections=("City",),
        image="boat.jpg",
        image_alt="A boat",
        words=4,
        published_at=datetime(2026, 11, 23, 5, 30, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("data", "name", "why"),
    [
        (b"", "a.txt", "empty"),
        (b" \n\n ", "a.txt", "empty"),
        (b"\0\1\2\3" * 50, "a.txt", "no text"),
        (b"---\ntitle: [\n---\nx", "a.md", "no YAML in line"),
        (b"---\n- a\n- b\n---\nx", "a.md", "key: value"),
        (b"---\ntitle: [a]\n---\nx", "a.md", "'title' that is no text"),
        (b"---\n" + b"[" * 9_000 + b"\n---\nx", "a.md", "no YAML"),
        (b"---\ntitle: A\ndate: next week\n---\nx", "a.md", "'next week'"),
        (b"---\ntitle: A\ndraft: true\n---\nx", "a.md", "draft"),
        (b"Just text.", "a.md", "no headline"),
        (b"<html><body><p>x</p></body></html>", "a.html", "no headline"),
        (b"x", "a.doc", "no .txt"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(data: bytes, name: str, why: str):
    """Its author, who is no programmer, shall know what to mend."""
    with pytest.raises(FetchError, match=why):
        read(data, name)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_an_encoding_is_utf_8_or_what_the_bytes_show(encoding: str):
    """Smart quotes, dashes and accents survive, whatever the newsroom's editor saves."""
    prose = "“We’ll sail – at last”, said Zoë Müller in the café. " * 4
    assert read(f"Head\r\n\r\nStand.\r\n\r\n{prose}".encode(encoding)).body == f"<p>{prose.rstrip()}</p>"


def test_only_articles_are_listed(tmp_path: Path):
    """Hidden files, drafts that begin with "_" and other kinds are none; folders in the folder are looked into."""
    for name in ("b.txt", "a.MD", "deep/c.html", ".hidden.txt", "_draft.md", "~lock.txt", "notes.doc", ".git/x.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert [path.relative_to(tmp_path).as_posix() for path in folder.files(tmp_path)] == [
        "a.MD",
        "b.txt",
        "deep/c.html",
    ]
    with pytest.raises(FetchError, match="There is no folder"):
        folder.files(tmp_path / "nowhere")


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)),
    st.sampled_from(["a.txt", "a.md", "a.html"]),
)
def test_any_bytes_are_an_article_or_a_reason(data: bytes, name: str):
    """Whatever lies in the folder, nothing but FetchError comes out."""
    try:
        article = read(data, name)
    except FetchError:
        return
    assert article.title
    article.body.encode()
