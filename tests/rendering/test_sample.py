"""The sample articles of the demo are whole: front matter, pictures, lengths, sections."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

PROJECT = Path(__file__).parents[2]
SAMPLE = PROJECT / "newsletter" / "sample"
FILES = sorted([*SAMPLE.glob("articles/*.md"), *SAMPLE.glob("tomorrow/*.md")])


def parts(file: Path) -> tuple[dict[str, Any], str]:
    _, front, words = file.read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(front), words


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_article_has_what_a_digest_shows(file: Path) -> None:
    """Its pictures lie beside the first day's articles, where the demo puts the second day's too."""
    facts, words = parts(file)
    assert {"title", "hours_ago", "section", "author", "standfirst"} <= facts.keys()
    assert 150 <= len(words.split()) <= 350
    if "image" in facts:
        assert facts["image_alt"]
        picture = SAMPLE / "articles" / facts["image"]
        assert picture.stat().st_size <= 90_000
        with Image.open(picture) as opened:
            assert opened.size == (1200, 800)


def test_the_sections_are_those_of_the_shipped_config() -> None:
    """Every section of config.toml has articles to show, and none has a section that the config does not know."""
    config = tomllib.loads((PROJECT / "config.toml").read_text(encoding="utf-8"))
    declared = {section["name"] for section in config["newsletters"][0]["sections"]}
    assert {parts(file)[0]["section"] for file in FILES if file.parent.name == "articles"} == declared


def test_there_is_enough_for_two_days() -> None:
    """A dozen for the first issue, a few more for the next."""
    assert len(list(SAMPLE.glob("articles/*.md"))) >= 12
    assert len(list(SAMPLE.glob("tomorrow/*.md"))) >= 5
