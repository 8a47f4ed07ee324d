"""The way in: the page, the form, the confirmation's button."""

import re

import pytest
from sqlalchemy import event
from sqlmodel import col, select
from starlette.testclient import TestClient

from newsletter import links
from newsletter.notices import ask_those_who_wished
from newsletter.notices.models import Notice, NoticeKind
from newsletter.web.app import create_app
from subscribers import SuppressionReason, audience, parse, suppression, unsubscribe, wishes
from subscribers.models import Consent, Subscriber
from subscribers.tokens import Purpose, sign
from tests.builders import CONFIG, NOW, a_config
from tests.subscribers.conftest import KEYS, PROOF, a_reader
from tests.web.conftest import WEEKLY, Site


def a_form(site: Site, open_for: float = 60) -> str:
    """What a page of ours carries that was opened so many seconds ago."""
    return sign(KEYS, Purpose.FORM, int(site.clock.now.timestamp() - open_for))


def sign_up(site: Site, email: str = "ann@example.com", **fields: object):
    typed = {"email": email, "newsletter": "daily", "form": a_form(site)}
    return site.client.post("/subscribe", data=typed | fields)


def sign_up_from(site: Site, address: str, email: str):
    """The same from a network address."""
    client = TestClient(site.client.app, base_url=site.url, client=(address, 50_000))
    client.portal = site.client.portal  # its loop serves them all: to start and end one costs as much as the request
    return client.post("/subscribe", data={"email": email, "newsletter": "daily", "form": a_form(site)})


def form_in(page: str) -> str:
    """What that page's form carries."""
    found = re.search(r'name="form" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def notices(site: Site, kind: NoticeKind = NoticeKind.CONFIRM) -> list[Notice]:
    with site.database.reading() as session:
        return list(session.exec(select(Notice).where(Notice.kind == kind).order_by(col(Notice.id))))


def link_of(site: Site, notice: Notice) -> str:
    return links.confirm(site.config.site, KEYS, notice.about["subscription"], notice.about["asked_at"])


def test_asking_writes_one_notice_and_the_consent_that_was_seen(site):
    """The words of the page are what is kept as proof."""
    page = site.client.get("/").text
    assert sign_up(site).status_code == 200
    assert len(notices(site)) == 1
    with site.database.reading() as session:
        consent = session.exec(select(Consent)).one()
    assert (
        consent.wording
        == "Send me The Harbour Daily, Monday to Friday at 06:30. I can leave at any time with one press."
    )
    assert "Monday to Friday at 06:30" in page
    assert consent.origin == f"{site.url}/"


def test_the_answer_is_the_same_for_known_unknown_and_suppressed_addresses(site):
    """Nobody may find out who reads what."""
    with site.database.transaction() as session:
        a_reader(session, "known@example.com")
        suppression.suppress_address(session, KEYS, "bounced@example.com", SuppressionReason.HARD_BOUNCE, "", NOW)
        suppression.suppress_address(session, KEYS, "forbidden@example.com", SuppressionReason.MANUAL, "", NOW)
    names = ("unknown", "known", "bounced", "forbidden", "unknown")
    answers = [sign_up(site, f"{name}@example.com") for name in names]
    bodies = {a.text.replace(f"{name}@example.com", "") for a, name in zip(answers, names, strict=True)}
    assert {a.status_code for a in answers} == {200}
    assert len(bodies) == 1


@pytest.mark.parametrize("many", [50, pytest.param(1_000, marks=pytest.mark.proof)])
def test_many_sign_ups_of_one_address_make_one_mail(site, many):
    """Each from another network; a form must not fill a stranger's mailbox. Most of them cost the store nothing."""
    answers = {sign_up_from(site, f"10.{n >> 8}.{n & 255}.9", "ann@example.com").status_code for n in range(many)}
    assert (answers, len(notices(site))) == ({200}, 1)
    with site.database.reading() as session:
        assert len(session.exec(select(Consent)).all()) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("networks", "many"),
    [
        ("192.0.2.{}", 60),
        pytest.param("192.0.2.{}", 1_000, marks=pytest.mark.proof),
        ("2001:db8:0:1::{:x}", 60),
        ("::ffff:192.0.2.{}", 60),
    ],
)
def test_many_addresses_of_one_network_stay_under_its_cap(site, networks, many):
    """A household or an office shares a /24 of IPv4 or a /64 of IPv6; the next hour is a new one."""
    answers = [sign_up_from(site, networks.format(n % 256), f"r{n}@example.com").status_code for n in range(many)]
    assert (answers.count(200), answers.count(429), len(notices(site))) == (30, many - 30, 30)
    assert sign_up_from(site, "198.51.100.1", "bob@example.com").status_code == 200
    site.clock.forward(hours=1)
    assert sign_up_from(site, networks.format(1), "cay@example.com").status_code == 200


