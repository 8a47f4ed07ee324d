"""What a browser makes of the digest: standards mode, one column on phones, a designed night, nobody else's server."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route

from newsletter.issues.contents import Contents
from newsletter.rendering.render import edition
from newsletter.rendering.templates import Templates
from tests.rendering import issues

pytestmark = [pytest.mark.browser, pytest.mark.slow]
DAY = ("rgb(29, 27, 23)", "rgb(251, 249, 244)")  # ink on paper
DESIGNS = ["digest", "letter", "links"]
HARD = [
    issues.normal,
    issues.one_item,
    issues.many_items,
    issues.hard_headlines,
    issues.no_intro,
    issues.hostile,
    issues.everything,
    issues.arabic,
    issues.japanese,
]
PICTURE = Path(__file__).parents[2] / "newsletter" / "sample" / "articles" / "pictures" / "ferry.jpg"


@pytest.fixture(scope="module")
def opened(browser: Browser) -> Page:
    """One window for all: another one for each issue costs more than what is looked at in it."""
    return browser.new_page()


def show(page: Page, contents: Contents, folder: Path, *, width: int = 640, scheme: str = "light") -> list[str]:
    """Open the rendered issue; the addresses that it asked for come back."""
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        if route.request.url == "https://post.example.com/issue":
            route.fulfill(body=made.html, content_type="text/html; charset=utf-8")
        else:
            route.fulfill(body=PICTURE.read_bytes(), content_type="image/jpeg")

    made = edition(contents, Templates(folder), issues.SITE)
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.unroute_all()
    page.route("**/*", answer)
    page.goto("https://post.example.com/issue")
    return asked


def widths(page: Page) -> list[float]:
    """Of every MJML column, in pixels."""
    return [float(n) for n in page.eval_on_selector_all(".mj-outlook-group-fix", "all => all.map(e => e.offsetWidth)")]


def colour(page: Page, selector: str, property_: str = "color") -> str:
    return str(page.eval_on_selector(selector, f"e => getComputedStyle(e)['{property_}']"))


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("case", HARD)
def test_no_issue_scrolls_sideways_on_the_smallest_phone(case, design: str, opened: Page, tmp_path: Path) -> None:
    """Not with a word of 80 letters, nor with names that never break; and it is laid out in standards mode."""
    show(opened, issues.in_(design, case()), tmp_path, width=320)
    assert opened.evaluate("document.compatMode") == "CSS1Compat"
    assert opened.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize("design", DESIGNS)
def test_columns_fill_the_phone(design: str, opened: Page, tmp_path: Path) -> None:
    """At 360 px every column is as wide as the paper between its margins; at 640 it keeps its measure."""
    show(opened, issues.in_(design, issues.everything()), tmp_path, width=360)
    assert set(widths(opened)) == {320}
    show(opened, issues.in_(design, issues.everything()), tmp_path, width=700)
    assert set(widths(opened)) == {600 if design == "digest" else 560}


def test_an_arabic_issue_is_a_mirror_image(opened: Page, tmp_path: Path) -> None:
    """Headlines begin at the right, small pictures and the way on stand at the left, letters are not spaced."""
    show(opened, issues.arabic(), tmp_path, width=640)
    picture, words = (opened.locator(s).first.bounding_box() for s in ("img.small-picture", "h3.story"))
    title, number = (opened.locator(s).first.bounding_box() for s in ("h1.title", ".number"))
    assert picture is not None
    assert words is not None
    assert title is not None
    assert number is not None
    assert picture["x"] + picture["width"] < words["x"]
    assert number["x"] < title["x"]
    for selector in ("h1.title", "h2.headline", ".label"):
        assert colour(opened, selector, "letterSpacing") == "normal"
        assert colour(opened, selector, "textAlign") in ("right", "start", "-webkit-right")
    assert colour(opened, "h3.story[dir=ltr]", "direction") == "ltr"


def test_the_small_pictures_go_on_phones_and_stand_at_the_right_on_desks(opened: Page, tmp_path: Path) -> None:
    """2:1 from 480 px up, gone below; the lead's picture fills the column in both."""
    show(opened, issues.normal(), tmp_path, width=640)
    small = opened.locator("img.small-picture").first
    box, words = small.bounding_box(), opened.locator("h3.story").first.bounding_box()
    assert box is not None
    assert words is not None
    assert (box["width"], box["height"]) == (160, 80)
    assert box["x"] > words["x"] + words["width"]
    show(opened, issues.normal(), tmp_path, width=390)
    assert not opened.locator("img.small-picture").first.is_visible()
    lead = opened.locator(".picture img").bounding_box()
    assert lead is not None
    assert (lead["x"], lead["width"]) == (20, 350)


