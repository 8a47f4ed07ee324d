"""Each shipped design can be copied, renamed and changed; what is wrong in the copy is named by its file and line."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from newsletter.errors import TemplateError
from newsletter.issues.contents import Look, Sponsor
from newsletter.rendering import fonts
from newsletter.rendering.render import Rendered, edition
from newsletter.rendering.templates import Templates
from tests.rendering import issues

SHIPPED = Path(__file__).parents[2] / "templates"
DESIGNS = ["digest", "letter", "links"]


def copied(design: str, project: Path) -> Path:
    """The design under the name of a publisher's own folder."""
    own = project / "templates" / "harbour"
    shutil.copytree(SHIPPED / design, own)
    return own


def rendered(design: str, project: Path) -> Rendered:
    return edition(issues.in_(design, issues.everything()), Templates(project), issues.SITE)


@pytest.mark.parametrize("design", DESIGNS)
def test_a_copy_under_another_name_looks_the_same(design: str, tmp_path: Path) -> None:
    """Nothing in a design names its own folder."""
    copied(design, tmp_path)
    own, shipped = rendered("harbour", tmp_path), rendered(design, tmp_path)
    assert (own.html, own.text) == (shipped.html, shipped.text)


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("file", ["issue.mjml", "parts.mjml", "issue.txt", "inline.css", "screen.css"])
def test_a_name_that_does_not_exist_is_found_in_every_file_of_a_copy(design: str, file: str, tmp_path: Path) -> None:
    """With the line on which it stands, and nothing else to read."""
    own = copied(design, tmp_path) / file
    lines = own.read_text(encoding="utf-8").splitlines()
    spot = 1 + max(n for n, line in enumerate(lines) if "{% import" in line or "{% macro" in line or n == 0)
    own.write_text("\n".join([*lines[:spot], "{{ nobody }}", *lines[spot:]]), encoding="utf-8")
    with pytest.raises(TemplateError) as error:
        rendered("harbour", tmp_path)
    assert str(error.value) == f"harbour/{file}, line {spot + 1}: 'nobody' is undefined."


@pytest.mark.parametrize("design", DESIGNS)
def test_a_tag_that_would_be_lost_is_found_in_every_copy(design: str, tmp_path: Path) -> None:
    """The engine would drop it in silence."""
    own = copied(design, tmp_path) / "issue.mjml"
    lines = own.read_text(encoding="utf-8").splitlines()
    spot = next(n for n, line in enumerate(lines) if "<mj-body" in line) + 1
    own.write_text("\n".join([*lines[:spot], "<mj-txt>x</mj-txt>", *lines[spot:]]), encoding="utf-8")
    with pytest.raises(TemplateError, match=rf"^harbour/issue\.mjml, line {spot + 1}: there is no element <mj-txt>\.$"):
        rendered("harbour", tmp_path)


def test_a_design_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    """config.toml names a folder that nobody made."""
    with pytest.raises(TemplateError, match=r"There is no template harbour/issue\.mjml"):
        rendered("harbour", tmp_path)


@pytest.mark.parametrize("design", DESIGNS)
def test_a_logo_takes_the_titles_place_and_a_sponsor_is_marked(design: str, tmp_path: Path) -> None:
    """The logo says the title to those who see no pictures; the sponsor's slot says what it is, in both parts."""
    made = rendered(design, tmp_path)
    assert 'src="https://post.example.com/media/logo.png" alt="The Harbour Daily" width="260"' in made.html
    assert "From our sponsor" in made.html
    assert "FROM OUR SPONSOR" in made.text


def test_a_sponsor_without_a_label_is_an_advertisement(tmp_path: Path) -> None:
    """No slot is unmarked."""
    contents = replace(issues.normal(language="de"), sponsor=Sponsor("", "Segel", "https://segel.example.com/"))
    made = edition(contents, Templates(tmp_path), issues.SITE)
    assert ">Anzeige<" in made.html
    assert "ANZEIGE" in made.text


@pytest.mark.parametrize(
    ("font", "families"),
    [
        ("", fonts.SERIF),
        ("sans", fonts.SANS),
        ("Verdana", f"Verdana, {fonts.SERIF}"),
        ('"Trebuchet MS", Tahoma, sans-serif', "'Trebuchet MS', Tahoma, sans-serif"),
    ],
)
def test_a_font_falls_back_to_what_every_mail_program_has(font: str, families: str, tmp_path: Path) -> None:
    """In the mail itself, without a quote that would end the attribute."""
    made = edition(issues.normal(look=Look(font=font)), Templates(tmp_path), issues.SITE)
    assert fonts.families(font, "serif") == families
    assert f'style="font-family:{families};' in made.html