def test_all_networks_together_have_a_cap(database, clock, tmp_path):
    """Whoever has many networks fills no mailboxes either; who is refused does not use up the site's share."""
    text = CONFIG + "[sign_up]\nsite_an_hour = 5\nnetwork_an_hour = 1\n"
    app = create_app(a_config(text, tmp_path), database, clock=clock, sends_notices=False)
    answers = []
    for n in [1, 1, 1, 2, 3, 4, 5, 6, 7]:
        with TestClient(app, client=(f"10.0.{n}.1", 1)) as client:
            typed = {"email": f"r{n}@example.com", "form": sign(KEYS, Purpose.FORM, int(NOW.timestamp()) - 60)}
            answers.append(client.post("/subscribe", data=typed).status_code)
    assert answers == [200, 429, 429, 200, 200, 200, 200, 429, 429]


def test_one_address_is_asked_at_most_three_times_in_a_month(site):
    """Once a day, and not for ever: an answer ends the count."""
    for _ in range(10):
        sign_up(site)
        site.clock.forward(days=1, minutes=1)
    assert len(notices(site)) == 3
    site.clock.forward(days=21)
    sign_up(site)
    assert len(notices(site)) == 4
    site.client.post(link_of(site, notices(site)[-1]))
    sign_up(site, newsletter="weekly")
    assert len(notices(site)) == 5


def test_the_same_work_is_done_before_the_answer_for_every_address(site):
    """Nobody learns from how long it takes who reads what: the statements until the page is out are counted."""
    with site.database.transaction() as session:
        a_reader(session, "known@example.com")
        a_reader(session, "left@example.com")
        unsubscribe.by_operator(session, "left@example.com", "daily", NOW)
        suppression.suppress_address(session, KEYS, "bounced@example.com", SuppressionReason.HARD_BOUNCE, "", NOW)
        suppression.suppress_address(session, KEYS, "forbidden@example.com", SuppressionReason.MANUAL, "", NOW)
    statements, until_answer = [], []
    event.listen(site.database.engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    app = site.client.app

    async def watched(scope, receive, send):
        async def send_and_note(message):
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                until_answer.append(tuple(statements))

        statements.clear()
        await app(scope, receive, send_and_note)

    with TestClient(watched, base_url=site.url, follow_redirects=False) as client:
        for name in ("unknown", "known", "left", "bounced", "forbidden", "unknown", "second"):
            client.post(
                "/subscribe", data={"email": f"{name}@example.com", "newsletter": "daily", "form": a_form(site)}
            )
    assert len(until_answer) == 7
    assert len(set(until_answer)) == 1
    assert any("INSERT INTO sign_up" in statement for statement in until_answer[0])
    assert len(notices(site)) == 4


def test_a_form_that_is_too_quick_or_too_old_is_asked_once_more_and_a_person_gets_through(site):
    """A browser may fill in for people, and pages stay open overnight: what was typed stays, one press more is all."""
    for open_for in (0, 1, 90_000):
        answer = sign_up(site, form=a_form(site, open_for))
        assert (answer.status_code, notices(site)) == (422, [])
        assert "Then press the button once more." in answer.text
        assert 'value="ann@example.com"' in answer.text
    assert sign_up(site, form=form_in(answer.text)).status_code == 200
    assert len(notices(site)) == 1


def test_a_page_that_asked_back_keeps_its_age(site):
    """Who mends a slip in a second is no robot."""
    asked = sign_up(site, "ann@gmial.com", form=a_form(site, 30))
    assert sign_up(site, "ann@gmail.com", form=form_in(asked.text)).status_code == 200


def test_each_newsletter_has_its_page_in_its_own_language(database, clock, tmp_path):
    """The form, the answer and the proof speak it; nothing else is on it."""
    text = CONFIG + WEEKLY.replace('slug = "weekly"', 'slug = "weekly"\nlanguage = "de"')
    app = create_app(a_config(text, tmp_path), database, clock=clock, sends_notices=False)
    with TestClient(app, base_url="https://post.example.com") as client:
        page = client.get("/subscribe/weekly").text
        assert ('<html lang="de"' in page, "The Harbour Daily" in page) == (True, False)
        clock.forward(seconds=10)
        typed = {"page": "weekly", "form": form_in(page)}
        assert 'lang="de"' in client.post("/subscribe", data=typed | {"email": "x"}).text
        assert 'lang="de"' in client.post("/subscribe", data=typed | {"email": "ann@example.com"}).text
        assert client.get("/subscribe/nonsense").status_code == 404
    with database.reading() as session:
        consent = session.exec(select(Consent)).one()
    assert (consent.newsletter, consent.origin) == ("weekly", "https://post.example.com/subscribe/weekly")
    assert consent.wording in page


def test_forms_of_other_sites_lead_to_our_page_where_own_sites_are_named(database, clock, tmp_path):
    """An own site's form is taken as it comes; any other's costs a person one press on our page."""
    text = CONFIG + '[sign_up]\nsites = ["https://www.example.com"]\n'
    app = create_app(a_config(text, tmp_path), database, clock=clock, sends_notices=False)
    with TestClient(app) as client:
        typed = {"email": "ann@example.com"}
        for origin in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {}):
            answer = client.post("/subscribe", data=typed, headers=origin)
            assert answer.status_code == 422
        assert client.post("/subscribe", data=typed | {"form": form_in(answer.text)}).status_code == 200
        typed = {"email": "bob@example.com"}
        assert client.post("/subscribe", data=typed, headers={"Origin": "https://www.example.com"}).status_code == 200


