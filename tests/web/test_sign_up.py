"""The way in: the page, the form, the confirmation's button."""

import pytest
from sqlmodel import select

from newsletter import links
from newsletter.notices.models import Notice, NoticeKind
from subscribers import SuppressionReason, audience, suppression
from subscribers.models import Consent, Subscriber
from tests.builders import NOW
from tests.subscribers.conftest import KEYS, a_reader
from tests.web.conftest import Site


def sign_up(site: Site, email: str = "ann@example.com", **fields: object):
    return site.client.post("/subscribe", data={"email": email, "newsletter": "daily", "form": "home"} | fields)


def notices(site: Site, kind: NoticeKind = NoticeKind.CONFIRM) -> list[Notice]:
    with site.database.reading() as session:
        return list(session.exec(select(Notice).where(Notice.kind == kind)))


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


def test_a_thousand_sign_ups_of_one_address_make_one_mail(site):
    """A form must not fill a stranger's mailbox; one network's share of an hour is bounded too."""
    answers = [sign_up(site).status_code for _ in range(40)]
    assert len(notices(site)) == 1
    assert (answers.count(200), answers.count(429)) == (30, 10)
    site.clock.forward(hours=1)
    assert sign_up(site, "bob@example.com").status_code == 200


def test_a_robot_that_fills_the_hidden_field_is_thanked_and_forgotten(site):
    """It learns nothing, and nothing is stored."""
    assert sign_up(site, company="Acme").text == sign_up(site, company="Acme").text
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
