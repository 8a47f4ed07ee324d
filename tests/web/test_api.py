"""The door for programs: `newsletter.web.api`, on both databases, through the whole site."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from newsletter import config
from newsletter.database import Database
from newsletter.delivery.models import Delivery, DeliveryState
from newsletter.errors import ConfigError
from newsletter.issues.models import IssueState
from newsletter.sources.models import Article, SourceState
from newsletter.web import api
from newsletter.web.app import create_app
from subscribers import Way, unsubscribe
from tests.builders import CONFIG, KEY, KEYS, NOW, a_config, add_readers, an_issue
from tests.subscribers.conftest import unsubscribe_token
from tests.web.conftest import Clock

API_KEY, OLD_KEY = "k" * 40, "o" * 40
CMS = '[[sources]]\nname = "cms"\nkind = "push"\nsection = "City"\nsections = ["World"]\n'
SETTINGS = CONFIG.replace("[[newsletters]]", CMS + "[[newsletters]]", 1)
FERRY = {
    "source": "cms",
    "id": "2026/ferry",
    "title": "Ferry & <b>crew</b> sail again",
    "url": "https://post.example.com/ferry?utm_source=cms",
    "standfirst": "After weeks in dock.",
    "body": '<p onclick="x()">The boat is <b>back</b>.</p><script>alert(1)</script>',
    "author": "Jane Doe",
    "sections": ["world"],
    "image": "https://post.example.com/ferry.jpg",
    "image_alt": "A ferry",
    "published_at": "2026-11-23T05:00:00+01:00",
    "is_paid": True,
}


@pytest.fixture
def clock() -> Clock:
    """The time of the site."""
    return Clock()


@contextmanager
def calling(database: Database, clock: Clock) -> Iterator[TestClient]:
    """A CMS with a key."""
    secrets = config.Secrets(secret_key=KEY, api_key=f"{API_KEY}\n{OLD_KEY}")
    settings = config.parse(SETTINGS, a_config().folder / "config.toml", secrets)
    with TestClient(
        create_app(settings, database, clock=clock), headers={"Authorization": f"Bearer {API_KEY}"}
    ) as made:
        yield made


@pytest.fixture
def client(database: Database, clock: Clock) -> Iterator[TestClient]:
    with calling(database, clock) as made:
        yield made


def push(client: TestClient, what: Any, **headers: Any) -> httpx2.Response:
    """POST it as JSON."""
    data = what if isinstance(what, bytes) else json.dumps(what).encode()
    return client.post("/api/v1/articles", content=data, headers={"Content-Type": "application/json"} | headers)


def stored(database: Database) -> list[Article]:
    """All articles, oldest row first."""
    with database.reading() as session:
        return list(session.exec(select(Article).order_by("id")))


def test_an_article_is_taken_cleaned_and_known_again(client: TestClient, database: Database, clock: Clock):
    """201 the first time; the same again is 200 and changes nothing; a correction is 200 and changes it."""
    first = push(client, FERRY)
    (article,) = stored(database)
    assert (first.status_code, first.json()) == (
        201, {"articles": [{"source": "cms", "id": "2026/ferry", "article": article.id, "outcome": "new"}]},
    )  # fmt: skip
    assert (article.guid, article.title, article.section) == ("2026/ferry", "Ferry & crew sail again", "World")
    assert article.body == "<p>The boat is <b>back</b>.</p>"
    assert article.url == "https://post.example.com/ferry"
    assert article.is_paid
    assert article.published_at.isoformat() == "2026-11-23T04:00:00+00:00"
    again = push(client, FERRY)
    assert (again.status_code, again.json()["articles"][0]["outcome"]) == (200, "seen")
    clock.forward(hours=1)
    changed = push(client, FERRY | {"title": "Ferry stays in dock"})
    assert (changed.status_code, changed.json()["articles"][0]["outcome"]) == (200, "changed")
    assert [(a.title, a.first_seen_at) for a in stored(database)] == [("Ferry stays in dock", NOW)]
    with database.reading() as session:
        assert session.get_one(SourceState, "cms").good_at == clock.now


def test_a_list_is_taken_whole_and_answered_in_its_order(client: TestClient, database: Database):
    """Two articles with one address are two, if the CMS says so: ids are its own affair."""
    articles = [FERRY | {"id": number} for number in ("b", "a", "c")]
    answer = push(client, articles)
    assert answer.status_code == 201
    assert [one["id"] for one in answer.json()["articles"]] == ["b", "a", "c"]
    mixed = push(client, [FERRY | {"id": "d"}, FERRY | {"id": "a", "title": "Other"}])
    assert (mixed.status_code, [one["outcome"] for one in mixed.json()["articles"]]) == (201, ["new", "changed"])
    assert [a.guid for a in stored(database)] == ["b", "a", "c", "d"]


@pytest.mark.parametrize(
    ("what", "where", "why"),
    [
        (b"{", "", "This is no JSON"),
        (b"\xff", "", "This is no JSON"),
        (b"[" * 100_000, "", "This is no JSON"),
        ([], "articles", "the list is empty"),
        ("words", "", "must be an object"),
        ([FERRY] * 101, "articles", "there are 101 of them; send at most 100"),
        ({key: FERRY[key] for key in ("source", "id")}, "title", "this key is missing"),
        (FERRY | {"titel": "x"}, "titel", "there is no such key; did you mean title?"),
        (FERRY | {"title": 7}, "title", "this must be text"),
        (FERRY | {"title": ""}, "title", "this must not be empty"),
        (FERRY | {"title": "\u200b", "standfirst": "", "body": ""}, "title", "nothing of it is left"),
        (FERRY | {"id": " "}, "id", "something that can be seen"),
        (FERRY | {"id": "x" * 501}, "id", "at most 500 characters"),
        (FERRY | {"source": "city-desk"}, "source", 'no source \'city-desk\' of kind = "push"; there is cms'),
        (FERRY | {"url": "javascript:alert(1)"}, "url", "no web address"),
        (FERRY | {"image": "file:///etc/passwd"}, "image", "no web address"),
        (FERRY | {"published_at": "2026-11-23T05:00:00"}, "published_at", "must name its zone"),
        (FERRY | {"published_at": "yesterday"}, "published_at", "a date with a time and a zone"),
        (FERRY | {"sections": "World"}, "sections", "must be a list"),
        (FERRY | {"is_paid": "yes"}, "is_paid", "must be true or false"),
        ([FERRY, FERRY], "articles[0].id", "twice"),
        ([FERRY, FERRY | {"id": "2", "url": "x"}], "articles[1].url", "no web address"),
    ],
)  # fmt: skip
def test_what_can_not_be_taken_is_told_in_a_sentence_and_nothing_is_stored(
    what: Any, where: str, why: str, client: TestClient, database: Database
):
    """422 names the key and what to do about it; a list with one fault is refused whole."""
    answer = push(client, what)
    assert answer.status_code == 422
    problem = answer.json()["problems"][0]
    assert problem["where"] == where
    assert why in problem["why"]
    assert why in answer.json()["error"]
    assert stored(database) == []


def test_nobody_gets_in_without_a_key(client: TestClient, database: Database):
    """No header, another scheme, a wrong key, a piece of it: 401, and how to do it right. An old key still works."""
    for shown in (
        "",
        "Bearer",
        f"Basic {API_KEY}",
        "Bearer wrong",
        f"Bearer {API_KEY[:-1]}",
        f"Bearer {API_KEY}é".encode(),
    ):
        answer = push(client, FERRY, Authorization=shown)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert "Authorization: Bearer KEY" in answer.json()["error"]
    assert stored(database) == []
    assert push(client, FERRY, Authorization=f"Bearer {OLD_KEY}").status_code == 201


def test_without_a_key_in_the_config_the_api_is_shut(database: Database):
    """And says what opens it."""
    with TestClient(create_app(a_config(SETTINGS), database)) as client:
        answer = push(client, FERRY, Authorization="Bearer ")
    assert answer.status_code == 401
    assert "NEWSLETTER_API_KEY" in answer.json()["error"]


def test_keys_come_from_the_environment_or_a_file_and_a_short_one_is_an_error(tmp_path: Path):
    """One a line; none stands in config.toml itself."""
    text = SETTINGS + '[web]\napi_key_file = "api.keys"\n'
    (tmp_path / "api.keys").write_text(f"{API_KEY}\n\n{OLD_KEY}\n")
    assert config.parse(text, tmp_path / "config.toml", config.Secrets()).web.api_keys == (API_KEY, OLD_KEY)
    told = config.Secrets(api_key=OLD_KEY)
    assert config.parse(text, tmp_path / "config.toml", told).web.api_keys == (OLD_KEY,)
    (tmp_path / "api.keys").write_text("short")
    with pytest.raises(ConfigError, match="shorter than 32 characters"):
        config.parse(text, tmp_path / "config.toml", config.Secrets())
    with pytest.raises(ConfigError, match="neither `url` nor `path`"):
        a_config(SETTINGS.replace('kind = "push"', 'kind = "push"\npath = "x"'))


def test_a_network_that_guesses_keys_or_calls_too_often_is_sent_away(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    """429 with Retry-After, until the next hour. With a bound that needs no thousand calls to reach."""
    monkeypatch.setattr(api, "CALLS_AN_HOUR", 40)
    with calling(database, clock) as client:
        _calls_too_often(client, clock)


def _calls_too_often(client: TestClient, clock: Clock) -> None:
    for _ in range(api.WRONG_KEYS_AN_HOUR):
        push(client, FERRY, Authorization="Bearer wrong")
    answer = push(client, FERRY, Authorization="Bearer wrong")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1800")
    assert push(client, FERRY).status_code == 201
    clock.forward(minutes=30)
    assert push(client, FERRY, Authorization="Bearer wrong").status_code == 401
    for _ in range(api.CALLS_AN_HOUR):
        last = push(client, b"{")
    assert last.status_code == 422
    assert push(client, FERRY).status_code == 429


def test_too_much_at_once_is_refused_and_a_long_article_is_not(client: TestClient):
    """Two million bytes are more than any hundred articles need; the site's forms have a smaller bound."""
    assert push(client, FERRY | {"body": "<p>word</p>" * 15_000}).status_code == 201
    assert push(client, b" " * (api.MAX_BODY_BYTES + 1)).status_code == 413
    in_pieces = client.post("/api/v1/articles", content=iter([b" " * 500_000] * 5))
    assert (in_pieces.status_code, "2,000,000 bytes" in in_pieces.json()["error"]) == (413, True)
    assert client.post("/subscribe", content=b"x" * 200_000).status_code == 413