def test_a_sign_up_that_a_crash_left_behind_is_taken_up_by_the_clock(site):
    """It is a row before the answer goes out; its look comes once, though two look."""
    with site.database.transaction() as session:
        wishes.note(session, KEYS, ["daily"], parse("ann@example.com"), PROOF, NOW)
    assert ask_those_who_wished(site.database, site.config, NOW) == 1
    assert ask_those_who_wished(site.database, site.config, NOW) == 0
    assert len(notices(site)) == 1


def test_a_robot_that_fills_the_hidden_field_is_thanked_and_forgotten(site):
    """It learns nothing, and nothing is stored."""
    assert sign_up(site, second_line="Acme").text == sign_up(site, second_line="Acme").text
    with site.database.reading() as session:
        assert session.exec(select(Subscriber)).all() == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"email": "ann"}, "An email address must have an @-sign."),
        ({"email": ""}, "An email address must have an @-sign."),
        ({"newsletter": ""}, "Tick the one you want."),
        ({"newsletter": "nonsense"}, "Tick the one you want."),
    ],
)
def test_what_is_missing_is_said_beside_its_field(site, fields, words):
    """And what was typed is still there."""
    answer = site.client.post("/subscribe", data={"email": "ann@example.com", "newsletter": "daily"} | fields)
    assert answer.status_code == 422
    assert words in answer.text
    assert notices(site) == []


def test_a_plain_form_on_another_site_works_without_cookie_or_token(site):
    """Multipart or urlencoded; the consent says that the words were another site's."""
    answer = site.client.post(
        "/subscribe",
        files={"email": (None, "ann@example.com"), "newsletter": (None, "daily")},
        headers={"Origin": "https://other.example", "Referer": "https://other.example/join?x=1"},
    )
    assert answer.status_code == 200
    with site.database.reading() as session:
        assert session.exec(select(Consent)).one().origin == "https://other.example/join"


def test_a_slip_in_a_providers_name_is_asked_about_once_and_never_mended(site):
    """The address stays as it was typed; pressing again is an answer. Known or not makes no difference."""
    asked = sign_up(site, "ann@gmial.com")
    assert (asked.status_code, notices(site)) == (422, [])
    assert "Did you mean ann@gmail.com?" in asked.text
    assert 'value="ann@gmial.com"' in asked.text
    assert sign_up(site, "bob@gmial.com", sure="ann@gmial.com").status_code == 422
    assert sign_up(site, "ann@gmial.com", sure="ann@gmial.com").status_code == 200
    with site.database.reading() as session:
        assert [s.email for s in session.exec(select(Subscriber))] == ["ann@gmial.com"]


def test_nothing_that_was_typed_is_html(site):
    """Autoescape, on every page that shows it back."""
    answer = site.client.post("/subscribe", data={"email": '"><script>alert(1)</script>', "newsletter": "daily"})
    assert "<script>" not in answer.text


def test_the_button_confirms_and_opening_the_page_does_not(site):
    """Scanners open links; people press buttons."""
    sign_up(site, newsletter=["daily", "weekly"])
    link = link_of(site, notices(site)[0])
    page = site.client.get(link)
    assert "Get The Harbour Daily and The Harbour Weekly?" in page.text
    with site.database.reading() as session:
        assert audience.count(session, "daily", NOW) == 0
    answer = site.client.post(link)
    assert "Welcome. You are on the list." in answer.text
    with site.database.reading() as session:
        assert audience.count(session, "daily", NOW) == audience.count(session, "weekly", NOW) == 1
    assert [n.newsletter for n in notices(site, NoticeKind.WELCOME)] == ["daily", "weekly"]
    assert "It is yours already" in site.client.post(link).text
    assert len(notices(site, NoticeKind.WELCOME)) == 2


def test_a_stale_link_says_so_and_a_bad_one_does_not_work(site):
    """Each with the way to go on."""
    sign_up(site)
    link = link_of(site, notices(site)[0])
    site.clock.forward(days=8)
    assert "This link has gone stale" in site.client.post(link).text
    assert site.client.post(link).status_code == 410
    bad = site.client.post(f"/confirm/{'x' * 44}")
    assert (bad.status_code, "This link does not work" in bad.text) == (404, True)
