"""What holds for every route: looking changes nothing, headers are strict, logs are silent about people."""

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from newsletter.config import Config
from newsletter.database import Database
from newsletter.migrations.tables import METADATA
from newsletter.notices import ask_to_confirm
from newsletter.web.app import create_app
from subscribers import Way, signup, unsubscribe
from subscribers.tokens import Purpose, sign
from tests.builders import NOW, an_article
from tests.subscribers.conftest import KEYS, PROOF, a_reader, confirm_token, unsubscribe_token
from tests.web.conftest import Site


@pytest.fixture
def values(site: Site) -> dict[str, list[str]]:
    """For each place in a route's pattern what may stand there: links that would do something if pressed."""
    with site.database.transaction() as session:
        number = a_reader(session)
        a_reader(session, "bob@example.com")
        article = an_article()
        session.add(article)
        session.flush()
        due = signup.ask(session, KEYS, ["weekly"], "ann@example.com", PROOF, NOW)
        assert due is not None
        ask_to_confirm(session, due, NOW)
        left = unsubscribe_token(session, "bob@example.com")
        unsubscribe.by_token(session, KEYS, left, Way.LINK, NOW)
        tokens = [
            confirm_token(due),
            unsubscribe_token(session, "ann@example.com", issue=3),
            left,
            sign(KEYS, Purpose.PREFERENCES, number),
            sign(KEYS, Purpose.ARTICLE, article.id or 0),
        ]
    return {
        "token": tokens,
        "newsletter": ["daily"],
        "day": ["2026-11-20"],
        "name": ["0123456789abcdef0123.jpg"],
        "path": ["newspaper.css"],
        "number": ["1"],
    }


def addresses(site: Site, values: dict[str, list[str]]) -> list[str]:
    """Every route of the app with every value in its places."""
    patterns = {route.path for route in create_app(site.config, site.database).routes}  # type: ignore[attr-defined]
    found: list[str] = []
    for pattern in sorted(patterns):
        for place, options in values.items():
            if place != "token":
                pattern = pattern.replace(f"{{{place}}}", options[0])
        tokens = values["token"] if "{token}" in pattern else [""]
        found += [pattern.replace("{token}", token) for token in tokens]
    return found


def dump(database: Database, without: str = "") -> str:
    """Every row there is, but for those of one table."""
    tables = [name for name in METADATA.tables if name != without]
    with database.reading() as session:
        return "".join(f"{t}{session.execute(text(f'SELECT * FROM {t} ORDER BY 1')).all()}" for t in tables)


@pytest.mark.slow
def test_get_and_head_and_options_change_nothing_ever(site, values):
    """Invariant 5: every route is opened as scanners do it, several times; the whole database is compared."""
    before = dump(site.database)
    prefetch = {"Sec-Purpose": "prefetch", "Purpose": "prefetch", "X-Moz": "prefetch"}
    for address in addresses(site, values):
        for method in ("GET", "HEAD", "OPTIONS", "GET"):
            answer = site.client.request(method, address, headers=prefetch)
            assert answer.status_code < 500
            assert "{" not in address
    assert len(addresses(site, values)) > 25
    assert dump(site.database) == before


def test_head_is_answered_like_get_without_a_body(site, values):
    """Mail scanners ask by HEAD first."""
    for token in values["token"][:1]:
        assert site.client.head(f"/confirm/{token}").status_code == 200
    assert site.client.head("/").status_code == site.client.head("/healthz").status_code == 200


@pytest.mark.slow
def test_every_answer_has_the_strict_headers(site, values):
    """No script at all, no sniffing, no framing, and no token in a Referer."""
    for address in addresses(site, values):
        for method in ("GET", "POST"):
            headers = site.client.request(method, address).headers
            assert "default-src 'none'" in headers["content-security-policy"]
            assert "script" not in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert "frame-ancestors 'none'" in headers["content-security-policy"]


def test_pages_with_a_token_are_kept_by_nobody(site, values):
    """Neither by a cache nor by a search engine."""
    headers = site.client.get(f"/u/{values['token'][1]}").headers
    assert (headers["cache-control"], headers["x-robots-tag"]) == ("no-store", "noindex")


@pytest.mark.slow
def test_no_address_and_no_token_is_logged(site, values):
    """The log names a route's pattern."""
    with capture_logs() as lines:
        for address in addresses(site, values):
            site.client.get(address)
            site.client.post(address, data={"email": "secret@example.com", "newsletter": "daily"})
    logged = str(lines)
    assert {"/u/{token}", "/c/{token}/{number}"} <= {line.get("route") for line in lines}
    assert "@" not in logged
    assert not any(token in logged for token in values["token"])


def test_a_body_without_end_is_refused(site):
    """A form is small."""
    assert site.client.post("/subscribe", content=b"x" * 200_000).status_code == 413


def test_a_wrong_method_and_an_unknown_page_are_said_in_words(site):
    """In the paper's own look."""
    assert "wants its button pressed" in site.client.get("/subscribe").text
    assert "There is nothing here" in site.client.get("/wp-login.php").text


def test_the_accent_is_readable_on_both_papers(site: Site):
    """Each newsletter has one colour; light and dark get their own shade of it."""
    css = site.client.get("/accent/daily.css")
    assert css.headers["content-type"].startswith("text/css")
    assert "--accent-light: #" in css.text
    assert site.client.get("/accent/nonsense.css").status_code == 200


def test_health_is_one_word(site: Site):
    """For whoever watches the process."""
    assert site.client.get("/healthz").text == "ok\n"
    assert isinstance(site.config, Config)