def test_looking_changes_nothing(client: TestClient, database: Database):
    """GET and HEAD are answered in JSON and store nothing."""
    answer = client.request("GET", "/api/v1/articles", content=json.dumps(FERRY))
    assert (answer.status_code, answer.json()) == (
        405,
        {"error": "This is not understood here; docs/api.md says what is."},
    )
    assert client.head("/api/v1/articles").status_code == 405
    assert client.get("/api/v1/nothing").json()["error"].startswith("There is nothing here")
    assert stored(database) == []


def test_a_hostile_body_takes_no_time(client: TestClient):
    """The same bounds hold as for feeds: what would keep a parser busy is levelled first."""
    begun = time.process_time()
    push(client, FERRY | {"body": "<div>" * 39_000})
    assert time.process_time() - begun < 5


def test_who_left_is_told_in_numbers_to_who_has_a_key(client: TestClient, database: Database):
    """In all, by day, by issue with its rate; the undone apart; neither address nor name in it."""
    with database.transaction() as session:
        add_readers(session, 4)
        issue = an_issue(session, IssueState.SENT)
        number = issue.id or 0
        for reader in range(1, 5):
            got = DeliveryState.ACCEPTED
            session.add(
                Delivery(issue_id=number, subscriber_id=reader, subscription_id=reader, state=got, changed_at=NOW)
            )
        for email, way in (("reader1@example.com", Way.HEADER), ("reader2@example.com", Way.LINK)):
            unsubscribe.by_token(session, KEYS, unsubscribe_token(session, email, issue=number), way, NOW)
        unsubscribe.by_operator(session, "reader3@example.com", "daily", NOW)
        unsubscribe.undo(session, KEYS, unsubscribe_token(session, "reader2@example.com", issue=number), NOW)
    answer = client.get("/api/v1/newsletters/daily/leavings")
    told = answer.json()
    assert (told["all"]["left"], told["all"]["undone"], told["all"]["ways"]) == (2, 1, {"header": 1, "operator": 1})
    assert told["all"]["tenure"]["under a week"] == 2
    assert [(day["date"], day["left"]) for day in told["days"]] == [("2026-11-23", 2)]
    assert {(i["issue"], i["date"], i["readers"], i["left"], i.get("rate")) for i in told["issues"]} == {
        (number, "2026-11-23", 4, 1, 0.25),
        (None, None, None, 1, None),
    }
    assert "@" not in answer.text
    assert client.get("/api/v1/newsletters/daily/leavings", headers={"Authorization": "no"}).status_code == 401
    assert client.get("/api/v1/newsletters/nonsense/leavings").status_code == 404
    for days in ("0", "x", "-1", "99999999999999999999", "1.5", "²", ""):
        assert client.get("/api/v1/newsletters/daily/leavings", params={"days": days}).status_code == 422
