"""A reader's way in Chromium: sign up, confirm from the caught mail, read, leave, see it said."""

import re
import time
from datetime import date
from email.message import EmailMessage

import pytest
from playwright.sync_api import Browser, Page, expect

from newsletter.issues.models import Issue, IssueState
from newsletter.rendering.models import Edition
from newsletter.web.sign_up import embeddable
from subscribers import Format, audience, directory, signup
from subscribers.models import Subscriber
from subscribers.tokens import Purpose, sign
from tests.builders import NOW
from tests.subscribers.conftest import KEYS, PROOF, a_reader, the, unsubscribe_token
from tests.web.conftest import Served

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LONG_WORD = "Donaudampfschifffahrtsgesellschaftskapitänswochenblatt"  # a title may be one


def mail_with(served: Served, words: str) -> EmailMessage:
    """The caught mail with these words in its subject; it is sent right after the page's answer."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for mail in served.catcher.mails:
            if words in mail["Subject"]:
                return mail
        time.sleep(0.02)
    raise AssertionError(f"no mail with {words!r} came")


def link_in(mail: EmailMessage, path: str) -> str:
    text = mail.get_body(("plain",))
    assert text is not None
    found = re.search(rf"http://\S+/{path}/\S+", text.get_content())
    assert found is not None
    return found.group()


def test_a_reader_comes_reads_and_leaves_without_any_script(served: Served, browser: Browser):
    """The whole way, with JavaScript off, on a phone."""
    with served.database.transaction() as session:
        issue = Issue(
            newsletter="daily",
            issue_date=date(2026, 11, 20),
            number=1,
            state=IssueState.SENT,
            subject="Ferries sail again",
            drafted_at=NOW,
            started_at=NOW,
        )
        session.add(issue)
        session.flush()
        html = "<!doctype html><h1>Ferries sail again</h1>"
        session.add(
            Edition(
                issue_id=the(issue.id),
                subject="",
                preheader="",
                html=html,
                text="",
                template_digest="",
                rendered_at=NOW,
            )
        )
    page = browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 720}).new_page()
    page.goto(served.url)
    page.get_by_label("The Harbour Daily").check()
    page.get_by_label("Your e-mail address").fill("ann@example.com")
    served.clock.forward(seconds=10)
    page.get_by_role("button", name="Send me these").click()
    expect(page.get_by_role("heading", name="Now look in your mailbox")).to_be_visible()

    page.goto(link_in(mail_with(served, "Please confirm: The Harbour Daily"), "confirm"))
    page.get_by_role("button", name="Yes, send it to me").click()
    expect(page.get_by_role("heading", name="Welcome. You are on the list.")).to_be_visible()
    page.get_by_role("link", name="Ferries sail again").click()
    expect(page.get_by_role("heading", name="Ferries sail again")).to_be_visible()

    page.goto(link_in(mail_with(served, "Welcome to The Harbour Daily"), "u"))
    expect(page.get_by_role("heading", name="Leave The Harbour Daily?")).to_be_visible()
    page.get_by_role("button", name="Leave").click()
    expect(page.get_by_role("heading", name="You have left The Harbour Daily")).to_be_visible()
    with served.database.reading() as session:
        assert audience.count(session, "daily", NOW) == 0
    page.get_by_role("button", name="Undo: I want to stay").click()
    expect(page.get_by_role("heading", name="You are back on the list")).to_be_visible()


def test_the_embeddable_form_works_from_another_sites_page(served: Served, browser: Browser):
    """As `newsletter subscribers form` prints it, without a script, under another origin; nobody sees the trap."""
    form = embeddable(served.config.site, served.config.newsletter("weekly"))
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.route(
        "http://www.example.com/",
        lambda route: route.fulfill(body=f"<!doctype html>{form}", content_type="text/html; charset=utf-8"),
    )
    page.goto("http://www.example.com/")
    expect(page.get_by_text("Leave this empty")).to_be_hidden()
    page.get_by_label("Your e-mail address").fill("ann@example.com")
    page.get_by_role("button", name="Get The Harbour Weekly").click()
    expect(page.get_by_role("heading", name="Now look in your mailbox")).to_be_visible()
    page.goto(link_in(mail_with(served, "Please confirm: The Harbour Weekly"), "confirm"))
    page.get_by_role("button", name="Yes, send it to me").click()
    expect(page.get_by_role("heading", name="Welcome. You are on the list.")).to_be_visible()
    with served.database.reading() as session:
        consents = directory.show(session, KEYS, "ann@example.com").consents
    assert consents[0].origin == "http://www.example.com/"


def test_a_newsletters_own_page_takes_a_hurried_reader_in_with_one_press_more(served: Served, browser: Browser):
    """The clock of the site stands still: as if a browser had filled in and sent at once. The address is one that
    browsers themselves think is none: letters outside ASCII before the @ (RFC 6531)."""
    page = browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 720}).new_page()
    page.goto(f"{served.url}/subscribe/weekly")
    page.get_by_label("Your e-mail address").fill("änne@münchen.example")
    page.get_by_role("button", name="Get The Harbour Weekly").click()
    expect(page.get_by_role("status")).to_have_text("Is all of this right? Then press the button once more.")
    served.clock.forward(seconds=3)
    page.get_by_role("button", name="Get The Harbour Weekly").click()
    expect(page.get_by_role("heading", name="Now look in your mailbox")).to_be_visible()
    assert mail_with(served, "Please confirm: The Harbour Weekly")["To"] == "änne@xn--mnchen-3ya.example"


def test_a_reader_chooses_pauses_and_leaves_without_any_script(served: Served, browser: Browser):
    """Topics, language, format, a pause until a day, leave one, leave all: with JavaScript off, on a phone, by labels
    and buttons as a screen reader names them."""
    with served.database.transaction() as session:
        number = a_reader(session)
        weekly = signup.add(session, KEYS, "weekly", "ann@example.com", PROOF, NOW)
        assert weekly.id
    context = browser.new_context(viewport={"width": 360, "height": 720}, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{served.url}/preferences/{sign(KEYS, Purpose.PREFERENCES, number, 7)}")
    daily = page.get_by_role("region", name="The Harbour Daily")
    daily.get_by_text("Topics The Harbour Daily").first.click()
    expect(daily.get_by_label("City")).to_be_checked()
    daily.get_by_label("World").uncheck()
    daily.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Saved. It holds from the next issue of The Harbour Daily on.")
    expect(daily.get_by_text("Comes Monday to Friday at 06:30 · City")).to_be_visible()
    daily.get_by_text("Pause The Harbour Daily").click()
    daily.get_by_label("It comes again on").fill("2026-12-24")
    daily.get_by_role("button", name="Pause until then").click()
    expect(daily.get_by_text("Paused until 24 December")).to_be_visible()
    daily.get_by_role("button", name="Send it again The Harbour Daily").click()
    expect(page.get_by_role("status")).to_have_text("The Harbour Daily comes again.")
    page.get_by_text("Name, language and format").click()
    page.get_by_label("As text alone").check()
    page.get_by_label("Language of this page").select_option("fr")
    page.get_by_label("Time zone").select_option("Europe/Paris")
    page.get_by_role("button", name="Save").last.click()
    expect(page.get_by_role("status")).to_have_text("Enregistré.")
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    daily.get_by_role("button", name="Se désabonner The Harbour Daily").click()
    page.get_by_role("button", name="Se désabonner de tout").click()
    with served.database.reading() as session:
        assert audience.count(session, "daily", NOW) == audience.count(session, "weekly", NOW) == 0
        person = session.get_one(Subscriber, number)
        assert (person.format, person.timezone) == (Format.TEXT, "Europe/Paris")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_choices_unfolded_fit_and_can_be_read(served: Served, browser: Browser, scheme, width):
    """Every fold open: no sideways scrolling, no faint word, nothing too small for a finger."""
    with served.database.transaction() as session:
        number = a_reader(session)
    page = browser.new_page(viewport={"width": width, "height": 720}, color_scheme=scheme, reduced_motion="reduce")
    page.goto(f"{served.url}/preferences/{sign(KEYS, Purpose.PREFERENCES, number)}")
    page.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(FAINT_TEXTS) == []
    assert page.evaluate(SHORT_BUTTONS.replace("select'", "select, summary, .topic, input[type=date]'")) == []


def test_an_address_with_a_slip_is_said_beside_its_field(served: Served, browser: Browser):
    """In words, and what was typed stays."""
    page = browser.new_page()
    page.goto(served.url)
    page.get_by_role("button", name="Send me these").click()
    expect(page.get_by_role("group")).to_have_accessible_description("Tick the one you want.")
    expect(page.get_by_label("Your e-mail address")).to_have_accessible_description(re.compile("@-sign"))
    page.get_by_label("The Harbour Weekly").check()
    page.get_by_label("Your e-mail address").fill("ann@example..com")
    page.get_by_role("button", name="Send me these").click()
    field = page.get_by_label("Your e-mail address")
    expect(field).to_have_value("ann@example..com")
    expect(field).to_have_accessible_description(re.compile("two periods"))
    expect(page.get_by_label("The Harbour Weekly")).to_be_checked()


def test_the_form_is_filled_by_keyboard_alone(served: Served, browser: Browser):
    """In the order of the page; the robots' field is not met."""
    page = browser.new_page()
    page.goto(served.url)
    page.keyboard.press("Tab")  # the masthead
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("ann@example.com")
    served.clock.forward(seconds=10)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Now look in your mailbox")).to_be_visible()


