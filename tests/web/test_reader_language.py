"""Whoever has chosen a language is spoken to in it, by pages and by mails, whatever the newsletter's own is."""

from email import message_from_bytes, policy

from sqlmodel import select

from newsletter import notices
from newsletter.notices.letters import letter_of
from newsletter.notices.models import Notice
from subscribers import Format, preferences, signup
from subscribers.preferences import Manner
from subscribers.tokens import Purpose, sign
from tests.builders import NOW
from tests.subscribers.conftest import KEYS, PROOF, a_reader, confirm_token, unsubscribe_token
from tests.web.conftest import Site


def a_german(site: Site) -> tuple[str, str]:
    """Ann reads the English daily and has chosen German; her links to leave it, and to confirm the weekly."""
    with site.database.transaction() as session:
        number = a_reader(session)
        preferences.settle(session, number, Manner("Ann", "de", "", Format.HTML))
        due = signup.ask(session, KEYS, ["weekly"], "ann@example.com", PROOF, NOW)
        assert due is not None
        notices.ask_to_confirm(session, due, NOW)
        return unsubscribe_token(session, "ann@example.com"), confirm_token(due)


def test_the_pages_of_leaving_and_confirming(site: Site):
    """Each of them, one after the other."""
    leave, confirm = a_german(site)
    pages = [
        site.client.get(f"/u/{leave}"),
        site.client.post(f"/u/{leave}", data={"way": "link"}),
        site.client.post(f"/u/{leave}/why", data={"reason": "zu viel"}),
        site.client.post(f"/u/{leave}/undo"),
        site.client.get(f"/confirm/{confirm}"),
        site.client.post(f"/confirm/{confirm}"),
        site.client.get(f"/confirm/{confirm}"),
    ]
    assert [('<html lang="de"' in page.text, page.status_code) for page in pages] == [(True, 200)] * len(pages)


def test_the_mails(site: Site):
    """The confirmation and the welcome."""
    _, confirm = a_german(site)
    site.client.post(f"/confirm/{confirm}")
    with site.database.reading() as session:
        waiting = session.exec(select(Notice).order_by(Notice.id)).all()  # type: ignore[arg-type]
        letters = [letter_of(session, site.config, notice, NOW) for notice in waiting]
    mails = [message_from_bytes(letter.data, policy=policy.default) for letter in letters if letter]
    assert [mail["Content-Language"] for mail in mails] == ["de", "de"]
    assert mails[0]["Subject"] == "Bitte bestätigen: The Harbour Weekly"


def test_who_has_chosen_none_is_spoken_to_in_the_newsletters(site: Site):
    """As before."""
    with site.database.transaction() as session:
        a_reader(session)
        token = unsubscribe_token(session, "ann@example.com")
    assert '<html lang="en"' in site.client.get(f"/u/{token}").text


def test_a_publishers_words_keep_their_direction_in_a_page_of_another(site: Site):
    """An English sentence ends at its right, in an Arabic page too."""
    with site.database.transaction() as session:
        number = a_reader(session)
        preferences.settle(session, number, Manner("Ann", "ar", "", Format.HTML))
    page = site.client.get(f"/preferences/{sign(KEYS, Purpose.PREFERENCES, number)}").text
    assert 'dir="rtl"' in page
    assert "<bdi>The week&#39;s best, to read on a quiet morning.</bdi>" in page
