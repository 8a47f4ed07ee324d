"""What ships to begin with: the explained config.toml, and two mornings of a paper in a made-up harbour city."""

from pathlib import Path

_HERE = Path(__file__).parent
TODAY = _HERE / "articles"  # .md files whose `hours_ago` says when they came out, before the issue is drafted
TOMORROW = _HERE / "tomorrow"


def config_text() -> str:
    """The shipped config.toml: in a wheel it lies here, in a checkout at the top."""
    shipped = (_HERE / "config.toml", _HERE.parent.parent / "config.toml")
    return next(path for path in shipped if path.is_file()).read_text(encoding="utf-8")
