"""What config.toml says of an issue's dress reaches its contents; pictures beside the file become media."""

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from newsletter.errors import ConfigError
from newsletter.issues.contents import Logo
from newsletter.issues.look import look_of, sponsor_of
from newsletter.rendering.render import edition
from newsletter.rendering.templates import Templates
from tests.builders import CONFIG, a_config
from tests.rendering import issues


def test_a_logo_beside_the_config_is_stored_and_served(tmp_path: Path) -> None:
    """Under its own hash, as every picture of ours; its words are the title where none are given."""
    Image.new("RGBA", (400, 100), (0, 0, 0, 0)).save(tmp_path / "logo.png")
    config = a_config(f'{CONFIG}design = "letter"\nfont = "sans"\n[newsletters.logo]\nsrc = "logo.png"\n', tmp_path)
    look = look_of(config, config.newsletters[0])
    assert (look.design, look.font) == ("letter", "sans")
    assert isinstance(look.logo, Logo)
    assert (look.logo.alt, look.logo.width, look.logo.height) == ("The Harbour Daily", 200, 50)
    assert look.logo.url.startswith("https://post.example.com/media/")
    assert (tmp_path / "media" / look.logo.url.rpartition("/")[2]).is_file()


def test_a_logo_elsewhere_is_left_where_it_is(tmp_path: Path) -> None:
    """Its address goes into the mail."""
    config = a_config(f'{CONFIG}[newsletters.logo]\nsrc = "https://x.example.com/l.png"\nalt = "X"\n', tmp_path)
    assert look_of(config, config.newsletters[0]).logo == Logo("https://x.example.com/l.png", "X", 200)


@pytest.mark.parametrize("path", ["gone.png", "../secret.png"])
def test_a_logo_that_is_not_there_is_an_error_with_its_key(path: str, tmp_path: Path) -> None:
    """And no path leads out of the project."""
    (tmp_path / "project").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "secret.png")
    config = a_config(f'{CONFIG}[newsletters.logo]\nsrc = "{path}"\n', tmp_path / "project")
    with pytest.raises(ConfigError, match=r"^newsletters\.logo\.src: "):
        look_of(config, config.newsletters[0])


def test_a_sponsor_comes_from_the_config(tmp_path: Path) -> None:
    """Or there is none."""
    table = '[newsletters.sponsor]\ntext = "Sails"\nurl = "https://sails.example.com"\n'
    config = a_config(CONFIG + table, tmp_path)
    sponsor = sponsor_of(config, config.newsletters[0])
    assert sponsor is not None
    assert (sponsor.text, sponsor.url, sponsor.image) == ("Sails", "https://sails.example.com", "")
    assert sponsor_of(a_config(), a_config().newsletters[0]) is None


def test_a_sponsors_picture_beside_the_config_is_measured(tmp_path: Path) -> None:
    """So that nothing jumps when it comes."""
    Image.new("RGB", (300, 100), (9, 9, 9)).save(tmp_path / "sails.png")
    table = '[newsletters.sponsor]\ntext = "Sails"\nurl = "https://sails.example.com"\nimage = "sails.png"\n'
    config = a_config(CONFIG + table, tmp_path)
    sponsor = sponsor_of(config, config.newsletters[0])
    assert sponsor is not None
    assert sponsor.image_size == (300, 100)
    made = edition(replace(issues.normal(), sponsor=sponsor), Templates(tmp_path), issues.SITE)
    assert 'width="552" height="184"' in made.html