def test_the_night_is_designed(opened: Page, tmp_path: Path) -> None:
    """Paper, ink, meta words, accent and rules all change."""
    selectors = ["h1", "h2.headline a", ".standfirst", ".body p", ".body a", ".meta", "h2.label", ".link", ".small"]
    show(opened, issues.normal(), tmp_path, scheme="light")
    day = [colour(opened, s) for s in selectors]
    paper = colour(opened, "body", "backgroundColor"), colour(opened, ".ruled", "borderTopColor")
    show(opened, issues.normal(), tmp_path, scheme="dark")
    assert all(before != colour(opened, s) for before, s in zip(day, selectors, strict=True))
    night = colour(opened, "body", "backgroundColor"), colour(opened, ".ruled", "borderTopColor")
    assert night[0] == "rgb(26, 25, 23)"
    assert night[1] != paper[1]


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_word_stands_out_from_its_paper(scheme: str, design: str, opened: Page, tmp_path: Path) -> None:
    """4.5:1 for each text in the mail, also on the sponsor's ground."""
    show(opened, issues.in_(design, issues.everything()), tmp_path, scheme=scheme)
    pale = opened.evaluate(
        """() => {
          const light = c => { const v = c.match(/[\\d.]+/g).slice(0, 3).map(n => n / 255)
            .map(n => n <= 0.04045 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4);
            return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2]; };
          const ground = e => {
            while (e) {
              const c = getComputedStyle(e).backgroundColor;
              if (!/, 0\\)$/.test(c)) return light(c);
              e = e.parentElement;
            }
            return 1;
          };
          const found = [];
          const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          while (walk.nextNode()) {
            const e = walk.currentNode.parentElement;
            if (!walk.currentNode.data.trim() || !e.checkVisibility() || e.tagName === "STYLE") continue;
            const ink = light(getComputedStyle(e).color), paper = ground(e);
            const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
            if (ratio < 4.5) found.push([e.className, ratio]);
          }
          return found;
        }"""
    )
    assert pale == []


def test_nobody_elses_server_is_asked(opened: Page, tmp_path: Path) -> None:
    """No font, no pixel, no script: the pictures that the issue names, and nothing else."""
    asked = show(opened, issues.normal(), tmp_path)
    assert asked
    assert {url.split("/")[2] for url in asked} == {"post.example.com"}


def test_a_reader_without_pictures_sees_what_they_show(opened: Page, tmp_path: Path) -> None:
    """Their words take the pictures' place, in quiet ink, not as a blue link."""
    show(opened, issues.normal(), tmp_path)
    assert colour(opened, ".picture a") == "rgb(107, 100, 90)"
    assert colour(opened, ".glance", "textDecorationLine") == "none"
    show(opened, issues.everything(), tmp_path, scheme="dark")  # a logo keeps its own light ground by night
    assert (colour(opened, ".logo"), colour(opened, ".logo", "backgroundColor")) == DAY


@pytest.mark.parametrize("design", DESIGNS)
def test_on_a_phone_a_link_that_stood_at_the_end_of_a_line_has_its_own(
    design: str, opened: Page, tmp_path: Path
) -> None:
    """Leaving is as easy to hit as anything else, and no line ends with a dot that leads nowhere."""
    show(opened, issues.in_(design, issues.everything()), tmp_path, width=320)
    leave, choose = (opened.locator(f'.foot a[href*="/{page}/"]').bounding_box() for page in ("u", "preferences"))
    assert leave
    assert choose
    assert (leave["x"], leave["width"]) == (20, 280)
    assert leave["y"] >= choose["y"] + choose["height"]
    assert opened.locator(".dot").evaluate_all("dots => dots.filter(dot => dot.checkVisibility()).length") == 0