def every_page(served: Served) -> list[str]:
    with served.database.transaction() as session:
        number = a_reader(session)
        token = unsubscribe_token(session, "ann@example.com")
    preferences = sign(KEYS, Purpose.PREFERENCES, number)
    return [
        served.url + p
        for p in ("/", "/subscribe/weekly", f"/u/{token}", f"/preferences/{preferences}", "/archive/daily", "/nowhere")
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_a_phone_and_can_be_read(served: Served, browser: Browser, scheme):
    """360 px without scrolling sideways; text against paper at least 4.5:1; buttons a finger can hit."""
    context = browser.new_context(viewport={"width": 360, "height": 720}, color_scheme=scheme)
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    addresses = every_page(served)
    for address in addresses:
        page.goto(address)
        page.locator(".tick b").evaluate_all(f"titles => titles.forEach(title => title.textContent = {LONG_WORD!r})")
        assert page.evaluate("document.compatMode") == "CSS1Compat"
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert page.evaluate(SHORT_BUTTONS) == []
        assert page.evaluate(FAINT_TEXTS) == []
        assert page.get_by_role("heading", level=1).count() == 1
    assert [p for p in problems if "404" not in p] == []


def test_pages_ask_nobody_else_for_anything(served: Served, browser: Browser):
    """No font, no picture, no script from another host; nobody learns who reads."""
    hosts: set[str] = set()

    def note(page: Page) -> None:
        page.on("request", lambda request: hosts.add(request.url.split("/")[2]))

    page = browser.new_page()
    note(page)
    for address in every_page(served):
        page.goto(address)
    assert hosts == {f"127.0.0.1:{served.port}"}


SHORT_BUTTONS = """() => [...document.querySelectorAll('button, input[type=email], select')]
  .filter(e => e.offsetParent && e.getBoundingClientRect().height < 44).map(e => e.outerHTML)"""
FAINT_TEXTS = """() => {
  const channel = c => { c /= 255; return c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4 };
  const light = rgb => { const [r, g, b] = rgb.match(/[\\d.]+/g).map(Number).map(channel);
    return .2126 * r + .7152 * g + .0722 * b };
  const paper = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
    if (!/, 0\\)$|transparent/.test(c)) return c } return 'rgb(255, 255, 255)' };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || element.closest('.off-page, option')) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(paper(element))].sort((x, y) => y - x);
    if ((a + .05) / (b + .05) < 4.5) faint.push(element.outerHTML);
  }
  return faint }"""
