"""The desk's frame: vendored scripts are what they say, refusals are words in the right place, nothing is inline."""

import json
import re
from hashlib import sha256
from pathlib import Path

from newsletter.editors import Role
from newsletter.web.desk import DOORS
from newsletter.web.desk.cells import labelled
from tests.web.desk.conftest import Desk

STATIC = Path(__file__).parents[3] / "newsletter" / "web" / "static"
TEMPLATES = Path(__file__).parents[3] / "templates" / "desk"


def test_vendored_scripts_are_the_published_ones():
    """Their sums stand beside them, with version and licence."""
    table = (STATIC / "vendor" / "README.md").read_text()
    scripts = list((STATIC / "vendor").glob("*.js"))
    assert len(scripts) == 2
    for script in scripts:
        assert f"| {script.name} | npm `htmx.org@4.0.1`" in table
        assert sha256(script.read_bytes()).hexdigest() in table


def test_no_template_of_the_desk_has_inline_script_style_or_handlers():
    """The policy would refuse them anyway; here the mistake is seen before a browser sees it."""
    for template in TEMPLATES.rglob("*.html"):
        text = re.sub(r"\{[%#].*?[%#]\}", "", template.read_text(), flags=re.DOTALL)
        assert not re.search(r"<style|<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|javascript:|hx-on|[\"']js:", text), (
            template
        )


def test_a_refusal_is_a_page_or_for_htmx_one_line_of_the_page(desk: Desk):
    """What was on the screen stays: the line says what is wrong."""
    browser = desk.browser(Role.VIEWER)
    page = browser.get("/desk/nothing")
    assert page.status_code == 404
    assert "There is nothing here" in page.text
    assert "<html" in page.text
    piece = browser.get("/desk/nothing", headers={"HX-Request": "true"})
    assert (piece.headers["hx-retarget"], piece.headers["hx-reswap"]) == ("#said", "innerHTML")
    assert "<html" not in piece.text


def test_who_is_logged_out_in_mid_edit_is_told_and_loses_nothing(desk: Desk):
    """htmx: a line with a link that opens beside the page, which learns the new login's token at its next try."""
    browser = desk.browser(Role.VIEWER)
    token = browser.token
    desk.clock.forward(days=8)
    line = browser.client.post("/desk/logout", headers={"HX-Request": "true", "X-Form-Token": token})
    assert line.status_code == 401
    assert 'target="_blank"' in line.text
    assert line.headers["hx-retarget"] == "#said"
    browser.log_in("vera@example.com")
    again = {"HX-Request": "true", "X-Form-Token": token}
    told = json.loads(browser.client.post("/desk/logout", headers=again).headers["hx-trigger"])
    assert browser.client.post("/desk/logout", headers={"X-Form-Token": told["new-token"]["token"]}).status_code == 303


def test_each_cell_of_a_table_is_told_its_columns_heading():
    """For phones, where a row is a list; not beside a row's own heading, and not where nothing is to be read."""
    html = (
        '<div class="table" tabindex="0"><table><thead><tr><th scope="col">Who</th><th scope="col" class="number">'
        'Last <b>&amp;</b> "first"</th><th><span class="off-page">End it</span></th></tr></thead><tbody>'
        '<tr><th scope="row">Ann</th><td class="number">3</td><td>x</td></tr><tr><td colspan="3">none</td></tr>'
        "</tbody></table></div><table><thead><tr><th>Day</th></tr></thead><tr><td>1</td></tr></table>"
    )
    assert labelled(html) == html.replace(
        '<td class="number">', '<td data-label="Last &amp; &quot;first&quot;" class="number">'
    )


def test_the_navigation_shows_what_the_role_may_open(desk: Desk):
    """And marks where one is."""
    page = desk.browser(Role.VIEWER).get("/desk").text
    assert '<a href="/desk" data-key="g t" aria-current="page">Today</a>' in page
    shown = set(re.findall(r'<a href="(/desk[^"]*)"[^>]*>', page))
    allowed = {door.path for door in DOORS if door.least and Role.VIEWER.may(door.least)} | {"/desk/account"}
    assert shown <= allowed
