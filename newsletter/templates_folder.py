"""Where templates lie: a project's own folder first, then the ones that ship with the program.

A publisher changes one page by putting a file of the same name into the project's templates/; all others stay ours.
"""

from pathlib import Path

_PACKAGE = Path(__file__).parent
_SHIPPED = (_PACKAGE / "templates", _PACKAGE.parent / "templates")  # in a wheel, and in a checkout


def folders(project: Path) -> list[Path]:
    """The folders to look in, in this order, of those that exist. `project` is the folder of config.toml."""
    return [folder for folder in (project / "templates", *_SHIPPED) if folder.is_dir()]
