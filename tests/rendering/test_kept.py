"""What is kept for the next process makes it quicker, and nothing else."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jinja2
import pytest
from starlette.testclient import TestClient

from newsletter.config import Config
from newsletter.database import Database
from newsletter.notices import letters
from newsletter.rendering import inline, kept
from newsletter.rendering.render import edition
from newsletter.rendering.templates import Templates
from newsletter.web.app import create_app
from tests.builders import CONFIG, NOW, a_config
from tests.rendering import issues

HERE = """
import sys
from pathlib import Path
from newsletter.rendering.render import edition
from newsletter.rendering.templates import Templates
from tests.rendering import issues
made = edition(issues.everything(), Templates(Path(sys.argv[1])), issues.SITE)
sys.stdout.write(f"{'premailer' in sys.modules} {made.html}")
"""
HTML = '<html><head></head><body><p class="a" style="margin:0">1</p></body></html>'


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder for what is kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    kept.folder.cache_clear()
    yield tmp_path / "cache" / "newsletter"
    kept.folder.cache_clear()


def test_the_next_process_reads_no_style_sheet_and_makes_the_same_issue(tmp_path: Path) -> None:
    """premailer takes longer to import than an issue to render."""
    made = edition(issues.everything(), Templates(tmp_path), issues.SITE)
    command = [sys.executable, "-c", HERE, str(tmp_path)]
    done = subprocess.run(command, check=True, capture_output=True, encoding="utf-8", cwd=Path(__file__).parents[2])
    has_premailer, html = done.stdout.split(" ", 1)
    assert has_premailer == "False"
    assert html == made.html


@pytest.mark.parametrize("spoiled", [b"", b"{", b"null", b"\xff"])
def test_a_kept_sheet_that_is_broken_is_read_anew(spoiled: bytes, cache: Path) -> None:
    """A disk was full, or somebody looked into the file with an editor."""
    inlined = laid_on(".a { color: red }")
    [file] = cache.glob("sheet-*")
    file.write_bytes(spoiled)
    assert laid_on(".a { color: red }") == inlined
    assert 'style="color:red; margin:0"' in inlined


def laid_on(css: str) -> str:
    """As a new process does it."""
    inline._sheet.cache_clear()
    return inline.put_in(HTML, css)


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.99])
def test_a_kept_template_that_is_broken_is_compiled_anew(share: float, cache: Path, tmp_path: Path) -> None:
    """So much of its file is there."""
    made = edition(issues.normal(), Templates(tmp_path), issues.SITE)
    files = list(cache.glob("template-*"))
    assert len(files) > 5
    for file in files:
        file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])
    assert edition(issues.normal(), Templates(tmp_path), issues.SITE) == made


def test_pages_and_notices_of_the_next_process_are_compiled_no_more(
    cache: Path, sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor do readers, the desk and the mails mix up what each of them has compiled."""
    config = a_config(CONFIG, tmp_path)
    said = first_words(config, sqlite)
    assert len(list(cache.glob("template-*"))) > 5
    monkeypatch.setattr(jinja2.Environment, "_generate", None)  # what compiling begins with
    assert first_words(config, sqlite) == said


def first_words(config: Config, database: Database) -> list[str]:
    """What a new process shows and mails first."""
    letters._environment.cache_clear()
    visitor = TestClient(create_app(config, database, clock=lambda: NOW))  # forms say when they were made
    pages = [visitor.get(path) for path in ("/", "/desk/login")]
    notice = letters._environment(config.folder).get_template("notices/welcome.html")
    return [*(page.raise_for_status().text for page in pages), *sorted(notice.blocks)]


def test_a_changed_template_is_compiled_anew(cache: Path, tmp_path: Path) -> None:
    """However soon after the last change."""
    (tmp_path / "templates" / "digest").mkdir(parents=True)
    for words in ("one", "two"):
        (tmp_path / "templates" / "digest" / "issue.txt").write_text(words)
        assert edition(issues.normal(), Templates(tmp_path), issues.SITE).text == f"{words}\n"
    assert cache.is_dir()


def test_only_a_folder_of_our_own_is_used(cache: Path) -> None:
    """What lies in it is run: nobody else may put a thing there."""
    assert kept.folder() == cache
    cache.chmod(0o722)
    kept.folder.cache_clear()
    assert kept.folder() is None
    assert laid_on(".a { color: blue }") == laid_on(".a { color: blue }")
    assert not list(cache.iterdir())


def test_without_a_folder_nothing_is_kept_and_nothing_is_lost(cache: Path, tmp_path: Path) -> None:
    """A container may have no home."""
    (tmp_path / "cache").write_text("a file in its place")
    assert kept.folder() is None
    kept.store("sheet-1", [1])
    assert kept.load("sheet-1") is None
    assert "<h1" in edition(issues.normal(), Templates(tmp_path), issues.SITE).html
    assert not cache.exists()


def test_the_oldest_go_when_there_are_too_many(cache: Path) -> None:
    """Each change of a colour makes a sheet."""
    for number in range(210):
        kept.store(f"sheet-{number}", number)
        os.utime(cache / f"sheet-{number}.json", (number, number))
    assert [kept.load("sheet-0"), kept.load("sheet-9"), kept.load("sheet-209")] == [None, None, 209]
    assert len(list(cache.iterdir())) == 200
